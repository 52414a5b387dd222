//! Where long runs may be that are worth a look, from one pass over all text: 64 characters at once, with a bit for each.
//!
//! Of a run it is asked what each thing that may be in it has at least: of text in base64 that its first four characters, or sixteen in
//! its midst, can stand for characters of ASCII. Hardly a name in a program has that, and so hardly one is looked at more closely.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64, u64x8};

use super::runs;

/// Characters that are looked at together.
pub const BLOCK: usize = 64;
/// Blocks whose bits are put together at once: one that was told before, and those behind it.
const GROUP: usize = 8;
const NEW: usize = GROUP - 1;
const GROUPS: usize = 2;
/// Blocks of which is told at once.
pub const BLOCKS: usize = GROUPS * NEW;

/// One kind of places of all blocks.
pub type Bits = [u64; BLOCKS + 1];

/// What the characters of the blocks end.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    /// Somewhere in each run of at least sixteen characters of base64 that may be worth decoding, behind its first fifteen.
    pub runs: Bits,
    /// What stands between the bytes of a dump and is the last of eight characters of one.
    pub dumps: Bits,
    /// A comma that is the last of fourteen characters in a row of what lists of numbers are written in.
    pub lists: Bits,
    /// Whether a zero stands in any block that was told of.
    pub has_zeros: bool,
    /// What the blocks are made of, and before them the last one that was told of.
    masks: [Bits; MASKS],
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            runs: [0; BLOCKS + 1],
            dumps: [0; BLOCKS + 1],
            lists: [0; BLOCKS + 1],
            has_zeros: false,
            masks: [[0; BLOCKS + 1]; MASKS],
        }
    }
}

/// A table of 16 for each half of a byte, over and over again, as vectors want it. A byte is of the kinds that both halves have.
struct Halves {
    low: [u8; BLOCK],
    high: [u8; BLOCK],
}

impl Halves {
    /// Each kind by its high halves and its low ones, a bit for each.
    const fn of(kinds: [(u16, u16); 8]) -> Self {
        let (mut low, mut high) = ([0; BLOCK], [0; BLOCK]);
        let mut kind = 0;
        while kind < kinds.len() {
            let mut at = 0;
            while at < BLOCK {
                let half = at % 16;
                high[at] |= ((kinds[kind].0 >> half & 1) as u8) << kind;
                low[at] |= ((kinds[kind].1 >> half & 1) as u8) << kind;
                at += 1;
            }
            kind += 1;
        }
        Self { low, high }
    }
}

const DIGITS: u8 = 1;
const A_TO_F: u8 = 2;
const G_TO_O: u8 = 4;
const P_TO_Z: u8 = 8;
/// `+`, `-`, `/` and `_`.
const TIES: u8 = 0x30;
const BETWEEN: u8 = 0xc0;

const CLASSES: Halves = Halves::of([
    (1 << 3, 0x03ff),
    (1 << 4 | 1 << 6, 0x007e),
    (1 << 4 | 1 << 6, 0xff80),
    (1 << 5 | 1 << 7, 0x07ff),
    (1 << 2, 0xa800),
    (1 << 5, 0x8000),
    (1 << 2, 0x2001),
    (1 << 3, 0x0400),
]);

/// What the first, the second and the third character of a group of base64 may be where it stands for ASCII that prints, for a
/// line end or for zeros; and some others beside them.
const FIRST: u8 = 7;
const SECOND: u8 = 0x18 | DIGIT;
const THIRD: u8 = 0x60 | DIGIT;
const DIGIT: u8 = 0x80;

const OF_TEXT: Halves = Halves::of([
    // `A`, `C`, `D`, `I` to `Z` and `a` to `f`: below 0x80, and not below 0x20.
    (1 << 4, 0xfe1a),
    (1 << 5, 0x07ff),
    (1 << 6, 0x007e),
    // The fourth bit, which is the first one of the second byte, is 0.
    (1 << 4 | 1 << 5, 0x01fa),
    (1 << 6 | 1 << 7, 0x7e80),
    // The fifth bit, which is the first one of the third byte, is 0.
    (1 << 4 | 1 << 5, 0x6666),
    (1 << 6 | 1 << 7, 0x9999),
    (1 << 3, 0x03ff),
]);

