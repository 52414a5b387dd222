//! Commits full of text that looks and compresses like source code, and holds nothing a rule would stop.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::ground::Ground;

/// A work tree that grows by one commit at a time.
pub(crate) struct Commits<'a> {
    ground: &'a Ground,
    folder: PathBuf,
    files: usize,
    bytes: usize,
    made: u64,
}

impl<'a> Commits<'a> {
    /// Each commit brings `files` new files of `bytes` bytes.
    pub(crate) fn begin(
        ground: &'a Ground,
        name: &str,
        files: usize,
        bytes: usize,
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
            made: 0,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn next(&mut self) -> anyhow::Result<()> {
        self.made += 1;
        let module = self.folder.join(format!("module{}", self.made));
        std::fs::create_dir_all(&module).context("a folder of the work tree")?;
        for file in 0..self.files {
            let seed = self.made * 1_000 + file as u64;
            std::fs::write(
                module.join(format!("part{file}.rs")),
                source(seed, self.bytes),
            )
            .context("a file of the work tree")?;
        }
        self.ground.git(&self.folder, &["add", "--all"])?;
        let message = format!("Add module {}", self.made);
        self.ground
            .git(&self.folder, &["commit", "--quiet", "--message", &message])
    }
}

const WORDS: [&str; 24] = [
    "river", "stone", "bridge", "morning", "letter", "garden", "window", "harbour", "quiet",
    "copper", "lantern", "meadow", "orchard", "paper", "silver", "thunder", "count", "index",
    "buffer", "reader", "offset", "entry", "limit", "state",
];

/// `bytes` bytes of it, the same for the same seed.
fn source(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut number = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    };
    let mut text = String::with_capacity(bytes + 100);
    while text.len() < bytes {
        let [one, two, three, four] = [(); 4].map(|()| WORDS[number() as usize % WORDS.len()]);
        let value = number() % 10_000;
        let _ = match number() % 6 {
            0 => writeln!(
                text,
                "\nfn {one}_{two}({three}: usize) -> Option<{four}> {{"
            ),
            1 => writeln!(text, "    let {one} = self.{two}.{three}({value})?;"),
            2 => writeln!(
                text,
                "    if {one}.{two} > {value} {{ return Err(Error::{three}(\"{four}\")); }}"
            ),
            3 => writeln!(
                text,
                "    // The {one} of a {two} is never more than the {three} it has."
            ),
            4 => writeln!(
                text,
                "    {one}.extend({two}.iter().map(|{three}| {three}.{four} + {value}));"
            ),
            _ => writeln!(
                text,
                "    for ({one}, {two}) in {three}.iter().zip(&{four}) {{"
            ),
        };
    }
    text.truncate(bytes);
    text
}
