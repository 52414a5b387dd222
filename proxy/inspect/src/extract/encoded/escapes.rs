//! Characters written as escapes: of C, Java, JavaScript, JSON, Python and CSS behind a backslash, of URLs behind a percent sign.

use std::ops::Range;

use super::{Piece, hex_value, hints::Extent, is_graphic, put_character};

/// Backslashes before one escape at most: it may be escaped again and again.
const SLASHES: usize = 16;
/// Bytes of an escape at most.
const ESCAPE: usize = SLASHES + 24;
/// Escapes of two bare hex digits that count only together: one alone is a reference of a regex.
const TOGETHER: usize = 4;

/// What an escape stands for.
enum Value {
    Byte(u8),
    Character(u32),
    /// One that anybody writes: it goes along with others, and is nothing by itself.
    Usual(u8),
    /// A byte in two bare digits.
    Bare(u8),
}

/// The escapes, one behind the other, that begin with the backslash at `at`: some of them stand for characters that need none.
pub fn backslash_extent(text: &[u8], at: usize) -> Extent {
    let before = text.get(at.saturating_sub(SLASHES)..at).unwrap_or_default();
    let slashes = before.iter().rev().take_while(|&&byte| byte == b'\\');
    let start = at - slashes.count();
    let (mut end, mut bare, mut is_some) = (start, 0, false);
    each_escape(text, start, |range, value| {
        end = range.end;
        let (byte, is_bare) = match value {
            Value::Byte(byte) => (u32::from(byte), false),
            Value::Character(character) => (character, false),
            Value::Bare(byte) => (u32::from(byte), true),
            Value::Usual(_) => return,
        };
        bare += usize::from(is_bare);
        let is_enough = !is_bare || bare >= TOGETHER;
        is_some |= is_enough && u8::try_from(byte).is_ok_and(is_graphic);
    });
    let found = match is_some {
        true => Ok(start..end),
        false => Err(end.max(at + 1)),
    };
    Extent::new(found, end + ESCAPE)
}

/// Decodes the escapes at `range`.
pub fn backslash(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    each_escape(text, range.start, |source, value| match value {
        Value::Byte(byte) | Value::Usual(byte) | Value::Bare(byte) => piece.part(source, &[byte]),
        Value::Character(character) => {
            let _ = put_character(piece, source, character);
        }
    });
    Some(range)
}

fn each_escape(text: &[u8], start: usize, mut each: impl FnMut(Range<usize>, Value)) {
    let mut at = start;
    while let Some((end, value)) = escape(text, at) {
        each(at..end, value);
        at = end;
    }
}

fn escape(text: &[u8], start: usize) -> Option<(usize, Value)> {
    let slashes = text.get(start..)?.iter().take(SLASHES + 1);
    let slashes = slashes.take_while(|&&byte| byte == b'\\').count();
    let at = start + slashes;
    if slashes == 0 {
        return None;
    }
    let usual = |byte| Some((at + 1, Value::Usual(byte)));
    match *text.get(at)? {
        b'x' if text.get(at + 1) == Some(&b'{') => braced(text, at + 2),
        b'x' => Some((at + 3, Value::Byte(hex_value(text, at + 1..at + 3)? as u8))),
        b'u' if text.get(at + 1) == Some(&b'{') => braced(text, at + 2),
        b'u' => utf16_unit(text, at),
        b'U' => Some((at + 9, Value::Character(hex_value(text, at + 1..at + 9)?))),
        b'n' => usual(b'\n'),
        b'r' => usual(b'\r'),
        b't' => usual(b'\t'),
        byte @ (b'"' | b'\'' | b'/') => usual(byte),
        b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => numbered(text, at),
        _ => None,
    }
}

/// `\u{1F600}`.
fn braced(text: &[u8], at: usize) -> Option<(usize, Value)> {
    let digits = text.get(at..)?.iter().take(7);
    let end = at + digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
    let is_closed = text.get(end) == Some(&b'}') && (at + 1..=at + 6).contains(&end);
    let value = hex_value(text, at..end).filter(|_| is_closed)?;
    Some((end + 1, Value::Character(value)))
}

/// `\u0041`, or two of them that stand for one character. Java allows any number of `u`.
fn utf16_unit(text: &[u8], at: usize) -> Option<(usize, Value)> {
    let letters = text.get(at..)?.iter().take(8);
    let at = at + letters.take_while(|&&byte| byte == b'u').count();
    let end = at + 4;
    let first = hex_value(text, at..end)?;
    if (0xd800..0xdc00).contains(&first)
        && text.get(end..end + 2) == Some(br"\u")
        && let Some(second @ 0xdc00..0xe000) = hex_value(text, end + 2..end + 6)
    {
        let character = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((end + 6, Value::Character(character)));
    }
    Some((end, Value::Character(first)))
}

/// `\101` of C, `\000041` of CSS, or two digits as in CSS and the names of directories.
fn numbered(text: &[u8], at: usize) -> Option<(usize, Value)> {
    if text.get(at..at + 2) == Some(b"00")
        && let Some(value) = hex_value(text, at..at + 6)
    {
        let has_blank = text.get(at + 6) == Some(&b' ');
        return Some((at + 6 + usize::from(has_blank), Value::Character(value)));
    }
    if let &[
        first @ b'0'..=b'3',
        second @ b'0'..=b'7',
        third @ b'0'..=b'7',
    ] = text.get(at..at + 3)?
    {
        let value = (first - b'0') << 6 | (second - b'0') << 3 | (third - b'0');
        return Some((at + 3, Value::Byte(value)));
    }
    let value = hex_value(text, at..at + 2)? as u8;
    match text.get(at + 2) {
        Some(b' ') => Some((at + 3, Value::Bare(value))),
        Some(digit) if digit.is_ascii_hexdigit() => None,
        _ => Some((at + 2, Value::Bare(value))),
    }
}

/// Characters of a token of a URL that are read together at most.
const TOKEN: usize = 4096;
/// Escapes that look like a width in a format of C count from this number on.
const FORMATS: usize = 3;

/// The escapes from the one at `at` to the last of its token, unless all stand for blanks or look like formats of C.
pub fn percent_extent(text: &[u8], at: usize) -> Extent {
    let (mut graphic, mut formats, mut end, mut last) = (0, 0, at, at);
    let most = text.len().min(at + TOKEN);
    while end < most {
        let Some(&byte) = text.get(end) else {
            break;
        };
        if byte != b'%' {
            if !is_of_url(byte) {
                break;
            }
            end += 1;
            continue;
        }
        let Some(value) = hex_value(text, end + 1..end + 3) else {
            end += 1;
            continue;
        };
        let is_counted = u8::try_from(value).is_ok_and(is_graphic);
        let is_format = matches!(text.get(end + 2), Some(b'a' | b'c'..=b'f'));
        graphic += usize::from(is_counted);
        formats += usize::from(is_counted && is_format);
        end += 3;
        last = end;
    }
    let found = match graphic > formats || formats >= FORMATS {
        true => Ok(at..last),
        false => Err(end.max(at + 1)),
    };
    Extent::new(found, end + 3)
}

fn is_of_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+;=,|".contains(&byte)
}

/// Decodes the escapes at `range`, and keeps what stands between them.
pub fn percent(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut at = range.start;
    while at < range.end {
        let escape = text.get(at).filter(|&&byte| byte == b'%');
        if let Some(value) = escape.and_then(|_| hex_value(text, at + 1..at + 3)) {
            piece.part(at..at + 3, &[value as u8]);
            at += 3;
        } else {
            piece.part(at..at + 1, text.get(at..at + 1)?);
            at += 1;
        }
    }
    Some(range)
}
