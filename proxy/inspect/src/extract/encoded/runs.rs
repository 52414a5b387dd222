//! Long runs of the characters that bytes are written in: found by eights, because a run of 16 holds eight in a row.

use std::ops::Range;

use super::{
    base64, hex,
    hints::{Mark, place},
    numbers, radix,
};

/// Characters from which on a run counts.
pub const LEAST: usize = 16;
/// Between two looks for a dump: one of eight bytes holds one of these places with the seven behind it.
const DUMP: usize = 16;

/// What kinds of digits a character is.
pub const CLASSES: [u8; 256] = classes();
pub const UPPER: u8 = 1;
pub const LOWER: u8 = 2;
pub const DECIMAL: u8 = 4;
/// Of the alphabets of base64, beside letters and digits.
const OTHER: u8 = 8;
pub const HEX: u8 = 16;
pub const BASE32: u8 = 32;
/// Of base64, of one alphabet or the other.
pub const BASE64: u8 = UPPER | LOWER | DECIMAL | OTHER;
/// What stands between the bytes of a dump.
pub const BETWEEN: u8 = 64;
/// Of a dump, one or the other.
const DUMPED: u8 = 128;

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        classes[at] |= match byte {
            b'A'..=b'Z' => UPPER | BASE32,
            b'a'..=b'z' => LOWER,
            b'2'..=b'7' => DECIMAL | BASE32,
            b'0'..=b'9' => DECIMAL,
            b'+' | b'/' | b'_' => OTHER,
            b'-' => OTHER | BETWEEN,
            b' ' | b':' => BETWEEN,
            _ => 0,
        };
        if byte.is_ascii_hexdigit() {
            classes[at] |= HEX;
        }
        if classes[at] & (HEX | BETWEEN) != 0 {
            classes[at] |= DUMPED;
        }
        at += 1;
    }
    classes
}

/// The class of the character at `at`; none behind the end.
pub fn class(text: &[u8], at: usize) -> u8 {
    text.get(at).map_or(0, |&byte| CLASSES[byte as usize])
}

/// The runs of a text that are worth decoding.
#[derive(Clone)]
pub struct Runs<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the last run ended that was looked at.
    low: usize,
    /// Where the last one ended that was found worth decoding.
    found: usize,
    /// Of the run that this is in: where it ends, and what classes its characters have, all together and each.
    run: (usize, u8, u8),
    dump_at: usize,
}

impl<'t> Runs<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            low: 0,
            found: 0,
            run: (0, 0, 0),
            dump_at: 0,
        }
    }

    /// Whether the run with the eight at `self.at` may be long enough, and more than a word in small letters.
    fn is_long(&self, word: u64) -> bool {
        let load = |at: usize| {
            let eight = self.text.get(at..at + 8)?;
            Some(u64::from_le_bytes(eight.try_into().ok()?))
        };
        // Of a run of 16, four more stand on one side.
        let sides = [self.at.checked_sub(4).and_then(load), load(self.at + 4)];
        let mut sides = sides.into_iter().flatten().filter(|side| is_above(*side));
        sides.any(|side| !(is_small(word) && is_small(side)))
    }

    /// The run of base64's characters around the eight at `self.at`, and what it may be.
    fn run(&mut self) -> Option<(Mark, Range<usize>)> {
        let text = self.text;
        let before = text.get(self.low..self.at).unwrap_or_default();
        let is_digit = |byte: &&u8| CLASSES[**byte as usize] & BASE64 != 0;
        let start = self.at - before.iter().rev().take_while(is_digit).count();
        if self.at >= self.run.0 {
            self.run = measure(text, start);
        }
        let (end, seen, common) = self.run;
        self.at = end;
        self.low = end;
        if end - start < LEAST {
            return None;
        }
        let found = judge(text, start..end, seen, common)?;
        // What stands behind digits of hex may be something else.
        self.at = found.1.end.max(start + 8);
        self.low = self.at;
        self.found = self.at;
        Some(found)
    }
}

