//! The files at and below some paths, in the order of their names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Something that a walk came to.
#[derive(Debug)]
pub enum Entry {
    /// A regular file, or whatever was named itself and is no folder.
    File(PathBuf),
    /// A link inside a folder.
    Link(PathBuf),
    /// What could not be looked at.
    Missed(PathBuf, io::Error),
}

/// Calls `each` for every file at or below `paths` until it says no. What is named itself is a file, whatever it is, and
/// links that are named lead on; inside folders links are not followed, and `.git` folders are left out.
pub fn below(paths: &[PathBuf], each: &mut dyn FnMut(Entry) -> bool) {
    for path in paths {
        let went_on = match fs::metadata(path) {
            Ok(kind) if kind.is_dir() => folder(path, each),
            Ok(_) => each(Entry::File(path.clone())),
            Err(error) => each(Entry::Missed(path.clone(), error)),
        };
        if !went_on {
            return;
        }
    }
}

fn folder(path: &Path, each: &mut dyn FnMut(Entry) -> bool) -> bool {
    let mut waiting = Vec::new();
    if !open(path, &mut waiting, each) {
        return false;
    }
    while let Some(path) = waiting.pop() {
        let went_on = match fs::symlink_metadata(&path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_dir() => open(&path, &mut waiting, each),
            Ok(kind) if kind.is_symlink() => each(Entry::Link(path)),
            Ok(kind) if kind.is_file() => each(Entry::File(path)),
            // Pipes and devices hold nothing that git would keep.
            Ok(_) => true,
            Err(error) => each(Entry::Missed(path, error)),
        };
        if !went_on {
            return false;
        }
    }
    true
}

fn open(path: &Path, waiting: &mut Vec<PathBuf>, each: &mut dyn FnMut(Entry) -> bool) -> bool {
    match entries(path) {
        Ok(entries) => {
            waiting.extend(entries);
            true
        }
        Err(error) => each(Entry::Missed(path.to_owned(), error)),
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
