//! One zlib stream of a pack, inflated piece by piece and never beyond its declared size.

use flate2::{Decompress, FlushDecompress, Status};

use super::large::PIECE;
use super::{Error, Fault};

/// Output is reserved in steps of this many bytes, or of a quarter of what came out so far.
const STEP: usize = 1 << 20;
/// Compressed bytes allowed beyond the declared size: stored blocks and the stream's own frame.
const FRAME: u64 = 64 << 10;

/// Inflates one stream after the other; the state is reused.
pub(super) struct Inflater {
    state: Decompress,
    /// `output[..filled]` came out so far; the rest is zeroed room. Never longer than `declared + 1`.
    output: Vec<u8>,
    filled: usize,
    /// What was handed on before, of a stream that passes through.
    passed: u64,
    declared: u64,
    consumed: u64,
}

/// What became of the input of one [`Inflater::feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fed {
    /// Bytes of the input that belong to the stream.
    pub(super) consumed: usize,
    /// Whether the stream has ended, with exactly the declared size.
    pub(super) done: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            state: Decompress::new(true),
            output: Vec::new(),
            filled: 0,
            passed: 0,
            declared: 0,
            consumed: 0,
        }
    }

    /// Starts a stream of `declared` bytes, inflated into `buffer`, whose content is dropped.
    pub(super) fn begin(&mut self, declared: u64, mut buffer: Vec<u8>) {
        buffer.clear();
        self.state.reset(true);
        self.output = buffer;
        self.filled = 0;
        self.passed = 0;
        self.declared = declared;
        self.consumed = 0;
    }

    /// Inflates as much of `input` as belongs to the stream.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<Fed, Fault> {
        let mut consumed = 0;
        loop {
            self.make_room();
            let fed = self.step(input, &mut consumed)?;
            if let Some(fed) = fed {
                return Ok(fed);
            }
        }
    }

    /// As [`feed`](Self::feed), of a stream that is not to be held: what comes out goes to `out`, of entry
    /// `index`, and only as much as is declared.
    pub(super) fn feed_through(
        &mut self,
        index: u32,
        input: &[u8],
        out: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Fed, Error> {
        let mut consumed = 0;
        self.output.resize(PIECE, 0);
        loop {
            let fed = self
                .step(input, &mut consumed)
                .map_err(|fault| fault.at(index))?;
            let is_full = self.filled == self.output.len();
            let is_done = fed.is_some_and(|fed| fed.done);
            if self.filled > 0 && (is_full || is_done) {
                out(self.output.get(..self.filled).unwrap_or_default())?;
                self.passed += self.filled as u64;
                self.filled = 0;
            }
            if let Some(fed) = fed {
                return Ok(fed);
            }
        }
    }

    /// Inflates until the input or the room for the output ends; `None` if the room did.
    fn step(&mut self, input: &[u8], consumed: &mut usize) -> Result<Option<Fed>, Fault> {
        let rest = input.get(*consumed..).unwrap_or_default();
        let room = self.output.get_mut(self.filled..).unwrap_or_default();
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(rest, room, FlushDecompress::None)
            .map_err(|_| Fault::Zlib)?;
        let taken = (self.state.total_in() - before_in) as usize;
        let produced = (self.state.total_out() - before_out) as usize;
        *consumed += taken;
        self.filled += produced;
        self.consumed += taken as u64;
        self.check()?;
        if status == Status::StreamEnd {
            return self.end(*consumed).map(Some);
        }
        let room_left = self.filled < self.output.len();
        if *consumed == input.len() && room_left {
            return Ok(Some(Fed {
                consumed: *consumed,
                done: false,
            }));
        }
        if taken == 0 && produced == 0 {
            return Err(Fault::Zlib);
        }
        Ok(None)
    }

    /// The inflated bytes of a stream that is done.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut output = std::mem::take(&mut self.output);
        output.truncate(self.filled);
        self.filled = 0;
        output
    }

    /// Grows the output by what was earned: a step at a time, up to one byte more than declared, so that a
    /// stream that is too long shows itself.
    fn make_room(&mut self) {
        if self.filled < self.output.len() {
            return;
        }
        let step = STEP.max(self.filled / 4);
        let left = self.declared.saturating_add(1);
        let left = left.saturating_sub(self.filled as u64);
        let room = left.min(step as u64) as usize;
        self.output.reserve_exact(room);
        self.output.resize(self.filled + room, 0);
    }

    fn check(&self) -> Result<(), Fault> {
        let declared = self.declared;
        if self.produced() > declared {
            return Err(Fault::ZlibTooLong { declared });
        }
        let limit = declared
            .saturating_add(declared / 1000)
            .saturating_add(FRAME);
        if self.consumed > limit {
            return Err(Fault::ZlibPadding { limit });
        }
        Ok(())
    }

    fn end(&self, consumed: usize) -> Result<Fed, Fault> {
        if self.produced() < self.declared {
            return Err(Fault::ZlibTooShort {
                declared: self.declared,
                found: self.produced(),
            });
        }
        Ok(Fed {
            consumed,
            done: true,
        })
    }

    /// Bytes that came out of this stream so far.
    pub(super) fn produced(&self) -> u64 {
        self.passed + self.filled as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::testing::deflate;

    fn inflate(stream: &[u8], declared: u64, piece: usize) -> Result<(Vec<u8>, usize), Fault> {
        let mut inflater = Inflater::new();
        inflater.begin(declared, Vec::new());
        let mut consumed = 0;
        for piece in stream.chunks(piece) {
            let fed = inflater.feed(piece)?;
            consumed += fed.consumed;
            if fed.done {
                return Ok((inflater.take(), consumed));
            }
            assert_eq!(fed.consumed, piece.len());
        }
        Err(Fault::Zlib)
    }

    fn inflate_through(
        stream: &[u8],
        declared: u64,
        piece: usize,
    ) -> Result<(Vec<u8>, usize), Error> {
        let mut inflater = Inflater::new();
        inflater.begin(declared, Vec::new());
        let (mut consumed, mut content) = (0, Vec::new());
        for piece in stream.chunks(piece) {
            let fed = inflater.feed_through(0, piece, &mut |bytes| {
                content.extend(bytes);
                Ok(())
            })?;
            consumed += fed.consumed;
            if fed.done {
                break;
            }
        }
        Ok((content, consumed))
    }

    #[test]
    fn any_cutting_gives_the_same() {
        for size in [0, 1, 100, 70_000, 3 << 20] {
            let content: Vec<u8> = (0..size).map(|at: u64| ((at * at) >> 7) as u8).collect();
            let mut stream = deflate(&content);
            let end = stream.len();
            stream.extend(b"what follows belongs to the next entry");
            for piece in [1, 7, 4096, stream.len()] {
                assert_eq!(
                    inflate(&stream, size, piece),
                    Ok((content.clone(), end)),
                    "{size} by {piece}"
                );
                let (through, passed_end) = inflate_through(&stream, size, piece).unwrap();
                assert!(through == content && passed_end == end, "{size} by {piece}");
            }
        }
    }

    #[test]
    fn room_is_earned_not_declared() {
        let mut inflater = Inflater::new();
        inflater.begin(1 << 40, Vec::new());
        inflater.feed(&deflate(b"small")[..4]).unwrap();
        assert!(inflater.output.capacity() <= 2 * STEP);
    }

    #[test]
    fn wrong_sizes_are_named() {
        assert_eq!(
            inflate(&deflate(b"12345"), 4, 64),
            Err(Fault::ZlibTooLong { declared: 4 })
        );
        assert_eq!(
            inflate(&deflate(b"123"), 4, 64),
            Err(Fault::ZlibTooShort {
                declared: 4,
                found: 3
            })
        );
        assert_eq!(inflate(b"not zlib at all", 4, 64), Err(Fault::Zlib));
        for (stream, declared) in [(deflate(b"12345"), 4), (deflate(b"123"), 4)] {
            let through = inflate_through(&stream, declared, 64).unwrap_err();
            let whole = inflate(&stream, declared, 64).unwrap_err();
            assert_eq!(through.to_string(), whole.at(0).to_string());
        }
    }
}
