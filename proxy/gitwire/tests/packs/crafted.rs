//! Packs built entry by entry, right or wrong as told.

use std::io::Write;

use exeat_gitwire::pack::{Kind, object_id};
use exeat_gitwire::{HashKind, ObjectId};
use flate2::Compression;
use flate2::write::ZlibEncoder;

pub const SHA1: HashKind = HashKind::Sha1;

/// A pack under construction.
pub struct Crafted {
    bytes: Vec<u8>,
    count: u32,
}

impl Crafted {
    pub fn new() -> Self {
        Self {
            bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            count: 0,
        }
    }

    /// Adds an entry as it is; returns where it starts.
    pub fn raw(&mut self, entry: &[u8]) -> u64 {
        let offset = self.bytes.len() as u64;
        self.bytes.extend(entry);
        self.count += 1;
        offset
    }

    pub fn whole(&mut self, kind: Kind, content: &[u8]) -> u64 {
        self.raw(&entry(
            type_number(kind),
            content.len() as u64,
            &[],
            &deflate(content),
        ))
    }

    pub fn blob(&mut self, content: &[u8]) -> u64 {
        self.whole(Kind::Blob, content)
    }

    /// Adds a delta on the entry that starts at `base`.
    pub fn ofs_delta(&mut self, base: u64, delta: &[u8]) -> u64 {
        let distance = distance(self.bytes.len() as u64 - base);
        self.raw(&entry(6, delta.len() as u64, &distance, &deflate(delta)))
    }

    /// Adds a delta on the object `base`.
    pub fn ref_delta(&mut self, base: ObjectId, delta: &[u8]) -> u64 {
        self.raw(&entry(
            7,
            delta.len() as u64,
            base.as_slice(),
            &deflate(delta),
        ))
    }

    /// The pack with the right count and trailer.
    pub fn finish(self) -> Vec<u8> {
        let count = self.count;
        self.finish_with_count(count)
    }

    /// The pack with a count of choice and the right trailer.
    pub fn finish_with_count(mut self, count: u32) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        seal(SHA1, self.bytes)
    }
}

/// Appends the trailer.
pub fn seal(hash: HashKind, mut bytes: Vec<u8>) -> Vec<u8> {
    let trailer = hash_of(hash, &bytes);
    bytes.extend(trailer.as_slice());
    bytes
}

fn hash_of(hash: HashKind, bytes: &[u8]) -> ObjectId {
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(bytes);
    hasher.try_finalize().unwrap()
}

pub fn type_number(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

/// An entry: type and size, what stands between them and the content, and the content.
pub fn entry(kind: u8, size: u64, between: &[u8], stream: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    let mut rest = size >> 4;
    let more = |rest: u64| if rest > 0 { 0x80 } else { 0 };
    entry.push(kind << 4 | (size & 0x0f) as u8 | more(rest));
    while rest > 0 {
        entry.push((rest & 0x7f) as u8 | more(rest >> 7));
        rest >>= 7;
    }
    entry.extend(between);
    entry.extend(stream);
    entry
}

/// The distance of an OFS_DELTA.
pub fn distance(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value > 0x7f {
        value = (value >> 7) - 1;
        bytes.insert(0, 0x80 | (value & 0x7f) as u8);
    }
    bytes
}

/// A delta: its two sizes and its instructions.
pub fn delta(source: u64, result: u64, instructions: &[&[u8]]) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [source, result] {
        while size > 0x7f {
            delta.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    delta.extend(instructions.concat());
    delta
}

/// The instruction that copies `len` bytes (below 16 MiB, not 0) from `offset`.
pub fn copy(offset: u32, len: u32) -> Vec<u8> {
    let [o0, o1, o2, o3] = offset.to_le_bytes();
    let [l0, l1, l2, _] = len.to_le_bytes();
    vec![0xff, o0, o1, o2, o3, l0, l1, l2]
}

/// The instructions that insert `bytes`.
pub fn insert(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(127)
        .flat_map(|part| [&[part.len() as u8], part].concat())
        .collect()
}

/// A delta that puts `text` in front of a base of `base` bytes, up to 16 MiB.
pub fn prepend(base: usize, text: &[u8]) -> Vec<u8> {
    let result = (base + text.len()) as u64;
    let keep = if base == 0 {
        Vec::new()
    } else {
        copy(0, base as u32)
    };
    delta(base as u64, result, &[&insert(text), &keep])
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn blob_id(content: &[u8]) -> ObjectId {
    object_id(SHA1, Kind::Blob, content).unwrap()
}
