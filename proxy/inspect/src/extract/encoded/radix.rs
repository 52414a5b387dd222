//! Base32 (RFC 4648) and Ascii85 between `<~` and `~>`.

use std::ops::Range;

use super::{Piece, hints::Extent, is_text};

/// Characters from which on base32 counts.
const LEAST: usize = 24;
/// Characters that are read of Ascii85 before its end is looked for no further.
const LONGEST: usize = 1 << 20;

/// The run at `range`, if it decodes to text.
pub fn promising(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    if range.len() < LEAST {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    bits(text.get(range.start..range.start + LEAST)?, &mut bytes);
    is_text(&bytes).then_some(range)
}

/// Decodes a run of base32.
pub fn base32(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut bytes = Vec::new();
    bits(text.get(range.clone())?, &mut bytes);
    piece.part(range.clone(), &bytes);
    let padding = text.get(range.end..)?.iter().take(6);
    let padding = padding.take_while(|&&byte| byte == b'=').count();
    Some(range.start..range.end + padding)
}

fn bits(run: &[u8], bytes: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u32, 0);
    for &byte in run {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => continue,
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
}

/// The text between `<~` at `at` and `~>`.
pub fn ascii85_extent(text: &[u8], at: usize) -> Extent {
    let rest = text.get(at + 2..text.len().min(at + LONGEST));
    let rest = rest.unwrap_or_default();
    let digit = |byte: &&u8| matches!(byte, b'!'..=b'u' | b'z') || byte.is_ascii_whitespace();
    let length = rest.iter().take_while(digit).count();
    let end = at + length + 4;
    let is_closed = rest
        .get(length..)
        .is_some_and(|rest| rest.starts_with(b"~>"));
    let found = (is_closed && length > 0).then_some(at..end);
    Extent::new(found.ok_or(at + 1), end)
}

/// Decodes Ascii85 as Adobe writes it.
pub fn ascii85(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let digits = text.get(range.start + 2..range.end - 2)?;
    let (mut value, mut count) = (0_u32, 0);
    let mut bytes = Vec::new();
    for &byte in digits.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if byte == b'z' && count == 0 {
            bytes.extend([0; 4]);
            continue;
        }
        value = value
            .wrapping_mul(85)
            .wrapping_add(u32::from(byte.wrapping_sub(b'!')));
        count += 1;
        if count == 5 {
            bytes.extend(value.to_be_bytes());
            (value, count) = (0, 0);
        }
    }
    if count > 1 {
        for _ in count..5 {
            value = value.wrapping_mul(85).wrapping_add(84);
        }
        bytes.extend(value.to_be_bytes().iter().take(count - 1));
    }
    piece.part(range.clone(), &bytes);
    Some(range)
}
