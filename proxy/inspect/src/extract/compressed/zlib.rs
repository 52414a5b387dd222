//! zlib streams (RFC 1950), among them the loose objects of git.

use std::io::{self, Read};

use flate2::bufread::ZlibDecoder;

use super::{
    super::{Opening, Step, Stop},
    frames::{self, Feed, Form},
};

const FORM: Form = Form {
    goes_on: |_| false,
    open,
};

fn open<'c>(left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    Ok(Box::new(ZlibDecoder::new(left)))
}

/// Bytes after the header that are no text where a stream begins.
const JUDGED: usize = 6;

/// Whether `text` begins like a zlib stream as compressors write it: with a header that holds, and then no text.
///
/// Two bytes say little: `x^2` is one. Nothing is claimed of a text that does not decode.
pub fn is_zlib(text: &[u8]) -> bool {
    let &[0x78, flags, ref rest @ ..] = text else {
        return false;
    };
    let Some(start) = rest.get(..JUDGED) else {
        return false;
    };
    let has_dictionary = flags & 0x20 != 0;
    let prints = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    (0x7800 | u16::from(flags)).is_multiple_of(31)
        && !has_dictionary
        // The third kind of block does not exist.
        && start.first().is_some_and(|first| first & 0b110 != 0b110)
        && !start.iter().all(prints)
}

/// A zlib stream; nothing if it does not decode.
///
/// # Errors
/// When a bound is reached.
pub fn zlib(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let mut start = [0; 8];
    let read = ZlibDecoder::new(opening.text).read(&mut start).unwrap_or(0);
    let kinds: [&[u8]; 4] = [b"blob ", b"tree ", b"commit ", b"tag "];
    let start = start.get(..read).unwrap_or_default();
    let kind = match kinds.iter().any(|kind| start.starts_with(kind)) {
        true => "git object",
        false => "zlib",
    };
    opening.tentative = true;
    frames::tell(opening, Step::of(kind), &FORM)
}
