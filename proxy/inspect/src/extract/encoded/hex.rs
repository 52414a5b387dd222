//! Bytes written as pairs of hex digits: one behind the other, and as dumps.

use std::ops::Range;

use super::{
    DIGITS, Piece, base64, hex_value, is_text,
    runs::{BETWEEN, CLASSES, HEX, LEAST, class},
};
use crate::extract::sniff;

/// Digits from which on a run is decoded whatever it begins with.
const LONG: usize = 192;

/// The digits in the run at `range` that are worth decoding: those of text, of a known form, or many.
pub fn promising(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let is_digit = |&byte: &u8| CLASSES[byte as usize] & HEX != 0;
    let mut at = range.start;
    while at + LEAST <= range.end {
        // Behind the last of what is no digit it may begin.
        let least = text.get(at..at + LEAST)?;
        if let Some(other) = least.iter().rposition(|byte| !is_digit(byte)) {
            at += other + 1;
            continue;
        }
        let more = text.get(at + LEAST..range.end)?.iter();
        let end = at + LEAST + more.take_while(|&byte| is_digit(byte)).count();
        for start in [at, at + 1] {
            if end >= start + LEAST && begins_well(text, start, end) {
                return Some(start..end - (end - start) % 2);
            }
        }
        at = end + 1;
    }
    None
}

fn begins_well(text: &[u8], start: usize, end: usize) -> bool {
    if end - start >= LONG {
        return true;
    }
    let mut first = [0; 32];
    let digits = text.get(start..end).unwrap_or_default();
    let count = read(digits, &mut first[..8]);
    let is_like_text = is_text(first.get(..count).unwrap_or_default());
    let [one, two, three, ..] = first;
    if !is_like_text && !sniff::may_begin([one, two, three]) {
        return false;
    }
    let count = read(digits, &mut first);
    let first = first.get(..count).unwrap_or_default();
    is_like_text && is_text(first) || sniff::format(first).is_some()
}

/// Reads as many pairs of digits as there is room for, and says how many.
fn read(digits: &[u8], bytes: &mut [u8]) -> usize {
    let (pairs, _) = digits.as_chunks::<2>();
    let value = |digit: u8| DIGITS[usize::from(digit)];
    for (&[high, low], place) in pairs.iter().zip(bytes.iter_mut()) {
        *place = value(high) << 4 | value(low);
    }
    pairs.len().min(bytes.len())
}

/// Decodes the run and the lines that it goes on in.
pub fn digits(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut bytes = Vec::new();
    let mut half = None;
    let (end, _) = base64::lines(text, range.clone(), HEX, &mut |line| {
        bytes.clear();
        for at in line.clone() {
            let digit = hex_value(text, at..at + 1).unwrap_or(0);
            match half.take() {
                Some(high) => bytes.push((high << 4 | digit) as u8),
                None => half = Some(digit),
            }
        }
        piece.part(line, &bytes);
    });
    Some(range.start..end)
}

/// Bytes that a dump has at least.
const LEAST_BYTES: usize = 8;
/// Bytes of a line of a dump that says its offsets at most: what stands behind them are the characters.
const LINE: usize = 16;
/// Characters of a line before its bytes that are looked back at.
const BACK: usize = 64;

/// Bytes behind the end of a dump, or of what is none, that are read to see whether it goes on.
const AHEAD: usize = 2 * GAP + 32;
/// Bytes between the bytes of a line and its end, and before those of the next line, at most.
const GAP: usize = 100;

/// The dump around the character at `at`, which is part of one if there is one; and from where on no byte was read.
pub fn dump_extent(text: &[u8], low: usize, at: usize) -> (Option<Range<usize>>, usize) {
    let mut reach = at + AHEAD;
    let found = dump_around(text, low, at, &mut reach);
    (found, reach)
}

fn dump_around(text: &[u8], low: usize, at: usize, reach: &mut usize) -> Option<Range<usize>> {
    let from = low.max(at.saturating_sub(BACK));
    let before = text.get(from..at)?.iter().rev();
    let part = |byte: &&u8| CLASSES[**byte as usize] & (HEX | BETWEEN) != 0;
    let mut start = at - before.take_while(part).count();
    let mut piece = Piece::default();
    // What stands before the bytes may be a word of the same letters.
    while start <= at {
        while class(text, start) & BETWEEN != 0 {
            start += 1;
        }
        let found = read_dump(text, start, &mut piece, reach);
        if let Some(range) = found {
            let is_read = is_text(&piece.bytes) || piece.bytes.len() >= super::LONG;
            return (range.end > at && is_read).then_some(range);
        }
        piece.clear();
        start += digits_at(text, start).max(1);
    }
    None
}