/// What is told of each character of a block.
const MASKS: usize = 12;
/// Those of them that say what a run is made of.
const BASE64: usize = 0;
const LETTERS: usize = 1;
const DECIMALS: usize = 2;
const SMALL: usize = 5;

/// A run of base64's characters, from one of them that was asked about.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// How many stand before that one, and how many from it on.
    pub before: usize,
    pub behind: usize,
    /// What classes they have.
    pub seen: u8,
}

impl Kinds {
    /// Tells of the blocks at the beginning of `text`, as many as there is room for; behind its end nothing stands. Returns a bit
    /// for each block in which something ends.
    pub fn tell(&mut self, level: Level, text: &[u8]) -> u32 {
        dispatch!(level, simd => self.blocks(simd, text))
    }

    /// The run of base64's characters that has the one at `at` of the blocks; none where it may go on before or behind what is told of.
    pub fn run(&self, at: usize) -> Option<Run> {
        // One that was told before stands in front.
        let at = at + BLOCK;
        let bits = &self.masks[BASE64];
        let (mut first, mut last, place) = (at / BLOCK, at / BLOCK, at % BLOCK);
        let mut ones = (bits.get(first)? << (BLOCK - 1 - place)).leading_ones() as usize;
        let mut before = ones;
        let mut is_whole = before > place;
        while is_whole {
            first = first.checked_sub(1)?;
            ones = bits.get(first)?.leading_ones() as usize;
            before += ones;
            is_whole = ones == BLOCK;
        }
        ones = (bits.get(last)? >> place).trailing_ones() as usize;
        let mut behind = ones;
        is_whole = behind == BLOCK - place;
        while is_whole {
            last += 1;
            ones = bits.get(last)?.trailing_ones() as usize;
            behind += ones;
            is_whole = ones == BLOCK;
        }
        Some(Run {
            before: before - 1,
            behind,
            seen: self.seen(at + 1 - before..at + behind),
        })
    }

    /// What the characters of base64 at `range` are, which is counted from the block that was told before.
    fn seen(&self, range: Range<usize>) -> u8 {
        let last = range.end - 1;
        let mut seen = [0; 4];
        for block in range.start / BLOCK..=last / BLOCK {
            let load = |mask: usize| self.masks[mask].get(block).copied().unwrap_or_default();
            let [letters, digits, small] = [load(LETTERS), load(DECIMALS), load(SMALL)];
            let mut part = u64::MAX;
            if block == range.start / BLOCK {
                part &= u64::MAX << (range.start % BLOCK);
            }
            if block == last / BLOCK {
                part &= u64::MAX >> (BLOCK - 1 - last % BLOCK);
            }
            let kinds = [
                letters & !small,
                letters & small & !digits,
                digits,
                !letters,
            ];
            let kinds = kinds.into_iter();
            seen.iter_mut()
                .zip(kinds)
                .for_each(|(seen, kind)| *seen |= kind & part);
        }
        let kinds = [runs::UPPER, runs::LOWER, runs::DECIMAL, runs::TIE];
        let kinds = kinds.into_iter().zip(seen);
        kinds.fold(
            0,
            |all, (kind, seen)| if seen != 0 { all | kind } else { all },
        )
    }

    #[inline(always)]
    fn blocks<S: Simd>(&mut self, simd: S, text: &[u8]) -> u32 {
        let text = text.get(..BLOCKS * BLOCK).unwrap_or(text);
        let (whole, rest) = text.as_chunks::<BLOCK>();
        for masks in &mut self.masks {
            masks[0] = masks[BLOCKS];
        }
        let mut least = u8x64::splat(simd, u8::MAX);
        for (at, block) in whole.iter().enumerate() {
            let block = u8x64::from_slice(simd, block);
            least = least.min(block);
            self.classify(simd, block, at + 1);
        }
        let zero = u8x64::splat(simd, 0);
        self.has_zeros |= least.simd_eq(zero).to_bitmask() != 0 || rest.contains(&0);
        let mut blocks = whole.len();
        if !rest.is_empty() {
            let mut last = [0; BLOCK];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            blocks += 1;
            self.classify(simd, u8x64::from_slice(simd, &last), blocks);
        }
        for masks in &mut self.masks {
            masks.iter_mut().skip(blocks + 1).for_each(|mask| *mask = 0);
        }
        let groups = 0..blocks.div_ceil(NEW);
        groups.fold(0, |ends, group| {
            ends | self.put_together(simd, group * NEW) << (group * NEW)
        })
    }

