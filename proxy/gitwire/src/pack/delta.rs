//! A delta: how to build an object from its base, as instructions that can be read one by one.
//!
//! The format is git's `gitformat-pack`, "Deltified representation". gix-pack has a checked reader of it
//! as well, but a private one, and a scanner that looks only at what a delta changes needs the
//! instructions themselves.

use super::header::shifted;

/// Bytes of the two sizes at the start of a delta, at most.
pub(super) const LONGEST_SIZES: usize = 20;
/// No instruction is longer: one byte, and up to 127 that it inserts.
pub(super) const LONGEST_INSTRUCTION: usize = 128;

/// What is wrong with a delta.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One of the two sizes is incomplete or does not fit 64 bits.
    #[error("the sizes at the start of its delta cannot be read")]
    Sizes,
    /// The declared size of the base is not the size of the base.
    #[error("its delta is made for a base of {declared} bytes, the base has {actual}")]
    SourceSize {
        /// Bytes the delta says its base has.
        declared: u64,
        /// Bytes the base has.
        actual: u64,
    },
    /// The instructions build more or less than declared.
    #[error("its delta declares a result of {declared} bytes but builds {built}")]
    ResultSize {
        /// Bytes the delta says its result has.
        declared: u64,
        /// Bytes its instructions build.
        built: u64,
    },
    /// A copy that does not lie within the base.
    #[error("its delta copies {len} bytes from offset {offset} of a base of {base} bytes")]
    CopyBeyondBase {
        /// Where the copy starts in the base, in bytes.
        offset: u64,
        /// Bytes to copy.
        len: u64,
        /// Bytes the base has.
        base: u64,
    },
    /// Instruction byte zero.
    #[error("its delta has the reserved instruction 0")]
    Reserved,
    /// The last instruction is incomplete.
    #[error("its delta ends in the middle of an instruction")]
    CutShort,
}

/// A delta whose two sizes have been read; its instructions have not been checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Delta<'a> {
    /// Bytes of the base it is made for, as it says.
    pub source_size: u64,
    /// Bytes of the object it builds, as it says.
    pub result_size: u64,
    instructions: &'a [u8],
}

/// Bytes of the base that stand in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Where they stand in the base.
    pub from: usize,
    /// Where they stand in the object.
    pub to: usize,
    /// How many there are.
    pub length: usize,
}

impl Copied {
    /// Whether bytes from there on in the base, to there in the object, come right behind these.
    fn goes_on_at(&self, from: usize, to: usize) -> bool {
        self.from.checked_add(self.length) == Some(from) && self.to + self.length == to
    }
}

/// One step of building an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction<'a> {
    /// Bytes of the base; not checked to lie within it.
    Copy {
        /// Where they start in the base, in bytes.
        offset: usize,
        /// How many; 1 to 16 777 215.
        len: usize,
    },
    /// New bytes, 1 to 127 of them.
    Insert(&'a [u8]),
}

impl<'a> Delta<'a> {
    /// Reads the two sizes at the start of an inflated delta.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        let source_size = size(&mut rest).ok_or(Error::Sizes)?;
        let result_size = size(&mut rest).ok_or(Error::Sizes)?;
        Ok(Self {
            source_size,
            result_size,
            instructions: rest,
        })
    }

    /// The instructions, in order; ends after the first error.
    pub fn instructions(&self) -> Instructions<'a> {
        Instructions {
            rest: self.instructions,
        }
    }

    /// Parts of the base that stand in the object, in its order; shorter ones than `least` bytes are left out. Copies that lie side by
    /// side in both are one part.
    pub fn copied(&self, least: usize) -> Vec<Copied> {
        let mut parts: Vec<Copied> = Vec::new();
        let mut to = 0;
        for instruction in self.instructions().map_while(Result::ok) {
            let length = match instruction {
                Instruction::Insert(bytes) => bytes.len(),
                Instruction::Copy { offset, len } => {
                    match parts.last_mut() {
                        Some(last) if last.goes_on_at(offset, to) => last.length += len,
                        last => {
                            if last.is_some_and(|last| last.length < least) {
                                parts.pop();
                            }
                            parts.push(Copied {
                                from: offset,
                                to,
                                length: len,
                            });
                        }
                    }
                    len
                }
            };
            to += length;
        }
        parts.retain(|part| part.length >= least);
        parts
    }

    /// Bytes of the instructions.
    pub(super) fn instructions_len(&self) -> usize {
        self.instructions.len()
    }

    /// Builds the object from its base. Everything is checked before memory is reserved, but for
    /// whether `result_size` is within the caller's limits.
    pub fn apply(&self, base: &[u8]) -> Result<Vec<u8>, Error> {
        self.check(base.len())?;
        let mut result = Vec::with_capacity(self.result_size as usize);
        for instruction in self.instructions() {
            match instruction? {
                Instruction::Copy { offset, len } => {
                    result.extend_from_slice(base.get(offset..offset + len).unwrap_or_default());
                }
                Instruction::Insert(bytes) => result.extend_from_slice(bytes),
            }
        }
        Ok(result)
    }

    /// Whether the instructions stay within a base of `base` bytes and build what is declared.
    fn check(&self, base: usize) -> Result<(), Error> {
        let actual = base as u64;
        if self.source_size != actual {
            return Err(Error::SourceSize {
                declared: self.source_size,
                actual,
            });
        }
        let mut built = 0u64;
        for instruction in self.instructions() {
            built += match instruction? {
                Instruction::Copy { offset, len } => {
                    let (offset, len) = (offset as u64, len as u64);
                    if offset + len > actual {
                        return Err(Error::CopyBeyondBase {
                            offset,
                            len,
                            base: actual,
                        });
                    }
                    len
                }
                Instruction::Insert(bytes) => bytes.len() as u64,
            };
        }
        if built != self.result_size {
            return Err(Error::ResultSize {
                declared: self.result_size,
                built,
            });
        }
        Ok(())
    }
}

