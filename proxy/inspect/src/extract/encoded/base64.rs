//! Base64 and base64url (RFC 4648), in one line or wrapped, in files and in the literals of programs.

use std::ops::Range;

use super::{
    Piece, is_text,
    runs::{BASE64, CLASSES, DECIMAL, LEAST, LOWER, TIE, UPPER, class},
};
use crate::extract::sniff;

/// Characters of a line that goes on in the next one at least: shorter ones are words below each other.
const WRAPPED: usize = 40;
/// Characters of a run from which on it is decoded whatever it begins with.
const LONG: usize = 128;
/// Characters of lines of which two make a long run.
const WIDE: usize = 60;
/// Words before it in the same run that may be something else.
const GLUED: usize = 8;

/// Characters in which they stand.
const TIED: usize = 256;

/// The value of each character; [`NONE`] of others.
const VALUES: [u8; 256] = values();
const NONE: u8 = 0xff;

const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < alphabet.len() {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
}

/// Where in the run at `range` base64 begins that is worth decoding: its first bytes are text, or it is long, or it begins like a
/// known form. What stands before it may be a name that is tied to it.
pub fn promising(text: &[u8], range: Range<usize>, has_ties: bool) -> Option<usize> {
    let Range { start, end } = range;
    let start = start + escaped_line_end(text, start);
    let is_good = |&start: &usize| start + LEAST <= end && begins_well(text, start, end);
    if is_good(&start) {
        return Some(start);
    }
    let run = if has_ties { start..end } else { 0..0 };
    let run = text.get(run)?;
    let ties = run.iter().take(TIED).enumerate();
    let ties = ties.filter(|(_, byte)| CLASSES[usize::from(**byte)] & TIE != 0);
    let behind_tie = ties.take(GLUED).map(|(at, _)| start + at + 1).find(is_good);
    behind_tie
        .or_else(|| in_another_phase(text, start, end))
        .or_else(|| (is_long(text, start, end)).then_some(start))
}

/// The `n` of an escaped line end before the run is none of its characters.
fn escaped_line_end(text: &[u8], start: usize) -> usize {
    let is_escaped = start.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\\');
    usize::from(is_escaped && matches!(text.get(start), Some(b'n' | b'r' | b't')))
}

fn is_long(text: &[u8], start: usize, end: usize) -> bool {
    end - start >= LONG
        || end - start >= WIDE && {
            let next = go_on(text, end).unwrap_or(end);
            let line = text.get(next..next + (end - start)).unwrap_or_default();
            next > end
                && !line.is_empty()
                && (next..next + line.len()).all(|at| class(text, at) & BASE64 != 0)
        }
}

/// Where base64 begins of which only the middle is text, when it is read from the first character.
fn in_another_phase(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if end - start < WRAPPED {
        return None;
    }
    let middle = start + (end - start) / 2;
    let is_words = |at: usize| (0..4).all(|group| is_printing(text, at + group * 4));
    let found = (middle..middle + 4).find(|&at| at + LEAST <= end && is_words(at))?;
    let mut at = found;
    while at >= start + 4 && is_printing(text, at - 4) {
        at -= 4;
    }
    (end - at >= LEAST).then_some(at)
}

/// Three bytes of the four characters at `at`; none if there are others.
fn group(text: &[u8], at: usize) -> Option<[u8; 3]> {
    let mut bits = 0_u32;
    for &byte in text.get(at..at + 4)? {
        let value = VALUES[byte as usize];
        if value == NONE {
            return None;
        }
        bits = bits << 6 | u32::from(value);
    }
    let [_, first, second, third] = bits.to_be_bytes();
    Some([first, second, third])
}

fn is_printing(text: &[u8], at: usize) -> bool {
    group(text, at).is_some_and(|bytes| bytes.iter().all(super::prints) && bytes.is_ascii())
}

/// Whether the run begins with text, in UTF-8 or UTF-16, or like a known form.
fn begins_well(text: &[u8], start: usize, end: usize) -> bool {
    let Some(bytes) = group(text, start) else {
        return false;
    };
    let may_be_text = |byte: &u8| *byte == 0 || byte.is_ascii() && super::prints(byte);
    let is_text_like = bytes.iter().all(may_be_text);
    let is_mixed = || {
        let seen = (start..start + LEAST).fold(0, |seen, at| seen | class(text, at));
        seen & (UPPER | LOWER | DECIMAL) == UPPER | LOWER | DECIMAL
    };
    let is_mixed_form = || end - start >= 2 * LEAST && is_mixed();
    let may_be_form = || sniff::may_begin(bytes) && (is_text_like || is_mixed_form());
    let mut first = [0; 48];
    let is_text = is_text_like && is_text(read(text, start..end, &mut first[..12]));
    is_text || may_be_form() && sniff::format(read(text, start..end, &mut first)).is_some()
}

/// Decodes as many groups of the run at `range` as there is room for.
fn read<'b>(text: &[u8], range: Range<usize>, bytes: &'b mut [u8]) -> &'b [u8] {
    let mut count = 0;
    for (at, three) in range.step_by(4).zip(bytes.chunks_exact_mut(3)) {
        three.copy_from_slice(&group(text, at).unwrap_or_default());
        count += 3;
    }
    bytes.get(..count).unwrap_or_default()
}