    /// Notes what the characters of the block are, the one before which is the first of the masks.
    #[inline(always)]
    fn classify<S: Simd>(&mut self, simd: S, text: u8x64<S>, at: usize) {
        let all = |byte: u8| u8x64::splat(simd, byte);
        let (low, high) = (text & all(15), text >> 4);
        let look = |halves: &Halves| {
            let table = |table: &[u8; BLOCK]| u8x64::from_slice(simd, table);
            table(&halves.low).swizzle_dyn_within_blocks(low)
                & table(&halves.high).swizzle_dyn_within_blocks(high)
        };
        let class = look(&CLASSES);
        let of_text = look(&OF_TEXT);
        let has = |of: u8x64<S>, kinds: u8| (of & all(kinds)).simd_gt(all(0)).to_bitmask();
        let letters = DIGITS | A_TO_F | G_TO_O | P_TO_Z;
        let told = [
            has(class, letters | TIES),
            has(class, letters),
            has(class, DIGITS),
            has(class, DIGITS | A_TO_F),
            has(class, BETWEEN),
            has(text, 0x20),
            has(of_text, FIRST),
            has(of_text, SECOND),
            has(of_text, THIRD),
            text.simd_le(all(b',')).to_bitmask(),
            text.simd_eq(all(b',')).to_bitmask(),
            text.simd_eq(all(b'\\')).to_bitmask(),
        ];
        for (masks, told) in self.masks.iter_mut().zip(told) {
            masks[at] = told;
        }
    }

    /// What ends in the blocks from `at` on, by the masks of those and the one before.
    #[inline(always)]
    fn put_together<S: Simd>(&mut self, simd: S, at: usize) -> u32 {
        let load = |mask: usize| u64x8::from_slice(simd, &self.masks[mask][at..at + GROUP]);
        let [
            base64,
            letters,
            digits,
            hex,
            between,
            small,
            first,
            second,
            third,
            low,
            commas,
            slashes,
        ] = [
            load(0),
            load(1),
            load(2),
            load(3),
            load(4),
            load(5),
            load(6),
            load(7),
            load(8),
            load(9),
            load(10),
            load(11),
        ];
        let dumped = (hex | between) & !row(between, 1);
        let dumps = row(row(row(dumped, 1), 2), 4) & between;
        let listed = (digits | low) & !row(row(digits, 1), 2);
        let lists = row(row(row(listed, 1), 2), 4);
        let lists = row(lists, 6) & commas;
        let sixteen = row(row(row(row(base64, 1), 2), 4), 8);
        let double = row(sixteen, 16);
        // Digits of hex and of base32.
        let narrow = hex | letters & !small;
        let narrow = row(row(row(row(narrow, 1), 2), 4), 8);
        // What four characters stand for, at the last one of them.
        let text = behind(first, 3) & behind(second, 2) & behind(third, 1);
        let all_text = row(row(text, 4), 8);
        // Base64 may begin behind what is none of its letters, or behind an escaped line end.
        let edges = !letters | behind(slashes, 1);
        let begins = behind(text, 12) & behind(edges, 16);
        let digits = any(any(any(any(digits, 1), 2), 4), 8);
        let packed = double & behind(digits, 16) & behind(edges, 32);
        let runs = sixteen & (begins | all_text | dumps) | narrow | packed | row(double, 28);
        let ends = runs | dumps | lists;
        for (bits, ends) in [
            (&mut self.runs, runs),
            (&mut self.dumps, dumps),
            (&mut self.lists, lists),
        ] {
            if let Some(bits) = bits.get_mut(at..at + GROUP) {
                // Without the block that was told before.
                ends.slide::<1>(u64x8::splat(simd, 0)).store_slice(bits);
            }
        }
        let ends = ends.simd_gt(u64x8::splat(simd, 0)).to_bitmask();
        (ends >> 1) as u32
    }
}

/// The bits moved by `places`, over the borders of blocks.
#[inline(always)]
fn behind<S: Simd>(bits: u64x8<S>, places: u32) -> u64x8<S> {
    let before = u64x8::splat(bits.simd, 0).slide::<NEW>(bits);
    bits << places | before >> (u64::BITS - places)
}

