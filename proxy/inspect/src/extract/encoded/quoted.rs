//! Mail: quoted-printable (RFC 2045) and encoded words of headers (RFC 2047).

use std::ops::Range;

use super::{Piece, hex_value, hints::Extent, is_graphic};

/// Columns of a line that goes on in the next one: shorter ones end with a sign that means something else.
const SOFT: std::ops::RangeInclusive<usize> = 60..=76;
/// Escapes that count together; a sign of equality counts alone.
const TOGETHER: usize = 3;

/// The escapes from the one at `at`, one behind the other, or a line end that is none.
pub fn printable_extent(text: &[u8], at: usize) -> Extent {
    if let Some(end) = soft_break(text, at) {
        return Extent::new(Ok(at..end), end);
    }
    let (mut end, mut count, mut graphic) = (at, 0, 0);
    while let Some(value) = escaped(text, end) {
        count += if value == b'=' { TOGETHER } else { 1 };
        graphic += usize::from(is_graphic(value));
        end += 3;
    }
    let found = match count >= TOGETHER && graphic > 0 {
        true => Ok(at..end),
        false => Err(end.max(at + 1)),
    };
    Extent::new(found, end + 3)
}

fn escaped(text: &[u8], at: usize) -> Option<u8> {
    let value = || hex_value(text, at + 1..at + 3);
    text.get(at)
        .filter(|&&byte| byte == b'=')
        .and_then(|_| Some(value()? as u8))
}

/// The end of the soft line end at `at`: its line is as long as mail programs make them.
fn soft_break(text: &[u8], at: usize) -> Option<usize> {
    let behind = match text.get(at..text.len().min(at + 3))? {
        [b'=', b'\r', b'\n'] => at + 3,
        [b'=', b'\n', ..] => at + 2,
        _ => return None,
    };
    let before = text.get(at.saturating_sub(*SOFT.end())..at)?;
    let column = match bstr::ByteSlice::rfind_byte(before, b'\n') {
        Some(end) => before.len() - end,
        None => before.len() + 1,
    };
    let is_word = before.last().is_some_and(|&byte| is_graphic(byte));
    (SOFT.contains(&column) && is_word).then_some(behind)
}

/// Decodes the escapes at `range`.
pub fn printable(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    if soft_break(text, range.start).is_some() {
        piece.part(range.clone(), b"");
        return Some(range);
    }
    let mut at = range.start;
    while let Some(value) = escaped(text, at) {
        piece.part(at..at + 3, &[value]);
        at += 3;
    }
    Some(range)
}

/// Bytes of an encoded word at most; the standard says 75.
const WORD: usize = 1024;

/// The encoded word that begins at `at`.
pub fn word_extent(text: &[u8], at: usize) -> Extent {
    let found = Word::read(text, at).map(|word| at..word.end);
    Extent::new(found.ok_or(at + 1), at + WORD + 2)
}

/// Decodes the word at `range`, and those that follow it.
pub fn word(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut end = range.start;
    let mut next = Some(range.start);
    while let Some(word) = next.and_then(|next| Word::read(text, next)) {
        word.decode(text, piece)?;
        end = word.end;
        let rest = text.get(end..text.len().min(end + 8))?;
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        // White space between two words is not theirs.
        next = Some(end + gap.count());
    }
    Some(range.start..end)
}

struct Word {
    is_base64: bool,
    content: Range<usize>,
    end: usize,
}

impl Word {
    fn read(text: &[u8], at: usize) -> Option<Self> {
        let rest = text.get(at..text.len().min(at + WORD))?;
        let mut parts = rest.strip_prefix(b"=?")?.split(|&byte| byte == b'?');
        let (charset, encoding, content) = (parts.next()?, parts.next()?, parts.next()?);
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_*.:+".contains(byte);
        let is_base64 = match encoding {
            b"B" | b"b" => true,
            b"Q" | b"q" => false,
            _ => return None,
        };
        let start = at + 2 + charset.len() + 3;
        let end = start + content.len();
        let is_whole = !charset.is_empty()
            && charset.iter().all(is_name)
            && content.iter().all(|&byte| is_graphic(byte))
            && text.get(end..end + 2) == Some(b"?=");
        is_whole.then_some(Self {
            is_base64,
            content: start..end,
            end: end + 2,
        })
    }

    fn decode(&self, text: &[u8], piece: &mut Piece) -> Option<()> {
        let content = self.content.clone();
        if self.is_base64 {
            let bytes = super::base64::bytes(text.get(content.clone())?);
            piece.part(content, &bytes);
            return Some(());
        }
        let mut at = content.start;
        while at < content.end {
            let (end, value) = match (escaped(text, at), text.get(at)?) {
                (Some(value), _) => (at + 3, value),
                (None, b'_') => (at + 1, b' '),
                (None, &byte) => (at + 1, byte),
            };
            piece.part(at..end, &[value]);
            at = end;
        }
        Some(())
    }
}
