//! What a language joins again: literals beside each other, and lines that go on in the next one.

use std::ops::Range;

use super::{Piece, hints::Extent, is_graphic};

/// Characters of the word across a joint that there are at least, and that are looked at.
const LEAST: usize = 8;
const MOST: usize = 64;
/// Characters of a word that is in pieces which are shorter than that.
const MANY: usize = 16;
/// Bytes between two literals at most.
const GAP: usize = 200;

/// What stands between two literals that are one word: quotes, white space and an operator. `at` is the first quote. Of literals that
/// are too short for a word, all from the first such place to the last.
pub fn literals_extent(text: &[u8], at: usize) -> Extent {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let is_behind_word = before.is_some_and(|&byte| is_of_word(byte));
    let end = is_behind_word.then(|| joint(text, at)).flatten();
    let (end, last) = match end {
        Some(end) if is_word(text, at, end) => (Some(end), end),
        Some(end) => chain(text, length_before(text, at), end),
        None => (None, at),
    };
    let found = end.map(|end| at..end).ok_or(at + 1);
    Extent::new(found, last + MOST + GAP)
}

/// Leaves out what stands between the literals of `range`.
pub fn literals(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let mut at = range.start;
    loop {
        let end = joint(text, at)?;
        piece.part(at..end, b"");
        if end >= range.end {
            return Some(range);
        }
        at = end + length_behind(text, end);
        piece.part(end..at, text.get(end..at)?);
    }
}

/// Where the next literal begins that belongs to the one that the quote at `at` ends.
fn joint(text: &[u8], at: usize) -> Option<usize> {
    let quote = *text.get(at)?;
    let gap = text.get(at + 1..text.len().min(at + GAP))?;
    let mut rest = white(gap);
    let operator = operator(rest);
    if operator > 0 {
        rest = white(rest.get(operator..)?);
    }
    let rest = match rest {
        // `f"..."`
        [
            b'f' | b'r' | b'b' | b'u' | b'L' | b'@' | b'$',
            b'"' | b'\'',
            ..,
        ] => rest.get(1..)?,
        _ => rest,
    };
    let is_open = match rest.first()? {
        byte if *byte == quote => operator > 0 || rest.len() < gap.len(),
        b'"' | b'\'' | b'`' => operator > 0 && !white(gap).starts_with(b"\\"),
        _ => false,
    };
    is_open.then_some(at + 1 + (gap.len() - rest.len()) + 1)
}

/// Bytes of the operator that `text` begins with, or of the mark that the line goes on.
fn operator(text: &[u8]) -> usize {
    match text {
        [b'.', b'.', ..] | [b'|', b'|', ..] => 2,
        [b'+' | b'.' | b'&' | b'\\', ..] => 1,
        _ => 0,
    }
}

/// Where the last of the literals begins of which the second one begins at `second` and the first has `length` characters, if they
/// come to many; and where it begins if they do not.
fn chain(text: &[u8], mut length: usize, second: usize) -> (Option<usize>, usize) {
    let mut start = second;
    loop {
        let piece = length_behind(text, start);
        length += piece;
        let end = start + piece;
        let is_ended = matches!(text.get(end), Some(b'"' | b'\'' | b'`'));
        match (is_ended && piece > 0).then(|| joint(text, end)).flatten() {
            Some(next) => start = next,
            None => return ((piece > 0 && length >= MANY).then_some(start), start),
        }
    }
}

/// Whether the characters before `start` and those from `end` on are one word, long enough for a secret.
fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let behind = length_behind(text, end);
    behind > 0 && length_before(text, start) + behind >= LEAST
}

/// The characters of the word that ends at `at`, up to a bound.
fn length_before(text: &[u8], at: usize) -> usize {
    let before = text.get(at.saturating_sub(MOST)..at).unwrap_or_default();
    before
        .iter()
        .rev()
        .take_while(|&&byte| is_of_word(byte))
        .count()
}

/// The characters of the word that begins at `at`, up to a bound.
fn length_behind(text: &[u8], at: usize) -> usize {
    let behind = text.get(at..text.len().min(at + MOST)).unwrap_or_default();
    behind.iter().take_while(|&&byte| is_of_word(byte)).count()
}

pub const fn is_of_word(byte: u8) -> bool {
    OF_WORD[byte as usize]
}

/// By byte: it prints, and ends no word.
const OF_WORD: [bool; 256] = {
    let ends = b"\"'`,;()[]{}<>\\|";
    let mut of_word = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        of_word[byte as usize] = true;
        byte += 1;
    }
    let mut at = 0;
    while at < ends.len() {
        of_word[ends[at] as usize] = false;
        at += 1;
    }
    of_word
};

pub fn white(text: &[u8]) -> &[u8] {
    let white = |byte: &&u8| byte.is_ascii_whitespace();
    text.get(text.iter().take_while(white).count()..)
        .unwrap_or_default()
}

/// Leaves out what stands at `range`.
pub fn left_out(_: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    piece.part(range.clone(), b"");
    Some(range)
}

/// The line end at `at` that is none.
pub fn lines_extent(text: &[u8], at: usize) -> Extent {
    let found = continued(text, at).ok_or(at + 1);
    Extent::new(found, at + GAP + MOST)
}

/// `\` and a line end within a word, or between an option and its value.
fn continued(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at + 1..text.len().min(at + GAP))?;
    let line = rest.strip_prefix(b"\r").unwrap_or(rest);
    let line = line.strip_prefix(b"\n")?;
    let end = at + 1 + rest.len() - line.len();
    let before = text.get(at.saturating_sub(MOST)..at)?;
    if is_of_word(*before.last()?) {
        return is_word(text, at, end).then_some(at..end);
    }
    // `--password \` and the value in the next line.
    let word_end = before.len()
        - before
            .iter()
            .rev()
            .take_while(|&&byte| byte == b' ')
            .count();
    let words = before.get(..word_end)?;
    let length = length_before(words, word_end);
    let is_option = words.get(word_end - length..)?.starts_with(b"-") && length > 2;
    let value = white(line);
    let has_value = value
        .first()
        .is_some_and(|&byte| is_graphic(byte) && byte != b'-');
    let start = at - (before.len() - word_end);
    // One blank is left.
    (is_option && has_value && at > start).then(|| start + 1..end + line.len() - value.len())
}
