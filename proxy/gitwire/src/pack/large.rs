//! Objects and deltas too large to be held in memory: kept in scratch files, built and read in pieces.

use std::collections::VecDeque;
use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::delta::{Delta, LONGEST_SIZES};
use super::{Error, Fault, Kind, ObjectHasher, Piece, Scratch, Sink};

/// Bytes that are read or built at once.
pub(super) const PIECE: usize = 64 << 10;
/// Objects kept in scratch files at most: each holds a file open.
const MOST_FILES: usize = 16;

/// The content of an object.
#[derive(Clone)]
pub(super) enum Content {
    Whole(Arc<Vec<u8>>),
    Spilled(Arc<Spilled>),
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Whole(data) => data.len() as u64,
            Self::Spilled(spilled) => spilled.size,
        }
    }

    /// The id of the object of this kind.
    pub(super) fn id(&self, hash: HashKind, kind: Kind) -> Result<ObjectId, Error> {
        let mut hasher = ObjectHasher::new(hash, kind, self.len());
        match self {
            Self::Whole(data) => hasher.update(data),
            Self::Spilled(spilled) => spilled.each(&mut |bytes| {
                hasher.update(bytes);
                Ok(())
            })?,
        }
        hasher.finish()
    }
}

/// Content in a scratch file.
pub(super) struct Spilled {
    file: Scratch,
    size: u64,
}

impl Spilled {
    /// Nothing yet, in `file`, which is empty.
    pub(super) fn new(file: Scratch) -> Self {
        Self { file, size: 0 }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.append(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Fills `buffer` from `offset`.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        Ok(self.file.read_at(buffer, offset)?)
    }

    /// Hands everything to `out`, in pieces.
    pub(super) fn each(
        &self,
        out: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < self.size {
            let length = (self.size - at).min(PIECE as u64);
            let piece = buffer.get_mut(..length as usize).unwrap_or_default();
            self.read_at(piece, at)?;
            out(piece)?;
            at += length;
        }
        Ok(())
    }
}

/// An inflated delta.
pub(super) enum Stored {
    Whole(Vec<u8>),
    Spilled(Spilled),
}

/// What a delta says of itself.
pub(super) struct Sizes {
    pub(super) source: u64,
    pub(super) result: u64,
    /// Bytes that say so, before the first instruction.
    pub(super) length: u64,
}

impl Stored {
    pub(super) fn sizes(&self, index: u32) -> Result<Sizes, Error> {
        let mut head = [0; LONGEST_SIZES];
        let head = match self {
            Self::Whole(bytes) => bytes.as_slice(),
            Self::Spilled(spilled) => {
                let length = spilled.size.min(LONGEST_SIZES as u64);
                let head = head.get_mut(..length as usize).unwrap_or_default();
                spilled.read_at(head, 0)?;
                head
            }
        };
        let delta = Delta::parse(head).map_err(|error| Fault::from(error).at(index))?;
        Ok(Sizes {
            source: delta.source_size,
            result: delta.result_size,
            length: (head.len() - delta.instructions_len()) as u64,
        })
    }

    /// Bytes of the delta.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Spilled(spilled) => spilled.size,
        }
    }
}

/// Hands a blob to a sink piece by piece.
pub(super) struct Pieces<'s> {
    sink: &'s mut dyn Sink,
    index: u32,
    size: u64,
    offset: u64,
}

impl<'s> Pieces<'s> {
    /// Of the blob at `index`, of `size` bytes, from `offset` on.
    pub(super) fn new(sink: &'s mut dyn Sink, index: u32, size: u64, offset: u64) -> Self {
        Self {
            sink,
            index,
            size,
            offset,
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.sink.piece(Piece {
            index: self.index,
            size: self.size,
            offset: self.offset,
            bytes,
        })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes were handed on.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}

/// Scratch files of objects that may be bases again, the last used first.
pub(super) struct Spills {
    /// Bytes they may have together.
    limit: u64,
    kept: VecDeque<(u32, Arc<Spilled>)>,
}

impl Spills {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            kept: VecDeque::new(),
        }
    }

    /// The content of entry `index`, if it is still here.
    pub(super) fn get(&mut self, index: u32) -> Option<Content> {
        let at = self.kept.iter().position(|(kept, _)| *kept == index)?;
        let found = self.kept.remove(at)?;
        let content = Content::Spilled(Arc::clone(&found.1));
        self.kept.push_front(found);
        Some(content)
    }

    pub(super) fn insert(&mut self, index: u32, spilled: &Arc<Spilled>) {
        if self.get(index).is_none() {
            self.kept.push_front((index, Arc::clone(spilled)));
        }
    }

    /// Gives up what was not used for longest, but not what was used last, before `size` more bytes are
    /// written.
    ///
    /// # Errors
    /// When there is no room even so.
    pub(super) fn make_room(&mut self, size: u64) -> Result<(), Error> {
        let mut sum: u64 = self.kept.iter().map(|(_, spilled)| spilled.size).sum();
        let is_full = |sum: u64| sum.saturating_add(size) > self.limit;
        while self.kept.len() > 1 && (is_full(sum) || self.kept.len() >= MOST_FILES) {
            sum -= self.kept.pop_back().map_or(0, |(_, spilled)| spilled.size);
        }
        if is_full(sum) {
            return Err(Error::ScratchBytes { limit: self.limit });
        }
        Ok(())
    }
}
