//! References of HTML and XML: `&quot;`, `&#104;`, `&#x68;`.

use std::ops::Range;

use super::{Piece, hex_value, hints::Extent, is_graphic, put_character};

/// The names that all of XML knows, and the blank that nobody sees.
const NAMES: [(&[u8], u32); 6] = [
    (b"&amp;", 0x26),
    (b"&lt;", 0x3c),
    (b"&gt;", 0x3e),
    (b"&quot;", 0x22),
    (b"&apos;", 0x27),
    (b"&nbsp;", 0x20),
];

/// The references, one behind the other, that begin at `at`: some of them stand for characters of ASCII.
pub fn entity_extent(text: &[u8], at: usize) -> Extent {
    let (mut end, mut is_some) = (at, false);
    while let Some((behind, character)) = reference(text, end) {
        end = behind;
        is_some |= u8::try_from(character).is_ok_and(is_graphic);
    }
    match is_some {
        true => Ok(at..end),
        false => Err(end.max(at + 1)),
    }
}

/// Decodes the references at `range`.
pub fn entity(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut at = range.start;
    while let Some((end, character)) = reference(text, at).filter(|_| at < range.end) {
        let _ = put_character(piece, at..end, character);
        at = end;
    }
    Some(range)
}

fn reference(text: &[u8], at: usize) -> Option<(usize, u32)> {
    let rest = text.get(at..text.len().min(at + 12))?;
    if let Some((name, character)) = NAMES.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some((at + name.len(), *character));
    }
    let number = rest.strip_prefix(b"&#")?;
    let length = bstr::ByteSlice::find_byte(number, b';')?;
    let digits = number.get(..length)?;
    let character = match digits {
        [b'x' | b'X', hex @ ..] if !hex.is_empty() => hex_value(hex, 0..hex.len())?,
        _ => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    Some((at + 2 + length + 1, character))
}
