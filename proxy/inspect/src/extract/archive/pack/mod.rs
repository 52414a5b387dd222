//! Packs and bundles of git inside a file (`gitformat-pack`, `gitformat-bundle`): every object, deltas resolved.

use std::{collections::HashMap, io};

use bstr::ByteSlice as _;
use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{
        Error, Fault, Kind, Limits, Object, Piece, Reader, Scratch, Sink, SinkClosed, Spool,
        is_sealed, object_id,
    },
};

#[cfg(test)]
mod tests;

use super::super::{Opening, Step, Stop, Why};

/// What a pack begins with.
pub const PACK: &[u8] = b"PACK\0\0\0\x02";

/// What bundles begin with.
pub const BUNDLES: [&[u8]; 2] = [b"# v2 git bundle\n", b"# v3 git bundle\n"];

/// All objects of a pack. One that is thin is told as damaged: it cannot be read without what it builds on.
///
/// # Errors
/// When a bound is reached.
pub fn pack(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    // It does not say of which format it is, but by the sum at its end, which is not added up for a mark somewhere in a text.
    let hash = match !opening.tentative && is_sealed(HashKind::Sha256, opening.text) {
        true => HashKind::Sha256,
        false => HashKind::Sha1,
    };
    objects(opening, 0, hash)
}

/// All objects of the pack in a bundle. Its head is text.
///
/// # Errors
/// When a bound is reached.
pub fn bundle(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let Some(end) = opening.text.find(b"\n\n") else {
        opening.unread(Some(Step::of("git bundle")), Why::Broken);
        return Ok(());
    };
    let head = opening.text.get(..end + 1).unwrap_or_default();
    let hash = match head.contains_str(b"\n@object-format=sha256\n") {
        true => HashKind::Sha256,
        false => HashKind::Sha1,
    };
    objects(opening, end + 2, hash)
}

fn objects(opening: &mut Opening<'_, '_>, start: usize, hash: HashKind) -> Result<(), Stop> {
    let text = opening.text.get(start..).unwrap_or_default();
    let limits = limits(opening, text.len());
    let mut reader = Reader::new(hash, limits, Standing(text));
    let mut sink = Told {
        opening,
        hash,
        start,
        end: start + text.len(),
        ids: HashMap::new(),
        stop: false,
    };
    let read = reader.feed(text, &mut sink);
    let read = read.and_then(|()| reader.finish(&mut sink).map(drop));
    let Told { opening, stop, .. } = sink;
    if stop {
        return Err(Stop);
    }
    if let Err(error) = read {
        opening.unread(Some(Step::of("git pack")), why(&error, text.len()));
    } else {
        opening.ends(opening.text.len());
    }
    Ok(())
}

/// Those of the text that the pack lies in: no object is larger than a layer that is held, and all of them are held in memory.
fn limits(opening: &Opening<'_, '_>, bytes: usize) -> Limits {
    let held = opening.limits().held as u64;
    Limits {
        pack_bytes: bytes as u64,
        objects: opening.limits().layers,
        object_bytes: held,
        tree_bytes: held,
        whole_bytes: held,
        scratch_bytes: held,
        resolved_bytes: opening.limits().bytes,
        cache_bytes: 2 << 20,
        rework_bytes: 64 << 20,
        ..Limits::default()
    }
}

/// Bytes of an object in a pack at least: what says its length, and an empty stream.
const LEAST: usize = 9;

/// Why a pack of `length` bytes was not read.
fn why(error: &Error, length: usize) -> Why {
    match error {
        Error::Objects { declared, .. } if *declared as usize > length / LEAST => Why::Broken,
        Error::Version { .. } => Why::Unsupported,
        Error::Objects { .. } => Why::TooMany,
        Error::ResolvedBytes { .. } | Error::InflationRatio { .. } | Error::Rework { .. } => {
            Why::TooMuch
        }
        Error::ScratchBytes { .. }
        | Error::Entry {
            fault: Fault::ObjectBytes { .. } | Fault::TreeBytes { .. },
            ..
        } => Why::TooLong,
        _ => Why::Broken,
    }
}

/// A pack that is in memory already.
struct Standing<'t>(&'t [u8]);

impl Spool for Standing<'_> {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self
            .0
            .get(start..)
            .and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(Vec::new()))
    }
}

/// Tells the objects, and remembers their ids for deltas that name their base by it.
struct Told<'s, 'o, 'w> {
    opening: &'s mut Opening<'o, 'w>,
    hash: HashKind,
    start: usize,
    end: usize,
    ids: HashMap<u32, ObjectId>,
    stop: bool,
}

impl Sink for Told<'_, '_, '_> {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        let computed = || object_id(self.hash, object.kind, &object.data).ok();
        let id = object.id.or_else(computed);
        let name = id.map(|id| id.to_string());
        if let Some(id) = id {
            self.ids.insert(object.index, id);
        }
        let step = Step {
            kind: kind(object.kind),
            name: name.as_deref().map(str::as_bytes),
        };
        let told = self
            .opening
            .contained(step, self.start..self.end, &object.data);
        self.stop = told.is_err();
        told.map_err(|Stop| SinkClosed)
    }

    fn piece(&mut self, _: Piece<'_>) -> Result<(), SinkClosed> {
        // No object is that large, by the limits.
        self.opening
            .unread(Some(Step::of("git blob")), Why::TooLong);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        self.ids.get(&index).copied()
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Blob => "git blob",
        Kind::Tree => "git tree",
        Kind::Commit => "git commit",
        Kind::Tag => "git tag",
    }
}
