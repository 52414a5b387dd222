//! Commits full of text that looks and compresses like source code, and holds nothing a rule would stop.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::content::{image, source};
use crate::ground::Ground;

/// A work tree that grows by one commit at a time.
pub(crate) struct Commits<'a> {
    ground: &'a Ground,
    folder: PathBuf,
    files: usize,
    bytes: usize,
    edited: bool,
    made: u64,
}

impl<'a> Commits<'a> {
    /// Each commit brings `files` new files of `bytes` bytes; or only the first does, and the others change a line in each.
    pub(crate) fn begin(
        ground: &'a Ground,
        name: &str,
        files: usize,
        bytes: usize,
        edited: bool,
    ) -> anyhow::Result<Self> {
        let folder = ground.place(&format!("work-{name}"))?;
        ground.git(
            &folder,
            &["init", "--quiet", "--initial-branch=main", "--template="],
        )?;
        Ok(Self {
            ground,
            folder,
            files,
            bytes,
            edited,
            made: 0,
        })
    }

    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    pub(crate) fn next(&mut self) -> anyhow::Result<()> {
        self.made += 1;
        let number = if self.edited { 1 } else { self.made };
        let module = self.folder.join(format!("module{number}"));
        std::fs::create_dir_all(&module).context("a folder of the work tree")?;
        for file in 0..self.files {
            let mut text = source(number * 1_000 + file as u64, self.bytes);
            if self.edited {
                let middle = text[self.bytes / 2..].find('\n').unwrap_or(0) + self.bytes / 2;
                text.insert_str(
                    middle,
                    &format!("\n    // Changed for the {}th time.", self.made),
                );
            }
            std::fs::write(module.join(format!("part{file}.rs")), text)
                .context("a file of the work tree")?;
        }
        self.ground.git(&self.folder, &["add", "--all"])?;
        let message = format!("Add module {}", self.made);
        self.ground
            .git(&self.folder, &["commit", "--quiet", "--message", &message])
    }
}

/// A history of two kinds of files that makes a pack of about `megabytes` million bytes: images and the like, which do not
/// compress, and two fifths as much source, which shrinks to little. Packed, as a clone is. Returns the pack's bytes.
pub(crate) fn history(ground: &Ground, folder: &Path, megabytes: usize) -> anyhow::Result<u64> {
    ground.git(
        folder,
        &["init", "--quiet", "--initial-branch=main", "--template="],
    )?;
    let images = megabytes * 95 / 100;
    let commits = 8;
    for commit in 0..commits {
        let place = folder.join(format!("part{commit}"));
        std::fs::create_dir_all(&place)?;
        for file in (0..images).filter(|file| file % commits == commit) {
            std::fs::write(place.join(format!("{file}.png")), image(file as u64 + 1))?;
        }
        for file in 0..megabytes * 20 / commits {
            let seed = 1_000_000 + (commit * megabytes * 20 + file) as u64;
            std::fs::write(place.join(format!("{file}.rs")), source(seed, 20_000))?;
        }
        ground.git(folder, &["add", "--all"])?;
        let message = format!("Add part {commit}");
        ground.git(folder, &["commit", "--quiet", "--message", &message])?;
    }
    ground.git(folder, &["repack", "-a", "-d", "--quiet"])?;
    let packs = std::fs::read_dir(folder.join(".git/objects/pack"))?;
    let sizes = packs.filter_map(|entry| entry.ok()?.metadata().ok());
    Ok(sizes.map(|metadata| metadata.len()).max().unwrap_or(0))
}