impl Iterator for Runs<'_> {
    type Item = (Mark, Range<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(eight) = self.text.get(self.at..self.at + 8) {
            let word = u64::from_le_bytes(eight.try_into().ok()?);
            if is_above(word) && self.is_long(word) && is_run(eight) {
                if let Some((mark, range)) = self.run() {
                    return place(mark, range);
                }
                continue;
            } else if is_below(word)
                && let Some(range) = numbers::decimal_extent(self.text, self.found, self.at)
            {
                self.at = range.end.max(self.at + 8);
                self.low = self.at;
                if range.len() >= LEAST {
                    self.found = self.at;
                    return place(Mark::Decimals, range);
                }
                continue;
            }
            if self.at >= self.dump_at {
                self.dump_at = self.at + DUMP;
                if is_dump(eight)
                    && let Some(range) = hex::dump_extent(self.text, self.found, self.at)
                {
                    self.at = range.end.max(self.at + 8);
                    (self.low, self.found) = (self.at, self.at);
                    return place(Mark::Dump, range);
                }
            }
            self.at += 8;
        }
        None
    }
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Whether all eight bytes are ASCII and none is below `+`, as in all runs of base64.
fn is_above(word: u64) -> bool {
    (word.wrapping_sub(ONES * b'+' as u64) | word) & HIGHS == 0
}

/// Whether all are of a dump: hex digits and what stands between them, never two of that.
fn is_dump(characters: &[u8]) -> bool {
    // This runs over all text, and a branch for each character would cost more than eight looks.
    let common = |common, &byte: &u8| common & CLASSES[byte as usize];
    if characters.iter().fold(DUMPED, common) == 0 {
        return false;
    }
    let (mut last, mut between) = (0, 0);
    for &byte in characters {
        let class = CLASSES[byte as usize];
        if class & last & BETWEEN != 0 {
            return false;
        }
        between |= class & BETWEEN;
        last = class;
    }
    between != 0
}

/// Whether all eight are small letters or tie them together.
fn is_small(word: u64) -> bool {
    let small = word & (word << 1) & (ONES << 6);
    let ties = word ^ (ONES * b'_' as u64);
    let ties = ties.wrapping_sub(ONES) & !ties & HIGHS;
    (small << 1 | ties) & HIGHS == HIGHS
}

fn is_run(characters: &[u8]) -> bool {
    characters
        .iter()
        .all(|&byte| CLASSES[byte as usize] & BASE64 != 0)
}

/// Whether all eight are digits, commas and white space, with a comma among them.
fn is_below(word: u64) -> bool {
    let over = word.wrapping_add(ONES * (0x7f - b'9' as u64)) | word;
    let commas = word ^ (ONES * b',' as u64);
    over & HIGHS == 0 && commas.wrapping_sub(ONES) & !commas & HIGHS != 0
}

/// The end of the run that begins at `start`, and the classes of its characters: of any, and of all.
fn measure(text: &[u8], start: usize) -> (usize, u8, u8) {
    let (mut end, mut seen, mut common) = (start, 0, 0xff);
    loop {
        let class = class(text, end);
        if class & BASE64 == 0 {
            return (end, seen, common);
        }
        seen |= class;
        common &= class;
        end += 1;
    }
}

/// What the run may be: digits of hex that stand for text, or of base32, or of base64.
fn judge(text: &[u8], range: Range<usize>, seen: u8, common: u8) -> Option<(Mark, Range<usize>)> {
    if seen & DECIMAL != 0
        && let Some(hex) = hex::promising(text, range.clone())
    {
        return Some((Mark::Hex, hex));
    }
    if common & BASE32 != 0
        && let Some(range) = radix::promising(text, range.clone())
    {
        return Some((Mark::Base32, range));
    }
    let is_mixed = seen & UPPER != 0 && seen & LOWER != 0 && common & HEX == 0;
    let start = is_mixed.then(|| base64::promising(text, range.clone()))??;
    Some((Mark::Base64, start..range.end))
}
