//! Text in UTF-16 and UTF-32: whole behind a byte order mark, and as stretches of ASCII in binary files.

use std::ops::Range;

use super::{
    Piece,
    hints::{Mark, place},
    prints, put_character,
};

/// Characters that a stretch has at least.
const LEAST: usize = 6;

/// How many bytes a character has, and whether the low one comes first.
type Form = (usize, bool);

/// The text behind its mark, or the stretches of one without.
#[derive(Clone)]
pub struct Wide<'t> {
    text: &'t [u8],
    at: usize,
    is_marked: bool,
}

impl<'t> Wide<'t> {
    /// Of a text without zeros there is none, unless it begins with a mark.
    pub fn new(text: &'t [u8], has_zeros: bool) -> Self {
        let is_marked = marked(text).is_some();
        let is_any = is_marked || has_zeros;
        Self {
            text,
            at: if is_any { 0 } else { text.len() },
            is_marked,
        }
    }
}

/// The form that the text's byte order mark says.
fn marked(text: &[u8]) -> Option<Form> {
    match text {
        [0xff, 0xfe, 0, 0, ..] => Some((4, true)),
        [0, 0, 0xfe, 0xff, ..] => Some((4, false)),
        [0xff, 0xfe, ..] => Some((2, true)),
        [0xfe, 0xff, ..] => Some((2, false)),
        _ => None,
    }
}

fn mark((width, _): Form) -> Mark {
    match width {
        2 => Mark::Utf16,
        _ => Mark::Utf32,
    }
}

impl Iterator for Wide<'_> {
    type Item = (Mark, Range<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        if self.is_marked && self.at == 0 {
            self.at = text.len();
            let form = marked(text)?;
            return place(mark(form), 0..text.len());
        }
        while let Some(found) = bstr::ByteSlice::find_byte(text.get(self.at..)?, 0) {
            let zero = self.at + found;
            if let Some((form, range)) = stretch(text, zero, self.at) {
                self.at = range.end;
                return place(mark(form), range);
            }
            // What follows a zero in a row of zeros is none of a text.
            let zeros = text.get(zero + 1..)?.iter();
            let zeros = zeros.take_while(|&&byte| byte == 0).count();
            self.at = zero + 1 + zeros.saturating_sub(3);
        }
        None
    }
}

/// The stretch of text to which the zero at `zero` belongs.
fn stretch(text: &[u8], zero: usize, low: usize) -> Option<(Form, Range<usize>)> {
    let before = zero.checked_sub(1).filter(|&before| before >= low);
    let forms = [
        (before, (2, true)),
        (Some(zero), (2, false)),
        (before, (4, true)),
        (Some(zero), (4, false)),
    ];
    forms.into_iter().find_map(|(start, form)| {
        let start = start?;
        let end = end(text, start, form);
        (end - start >= LEAST * form.0).then_some((form, start..end))
    })
}

/// Where the characters of ASCII that begin at `start` end.
fn end(text: &[u8], start: usize, form: Form) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_ascii = |unit: &&[u8]| {
        let value = value(unit, form);
        u8::try_from(value).is_ok_and(|byte| byte.is_ascii() && prints(&byte))
    };
    let units = rest.chunks_exact(form.0).take_while(is_ascii);
    start + units.count() * form.0
}

fn value(unit: &[u8], (_, is_low_first): Form) -> u32 {
    let add = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
    match is_low_first {
        true => unit.iter().rev().fold(0, add),
        false => unit.iter().fold(0, add),
    }
}

/// Decodes UTF-16 at `range`.
pub fn utf16(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let (form, mut at) = form(text, &range, 2);
    while at + 2 <= range.end {
        let unit = |at: usize| text.get(at..at + 2).map(|unit| value(unit, form));
        let first = unit(at)?;
        let second = unit(at + 2).filter(|second| (0xdc00..0xe000).contains(second));
        let (end, character) = match second.filter(|_| (0xd800..0xdc00).contains(&first)) {
            Some(second) => (
                at + 4,
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
            ),
            None => (at + 2, first),
        };
        put(piece, at..end, character);
        at = end;
    }
    Some(range)
}

/// Decodes UTF-32 at `range`.
pub fn utf32(text: &[u8], range: Range<usize>, piece: &mut Piece) -> Option<Range<usize>> {
    let (form, mut at) = form(text, &range, 4);
    while at + 4 <= range.end {
        put(piece, at..at + 4, value(text.get(at..at + 4)?, form));
        at += 4;
    }
    Some(range)
}

fn put(piece: &mut Piece, source: Range<usize>, character: u32) {
    if put_character(piece, source.clone(), character).is_none() {
        let _ = put_character(piece, source, 0xfffd);
    }
}

/// The form of the text at `range`, and where it begins: behind its mark. Of a stretch, the byte that is not zero says the order.
fn form(text: &[u8], range: &Range<usize>, width: usize) -> (Form, usize) {
    let of_mark = marked(text).filter(|form| form.0 == width && range.start == 0);
    match of_mark {
        Some(form) => (form, width),
        None => ((width, text.get(range.start) != Some(&0)), range.start),
    }
}
