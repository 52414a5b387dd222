//! How far a body reaches: counted, or in chunks whose framing has one form only.

use super::Error;

/// Digits of a chunk's size: 4 GiB less one, more than any pack that is taken.
const DIGITS: usize = 8;

/// A body that is being passed.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// Bytes still to come.
    Counted(u64),
    Chunked(Chunk),
}

/// Where in a chunked body the next byte stands (RFC 9112, section 7.1).
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    Size { digits: usize, size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataEnd,
    DataEnded,
    LastEnd,
    LastEnded,
}

/// How many bytes passed, and whether the body ended with them.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed {
    pub bytes: usize,
    pub ended: bool,
}

impl Body {
    /// `length` must not be 0: there is no such body.
    pub fn counted(length: u64) -> Self {
        Self::Counted(length)
    }

    pub fn chunked() -> Self {
        Self::Chunked(Chunk::Size { digits: 0, size: 0 })
    }

    /// Passes the front of `bytes` up to the body's end.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<Passed, Error> {
        match self {
            Self::Counted(left) => {
                let bytes = within(*left, bytes);
                *left -= bytes as u64;
                Ok(Passed {
                    bytes,
                    ended: *left == 0,
                })
            }
            Self::Chunked(chunk) => chunk.pass(bytes),
        }
    }
}

impl Chunk {
    fn pass(&mut self, bytes: &[u8]) -> Result<Passed, Error> {
        let mut at = 0;
        while let Some((&byte, _)) = bytes.get(at..).and_then(<[u8]>::split_first) {
            if let Self::Data { left } = self {
                let passed = within(*left, &bytes[at..]);
                *left -= passed as u64;
                at += passed;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            at += 1;
            if self.framing(byte)? {
                return Ok(Passed {
                    bytes: at,
                    ended: true,
                });
            }
        }
        Ok(Passed {
            bytes: at,
            ended: false,
        })
    }

    /// Takes a byte that stands between the data; true where the body ends with it.
    fn framing(&mut self, byte: u8) -> Result<bool, Error> {
        *self = match (&*self, byte) {
            (&Self::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == DIGITS {
                    return Err(Error::ChunkSize);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size {
                    digits: digits + 1,
                    size: size * 16 + u64::from(digit),
                }
            }
            (&Self::Size { digits: 1.., size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { digits: 1.., .. }, b';') => return Err(Error::ChunkExtension),
            (Self::Size { digits: 1.., .. }, b'\n') => return Err(Error::LineEnd),
            (Self::Size { .. }, _) => return Err(Error::ChunkSize),
            (Self::SizeEnd { size: 0 }, b'\n') => Self::LastEnd,
            (&Self::SizeEnd { size }, b'\n') => Self::Data { left: size },
            (Self::DataEnd, b'\r') => Self::DataEnded,
            (Self::DataEnded, b'\n') => Self::Size { digits: 0, size: 0 },
            (Self::DataEnd | Self::DataEnded, _) => return Err(Error::ChunkEnd),
            (Self::LastEnd, b'\r') => Self::LastEnded,
            (Self::LastEnded, b'\n') => return Ok(true),
            (Self::LastEnd, b'\n') | (Self::SizeEnd { .. } | Self::LastEnded, _) => {
                return Err(Error::LineEnd);
            }
            (Self::LastEnd, _) => return Err(Error::Trailers),
            // Not framing: its caller counts it.
            (&Self::Data { left }, _) => Self::Data { left },
        };
        Ok(false)
    }
}

fn within(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}
