//! The packs that are inspected.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use exeat_gitwire::{ObjectId, pack::Kind};
use flate2::Compression;

use crate::made::{Packer, gzip, history::History, text::Random};

/// A key of these tests; no other rule knows it.
pub const RULE: &str = r#"
[[rules]]
id = "test-key"
description = "A key of these tests"
regex = '''\bkey_[a-z0-9]{30}\b'''
keywords = ["key_"]
"#;

/// Sources that are changed a little again and again: 3,000 versions of 60 files.
const PLAIN: History = History {
    files: 60,
    bytes: 12_000,
    commits: 1_000,
    changed: 3,
    edited: 400,
    mingled: false,
    planted: None,
    seed: 0,
};
/// Files that are packed in others, and bytes of each.
const PACKED: usize = 40;
const PACKED_BYTES: usize = 100_000;
/// A file that is never held beside others.
const LARGE: usize = 10 << 20;

/// A pack, and what is pushed of it.
pub struct Shape {
    pub pack: Vec<u8>,
    pub targets: Option<Vec<ObjectId>>,
}

pub fn plain() -> Shape {
    of(&PLAIN)
}

/// So many files between two versions of each that the one before is not at hand any more.
pub fn mingled() -> Shape {
    of(&History {
        files: 1_200,
        commits: 600,
        mingled: true,
        ..PLAIN
    })
}

/// A key in every fifth change.
pub fn leaky() -> Shape {
    of(&History {
        planted: Some((5, key)),
        ..PLAIN
    })
}

/// Texts that are compressed, some of them in Base64 as well, and a large file.
pub fn packed() -> Shape {
    let mut pack = Vec::new();
    let objects = PACKED as u32 + 1;
    let mut packer = Packer::new(&mut pack, objects, Compression::fast()).unwrap();
    let mut random = Random::new(1);
    for number in 0..PACKED {
        let compressed = gzip(&random.lines(PACKED_BYTES)).unwrap();
        let content = match number % 2 {
            0 => compressed,
            _ => format!("data: {}\n", STANDARD.encode(compressed)).into_bytes(),
        };
        packer.whole(Kind::Blob, &content).unwrap();
    }
    let large = random.lines(LARGE);
    packer.whole(Kind::Blob, &large).unwrap();
    packer.finish().unwrap();
    Shape {
        pack,
        targets: None,
    }
}

fn of(history: &History) -> Shape {
    let mut pack = Vec::new();
    let tip = history.write(&mut pack).unwrap();
    Shape {
        pack,
        targets: Some(vec![tip]),
    }
}

fn key(seed: usize) -> String {
    const DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = Random::new(seed as u64);
    let digits = (0..30).map(|_| char::from(DIGITS[random.below(DIGITS.len())]));
    format!("key{}{}", '_', digits.collect::<String>())
}
