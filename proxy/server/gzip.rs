//! One gzip member undone, slice by slice; a second one is refused.

use std::io::Write;

use bytes::Bytes;
use flate2::write::GzDecoder;

/// Compressed bytes are decoded in slices this small, so that one slice yields at most about a
/// thousand times as much.
const SLICE: usize = 1024;

/// Why a compressed body is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compressed request body is malformed or of more than one part")]
pub struct Error;

/// Decodes a body of which there is never more in memory than what one slice yields.
pub struct Gzip(Box<GzDecoder<Vec<u8>>>);

impl Gzip {
    pub fn new() -> Self {
        Self(Box::new(GzDecoder::new(Vec::new())))
    }

    /// Takes a slice off the front of `compressed` and gives what it yields, possibly nothing.
    ///
    /// # Errors
    /// When it is not gzip, or of more than one member.
    pub fn decode(&mut self, compressed: &mut Bytes) -> Result<Bytes, Error> {
        let slice = compressed.split_to(compressed.len().min(SLICE));
        // A second member would be decoded by some servers and ignored by others: refused.
        self.0.write_all(&slice).map_err(|_| Error)?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }

    /// What is left at the end.
    ///
    /// # Errors
    /// When the member is not whole.
    pub fn end(&mut self) -> Result<Bytes, Error> {
        self.0.try_finish().map_err(|_| Error)?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }
}

/// For fuzzers: what is taken is one member, and what another decoder makes of it; in any pieces the same.
#[doc(hidden)]
pub(crate) fn fuzzed(data: &[u8]) {
    let whole = decoded(data, data.len().max(1));
    assert_eq!(decoded(data, 1), whole);
    let Some(whole) = whole else { return };
    let mut other = flate2::bufread::GzDecoder::new(data);
    let mut plain = Vec::new();
    let read = std::io::Read::read_to_end(&mut other, &mut plain);
    assert!(read.is_ok() && plain == whole, "two decoders differ");
    assert!(other.into_inner().is_empty(), "bytes follow the member");
}

fn decoded(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut gzip = Gzip::new();
    let mut plain = Vec::new();
    for piece in data.chunks(size) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            plain.extend(gzip.decode(&mut piece).ok()?);
        }
    }
    plain.extend(gzip.end().ok()?);
    Some(plain)
}
