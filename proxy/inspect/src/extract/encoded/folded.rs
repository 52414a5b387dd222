//! A YAML block of a single word, below its name, and one that is folded of several pieces.

use std::ops::Range;

use bstr::ByteSlice as _;

use super::{
    Piece,
    hints::Extent,
    joined::{is_of_word, white},
};

/// Characters of a word in a line of its own that there are at least, and of one in several.
const LEAST: usize = 8;
const LEAST_FOLDED: usize = 16;
/// Bytes from the mark to the first word, with it, at most.
const GAP: usize = 200;

/// The mark of a YAML block, at `: >` or `: |`, and all that follows up to its last word.
pub fn extent(text: &[u8], at: usize) -> Extent {
    let mut reach = at + GAP;
    let found = block(text, at, &mut reach);
    Extent::new(found.ok_or(at + 1), reach)
}

/// Leaves out the mark and what stands between the words.
pub fn decode(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let head = text.get(range.clone())?.find_byte(b'\n')?;
    let (mut from, mut at) = (range.start, range.start + head);
    while at < range.end {
        let rest = text.get(at..range.end)?;
        at += rest.len() - white(rest).len();
        piece.part(from..at, b"");
        let word = word(text.get(at..range.end)?);
        piece.part(at..at + word.len(), word);
        at += word.len();
        from = at;
    }
    Some(range)
}

/// `: >-`, a line end, and a single word in each line. Says how far it has read where that is farther than `reach`.
fn block(text: &[u8], at: usize, reach: &mut usize) -> Option<Range<usize>> {
    let rest = text.get(at + 2..text.len().min(at + GAP))?;
    let head = rest.find_byte(b'\n')?;
    let (mark, marks) = rest.get(..head)?.split_first()?;
    if !marks.iter().all(|byte| b"-+123456789 \t\r".contains(byte)) {
        return None;
    }
    let line = rest.get(head + 1..)?;
    let value = white(line);
    let start = at + 2 + rest.len() - value.len();
    let folded = || folded(text, at + 3 + head, start, reach);
    if let Some(end) = (*mark == b'>').then(folded).flatten() {
        return Some(at + 2..end);
    }
    let length = word(value).len();
    let is_alone = matches!(value.get(length), None | Some(b'\n' | b'\r'));
    let is_indented = value.len() < line.len();
    (is_alone && is_indented && length >= LEAST).then_some(at + 2..start)
}

/// Where the last word begins, if each line of the block is one and they come to something. Its first line begins at `line` and its
/// first word at `at`.
fn folded(text: &[u8], line: usize, mut at: usize, reach: &mut usize) -> Option<usize> {
    let indent = text.get(line..at)?;
    if indent.is_empty() || !indent.iter().all(|&byte| byte == b' ') {
        return None;
    }
    let mut length = 0;
    loop {
        let word = word(text.get(at..)?);
        // The line end behind it, and the indent of the next line.
        *reach = (at + word.len() + 2 + indent.len()).max(*reach);
        // Options and their like are a word each.
        if word.is_empty() || word.starts_with(b"-") || !word.iter().all(|&byte| is_of_word(byte)) {
            return None;
        }
        length += word.len();
        let rest = text.get(at + word.len()..)?;
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        let next = match rest.strip_prefix(b"\n") {
            Some(next) => next,
            None if rest.is_empty() => break,
            None => return None,
        };
        let Some(next) = next.strip_prefix(indent) else {
            break;
        };
        at = text.len() - next.len();
    }
    (length >= LEAST_FOLDED).then_some(at)
}

fn word(text: &[u8]) -> &[u8] {
    let is_part = |byte: &&u8| byte.is_ascii_graphic();
    text.get(..text.iter().take_while(is_part).count())
        .unwrap_or_default()
}
