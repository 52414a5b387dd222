//! The tree that is scanned.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Bytes of the tree where nobody named one: as much as git's own sources have.
const MOST: usize = 48 << 20;
/// Files above this are generated tables more often than source.
const MOST_FILE: u64 = 1 << 20;

/// Files in memory, and on disk in a folder of their own.
pub(crate) struct Corpus {
    /// Where they were taken from.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) bytes: usize,
    _place: Option<tempfile::TempDir>,
}

impl Corpus {
    /// Reads at most `most` bytes.
    pub(crate) fn read(most: usize) -> anyhow::Result<Self> {
        if let Some(named) = std::env::var_os("EXEAT_CORPUS") {
            let folder = PathBuf::from(named);
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            return Self::of(name.into_owned(), folder.clone(), &folder, most, None);
        }
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let sources = home.context("HOME is not set")?.join("registry/src");
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let folder = place.path().to_owned();
        let name = "the sources of the crates Exeat is built from".to_owned();
        Self::of(name, folder, &sources, most.min(MOST), Some(place))
    }

    fn of(
        name: String,
        folder: PathBuf,
        from: &Path,
        most: usize,
        place: Option<tempfile::TempDir>,
    ) -> anyhow::Result<Self> {
        let mut corpus = Self {
            name,
            folder,
            files: Vec::new(),
            bytes: 0,
            _place: place,
        };
        for path in paths(from) {
            let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
            if corpus.bytes + content.len() > most {
                break;
            }
            if corpus._place.is_some() {
                let copy = corpus.folder.join(path.strip_prefix(from)?);
                std::fs::create_dir_all(copy.parent().context("a file is in a folder")?)?;
                std::fs::write(copy, &content)?;
            }
            corpus.bytes += content.len();
            corpus.files.push(content);
        }
        ensure!(corpus.bytes > 0, "{} holds no files", from.display());
        Ok(corpus)
    }
}

/// Every file that is not hidden and not too large, in the order of the names.
fn paths(root: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !hidden => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && !hidden => paths.push(entry.path()),
                _ => {}
            }
        }
    }
    paths.retain(|path| path.metadata().is_ok_and(|facts| facts.len() <= MOST_FILE));
    paths.sort();
    paths
}
