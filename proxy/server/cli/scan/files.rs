//! Scans files and folders of the file system.

use std::{
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use exeat_inspect::{Examiner, Unscannable, file};

use super::{Scan, output::Printer};

/// Scans every regular file at or below `paths`, in order of their names. Links are not followed,
/// and `.git` folders are left out: `--git` scans what they hold.
pub fn scan(scan: &Scan, paths: &[PathBuf], printer: &mut Printer) -> anyhow::Result<()> {
    let mut examiner = Examiner::new(scan.rules.clone(), scan.key.clone());
    for path in paths {
        let mut waiting = vec![path.clone()];
        while let Some(path) = waiting.pop() {
            visit(scan, &mut examiner, &path, &mut waiting, printer)?;
        }
    }
    Ok(())
}

fn visit(
    scan: &Scan,
    examiner: &mut Examiner,
    path: &Path,
    waiting: &mut Vec<PathBuf>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return printer.unread(&missed(path, &error)),
    };
    if kind.is_dir() {
        return match entries(path) {
            Ok(entries) => {
                waiting.extend(entries);
                Ok(())
            }
            Err(error) => printer.unread(&missed(path, &error)),
        };
    }
    if kind.is_symlink() {
        return match fs::read_link(path) {
            Ok(target) => examine(examiner, path, target.as_os_str().as_bytes(), printer),
            Err(error) => printer.unread(&missed(path, &error)),
        };
    }
    if !kind.is_file() {
        return Ok(());
    }
    if kind.len() > scan.config.limits.object_bytes {
        let limit = scan.config.limits.object_bytes;
        let error = io::Error::other(format!("larger than {limit} bytes, limits.object_bytes"));
        return printer.unread(&missed(path, &error));
    }
    match fs::read(path) {
        Ok(content) => examine(examiner, path, &content, printer),
        Err(error) => printer.unread(&missed(path, &error)),
    }
}

/// The entries of a folder, so ordered that the first is visited first.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != ".git" {
            entries.push(entry.path());
        }
    }
    entries.sort_by(|left, right| right.cmp(left));
    Ok(entries)
}

fn examine(
    examiner: &mut Examiner,
    path: &Path,
    content: &[u8],
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let name = path.strip_prefix(".").unwrap_or(path);
    let examined = file::examine(examiner, name.as_os_str().as_bytes(), content);
    printer.scanned(content.len() as u64);
    for finding in &examined.findings {
        printer.finding(finding)?;
    }
    match &examined.unscannable {
        Some(missed) => printer.unread(missed),
        None => Ok(()),
    }
}

fn missed(path: &Path, error: &io::Error) -> Unscannable {
    Unscannable {
        what: exeat_gitwire::text::escape(path.as_os_str().as_bytes()),
        why: error.to_string(),
    }
}
