//! What a language joins again: literals beside each other, lines that go on in the next one, and values below their names.

use std::ops::Range;

use super::{Piece, hints::Extent, is_graphic};

/// Characters of the word across a joint that there are at least, and that are looked at.
const LEAST: usize = 8;
const MOST: usize = 64;
/// Bytes between two literals at most.
const GAP: usize = 200;

/// What stands between two literals that are one word: quotes, white space and an operator. `at` is the first quote.
pub fn literals_extent(text: &[u8], at: usize) -> Extent {
    between_literals(text, at).ok_or(at + 1)
}

fn between_literals(text: &[u8], at: usize) -> Option<Range<usize>> {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    if !before.is_some_and(|&byte| is_of_word(byte)) {
        return None;
    }
    let quote = *text.get(at)?;
    let gap = text.get(at + 1..text.len().min(at + GAP))?;
    let rest = white(gap);
    let operators: [&[u8]; 6] = [b"+", b"..", b".", b"&", b"||", b"\\"];
    let operator = operators.iter().find(|operator| rest.starts_with(operator));
    let rest = white(rest.get(operator.map_or(0, |operator| operator.len())..)?);
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
        byte if *byte == quote => operator.is_some() || rest.len() < gap.len(),
        b'"' | b'\'' | b'`' => operator.is_some_and(|operator| *operator != b"\\"),
        _ => false,
    };
    let end = at + 1 + (gap.len() - rest.len()) + 1;
    (is_open && is_word(text, at, end)).then_some(at..end)
}

/// Whether the characters before `start` and those from `end` on are one word, long enough for a secret.
fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let before = text.get(start.saturating_sub(MOST)..start);
    let before = before.unwrap_or_default().iter().rev();
    let behind = text.get(end..text.len().min(end + MOST));
    let behind = behind.unwrap_or_default().iter();
    let is_part = |byte: &&u8| is_of_word(**byte);
    let behind = behind.take_while(is_part).count();
    behind > 0 && before.take_while(is_part).count() + behind >= LEAST
}

fn is_of_word(byte: u8) -> bool {
    is_graphic(byte) && !b"\"'`,;()[]{}<>\\|".contains(&byte)
}

fn white(text: &[u8]) -> &[u8] {
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
    continued(text, at).ok_or(at + 1)
}

/// The mark of a YAML block of a single word, and the line end behind it.
pub fn block_extent(text: &[u8], at: usize) -> Extent {
    block(text, at).ok_or(at + 1)
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
    let length = words
        .iter()
        .rev()
        .take_while(|&&byte| is_of_word(byte))
        .count();
    let is_option = words.get(word_end - length..)?.starts_with(b"-") && length > 2;
    let value = white(line);
    let has_value = value
        .first()
        .is_some_and(|&byte| is_graphic(byte) && byte != b'-');
    let start = at - (before.len() - word_end);
    // One blank is left.
    (is_option && has_value && at > start).then(|| start + 1..end + line.len() - value.len())
}

/// `: >-`, a line end and a single word.
fn block(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at + 2..text.len().min(at + GAP))?;
    let head = bstr::ByteSlice::find_byte(rest, b'\n')?;
    let marks = rest.get(1..head)?;
    if !marks.iter().all(|byte| b"-+123456789 \t\r".contains(byte)) {
        return None;
    }
    let line = rest.get(head + 1..)?;
    let value = white(line);
    let word = value
        .iter()
        .take_while(|byte| byte.is_ascii_graphic())
        .count();
    let is_alone = matches!(value.get(word), None | Some(b'\n' | b'\r'));
    let is_indented = value.len() < line.len();
    let end = at + 2 + rest.len() - value.len();
    (is_alone && is_indented && word >= LEAST).then_some(at + 2..end)
}