/// Decodes a dump: pairs with something between them, or lines of pairs or of words behind their offsets.
pub fn dump(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    read_dump(text, range.start, piece, &mut 0)
}

/// The same of what begins at `start`. Says how far it has read where that is farther than `reach`.
fn read_dump(
    text: &[u8],
    start: usize,
    piece: &mut Piece,
    reach: &mut usize,
) -> Option<Range<usize>> {
    let mut line = Line::begin(text, start)?;
    let mut end = start;
    while let Some(behind) = line.bytes(text, piece) {
        end = behind;
        *reach = (end + AHEAD).max(*reach);
        let Some(next) = line.next(text, end) else {
            break;
        };
        line = next;
    }
    (piece.bytes.len() >= LEAST_BYTES).then_some(start..end)
}

/// One line of a dump.
struct Line {
    /// Where its bytes begin.
    start: usize,
    has_offset: bool,
    /// Digits of a group.
    width: usize,
    /// Groups are numbers of which the low byte is told first.
    is_swapped: bool,
}

impl Line {
    fn begin(text: &[u8], at: usize) -> Option<Self> {
        let first = digits_at(text, at);
        let mut line = Self {
            start: at,
            has_offset: false,
            width: first,
            is_swapped: false,
        };
        let behind = at + first;
        let has_colon = text.get(behind) == Some(&b':') && text.get(behind + 1) == Some(&b' ');
        if first >= 4 && (has_colon || first >= 6 && text.get(behind) == Some(&b' ')) {
            let mut start = behind + 1;
            while text.get(start) == Some(&b' ') && start < behind + 4 {
                start += 1;
            }
            line.start = start;
            line.has_offset = true;
            line.width = digits_at(text, start);
            line.is_swapped = line.width == 4 && !has_colon;
        }
        matches!(line.width, 2 | 4 | 8).then_some(line)
    }

    /// Decodes its groups, and says where they end.
    fn bytes(&self, text: &[u8], piece: &mut Piece) -> Option<usize> {
        let mut at = self.start;
        let mut end = None;
        let mut count = 0;
        loop {
            let width = digits_at(text, at);
            if width == 0 || width > self.width || !width.is_multiple_of(2) {
                return end;
            }
            for byte in 0..width / 2 {
                let from = match self.is_swapped {
                    true => at + width - 2 * (byte + 1),
                    false => at + 2 * byte,
                };
                let value = hex_value(text, from..from + 2)? as u8;
                let source = at + 2 * byte;
                piece.part(source..source + 2, &[value]);
            }
            count += width / 2;
            at += width;
            end = Some(at);
            if class(text, at) & BETWEEN == 0 || self.has_offset && count >= LINE {
                return end;
            }
            at += 1;
            if self.has_offset && count == LINE / 2 && text.get(at) == Some(&b' ') {
                at += 1;
            }
        }
    }

    /// The line after the one whose bytes end at `end`, if it goes on there.
    fn next(&self, text: &[u8], end: usize) -> Option<Self> {
        let rest = text.get(end..text.len().min(end + GAP))?;
        let line_end = bstr::ByteSlice::find_byte(rest, b'\n')?;
        let passed = rest.get(..line_end)?;
        if !self.has_offset && !passed.iter().all(|byte| b" :\\\r".contains(byte)) {
            return None;
        }
        let start = end + line_end + 1;
        let indent = text.get(start..text.len().min(start + GAP))?;
        let indent = indent
            .iter()
            .take_while(|&&byte| matches!(byte, b' ' | b'\t'));
        let line = Self::begin(text, start + indent.count())?;
        (line.has_offset == self.has_offset && line.width <= self.width).then_some(Self {
            width: self.width,
            ..line
        })
    }
}

/// How many hex digits stand at `at`; nine if there are more than eight.
fn digits_at(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default().iter().take(9);
    rest.take_while(|&&byte| CLASSES[byte as usize] & HEX != 0)
        .count()
}
