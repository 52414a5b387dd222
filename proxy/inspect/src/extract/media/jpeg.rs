//! JPEG (ITU-T T.81): texts that are cut into segments are told in one piece, and what follows behind the image.

use super::{
    super::{Opening, Step, Stop},
    number,
};

/// What segments begin with whose content goes on in the next one of the kind, with the bytes before the content.
const SPLIT: [(&[u8], usize); 3] = [
    // Extended XMP: a digest of 32 characters, its length and the place.
    (b"http://ns.adobe.com/xmp/extension/\0", 40),
    // A profile: number and count.
    (b"ICC_PROFILE\0", 2),
    // Photoshop's resources.
    (b"Photoshop 3.0\0", 0),
];

/// Tells the texts of an image. Gives where it ends.
///
/// # Errors
/// When a bound is reached.
pub fn jpeg(opening: &mut Opening<'_, '_>) -> Result<Option<usize>, Stop> {
    let text = opening.text;
    let mut joined: [Vec<u8>; 3] = Default::default();
    let mut comments = Vec::new();
    let mut at = 2;
    let end = loop {
        // What stands between segments are the pixels: no marker begins with 255 and 0.
        let Some(found) = text.get(at..).and_then(next_marker) else {
            break None;
        };
        at += found;
        let marker = text.get(at + 1).copied().unwrap_or(0);
        at += 2;
        match marker {
            0xd9 => break Some(at),
            0xd8 | 0x01 => continue,
            _ => {}
        }
        let Some(length) = number(text, at, 2) else {
            break None;
        };
        let segment = text.get(at + 2..at + length.max(2)).unwrap_or_default();
        if marker == 0xfe {
            comments.extend_from_slice(segment);
            comments.push(b'\n');
        }
        for ((start, head), joined) in SPLIT.iter().zip(&mut joined) {
            let content = segment
                .strip_prefix(*start)
                .and_then(|rest| rest.get(*head..));
            joined.extend_from_slice(content.unwrap_or_default());
        }
        at += length.max(2);
    };
    for (kind, text) in ["xmp", "icc", "photoshop"].into_iter().zip(&joined) {
        opening.contained(Step::of(kind), 0..opening.text.len(), text)?;
    }
    opening.contained(Step::of("jpeg comment"), 0..text.len(), &comments)?;
    Ok(end)
}

/// Where the next marker begins that is none of those among pixels.
fn next_marker(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bstr::ByteSlice::find_byte(text.get(at..)?, 0xff)?;
        match text.get(at + 1)? {
            0 | 0xd0..=0xd7 | 0xff => at += 1,
            _ => return Some(at),
        }
    }
}