/// Decodes the run and the lines that it goes on in.
pub fn decode(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = Vec::new();
    let mut from = range.start;
    let (mut end, breaks) = lines(text, range.clone(), BASE64, &mut |line| {
        bytes.clear();
        if count == 0 {
            from = line.start;
        }
        for &byte in text.get(line.clone()).unwrap_or_default() {
            bits = bits << 6 | u32::from(VALUES[byte as usize] & 63);
            count += 1;
            if count == 4 {
                let [_, first, second, third] = bits.to_be_bytes();
                bytes.extend([first, second, third]);
                (bits, count) = (0, 0);
            }
        }
        // A group may go on in the next line.
        let to = (line.end - (count as usize).min(line.len())).max(from);
        piece.part(from..to, &bytes);
        from = to;
    });
    let rest = from.min(end);
    let [_, first, second, _] = (bits << (6 * (4 - count))).to_be_bytes();
    match count {
        2 => piece.part(rest..end, &[first]),
        3 => piece.part(rest..end, &[first, second]),
        _ => {}
    }
    if breaks == 0 && !is_text(&piece.bytes) && piece.bytes.len() < super::LONG {
        cut(&range, piece, &mut end);
    }
    let padding = text.get(end..).unwrap_or_default();
    end += padding
        .iter()
        .take(2)
        .take_while(|&&byte| byte == b'=')
        .count();
    Some(range.start..end)
}

/// What `run` decodes to, without regard to what is none of its characters.
pub fn bytes(run: &[u8]) -> Vec<u8> {
    let digits = run.iter().map(|&byte| VALUES[byte as usize]);
    let digits: Vec<u8> = digits.filter(|&value| value != NONE).collect();
    let mut bytes = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, &value| bits << 6 | u32::from(value));
        let bits = bits << (6 * (4 - group.len()));
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend(three.iter().take(group.len() - 1));
    }
    bytes
}

/// Drops what a name that is tied to its end decodes to.
fn cut(range: &Range<usize>, piece: &mut Piece, end: &mut usize) {
    let is_word = |bytes: &&[u8]| {
        bytes
            .iter()
            .all(|byte| byte.is_ascii() && super::prints(byte))
    };
    let groups = piece.bytes.chunks_exact(3).take_while(is_word).count();
    if groups * 3 >= 12 {
        let bytes = piece.bytes.get(..groups * 3).unwrap_or_default().to_vec();
        *end = range.start + groups * 4;
        piece.clear();
        piece.part(range.start..*end, &bytes);
    }
}

/// Tells the run `first` and the lines that it goes on in, each with digits of class `digits` alone and none longer than the first.
/// Returns the end of the last one, and how many there are beside the first.
pub fn lines(
    text: &[u8],
    first: Range<usize>,
    digits: u8,
    each: &mut dyn FnMut(Range<usize>),
) -> (usize, usize) {
    let width = first.len();
    let mut end = first.end;
    let mut count = 0;
    each(first);
    while let Some(start) = go_on(text, end) {
        let is_literal = matches!(text.get(start - 1), Some(b'"' | b'\'' | b'`'));
        if width < WRAPPED && !is_literal {
            break;
        }
        let run = text.get(start..).unwrap_or_default();
        let run = run.iter().take(width + 1);
        let length = run.take_while(|&&byte| super::runs::CLASSES[byte as usize] & digits != 0);
        let length = length.count();
        if length == 0 || length > width {
            break;
        }
        each(start..start + length);
        end = start + length;
        count += 1;
        if length < width {
            break;
        }
    }
    (end, count)
}

/// Bytes between two lines of one run at most.
pub const GAP: usize = 120;

/// Where a run that ends at `at` goes on: in the next line, or behind an escaped line end, or in the next literal.
fn go_on(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..text.len().min(at + GAP))?;
    let mut left = rest;
    let mut is_break = false;
    while let Some(behind) = escaped(left) {
        left = behind;
        is_break = true;
    }
    let quote = left.first().copied().filter(|byte| b"\"'`".contains(byte));
    if quote.is_some() {
        left = blanks(left.get(1..)?);
        if let Some(b'+' | b'.' | b',' | b'&' | b'\\') = left.first() {
            left = blanks(left.get(1..)?);
        }
    } else if let Some(b'\\') = left.first() {
        left = left.get(1..)?;
    }
    left = left.strip_prefix(b"\r").unwrap_or(left);
    if let Some(line) = left.strip_prefix(b"\n") {
        is_break = true;
        left = blanks(line);
        if let Some(b'#' | b'*' | b'>' | b';' | b'%' | b'|') = left.first() {
            left = blanks(left.get(1..)?);
        }
        if let Some(b'+' | b'.' | b'&') = left.first().filter(|_| quote.is_some()) {
            left = blanks(left.get(1..)?);
        }
    }
    if let Some(quote) = quote {
        left = left.strip_prefix(&[quote])?;
    } else if !is_break {
        return None;
    }
    let gone = rest.len() - left.len();
    (gone > 0 && !left.is_empty()).then_some(at + gone)
}

fn blanks(text: &[u8]) -> &[u8] {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    text.get(text.iter().take_while(blank).count()..)
        .unwrap_or_default()
}

/// What stands behind an escaped line end.
fn escaped(text: &[u8]) -> Option<&[u8]> {
    let slashes = text.iter().take_while(|&&byte| byte == b'\\').count();
    let is_line_end = slashes > 0 && matches!(text.get(slashes), Some(b'n' | b'r'));
    text.get(slashes + 1..).filter(|_| is_line_end)
}
