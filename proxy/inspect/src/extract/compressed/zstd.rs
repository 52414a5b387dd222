//! Zstandard (RFC 8878): frames, and frames to be skipped between them.

use std::io::{self, Read};

use ruzstd::decoding::{StreamingDecoder, errors::FrameDecoderError};

use super::{
    super::{Opening, Step, Stop},
    MOST_WINDOW,
    frames::{self, Feed, Form},
};

const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const FORM: Form = Form {
    goes_on: |left| left.starts_with(&FRAME) || skipped(left).is_some(),
    open,
};

fn open<'c>(left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    let text = left.0.get();
    if let Some(bytes) = skipped(text) {
        let Some(rest) = text.get(bytes..) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        left.0.set(rest);
        return Ok(Box::new(io::empty()));
    }
    reader(left)
}

/// Bytes of a frame to be skipped: they stand in the clear in the text around.
fn skipped(text: &[u8]) -> Option<usize> {
    let &[0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = text else {
        return None;
    };
    usize::try_from(u32::from_le_bytes([a, b, c, d]))
        .ok()?
        .checked_add(8)
}

/// A reader of one frame.
///
/// # Errors
/// When its header does not hold, or it takes a dictionary or a window that is not read.
pub fn reader<'c, R: Read + 'c>(mut text: R) -> io::Result<Box<dyn Read + 'c>> {
    let mut start = [0; 5];
    text.read_exact(&mut start)?;
    let [.., descriptor] = start;
    if descriptor & 0b11 != 0 {
        // It says which dictionary it was packed with.
        return Err(io::ErrorKind::Unsupported.into());
    }
    let whole = io::Cursor::new(start).chain(text);
    let decoder = StreamingDecoder::new_with_max_window_size(whole, MOST_WINDOW);
    Ok(Box::new(decoder.map_err(|error| match error {
        FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::Unsupported.into(),
        error => io::Error::other(error),
    })?))
}

/// All frames of a Zstandard file.
///
/// # Errors
/// When a bound is reached.
pub fn zstd(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("zstd"), &FORM)
}
