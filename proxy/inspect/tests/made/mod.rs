//! Packs that are made to be measured: the same each time, of any size, and never held.

#[path = "../../../gitwire/tests/packs/crafted.rs"]
#[allow(
    dead_code,
    reason = "the builder is shared with the pack reader's own tests"
)]
mod crafted;
pub mod history;
pub mod text;

use std::{
    io::{self, Write},
    ops::Range,
};

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{Kind, object_id},
};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

/// Deltas between an object and the one that is stored whole, at most: git's own default.
const DEPTH: usize = 50;

/// A pack of SHA-1 that is written to `out` as it is made.
pub struct Packer<W> {
    out: W,
    hasher: gix_hash::Hasher,
    compression: Compression,
    at: u64,
}

impl<W: Write> Packer<W> {
    pub fn new(out: W, objects: u32, compression: Compression) -> io::Result<Self> {
        let mut packer = Self {
            out,
            hasher: gix_hash::hasher(HashKind::Sha1),
            compression,
            at: 0,
        };
        packer.append(b"PACK\0\0\0\x02")?;
        packer.append(&objects.to_be_bytes())?;
        Ok(packer)
    }

    /// Adds an object as it is; gives where it stands.
    pub fn whole(&mut self, kind: Kind, content: &[u8]) -> io::Result<u64> {
        self.entry(crafted::type_number(kind), &[], content)
    }

    /// Adds a delta on what stands at `base`.
    pub fn delta(&mut self, base: u64, delta: &[u8]) -> io::Result<u64> {
        self.entry(6, &crafted::distance(self.at - base), delta)
    }

    fn entry(&mut self, kind: u8, between: &[u8], content: &[u8]) -> io::Result<u64> {
        let start = self.at;
        let mut stream = ZlibEncoder::new(Vec::new(), self.compression);
        stream.write_all(content)?;
        let head = crafted::entry(kind, content.len() as u64, between, &[]);
        self.append(&head)?;
        self.append(&stream.finish()?)?;
        Ok(start)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Adds the trailer.
    pub fn finish(mut self) -> io::Result<()> {
        let trailer = self.hasher.clone().try_finalize();
        let trailer = trailer.map_err(io::Error::other)?;
        self.append(trailer.as_slice())?;
        self.out.flush()
    }
}

/// Some bytes of a content, and what takes their place.
pub type Edit = (Range<usize>, Vec<u8>);

/// Versions of one object, each stored as what changed since the one before.
pub struct Family {
    kind: Kind,
    pub content: Vec<u8>,
    /// Where the last one stands, and how many deltas lead to it.
    last: Option<(u64, usize)>,
}

impl Family {
    pub fn new(kind: Kind, content: Vec<u8>) -> Self {
        Self {
            kind,
            content,
            last: None,
        }
    }

    /// Adds the content as it is now, which came about by `edits` (in order) in the one that was added before.
    pub fn add<W: Write>(&mut self, pack: &mut Packer<W>, edits: &[Edit]) -> io::Result<()> {
        let (delta, content) = changed(&self.content, edits);
        self.content = content;
        self.last = Some(match self.last {
            Some((base, depth)) if depth < DEPTH => (pack.delta(base, &delta)?, depth + 1),
            _ => (pack.whole(self.kind, &self.content)?, 0),
        });
        Ok(())
    }

    pub fn id(&self) -> io::Result<ObjectId> {
        id(self.kind, &self.content)
    }
}

pub fn id(kind: Kind, content: &[u8]) -> io::Result<ObjectId> {
    object_id(HashKind::Sha1, kind, content).map_err(io::Error::other)
}

/// The delta of these edits, and what they make of `base`.
fn changed(base: &[u8], edits: &[Edit]) -> (Vec<u8>, Vec<u8>) {
    let (mut instructions, mut content) = (Vec::new(), Vec::new());
    let mut done = 0;
    let copy = |range: Range<usize>, content: &mut Vec<u8>| {
        content.extend(&base[range.clone()]);
        match range.len() {
            0 => Vec::new(),
            length => crafted::copy(range.start as u32, length as u32),
        }
    };
    for (range, by) in edits {
        instructions.push(copy(done..range.start, &mut content));
        instructions.push(crafted::insert(by));
        content.extend(by);
        done = range.end;
    }
    instructions.push(copy(done..base.len(), &mut content));
    let parts: Vec<&[u8]> = instructions.iter().map(Vec::as_slice).collect();
    let delta = crafted::delta(base.len() as u64, content.len() as u64, &parts);
    (delta, content)
}

/// A gzip file of `content`.
pub fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}
