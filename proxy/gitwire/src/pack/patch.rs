//! Applies a delta in pieces, where base, delta or result are too large for memory.

use super::delta::{self, Instruction, Instructions, LONGEST_INSTRUCTION};
use super::large::{Content, PIECE, Stored};
use super::{Error, Fault};

/// Bytes of a base that are read for a small copy: the next one mostly goes on right behind it.
const BLOCK: u64 = 16 << 10;

/// Takes the result piece by piece.
pub(super) type Out<'o> = dyn FnMut(&[u8]) -> Result<(), Error> + 'o;

/// Builds the object of entry `index` from its base and hands it to `out`. Gives the bytes that were read
/// of a base in a scratch file; [`Error::Rework`] says that they are more than `most_read`.
pub(super) fn apply(
    index: u32,
    base: &Content,
    delta: &Stored,
    most_read: u64,
    out: &mut Out<'_>,
) -> Result<u64, Error> {
    let sizes = delta.sizes(index)?;
    if sizes.source != base.len() {
        let (declared, actual) = (sizes.source, base.len());
        return Err(fault(index, delta::Error::SourceSize { declared, actual }));
    }
    let mut patch = Patch {
        index,
        declared: sizes.result,
        built: 0,
        gathered: Vec::with_capacity(PIECE),
        out,
    };
    let mut base = Base {
        content: base,
        block: Vec::new(),
        block_at: 0,
        read: 0,
        most_read,
    };
    let mut source = Source::new(delta, sizes.length);
    loop {
        let ahead = source.ahead()?;
        let mut instructions = Instructions::of(ahead);
        let Some(instruction) = instructions.next() else {
            break;
        };
        match instruction.map_err(|error| fault(index, error))? {
            Instruction::Insert(bytes) => patch.take(bytes)?,
            Instruction::Copy { offset, len } => {
                base.copy(offset as u64, len as u64, &mut patch)?;
            }
        }
        let taken = ahead.len() - instructions.rest().len();
        source.pass(taken);
    }
    patch.end()?;
    Ok(base.read)
}

fn fault(index: u32, error: delta::Error) -> Error {
    Fault::from(error).at(index)
}

/// The result under way.
struct Patch<'o> {
    index: u32,
    declared: u64,
    built: u64,
    /// Small pieces that are handed on together.
    gathered: Vec<u8>,
    out: &'o mut Out<'o>,
}

impl Patch<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.built += bytes.len() as u64;
        if self.built > self.declared {
            return Err(self.wrong_size());
        }
        if self.gathered.len() + bytes.len() > PIECE {
            (self.out)(&self.gathered)?;
            self.gathered.clear();
        }
        if bytes.len() >= PIECE {
            return (self.out)(bytes);
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.built != self.declared {
            return Err(self.wrong_size());
        }
        if self.gathered.is_empty() {
            return Ok(());
        }
        (self.out)(&self.gathered)
    }

    fn wrong_size(&self) -> Error {
        let (declared, built) = (self.declared, self.built);
        fault(self.index, delta::Error::ResultSize { declared, built })
    }
}

/// The base that copies come from.
struct Base<'c> {
    content: &'c Content,
    /// Bytes of it from `block_at` on.
    block: Vec<u8>,
    block_at: u64,
    read: u64,
    most_read: u64,
}

impl Base<'_> {
    fn copy(&mut self, offset: u64, len: u64, patch: &mut Patch<'_>) -> Result<(), Error> {
        let base = self.content.len();
        if offset + len > base {
            let beyond = delta::Error::CopyBeyondBase { offset, len, base };
            return Err(fault(patch.index, beyond));
        }
        let (mut at, end) = (offset, offset + len);
        while at < end {
            let piece = self.piece(at, end)?;
            at += piece.len() as u64;
            patch.take(piece)?;
        }
        Ok(())
    }

    /// Some bytes from `at` on, at least one and none behind `end`.
    fn piece(&mut self, at: u64, end: u64) -> Result<&[u8], Error> {
        let spilled = match self.content {
            Content::Whole(data) => {
                let piece = data.get(at as usize..end as usize);
                return Ok(piece.unwrap_or_default());
            }
            Content::Spilled(spilled) => spilled,
        };
        let held = self.block_at..self.block_at + self.block.len() as u64;
        if !held.contains(&at) {
            let length = (end - at).clamp(BLOCK, PIECE as u64);
            let length = length.min(self.content.len() - at);
            self.read += length;
            if self.read > self.most_read {
                let limit = self.most_read;
                return Err(Error::Rework { limit });
            }
            self.block.resize(length as usize, 0);
            spilled.read_at(&mut self.block, at)?;
            self.block_at = at;
        }
        let from = (at - self.block_at) as usize;
        let to = (end - self.block_at).min(self.block.len() as u64) as usize;
        Ok(self.block.get(from..to).unwrap_or_default())
    }
}

/// The instructions of a delta, read ahead as far as they need.
struct Source<'d> {
    delta: &'d Stored,
    /// Where the next instruction stands in the delta.
    at: u64,
    /// Bytes of a delta in a scratch file, from `buffer_at` on.
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl<'d> Source<'d> {
    fn new(delta: &'d Stored, at: u64) -> Self {
        Self {
            delta,
            at,
            buffer: Vec::new(),
            buffer_at: at,
        }
    }

    /// What comes next: at least one whole instruction, if the delta has one.
    fn ahead(&mut self) -> Result<&[u8], Error> {
        let spilled = match self.delta {
            Stored::Whole(bytes) => {
                return Ok(bytes.get(self.at as usize..).unwrap_or_default());
            }
            Stored::Spilled(spilled) => spilled,
        };
        let left = self.delta.len() - self.at;
        let held = self.buffer_at + self.buffer.len() as u64 - self.at;
        if held < left.min(LONGEST_INSTRUCTION as u64) {
            self.buffer.resize(left.min(PIECE as u64) as usize, 0);
            spilled.read_at(&mut self.buffer, self.at)?;
            self.buffer_at = self.at;
        }
        let from = (self.at - self.buffer_at) as usize;
        Ok(self.buffer.get(from..).unwrap_or_default())
    }

    fn pass(&mut self, bytes: usize) {
        self.at += bytes as u64;
    }
}
