//! Bytes written as lists of numbers: `[104, 117]`, `{0x41, 0x42}`.

use std::ops::Range;

use super::{Piece, hex_value, hints::Extent};

/// Numbers of a list at least.
const LEAST: usize = 8;
/// Characters between two numbers at most.
const GAP: usize = 80;
/// Characters before a comma at which a list was noticed that may be of it.
const BACK: usize = 3 * GAP;

/// Bytes behind the end of a list, or of what is none, that are read.
pub const AHEAD: usize = GAP + 8;

/// The list of numbers below 256 that has the comma at `comma`.
pub fn decimal_extent(text: &[u8], low: usize, comma: usize) -> Result<Range<usize>, usize> {
    let from = low.max(comma.saturating_sub(BACK));
    let before = text.get(from..comma).unwrap_or_default().iter().rev();
    let part = |byte: &&u8| byte.is_ascii_digit() || between(byte);
    let mut start = comma - before.take_while(part).count();
    // Numbers before it may be of no list.
    while start < comma {
        let blanks = text.get(start..comma).unwrap_or_default().iter();
        start += blanks.take_while(|&byte| between(byte)).count();
        let (mut end, mut count) = (start, 0);
        each_decimal(text, start, |number, _| {
            end = number.end;
            count += 1;
        });
        if count >= LEAST {
            return Ok(start..end);
        }
        let digits = text.get(end..).unwrap_or_default().iter();
        let rest = digits.take_while(|byte| byte.is_ascii_digit()).count();
        start = (end + rest).max(start + 1);
    }
    Err(start)
}

fn between(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == b','
}

/// Decodes a list of decimal numbers.
pub fn decimal(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    each_decimal(text, range.start, |number, value| {
        piece.part(number, &[value])
    });
    Some(range)
}

fn each_decimal(text: &[u8], start: usize, mut each: impl FnMut(Range<usize>, u8)) {
    let mut at = start;
    loop {
        let digits = text.get(at..).unwrap_or_default().iter();
        let digits = digits.take(4).take_while(|byte| byte.is_ascii_digit());
        let end = at + digits.count();
        let value = text.get(at..end).unwrap_or_default().iter();
        let value = value.fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        let Some(value) = u8::try_from(value)
            .ok()
            .filter(|_| (1..=3).contains(&(end - at)))
        else {
            return;
        };
        each(at..end, value);
        match gap(text, end) {
            Some(next) => at = next,
            None => return,
        }
    }
}

/// Where the next number begins behind a comma at `at`.
fn gap(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..text.len().min(at + GAP))?;
    let gap = rest.iter().take_while(|&byte| between(byte)).count();
    let commas = rest.get(..gap)?.iter().filter(|&&byte| byte == b',');
    (commas.count() == 1).then_some(at + gap)
}

/// The list of hex numbers of two digits that begins behind the character at `at`.
pub fn hex_extent(text: &[u8], at: usize) -> Extent {
    let at = at + 1;
    let (mut end, mut count) = (at, 0);
    each_hex(text, at, |number, _| {
        end = number.end;
        count += 1;
    });
    let found = match count >= LEAST {
        true => Ok(at..end),
        false => Err(end.max(at + 1)),
    };
    Extent::new(found, end + AHEAD)
}

/// Decodes a list of hex numbers.
pub fn hex(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    each_hex(text, range.start, |number, value| {
        piece.part(number, &[value])
    });
    Some(range)
}

fn each_hex(text: &[u8], start: usize, mut each: impl FnMut(Range<usize>, u8)) {
    let mut at = start;
    while let Some(b"0x") = text.get(at..at + 2) {
        let is_longer = text.get(at + 4).is_some_and(u8::is_ascii_hexdigit);
        let Some(value) = hex_value(text, at + 2..at + 4).filter(|_| !is_longer) else {
            return;
        };
        each(at..at + 4, value as u8);
        match gap(text, at + 4) {
            Some(next) => at = next,
            None => return,
        }
    }
}
