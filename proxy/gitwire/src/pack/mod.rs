//! A pack, read while it arrives: every object resolved in one pass, within limits.
//!
//! git writes a base before its deltas and families together, so nearly every base is still in a small
//! cache when its delta arrives. The reader therefore goes through the pack once, in arrival order, and
//! hands each object on as soon as it is whole; index-pack, which first builds the tree of all deltas,
//! inflates every delta twice. Deltas whose base has left the cache, as in packs that a forge has put together, are held for a
//! while and resolved together, depth first ([`put_off`]). What cannot be resolved then either (deltas that name their base by id,
//! and orders made to thrash the cache) waits for the end.
//!
//! The format is git's `gitformat-pack`, version 2. Reading is stricter than git: nothing may follow the
//! trailer, and every declared size is checked against a limit before memory is reserved for it.
//!
//! A thin pack leaves out delta bases that its receiver has. They are fetched by id at the end, see
//! [`Bases`], and checked by their hash; they are not objects of the pack.
//!
//! Memory is bounded, whatever the pack. With the default [`Limits`] one pack holds at most
//!
//! | MiB | what |
//! |---|---|
//! | 8 | recently resolved objects, [`Limits::cache_bytes`] |
//! | 32 | of large ones the last two, or one and the next: trees of 16 MiB; blobs are above 8 MiB never whole |
//! | 8 | the delta that is applied, [`Limits::whole_bytes`] |
//! | 5.5 | deltas that are put off |
//! | 0.5 | pieces: of the spool, of scratch files, of what is inflated |
//!
//! and 20 bytes for each object ([`table`]), and 12 more where it had to wait for its base to the end of the
//! pack: 8 to find it by, and half of 8 for a base on its way to be walked, of which a pack has at most half as
//! many as objects. Whoever takes the objects adds what waits for workers. While an answer with bases from
//! outside is read, it is that answer which holds objects, and the pack holds none.
//!
//! The same object may stand in a pack twice; git accepts that, and so does this reader. Whoever knows
//! the ids compares them: equal ids with different content cannot happen while [`object_id`] detects
//! collisions.

use std::fmt;
use std::io;
use std::sync::Arc;

use gix_hash::ObjectId;

mod bases;
mod cache;
mod compose;
mod deferred;
pub mod delta;
mod error;
mod finished;
mod hash;
mod header;
mod inflate;
mod large;
mod limits;
mod patch;
mod put_off;
mod reader;
mod resolve;
mod table;
mod thin;

pub use bases::{Bases, Fetched, Fetching, MOST_BASES, Unavailable};
pub use compose::compose;
pub use delta::Copied;
pub use error::{Error, Fault};
pub use finished::Pack;
pub use hash::{ObjectHasher, is_sealed, object_id, object_ids};
pub use limits::{Limits, RATIO_FROM};
pub use reader::Reader;

/// Where the bytes of the pack are kept while it is read and until it is forwarded.
pub trait Spool {
    /// Appends `bytes`; all of them or an error.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Fills `buf` from `offset`, counted from the first appended byte; all of it or an error.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// An empty spool beside this one, for what is too large for memory; its room is given back when it is
    /// dropped.
    fn scratch(&self) -> io::Result<Scratch>;
}

/// A spool of what is needed for a while only.
pub type Scratch = Box<dyn Spool + Send + Sync>;

/// A pack kept in memory.
impl Spool for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buf.len()));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(Self::new()))
    }
}

/// Nanoseconds since some moment. The reader has no clock of its own; whoever wants to know what it takes lends it one.
pub type Clock = fn() -> u64;

/// What reading a pack took so far, in nanoseconds of the clock that was lent; nothing of whoever takes the objects. The counts
/// need no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Inflating, what was inflated again included.
    pub inflate: u64,
    /// Building objects from deltas.
    pub resolve: u64,
    /// Bytes that were inflated, again included.
    pub inflated: u64,
    /// Bytes that were built from deltas, again included.
    pub built: u64,
    /// Entries that were inflated again, from the spool.
    pub again: u64,
    /// Objects that were asked for once more when the pack had been read whole.
    pub asked: u64,
}

/// Who receives the objects of a pack.
pub trait Sink {
    /// Takes one object. Indices are those of the pack's entries; they ascend except for objects that
    /// had to wait for their base.
    fn object(&mut self, object: Object) -> Result<(), SinkClosed>;
    /// Takes the next bytes of a blob above [`Limits::whole_bytes`]. Its pieces come one behind the other;
    /// nothing else comes between them.
    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed>;
    /// Waits until each object handed over so far has its id. Asked at most once, after the last byte, and
    /// only if a delta names its base by id.
    fn settle(&mut self) -> Result<(), SinkClosed>;
    /// The id of the object at position `index`, if it was handed over before [`settle`](Self::settle).
    fn id(&self, index: u32) -> Option<ObjectId>;
}

/// The receiver of the objects has gone; reading on is pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inspection of the pack ended early")]
pub struct SinkClosed;

/// One resolved object of a pack.
#[derive(Debug, Clone)]
pub struct Object {
    /// Position in the pack, from zero.
    pub index: u32,
    /// What it is.
    pub kind: Kind,
    /// Its content, without the `blob <size>` header.
    pub data: Arc<Vec<u8>>,
    /// Its id, only where the reader had to compute it.
    pub id: Option<ObjectId>,
    /// Of a blob, how it was built from one that was handed on before, where that is known.
    pub built: Option<Built>,
}

/// How a blob was built from another.
#[derive(Debug, Clone)]
pub struct Built {
    /// Position of the other in the pack.
    pub base: u32,
    /// What of it stands in this one, in the order in which it stands there.
    pub copied: Vec<Copied>,
}

/// Shorter parts are not told as copied.
const LEAST_COPIED: usize = 160;

/// Some bytes of a blob that is never held whole.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The blob's position in the pack, from zero.
    pub index: u32,
    /// Bytes of the whole blob.
    pub size: u64,
    /// How many of them came before.
    pub offset: u64,
    /// These.
    pub bytes: &'a [u8],
}

impl Piece<'_> {
    /// Whether the blob ends with it.
    pub fn is_last(&self) -> bool {
        self.offset.saturating_add(self.bytes.len() as u64) == self.size
    }
}

/// The four kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A tree: one folder.
    Tree,
    /// A blob: the content of one file.
    Blob,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// git's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind with git's word `name`.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"commit" => Some(Self::Commit),
            b"tree" => Some(Self::Tree),
            b"blob" => Some(Self::Blob),
            b"tag" => Some(Self::Tag),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod testing;
