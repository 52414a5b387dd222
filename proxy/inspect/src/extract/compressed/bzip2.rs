//! bzip2: streams one behind the other.

use std::io::{self, BufRead, Read};

use super::{
    super::{Opening, Step, Stop},
    frames::{self, Feed, Form},
};

const FORM: Form = Form {
    goes_on: |left| left.starts_with(b"BZh"),
    open,
};

fn open<'c>(left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    Ok(Box::new(reader(left)))
}

/// A reader of one stream.
pub fn reader<R: BufRead>(text: R) -> impl Read {
    bzip2::bufread::BzDecoder::new(text)
}

/// All streams of a bzip2 file.
///
/// # Errors
/// When a bound is reached.
pub fn bzip2(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("bzip2"), &FORM)
}
