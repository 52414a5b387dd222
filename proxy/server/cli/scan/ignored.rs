//! The files of a folder that git does not ignore.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::walk::Entry;

/// Calls `each`, until it says no, for what git keeps of a folder: what it tracks, and what it does not ignore
/// (`.gitignore`, `.git/info/exclude`, `core.excludesFile`), in the order of the names. A file that is tracked counts though
/// a pattern ignores it, because it is pushed. Repositories inside are asked themselves.
///
/// # Errors
/// When the folder is in no work tree of git.
pub fn kept(folder: &Path, each: &mut dyn FnMut(Entry) -> bool) -> anyhow::Result<()> {
    let mut waiting = listed(folder)?;
    while let Some(path) = waiting.pop() {
        let went_on = match fs::symlink_metadata(&path).map(|metadata| metadata.file_type()) {
            // A submodule that is not there is an empty folder.
            Ok(kind) if kind.is_dir() && path.join(".git").exists() => {
                waiting.extend(listed(&path)?);
                true
            }
            Ok(kind) if kind.is_symlink() => each(Entry::Link(path)),
            Ok(kind) if kind.is_file() => each(Entry::File(path)),
            Ok(_) => true,
            // Tracked, and deleted from the work tree.
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => each(Entry::Missed(path, error)),
        };
        if !went_on {
            return Ok(());
        }
    }
    Ok(())
}

/// So ordered that the last is visited first.
fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("git cannot be run")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("--gitignore: {}: {}", folder.display(), said.trim());
    }
    let names = output
        .stdout
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty());
    let mut paths: Vec<PathBuf> = names
        .map(|name| folder.join(OsStr::from_bytes(name)))
        .collect();
    paths.sort_by(|left, right| right.cmp(left));
    paths.dedup();
    Ok(paths)
}
