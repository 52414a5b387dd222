//! LZ4 frames.

use std::io::{self, Read};

use lz4_flex::frame::FrameDecoder;

use super::{
    super::{Opening, Step, Stop},
    frames::{self, Feed, Form},
};

const FORM: Form = Form {
    goes_on: |left| left.starts_with(&[0x04, 0x22, 0x4d, 0x18]),
    open,
};

fn open<'c>(left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    Ok(Box::new(FrameDecoder::new(left)))
}

/// All frames of an LZ4 file.
///
/// # Errors
/// When a bound is reached.
pub fn lz4(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("lz4"), &FORM)
}
