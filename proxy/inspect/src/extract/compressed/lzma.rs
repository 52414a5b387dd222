//! xz (the `.xz` file format), its predecessor, LZMA alone, and lzip (the lzip manual, "File format").

use std::io::{ErrorKind, Read};

use bstr::ByteSlice as _;
use lzma_rust2::{LzipReader, LzmaReader, XzReader};

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

const LZIP: Form = Form {
    goes_on: |_| false,
    open: |left| match has_wide_window(left.0.get()) {
        true => Err(ErrorKind::Unsupported.into()),
        false => Ok(Box::new(LzipReader::new(left))),
    },
};

/// What each member of an lzip file begins with, before the size of its window.
const LZIP_MEMBER: &[u8] = b"LZIP\x01";
/// The binary logarithm of a window that is read at most.
const MOST_LZIP: u8 = MOST_WINDOW.ilog2() as u8;

/// Whether `text` begins with a member of an lzip file.
pub fn is_lzip(text: &[u8]) -> bool {
    text.starts_with(LZIP_MEMBER)
}

/// Whether any member takes a larger window than is read.
fn has_wide_window(text: &[u8]) -> bool {
    let sizes = text.find_iter(LZIP_MEMBER);
    let mut sizes = sizes.filter_map(|at| text.get(at + LZIP_MEMBER.len()));
    sizes.any(|size| size & 0x1f > MOST_LZIP)
}

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

/// All members of an lzip file.
///
/// # Errors
/// When a bound is reached.
pub fn lzip(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("lzip"), &LZIP)
}

/// An LZMA file; nothing if it does not decode, because it has no magic.
///
/// # Errors
/// When a bound is reached.
pub fn lzma(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    opening.tentative = true;
    frames::tell(opening, Step::of("lzma"), &LZMA)
}
