//! Long runs of the characters that bytes are written in, at the places that one pass over all text found.

use std::ops::Range;

use fearless_simd::Level;

use super::{
    base64, hex,
    hints::{Mark, place},
    kinds::{BLOCK, BLOCKS, Bits, Carry, Kinds},
    numbers, radix,
};

/// Characters from which on a run counts.
pub const LEAST: usize = 16;

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
        at += 1;
    }
    classes
}

/// The class of the character at `at`; none behind the end.
pub fn class(text: &[u8], at: usize) -> u8 {
    text.get(at).map_or(0, |&byte| CLASSES[byte as usize])
}

/// Characters that are passed where a dump looked possible and is none.
const DUMP: usize = 16;

/// The runs of a text that are worth decoding.
#[derive(Clone)]
pub struct Runs<'t> {
    text: &'t [u8],
    level: Level,
    /// What is told of the characters from `base` on, and which of the blocks this is in.
    kinds: Kinds,
    base: usize,
    index: usize,
    /// A bit for each block behind it in which something ends.
    left: u32,
    /// Where the characters begin that no block tells of yet, and what those before say of them.
    next: usize,
    carry: Carry,
    /// Digits, capitals, small letters and other characters of base64 of the block before all these.
    last: [u64; 4],
    /// Where the last run ended that was found worth decoding.
    found: usize,
    /// From where on runs, lists and dumps are looked at.
    run_at: usize,
    list_at: usize,
    dump_at: usize,
    /// Of the run that this is in: where it ends, and what classes its characters have.
    run: (usize, u8),
}

impl<'t> Runs<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            level: Level::new(),
            kinds: Kinds::default(),
            base: 0,
            index: 0,
            left: 0,
            next: 0,
            carry: Carry::default(),
            last: [0; 4],
            found: 0,
            run_at: 0,
            list_at: 0,
            dump_at: 0,
            run: (0, 0),
        }
    }

    /// Goes on to the next block in which something ends; none behind the last one.
    fn advance(&mut self) -> Option<()> {
        while self.left == 0 {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            self.last = self.classes(BLOCKS - 1);
            self.left = self.kinds.tell(self.level, rest, &mut self.carry);
            self.base = self.next;
            self.next += BLOCKS * BLOCK;
        }
        self.index = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(())
    }

    /// Digits, capitals, small letters and other characters of base64 of a block.
    fn classes(&self, index: usize) -> [u64; 4] {
        let kinds = &self.kinds;
        let letters = [&kinds.digits, &kinds.capitals, &kinds.small];
        let [digits, capitals, small] = letters.map(|bits| bits_of(bits, index));
        let others = bits_of(&kinds.base64, index) & !(digits | capitals | small);
        [digits, capitals, small, others]
    }

    /// Where the block begins.
    fn start(&self) -> usize {
        self.base + self.index * BLOCK
    }

    /// What the run may be of base64's characters of which the one at `last` is the sixteenth.
    fn run(&mut self, last: usize) -> Option<(Mark, Range<usize>)> {
        let start = last + 1 - LEAST;
        if last >= self.run.0 {
            self.run = self
                .measure(last)
                .unwrap_or_else(|| measure(self.text, start));
        }
        let (end, seen) = self.run;
        self.run_at = end;
        let (mark, range) = judge(self.text, start..end, seen)?;
        // What stands behind digits of hex may be something else.
        self.pass(range.end.max(start + LEAST / 2));
        Some((mark, range))
    }

    /// Where the run ends of which the sixteenth character is at `last`, and the classes of its characters, if the block tells that.
    fn measure(&self, last: usize) -> Option<(usize, u8)> {
        let bit = u32::try_from(last - self.start()).ok()?;
        let length = (bits_of(&self.kinds.base64, self.index) >> bit).trailing_ones();
        if bit + length == u64::BITS {
            return None;
        }
        let before = match self.index.checked_sub(1) {
            Some(before) => self.classes(before),
            None => self.last,
        };
        let ahead = LEAST as u32 - 1;
        let run = (1_u128 << (ahead + length)) - 1;
        let kinds = self.classes(self.index).into_iter().zip(before);
        let classes = kinds.zip([DECIMAL, UPPER, LOWER, OTHER]);
        let seen = classes.fold(0, |seen, ((here, before), class)| {
            let both = u128::from(here) << u64::BITS | u128::from(before);
            let is_there = both >> (u64::BITS + bit - ahead) & run != 0;
            seen | if is_there { class } else { 0 }
        });
        Some((last + length as usize, seen))
    }

    /// What the list of numbers may be that has the comma at `comma`.
    fn list(&mut self, comma: usize) -> Option<(Mark, Range<usize>)> {
        // Numbers that were looked at before are of no list that goes on here.
        match numbers::decimal_extent(self.text, self.found.max(self.list_at), comma) {
            Ok(range) if range.len() >= LEAST => {
                self.pass(range.end);
                Some((Mark::Decimals, range))
            }
            Ok(Range { end, .. }) | Err(end) => {
                self.list_at = end.max(comma + 1);
                None
            }
        }
    }

    /// What the dump may be around the blank at `at`.
    fn dump(&mut self, at: usize) -> Option<(Mark, Range<usize>)> {
        self.dump_at = at + DUMP;
        let range = hex::dump_extent(self.text, self.found, at)?;
        self.pass(range.end);
        Some((Mark::Dump, range))
    }

    /// Passes what was found, which ends at `end`.
    fn pass(&mut self, end: usize) {
        self.found = end;
        self.run_at = end + LEAST - 1;
        self.list_at = end;
        self.dump_at = end;
    }
}

