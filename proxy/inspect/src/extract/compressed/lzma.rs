//! xz (the `.xz` file format) and its predecessor, LZMA alone.

use std::io::Read;

use lzma_rust2::{LzmaReader, XzReader};

use super::{
    super::{Opening, Step, Stop},
    MOST_WINDOW,
    frames::{self, Form},
};

/// With what decoders keep beside the window.
const MOST_KIB: u32 = (MOST_WINDOW >> 10) as u32 + 1024;

const XZ: Form = Form {
    goes_on: |left| left.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
    open: |left| Ok(Box::new(xz_reader(left))),
};

const LZMA: Form = Form {
    goes_on: |_| false,
    open: |left| Ok(Box::new(LzmaReader::new_mem_limit(left, MOST_KIB, None)?)),
};

/// A reader of one stream.
pub fn xz_reader<R: Read>(text: R) -> impl Read {
    XzReader::new_mem_limit(text, false, MOST_KIB)
}

/// All streams of an xz file.
///
/// # Errors
/// When a bound is reached.
pub fn xz(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("xz"), &XZ)
}

/// An LZMA file; nothing if it does not decode, because it has no magic.
///
/// # Errors
/// When a bound is reached.
pub fn lzma(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    opening.tentative = true;
    frames::tell(opening, Step::of("lzma"), &LZMA)
}