/// Reads a size: seven bits per byte, least significant first.
fn size(rest: &mut &[u8]) -> Option<u64> {
    let mut size = 0u64;
    let mut shift = 0u32;
    loop {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        size |= shifted(byte, shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
}

/// Iterates over the instructions of a delta.
#[derive(Debug, Clone)]
pub struct Instructions<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Result<Instruction<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&opcode, rest) = self.rest.split_first()?;
        self.rest = rest;
        let instruction = match opcode {
            0 => Err(Error::Reserved),
            1..=0x7f => self.insert(usize::from(opcode)),
            0x80.. => self.copy(opcode),
        };
        if instruction.is_err() {
            self.rest = &[];
        }
        Some(instruction)
    }
}

impl<'a> Instructions<'a> {
    /// Of `rest`, which begins with an instruction.
    pub(super) fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// What has not been read yet; nothing after an error.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn insert(&mut self, len: usize) -> Result<Instruction<'a>, Error> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Error::CutShort)?;
        self.rest = rest;
        Ok(Instruction::Insert(bytes))
    }

    /// Bits 0 to 3 say which bytes of the offset follow, bits 4 to 6 which of the length.
    fn copy(&mut self, opcode: u8) -> Result<Instruction<'a>, Error> {
        let offset = self.number(opcode, 4)?;
        let len = match self.number(opcode >> 4, 3)? {
            0 => 0x10000,
            len => len,
        };
        Ok(Instruction::Copy { offset, len })
    }

    fn number(&mut self, present: u8, digits: u32) -> Result<usize, Error> {
        let mut number = 0usize;
        for digit in 0..digits {
            if present & (1 << digit) != 0 {
                let (&byte, rest) = self.rest.split_first().ok_or(Error::CutShort)?;
                self.rest = rest;
                number |= usize::from(byte) << (8 * digit);
            }
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, Error> {
        Delta::parse(delta)?.apply(base)
    }

    #[test]
    fn copies_and_inserts_build_the_result() {
        let base = b"the quick brown fox";
        let delta = b"\x13\x0d\x90\x04\x04very\x91\x0a\x05";
        assert_eq!(apply(base, delta).unwrap(), b"the verybrown");
    }

    #[test]
    fn parts_side_by_side_are_copied_as_one() {
        let base: Vec<u8> = (0..100).collect();
        // 10 from 0, 20 from 10; x; 30 from 40; 5 from 80; 40 from 50, of which bytes were copied before.
        let delta = b"\x64\x6a\x90\x0a\x91\x0a\x14\x01x\x91\x28\x1e\x91\x50\x05\x91\x32\x28";
        let delta = Delta::parse(delta).unwrap();
        let built = delta.apply(&base).unwrap();
        let parts = |least| -> Vec<_> {
            let parts = delta.copied(least).into_iter();
            parts.map(|it| (it.from, it.to, it.length)).collect()
        };
        assert_eq!(
            parts(1),
            [(0, 0, 30), (40, 31, 30), (80, 61, 5), (50, 66, 40)]
        );
        assert_eq!(parts(31), [(50, 66, 40)]);
        assert_eq!(parts(30), [(0, 0, 30), (40, 31, 30), (50, 66, 40)]);
        for (from, to, length) in parts(1) {
            assert_eq!(built[to..to + length], base[from..from + length]);
        }
    }

    #[test]
    fn a_copy_of_length_zero_means_65536() {
        let base = vec![7u8; 0x10001];
        let delta = [0x81, 0x80, 0x04, 0x80, 0x80, 0x04, 0x80];
        assert_eq!(apply(&base, &delta).unwrap(), vec![7u8; 0x10000]);
    }

    #[test]
    fn offsets_and_lengths_have_four_and_three_bytes() {
        let all = [0xff, 1, 2, 3, 4, 5, 6, 7];
        let mut instructions = Instructions { rest: &all };
        let copy = Instruction::Copy {
            offset: 0x0403_0201,
            len: 0x0007_0605,
        };
        assert_eq!(instructions.next(), Some(Ok(copy)));
        assert_eq!(instructions.next(), None);
    }

    #[test]
    fn every_lie_has_its_name() {
        assert_eq!(
            apply(b"abc", b"\x04\x01\x01x"),
            Err(Error::SourceSize {
                declared: 4,
                actual: 3
            })
        );
        assert_eq!(
            apply(b"abc", b"\x03\x02\x01x"),
            Err(Error::ResultSize {
                declared: 2,
                built: 1
            })
        );
        assert_eq!(
            apply(b"abc", b"\x03\x01\x02xy"),
            Err(Error::ResultSize {
                declared: 1,
                built: 2
            })
        );
        let beyond = Error::CopyBeyondBase {
            offset: 2,
            len: 2,
            base: 3,
        };
        assert_eq!(apply(b"abc", b"\x03\x02\x91\x02\x02"), Err(beyond));
        assert_eq!(apply(b"abc", b"\x03\x01\x00"), Err(Error::Reserved));
        assert_eq!(apply(b"abc", b"\x03\x05\x05xy"), Err(Error::CutShort));
        assert_eq!(apply(b"abc", b"\x03\x05\x91"), Err(Error::CutShort));
        assert_eq!(apply(b"abc", b"\x83"), Err(Error::Sizes));
        assert_eq!(apply(b"abc", &[0xff; 20]), Err(Error::Sizes));
    }
}
