//! GIF89a (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>): comments and extensions, which are cut into blocks of 255 bytes.

use super::super::{Opening, Step, Stop};

/// Tells the texts of an image. Gives where it ends.
///
/// # Errors
/// When a bound is reached.
pub fn gif(opening: &mut Opening<'_, '_>) -> Result<Option<usize>, Stop> {
    let text = opening.text;
    let mut texts = Vec::new();
    let mut at = 13 + color_table(text, 10);
    let end = loop {
        match text.get(at..).unwrap_or_default() {
            [0x21, label, ..] => {
                let start = texts.len();
                at = blocks(text, at + 2, &mut texts);
                // How long an image is shown is no text.
                if *label == 0xf9 {
                    texts.truncate(start);
                } else {
                    texts.push(b'\n');
                }
            }
            [0x2c, ..] => {
                let data = at + 10 + color_table(text, at + 9) + 1;
                let start = texts.len();
                at = blocks(text, data, &mut texts);
                texts.truncate(start);
            }
            [0x3b, ..] => break Some(at + 1),
            _ => break None,
        }
    };
    opening.contained(Step::of("gif text"), 0..text.len(), &texts)?;
    Ok(end)
}

/// Bytes of the table that the flags at `at` speak of.
fn color_table(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(flags) if flags & 0x80 != 0 => 3 << ((flags & 7) + 1),
        _ => 0,
    }
}

/// Appends the blocks from `at` on. Tells where they end.
fn blocks(text: &[u8], mut at: usize, joined: &mut Vec<u8>) -> usize {
    while let Some(&length) = text.get(at) {
        let end = at + 1 + usize::from(length);
        joined.extend_from_slice(text.get(at + 1..end.min(text.len())).unwrap_or_default());
        at = end;
        if length == 0 {
            break;
        }
    }
    at
}
