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

/// A PNG file of a million bytes of pixels, which do not compress.
fn image(seed: u64) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let named = [kind, data].concat();
        let sum = crc32fast::hash(&named).to_be_bytes();
        [&(data.len() as u32).to_be_bytes(), &named[..], &sum].concat()
    };
    // 1,000 x 1,000 pixels, of one byte each.
    let header = [0, 0, 3, 232, 0, 0, 3, 232, 8, 0, 0, 0, 0];
    let rows = noise(seed);
    let rows = rows.chunks(1_000).flat_map(|row| [&[0], row].concat());
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut packed, &rows.collect::<Vec<_>>()).expect("into memory");
    let pixels = packed.finish().expect("into memory");
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &header),
        &chunk(b"IDAT", &pixels),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

/// A million bytes that do not compress.
pub(crate) fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(1_000_000);
    while bytes.len() < 1_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes
}

const WORDS: [&str; 24] = [
    "river", "stone", "bridge", "morning", "letter", "garden", "window", "harbour", "quiet",
    "copper", "lantern", "meadow", "orchard", "paper", "silver", "thunder", "count", "index",
    "buffer", "reader", "offset", "entry", "limit", "state",
];

/// `bytes` bytes of it, the same for the same seed.
pub(crate) fn source(seed: u64, bytes: usize) -> String {
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
