//! One zlib stream of a pack, inflated piece by piece and never beyond its declared size.

use flate2::{Decompress, FlushDecompress, Status};

use super::Fault;

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
    declared: usize,
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
            declared: 0,
            consumed: 0,
        }
    }

    /// Starts a stream of `declared` bytes, inflated into `buffer`, whose content is dropped.
    pub(super) fn begin(&mut self, declared: usize, mut buffer: Vec<u8>) {
        buffer.clear();
        self.state.reset(true);
        self.output = buffer;
        self.filled = 0;
        self.declared = declared;
        self.consumed = 0;
    }

    /// Inflates as much of `input` as belongs to the stream.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<Fed, Fault> {
        let mut consumed = 0;
        loop {
            self.make_room();
            let rest = input.get(consumed..).unwrap_or_default();
            let room = self.output.get_mut(self.filled..).unwrap_or_default();
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(rest, room, FlushDecompress::None)
                .map_err(|_| Fault::Zlib)?;
            let taken = (self.state.total_in() - before_in) as usize;
            let produced = (self.state.total_out() - before_out) as usize;
            consumed += taken;
            self.filled += produced;
            self.consumed += taken as u64;
            self.check()?;
            if status == Status::StreamEnd {
                return self.end(consumed);
            }
            let room_left = self.filled < self.output.len();
            if consumed == input.len() && room_left {
                return Ok(Fed {
                    consumed,
                    done: false,
                });
            }
            if taken == 0 && produced == 0 {
                return Err(Fault::Zlib);
            }
        }
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
        let room = self
            .declared
            .saturating_add(1)
            .saturating_sub(self.filled)
            .min(step);
        self.output.reserve_exact(room);
        self.output.resize(self.filled + room, 0);
    }

    fn check(&self) -> Result<(), Fault> {
        let declared = self.declared as u64;
        if self.filled > self.declared {
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
        if self.filled < self.declared {
            return Err(Fault::ZlibTooShort {
                declared: self.declared as u64,
                found: self.filled as u64,
            });
        }
        Ok(Fed {
            consumed,
            done: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::testing::deflate;

    fn inflate(stream: &[u8], declared: usize, piece: usize) -> Result<(Vec<u8>, usize), Fault> {
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

    #[test]
    fn any_cutting_gives_the_same() {
        for size in [0, 1, 100, 70_000, 3 << 20] {
            let content: Vec<u8> = (0..size).map(|at| ((at * at) >> 7) as u8).collect();
            let mut stream = deflate(&content);
            let end = stream.len();
            stream.extend(b"what follows belongs to the next entry");
            for piece in [1, 7, 4096, stream.len()] {
                assert_eq!(
                    inflate(&stream, size, piece),
                    Ok((content.clone(), end)),
                    "{size} by {piece}"
                );
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
    }
}
