//! Lists of single characters that make one word: between quotes with commas, and as items of YAML, a line each.

use std::ops::Range;

use bstr::ByteSlice as _;

use super::{
    Piece,
    hints::Extent,
    joined::{is_of_word, white},
};

/// Characters of a list from which on it counts.
const LEAST: usize = 16;
/// White space between two characters, or before a line, at most.
const GAP: usize = 80;

/// Bytes behind the last character of a list that are read: the gap, or the beginning of a line, and what may be another.
const AHEAD: usize = 2 * GAP;

/// Where the next character of a list stands with its quotes, if it has any, behind the one that ends at a place.
type Next<'a> = dyn FnMut(usize) -> Option<usize> + 'a;

/// The list of which the first character stands between the quotes at `at`.
pub fn quoted_extent(text: &[u8], at: usize) -> Extent {
    let (range, last) = match before_item(text, at) {
        Some(_) => items(text, at),
        None => {
            let (end, last) = measure(text, at, &mut commas(text));
            let start = || bracket(text, at).unwrap_or(at + 1);
            (end.map(|end| start()..end), last)
        }
    };
    Extent::new(range.ok_or(at + 1), last + AHEAD)
}

/// The list of YAML of which the first item stands behind the blank at `at`.
pub fn items_extent(text: &[u8], at: usize) -> Extent {
    let (range, last) = items(text, at + 1);
    Extent::new(range.ok_or(at + 1), last + AHEAD)
}

/// The characters of the list at `range`, beside each other; what stands between it and its name is left out.
pub fn decode(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let list = text.get(range.clone())?;
    let is_led = list.first().is_some_and(|byte| !is_of_word(*byte));
    let quote = || list.find_byteset(b"\"'").map(|at| range.start + at);
    let first = match list.first()? {
        b'[' | b'{' => quote()?,
        byte if byte.is_ascii_whitespace() => range.start + list.find_byte(b'-')? + 2,
        _ => match text.get(range.start.checked_sub(1)?)? {
            b'"' | b'\'' => range.start - 1,
            _ => range.start,
        },
    };
    let before = before_item(text, first);
    let lead = match before {
        Some(_) if is_led => b" ".as_slice(),
        None if is_led => text.get(first..=first)?,
        _ => b"",
    };
    let mut from = range.start;
    let mut put = |at: usize| {
        piece.part(from..at, if from == range.start { lead } else { b"" });
        piece.part(at..at + 1, text.get(at..=at).unwrap_or_default());
        from = at + 1;
    };
    match before {
        Some(before) => walk(text, first, &mut lines(text, before), &mut put),
        None => walk(text, first, &mut commas(text), &mut put),
    }
    Some(range)
}

/// Goes through a list whose first character stands at `at`, with quotes or without.
fn walk(text: &[u8], mut at: usize, next: &mut Next<'_>, see: &mut dyn FnMut(usize)) {
    while let Some((character, end)) = single(text, at) {
        see(character);
        match next(end) {
            Some(next) => at = next,
            None => return,
        }
    }
}

/// Where the last character of a list ends, if it has enough; and where if it has not.
fn measure(text: &[u8], at: usize, next: &mut Next<'_>) -> (Option<usize>, usize) {
    let (mut count, mut end) = (0, at);
    walk(text, at, next, &mut |character| {
        count += 1;
        end = character + 1;
    });
    ((count >= LEAST).then_some(end), end)
}

/// The character at `at`, and where it ends with its quotes.
fn single(text: &[u8], at: usize) -> Option<(usize, usize)> {
    match *text.get(at)? {
        quote @ (b'"' | b'\'') => {
            let is_one = is_of_word(*text.get(at + 1)?) && *text.get(at + 2)? == quote;
            is_one.then_some((at + 1, at + 3))
        }
        byte => is_of_word(byte).then_some((at, at + 1)),
    }
}

/// Goes from quotes to quotes, with the same mark between all of them.
fn commas(text: &[u8]) -> impl FnMut(usize) -> Option<usize> {
    let mut mark = None;
    move |end| {
        let gap = text.get(end..text.len().min(end + GAP))?;
        let rest = white(gap);
        let comma = *rest.first().filter(|byte| b",;".contains(byte))?;
        if *mark.get_or_insert(comma) != comma {
            return None;
        }
        let rest = match white(rest.get(1..)?) {
            [b'b' | b'u' | b'L', rest @ ..] => rest,
            rest => rest,
        };
        let is_quoted = matches!(rest.first(), Some(b'"' | b'\''));
        is_quoted.then_some(end + gap.len() - rest.len())
    }
}

/// The bracket that begins a list whose first quote stands at `at`.
fn bracket(text: &[u8], at: usize) -> Option<usize> {
    let before = text.get(at.saturating_sub(GAP)..at)?;
    let before = match before {
        [before @ .., b'b' | b'u' | b'L'] => before,
        before => before,
    };
    let before = before.trim_ascii_end();
    let start = at.saturating_sub(GAP) + before.len().checked_sub(1)?;
    matches!(before.last()?, b'[' | b'{').then_some(start)
}

/// The list of items of which the first one is at `at`; and where the last item that was looked at is.
fn items(text: &[u8], at: usize) -> (Option<Range<usize>>, usize) {
    let Some(before) = before_item(text, at) else {
        return (None, at);
    };
    let (end, last) = measure(text, at, &mut lines(text, before));
    let range = end.and_then(|end| Some(list_start(text, at, before)?..end));
    (range, last)
}

/// Where the list begins of which the first item is at `at`: behind its name.
fn list_start(text: &[u8], at: usize, before: &[u8]) -> Option<usize> {
    let line = at - before.len();
    let above = text.get(line.saturating_sub(GAP)..line)?.trim_ascii_end();
    match above.last() {
        Some(b':') => Some(line.saturating_sub(GAP) + above.len()),
        _ => Some(single(text, at)?.0),
    }
}

/// What stands in the line before the item at `at`: blanks and `- `.
fn before_item(text: &[u8], at: usize) -> Option<&[u8]> {
    let indent = text.get(..at)?.strip_suffix(b"- ")?;
    let blanks = indent.iter().rev().take(GAP);
    let start = indent.len() - blanks.take_while(|byte| **byte == b' ').count();
    let is_line = start == 0 || text.get(start - 1) == Some(&b'\n');
    text.get(start..at).filter(|_| is_line)
}

/// Goes from item to item of lines that begin with `before`.
fn lines<'a>(text: &'a [u8], before: &'a [u8]) -> impl FnMut(usize) -> Option<usize> + 'a {
    move |end| {
        let rest = text.get(end..)?;
        let line = rest.strip_prefix(b"\r").unwrap_or(rest);
        let item = line.strip_prefix(b"\n")?.strip_prefix(before)?;
        let at = text.len() - item.len();
        let (_, end) = single(text, at)?;
        let is_alone = matches!(text.get(end), None | Some(b'\r' | b'\n'));
        is_alone.then_some(at)
    }
}
