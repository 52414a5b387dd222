//! Packs of a gigabyte take the memory of small ones.
//!
//! Each shape is inspected as a pack of 64 MB and as one that is many times as large, both made while they are fed. `EXEAT_NIGHTLY` asks
//! for a gigabyte of each shape, and for all built-in rules as well; without it versions, of which a byte of the pack makes many, are
//! fewer. What automata of many rules hold grows with the texts that were ever scanned, whoever pushed them, up to what the pool
//! allows: so shapes are compared under one rule, and under all of them held against that bound.

use std::io::{self, Write};

use exeat_gitwire::{HashKind, pack::Kind};
use flate2::Compression;

use crate::{
    made::{Family, Packer, text::Random},
    memory::peak_while,
};

const SMALL: u64 = 64 << 20;
const LARGE: u64 = 1 << 30;
/// Of what takes long.
const SHORTENED: u64 = 256 << 20;
/// Text of which all files are made.
const TEXT: usize = 4 << 20;
/// Bytes by which processes differ that do the same, and what an object takes by its id and place.
const ROOM: u64 = 16 << 20;
const OBJECT: u64 = 64;
/// What one push takes at most, and what the automata of all workers do.
const PUSH: u64 = 64 << 20;
const CACHES: u64 = 128 << 20;

/// Files of one size, or versions of such files.
#[derive(Clone, Copy)]
struct Shape {
    bytes: usize,
    /// Bytes of each version that are new; nothing where no file has versions.
    new: Option<usize>,
}

const SMALL_FILES: Shape = Shape {
    bytes: 16_000,
    new: None,
};
/// Held one at a time, whole, while it is looked into what is packed in them.
const LARGE_FILES: Shape = Shape {
    bytes: 15 << 20,
    new: None,
};
const VERSIONS: Shape = Shape {
    bytes: 100_000,
    new: Some(10_000),
};
/// Versions of a file.
const FAMILY: usize = 200;

impl Shape {
    fn objects(self, size: u64) -> u64 {
        size / self.new.unwrap_or(self.bytes) as u64
    }

    /// Writes a pack of about `size` bytes.
    fn write(self, size: u64, out: &mut dyn Write) -> io::Result<()> {
        let objects = self.objects(size);
        let mut pack = Packer::new(out, objects as u32, Compression::none())?;
        let text = Random::new(1).lines(TEXT + self.bytes);
        let mut random = Random::new(2);
        let mut part = |number: u64, length: usize| {
            let start = random.below(TEXT);
            // No two are the same.
            let line = format!("{number}\n");
            [line.as_bytes(), &text[start..start + length - line.len()]].concat()
        };
        let mut family = None;
        for number in 0..objects {
            let text = part(number, self.new.unwrap_or(self.bytes));
            let Some(new) = self.new else {
                pack.whole(Kind::Blob, &text)?;
                continue;
            };
            if number % FAMILY as u64 == 0 {
                family = Some(Family::new(Kind::Blob, part(number, self.bytes)));
            }
            if let Some(family) = &mut family {
                let at = number as usize * new / 3 % (self.bytes - new);
                family.add(&mut pack, &[(at..at + new, text)])?;
            }
        }
        pack.finish()
    }

    fn peak(self, rules: &str, size: u64) -> u64 {
        peak_while(HashKind::Sha1, rules, |out| self.write(size, out))
    }

    fn takes_no_more(self, size: u64) {
        let objects = self.objects(size) * OBJECT;
        let (small, large) = (self.peak("own", SMALL), self.peak("own", size));
        let most = small + objects + ROOM;
        assert!(large < most, "{large} of {most}, small: {small}");
        if is_nightly() {
            let large = self.peak("builtin", size);
            let most = PUSH + CACHES + objects + ROOM;
            assert!(large < most, "{large} of {most} with all rules");
        }
    }
}

fn is_nightly() -> bool {
    std::env::var_os("EXEAT_NIGHTLY").is_some()
}

#[test]
fn a_gigabyte_of_small_files_takes_no_more_memory() {
    SMALL_FILES.takes_no_more(LARGE);
}

#[test]
fn a_gigabyte_of_large_files_takes_no_more_memory() {
    LARGE_FILES.takes_no_more(LARGE);
}

#[test]
fn a_gigabyte_of_versions_takes_no_more_memory() {
    if is_nightly() {
        return VERSIONS.takes_no_more(LARGE);
    }
    println!("only {SHORTENED} bytes: EXEAT_NIGHTLY is not set");
    VERSIONS.takes_no_more(SHORTENED);
}
