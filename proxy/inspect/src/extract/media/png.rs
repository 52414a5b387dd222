//! PNG (<https://www.w3.org/TR/png-3/>): its texts, compressed or not, and what follows behind it.

use bstr::ByteSlice;

use super::{
    super::{Opening, Step, Stop},
    MOST_TEXT, inflated, number,
};

/// Bytes of all texts of an image at most.
const MOST: usize = 4 << 20;

/// Tells the texts of an image. Gives where it ends.
///
/// # Errors
/// When a bound is reached.
pub fn png(opening: &mut Opening<'_, '_>) -> Result<Option<usize>, Stop> {
    let text = opening.text;
    let mut texts = Vec::new();
    let mut at = 8;
    let mut end = None;
    while let Some(length) = number(text, at, 4) {
        let Some(kind) = text.get(at + 4..at + 8) else {
            break;
        };
        let data = text.get(at + 8..).unwrap_or_default();
        let data = data.get(..length.min(data.len())).unwrap_or_default();
        if matches!(kind, b"tEXt" | b"zTXt" | b"iTXt" | b"iCCP") {
            let room = MOST.saturating_sub(texts.len());
            read(opening, kind, data, room.min(MOST_TEXT), &mut texts);
        }
        at = at.saturating_add(length).saturating_add(12);
        if kind == b"IEND" {
            end = Some(at);
            break;
        }
    }
    opening.contained(Step::of("png text"), 0..text.len(), &texts)?;
    Ok(end)
}

/// Appends the keyword of a chunk and its text, in a line.
fn read(opening: &mut Opening<'_, '_>, kind: &[u8], data: &[u8], most: usize, texts: &mut Vec<u8>) {
    let (keyword, rest) = data.split_once_str(b"\0").unwrap_or((data, b""));
    texts.extend_from_slice(keyword);
    texts.extend_from_slice(b": ");
    match (kind, rest) {
        (b"zTXt" | b"iCCP", [_, packed @ ..]) => texts.extend(inflated(opening, packed, most)),
        (b"iTXt", [is_packed, _, rest @ ..]) => {
            let mut fields = rest.splitn(3, |&byte| byte == 0);
            let _language = fields.next();
            texts.extend_from_slice(fields.next().unwrap_or_default());
            texts.push(b' ');
            let text = fields.next().unwrap_or_default();
            match is_packed {
                0 => texts.extend_from_slice(text),
                _ => texts.extend(inflated(opening, text, most)),
            }
        }
        _ => texts.extend_from_slice(rest),
    }
    texts.push(b'\n');
}
