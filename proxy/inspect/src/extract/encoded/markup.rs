//! References of HTML and XML: `&quot;`, `&#104;`, `&#x68;`.

use std::ops::Range;

use super::{super::document, Piece, hints::Extent, is_graphic, put_character};

/// The references, one behind the other, that begin at `at`: some of them stand for characters of ASCII.
pub fn entity_extent(text: &[u8], at: usize) -> Extent {
    let (mut end, mut is_some) = (at, false);
    while let Some((behind, character)) = reference(text, end) {
        end = behind;
        is_some |= u8::try_from(character).is_ok_and(is_graphic);
    }
    let found = match is_some {
        true => Ok(at..end),
        false => Err(end.max(at + 1)),
    };
    Extent::new(found, end + document::LONGEST + 2)
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
    let (character, length) = document::reference(text.get(at..)?)?;
    Some((at + length, u32::from(character)))
}