impl Iterator for Runs<'_> {
    type Item = (Mark, Range<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.start();
            let run = bits_of(&self.kinds.runs, self.index) & from(self.run_at, start);
            let list = bits_of(&self.kinds.lists, self.index) & from(self.list_at, start);
            let dump = bits_of(&self.kinds.dumps, self.index) & from(self.dump_at, start);
            let bit = (run | list | dump).trailing_zeros();
            if bit == u64::BITS {
                self.advance()?;
                continue;
            }
            let (at, bit) = (start + bit as usize, 1 << bit);
            let found = match () {
                () if run & bit != 0 => self.run(at),
                () if list & bit != 0 => self.list(at),
                () => self.dump(at),
            };
            if let Some((mark, range)) = found {
                return place(mark, range);
            }
        }
    }
}

fn bits_of(bits: &Bits, index: usize) -> u64 {
    bits.get(index).copied().unwrap_or_default()
}

/// The bits of a block that begins at `start` for the characters from `at` on.
fn from(at: usize, start: usize) -> u64 {
    let passed = u32::try_from(at.saturating_sub(start)).unwrap_or(u32::MAX);
    u64::MAX.checked_shl(passed).unwrap_or(0)
}

/// The end of the run that begins at `start`, and the classes of its characters.
fn measure(text: &[u8], start: usize) -> (usize, u8) {
    let (mut end, mut seen) = (start, 0);
    loop {
        let class = class(text, end) & BASE64;
        if class == 0 {
            return (end, seen);
        }
        seen |= class;
        end += 1;
    }
}

/// What the run may be, which has characters of the classes `seen`: digits of hex that stand for text, or of base32, or of base64.
fn judge(text: &[u8], range: Range<usize>, seen: u8) -> Option<(Mark, Range<usize>)> {
    if seen & (DECIMAL | UPPER) == 0 {
        return None;
    }
    if seen & DECIMAL != 0
        && let Some(hex) = hex::promising(text, range.clone())
    {
        return Some((Mark::Hex, hex));
    }
    let is_all = |kind: u8| {
        let run = text.get(range.clone()).unwrap_or_default();
        run.iter().all(|&byte| CLASSES[byte as usize] & kind != 0)
    };
    if seen & (LOWER | OTHER) == 0
        && is_all(BASE32)
        && let Some(range) = radix::promising(text, range.clone())
    {
        return Some((Mark::Base32, range));
    }
    let is_mixed = seen & UPPER != 0 && seen & LOWER != 0 && !is_all(HEX);
    let has_ties = seen & OTHER != 0;
    let start = is_mixed.then(|| base64::promising(text, range.clone(), has_ties))??;
    Some((Mark::Base64, start..range.end))
}