/// Where rows end that are longer by `places`.
#[inline(always)]
fn row<S: Simd>(bits: u64x8<S>, places: u32) -> u64x8<S> {
    bits & behind(bits, places)
}

/// Where something is, or `places` before.
#[inline(always)]
fn any<S: Simd>(bits: u64x8<S>, places: u32) -> u64x8<S> {
    bits | behind(bits, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places at which the blocks tell of `text`: runs, dumps and lists.
    fn told(text: &[u8]) -> [Vec<usize>; 3] {
        let mut kinds = Kinds::default();
        let mut told = [const { Vec::new() }; 3];
        for (index, part) in text.chunks(BLOCKS * BLOCK).enumerate() {
            let ends = kinds.tell(Level::new(), part);
            let all = [&kinds.runs, &kinds.dumps, &kinds.lists];
            for at in 0..part.len() {
                let is_set = |bits: &Bits| bits[at / BLOCK] >> (at % BLOCK) & 1 != 0;
                assert!(ends >> (at / BLOCK) & 1 != 0 || !all.iter().any(|bits| is_set(bits)));
                for (told, bits) in told.iter_mut().zip(all) {
                    told.extend(is_set(bits).then_some(index * BLOCKS * BLOCK + at));
                }
            }
        }
        told
    }

    fn is_base64(byte: &u8) -> bool {
        byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)
    }

    fn is_between(byte: &u8) -> bool {
        b" :-".contains(byte)
    }

    #[test]
    fn the_tables_know_every_byte() {
        let class = |halves: &Halves, byte: u8| {
            halves.low[usize::from(byte & 15)] & halves.high[usize::from(byte >> 4)]
        };
        for byte in 0..=u8::MAX {
            let is = |kinds: u8| class(&CLASSES, byte) & kinds != 0;
            let letters = DIGITS | A_TO_F | G_TO_O | P_TO_Z;
            assert_eq!(is(letters), byte.is_ascii_alphanumeric());
            assert_eq!(is(letters | TIES), is_base64(&byte));
            assert_eq!(is(DIGITS), byte.is_ascii_digit());
            assert_eq!(is(DIGITS | A_TO_F), byte.is_ascii_hexdigit());
            assert_eq!(is(BETWEEN), is_between(&byte));
        }
        // Whatever ASCII that prints three bytes are, each character of base64 that they come to may be where it is.
        let bytes: Vec<u8> = (0x20..0x7f).chain(*b"\0\t\n\r").collect();
        for &first in &bytes {
            for &second in &bytes {
                for &third in &bytes {
                    use ::base64::Engine as _;
                    let mut group = [0; 4];
                    let engine = ::base64::engine::general_purpose::STANDARD;
                    let _ = engine.encode_slice([first, second, third], &mut group);
                    for (kinds, byte) in [FIRST, SECOND, THIRD].into_iter().zip(group) {
                        assert_ne!(class(&OF_TEXT, byte) & kinds, 0, "{first} {second} {third}");
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_tell_what_a_look_at_each_character_tells() {
        let words: [&[u8]; 12] = [
            b"aB3+/-_z",
            b"deadbeef ",
            b"12:",
            b"0, 7,",
            b"\n\t",
            b"\xff\x80",
            b"@[`{",
            b"/:;",
            b"Z9",
            b" - ",
            b"123,\n 45 ",
            b"\0",
        ];
        let mut state = 1_u32;
        let mut text = Vec::new();
        while text.len() < 5 * BLOCKS * BLOCK {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = words.get(state as usize >> 16 & 15).copied();
            text.extend_from_slice(word.unwrap_or(b"word"));
        }
        let [_, dumps, lists] = told(&text);
        let rows = |length: usize| text.windows(length).enumerate();
        let is_long = |row: &[u8]| row.iter().all(u8::is_ascii_digit);
        let expected = rows(14).filter(|(at, row)| {
            let is_listed = |byte: &u8| byte.is_ascii_digit() || *byte <= b',';
            let before = text.get(at.saturating_sub(3)..at + 14).unwrap_or_default();
            let mut fours = before.windows(4).rev().take(14);
            row.ends_with(b",") && row.iter().all(is_listed) && !fours.any(is_long)
        });
        let expected: Vec<usize> = expected.map(|(at, _)| at + 13).collect();
        assert!(expected.len() > 2);
        assert_eq!(lists, expected);
        let expected = rows(8).filter(|(at, row)| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            let first_pair = before.is_some_and(is_between);
            let is_dumped = |byte: &u8| byte.is_ascii_hexdigit() || is_between(byte);
            row.iter().all(is_dumped)
                && row.windows(2).all(|pair| !pair.iter().all(is_between))
                && !(first_pair && row.first().is_some_and(is_between))
                && row.last().is_some_and(is_between)
        });
        let expected: Vec<usize> = expected.map(|(at, _)| at + 7).collect();
        assert!(expected.len() > 2);
        assert_eq!(dumps, expected);
    }

    #[test]
    fn a_run_goes_from_where_to_where_its_characters_say() {
        let words: [&[u8]; 8] = [b"aB3", b"AB", b"7", b"+_", b"xyz", b" ", b"=\n", b"-"];
        let mut state = 1_u32;
        let mut text = Vec::new();
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize
        };
        while text.len() < 4 * BLOCKS * BLOCK {
            let word = words[next() % words.len()];
            text.extend_from_slice(&word.repeat(1 + next() % 30));
        }
        let mut kinds = Kinds::default();
        let (mut told, mut untold) = (0, 0);
        for (index, part) in text.chunks(BLOCKS * BLOCK).enumerate() {
            kinds.tell(Level::new(), part);
            for (at, _) in part.iter().enumerate().filter(|(_, byte)| is_base64(byte)) {
                let place = index * BLOCKS * BLOCK + at;
                let (before, behind) = text.split_at(place);
                let before = before
                    .iter()
                    .rev()
                    .take_while(|byte| is_base64(byte))
                    .count();
                let behind = behind.iter().take_while(|byte| is_base64(byte)).count();
                let run = &text[place - before..place + behind];
                let seen = run.iter().fold(0, |seen, &byte| {
                    seen | runs::CLASSES[usize::from(byte)] & runs::BASE64
                });
                let expected = Run {
                    before,
                    behind,
                    seen,
                };
                match kinds.run(at) {
                    Some(run) => {
                        assert_eq!(run, expected, "{place}");
                        told += 1;
                    }
                    None => untold += 1,
                }
            }
        }
        assert!(told > 1_000 && untold > 10, "{told} {untold}");
    }

    #[test]
    fn a_zero_anywhere_is_told() {
        for length in [1, BLOCK, BLOCK + 1, 2 * BLOCKS * BLOCK] {
            for at in (0..length).step_by(7) {
                let mut text = vec![b'.'; length];
                let has_zeros = |text: &[u8]| {
                    let mut kinds = Kinds::default();
                    for part in text.chunks(BLOCKS * BLOCK) {
                        kinds.tell(Level::new(), part);
                    }
                    kinds.has_zeros
                };
                assert!(!has_zeros(&text));
                text[at] = 0;
                assert!(has_zeros(&text));
            }
        }
    }

    #[test]
    fn a_run_is_told_behind_its_first_fifteen_characters() {
        for text in [
            b"SGVsbG8gd29ybGQh".as_slice(),
            b"a-name-and-then-SGVsbG8gd29ybGQh",
            b"00112233445566778899",
            b"JBSWY3DPEBLW64TMMQQQ",
            b"H4sIAAAAAAAAA0vMK0ktLtFRKEotzixJLUpNAQ",
        ] {
            for before in (0..3 * BLOCK).chain(BLOCKS * BLOCK - BLOCK..BLOCKS * BLOCK + BLOCK) {
                let text = [&vec![b' '; before], text, b" "].concat();
                let [runs, ..] = told(&text);
                assert!(!runs.is_empty(), "{before}");
                let is_in = |at: &usize| (before + 15..text.len() - 1).contains(at);
                assert!(runs.iter().all(is_in), "{before}: {runs:?}");
            }
        }
        // The letters of names are of base64 as well.
        let [runs, ..] = told(b"getConnectionFactory the_name_of_something src/extract/encoded");
        assert!(runs.is_empty(), "{runs:?}");
    }
}
