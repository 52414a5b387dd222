//! The packs that are inspected: those that are named, or that of a history made here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::content::source;

/// Files of the history, each with so many bytes at first.
const FILES: usize = 60;
const BYTES: usize = 24_000;
/// Files that a commit changes.
const CHANGED: usize = 3;

pub(crate) struct PackFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// The packs of `EXEAT_PACKS`; without it one of a history of so many commits, made below `place`.
pub(crate) fn packs(place: &Path, commits: usize) -> anyhow::Result<Vec<PackFile>> {
    let Some(named) = std::env::var_os("EXEAT_PACKS") else {
        return Ok(vec![generated(place, commits)?]);
    };
    let mut packs = Vec::new();
    for path in std::env::split_paths(&named) {
        let is_pack = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "pack");
        match path.is_dir() {
            false => packs.push(pack_file(path)?),
            true => {
                for entry in std::fs::read_dir(&path)? {
                    let path = entry?.path();
                    if is_pack(&path) {
                        packs.push(pack_file(path)?);
                    }
                }
            }
        }
    }
    packs.sort_by_key(|pack| pack.bytes);
    ensure!(!packs.is_empty(), "EXEAT_PACKS names no pack");
    Ok(packs)
}

fn pack_file(path: PathBuf) -> anyhow::Result<PackFile> {
    let bytes = std::fs::metadata(&path)
        .with_context(|| path.display().to_string())?
        .len();
    // Of <name>/.git/objects/pack/pack-<id>.pack and the like, what says most.
    let dull = |part: &str| ["objects", "pack", ".git", "repo"].contains(&part);
    let parts = path.ancestors().skip(1).filter_map(Path::file_name);
    let name = parts
        .filter_map(|part| part.to_str())
        .find(|part| !dull(part));
    Ok(PackFile {
        name: name.unwrap_or("pack").to_owned(),
        path,
        bytes,
    })
}

fn generated(place: &Path, commits: usize) -> anyhow::Result<PackFile> {
    let folder = place.join("history");
    git(place, &["init", "--quiet", "--bare", "history"], None)?;
    git(
        &folder,
        &["fast-import", "--quiet"],
        Some(&stream(commits)?),
    )?;
    git(&folder, &["repack", "-adfq", "--depth=50"], None)?;
    let packs = std::fs::read_dir(folder.join("objects/pack"))?;
    let paths = packs.filter_map(|entry| Some(entry.ok()?.path()));
    let pack = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "pack"))
        .max_by_key(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
    let mut pack = pack_file(pack.context("git made no pack")?)?;
    pack.name = format!("{commits} generated commits");
    Ok(pack)
}

/// Commits that each change a few lines of a few files, as people do.
fn stream(commits: usize) -> anyhow::Result<String> {
    let mut files: Vec<Vec<String>> = (0..FILES)
        .map(|file| lines(file as u64 + 1, BYTES))
        .collect();
    let mut stream = String::new();
    let mut state = 88_172_645_463_325_252_u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % end as u64) as usize
    };
    for commit in 0..commits {
        let message = format!("Change {commit}\n");
        writeln!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.com> {} +0000\ndata {}\n{message}",
            1_700_000_000 + commit * 60,
            message.len()
        )?;
        let changed = if commit == 0 { FILES } else { CHANGED };
        for number in 0..changed {
            let number = if commit == 0 { number } else { below(FILES) };
            let file = &mut files[number];
            let at = below(file.len());
            file.splice(at..at, lines((commit * 7 + 1_000) as u64, 90));
            let end = file.len();
            file.remove(below(end));
            let text = file.join("\n");
            let folder = number % 7;
            writeln!(
                stream,
                "M 100644 inline src/{folder}/file{number}.rs\ndata {}\n{text}",
                text.len()
            )?;
        }
    }
    Ok(stream)
}

fn lines(seed: u64, bytes: usize) -> Vec<String> {
    source(seed, bytes).lines().map(str::to_owned).collect()
}

pub(crate) fn git(folder: &Path, words: &[&str], input: Option<&str>) -> anyhow::Result<()> {
    let mut child = Command::new("git")
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("git")?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    std::io::Write::write_all(&mut stdin, input.unwrap_or_default().as_bytes())?;
    drop(stdin);
    ensure!(child.wait()?.success(), "git {} failed", words.join(" "));
    Ok(())
}
