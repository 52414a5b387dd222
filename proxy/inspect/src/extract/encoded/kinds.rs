//! Where long runs may be, from one pass over all text: 64 characters at once, with a bit for each.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// Characters that are looked at together.
pub const BLOCK: usize = 64;
/// Blocks of which is told at once.
pub const BLOCKS: usize = 16;

/// One kind of characters of all blocks.
pub type Bits = [u64; BLOCKS];

/// What the characters of the blocks are and end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// Of base64, of one alphabet or the other.
    pub base64: Bits,
    pub digits: Bits,
    pub capitals: Bits,
    pub small: Bits,
    /// The last of sixteen in a row of base64.
    pub runs: Bits,
    /// What stands between the bytes of a dump and is the last of eight characters of one.
    pub dumps: Bits,
    /// A comma that is the last of eight characters in a row of what lists of numbers are written in.
    pub lists: Bits,
}

/// The characters that rows of are looked for.
#[derive(Default)]
struct Parts {
    dumped: Bits,
    between: Bits,
    listed: Bits,
    commas: Bits,
}

/// What the blocks before say of those that follow: of each kind of character, whether rows of 1, 2, 4 and 8 end just before them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carry {
    base64: [u64; 4],
    dumped: [u64; 3],
    listed: [u64; 3],
    between: u64,
}

impl Kinds {
    /// Tells of the blocks at the beginning of `text`, as many as there is room for; behind its end nothing stands. Returns a bit
    /// for each block in which something ends.
    pub fn tell(&mut self, level: Level, text: &[u8], carry: &mut Carry) -> u32 {
        let mut parts = Parts::default();
        dispatch!(level, simd => self.part(&mut parts, simd, text));
        self.pass(&parts, carry)
    }

    #[inline(always)]
    fn part<S: Simd>(&mut self, parts: &mut Parts, simd: S, text: &[u8]) {
        let (whole, rest) = text.as_chunks::<BLOCK>();
        for at in 0..BLOCKS {
            match whole.get(at) {
                Some(block) => self.put(parts, simd, at, block),
                None => {
                    let mut last = [0; BLOCK];
                    let rest = if at == whole.len() { rest } else { &[] };
                    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    self.put(parts, simd, at, &last);
                }
            }
        }
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, parts: &mut Parts, simd: S, at: usize, text: &[u8; BLOCK]) {
        let text = u8x64::from_slice(simd, text);
        let all = |byte: u8| u8x64::splat(simd, byte);
        let range = |text: u8x64<S>, from: u8, to: u8| (text - all(from)).simd_le(all(to - from));
        let is = |byte: u8| text.simd_eq(all(byte));
        let digits = range(text, b'0', b'9');
        let capitals = range(text, b'A', b'Z');
        let small = range(text, b'a', b'z');
        let hyphens = is(b'-');
        let between = is(b' ') | is(b':') | hyphens;
        let others = is(b'+') | is(b'/') | is(b'_') | hyphens;
        let hex = range(text | all(0x20), b'a', b'f') | digits;
        self.base64[at] = (digits | capitals | small | others).to_bitmask();
        self.digits[at] = digits.to_bitmask();
        self.capitals[at] = capitals.to_bitmask();
        self.small[at] = small.to_bitmask();
        parts.dumped[at] = (hex | between).to_bitmask();
        parts.between[at] = between.to_bitmask();
        parts.listed[at] = text.simd_le(all(b'9')).to_bitmask();
        parts.commas[at] = is(b',').to_bitmask();
    }

    fn pass(&mut self, parts: &Parts, carry: &mut Carry) -> u32 {
        // It stays in registers.
        let mut passed = *carry;
        let mut ends = 0;
        for at in 0..BLOCKS {
            let between = parts.between[at];
            // Two in a row of what stands between bytes are of no dump.
            let pairs = between & behind(between, &mut passed.between, 1);
            let run = rows(self.base64[at], &mut passed.base64);
            let dump = rows(parts.dumped[at] & !pairs, &mut passed.dumped) & between;
            let list = rows(parts.listed[at], &mut passed.listed) & parts.commas[at];
            (self.runs[at], self.dumps[at], self.lists[at]) = (run, dump, list);
            ends |= u32::from(run | dump | list != 0) << at;
        }
        *carry = passed;
        ends
    }
}

/// Where rows of `2^STEPS` characters end, of which `row` tells each.
#[inline(always)]
fn rows<const STEPS: usize>(mut row: u64, carry: &mut [u64; STEPS]) -> u64 {
    for (step, carry) in carry.iter_mut().enumerate() {
        row &= behind(row, carry, 1 << step);
    }
    row
}

/// `bits` moved by `places`, with those that come in from the block before; those that go out are kept for the next one.
#[inline(always)]
fn behind(bits: u64, carry: &mut u64, places: u32) -> u64 {
    let moved = bits << places | *carry;
    *carry = bits >> (u64::BITS - places);
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last of `length` characters in a row that are `kind`.
    fn ends(text: &[u8], length: usize, kind: impl Fn(&u8) -> bool) -> Vec<usize> {
        let rows = text.windows(length).enumerate();
        let rows = rows.filter(|(_, row)| row.iter().all(&kind));
        rows.map(|(at, _)| at + length - 1).collect()
    }

    fn places(all: &[Kinds], bits: impl Fn(&Kinds) -> Bits) -> Vec<usize> {
        let blocks: Vec<u64> = all.iter().flat_map(bits).collect();
        let is_set = |at: &usize| blocks.get(at / BLOCK).unwrap() >> (at % BLOCK) & 1 != 0;
        (0..blocks.len() * BLOCK).filter(is_set).collect()
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
            b"~\x7f",
            b"\0",
        ];
        let mut state = 1_u32;
        let mut text = Vec::new();
        while text.len() < 5 * BLOCKS * BLOCK / 2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = words.get(state as usize >> 16 & 15).copied();
            text.extend_from_slice(word.unwrap_or(b"word"));
        }
        let (mut carry, mut all) = (Carry::default(), Vec::new());
        for part in text.chunks(BLOCKS * BLOCK) {
            let mut kinds = Kinds::default();
            let ends = kinds.tell(Level::new(), part, &mut carry);
            for at in 0..BLOCKS {
                let ended = kinds.runs[at] | kinds.dumps[at] | kinds.lists[at];
                assert_eq!(ends >> at & 1 != 0, ended != 0);
            }
            all.push(kinds);
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        let is_between = |byte: &u8| b" :-".contains(byte);
        assert_eq!(
            places(&all, |kinds| kinds.base64),
            ends(&text, 1, is_base64)
        );
        assert_eq!(
            places(&all, |kinds| kinds.digits),
            ends(&text, 1, u8::is_ascii_digit)
        );
        assert_eq!(
            places(&all, |kinds| kinds.capitals),
            ends(&text, 1, u8::is_ascii_uppercase)
        );
        assert_eq!(
            places(&all, |kinds| kinds.small),
            ends(&text, 1, u8::is_ascii_lowercase)
        );
        assert_eq!(places(&all, |kinds| kinds.runs), ends(&text, 16, is_base64));
        let lists = ends(&text, 8, |byte| *byte <= b'9');
        let commas = lists.into_iter().filter(|&at| text.get(at) == Some(&b','));
        assert_eq!(
            places(&all, |kinds| kinds.lists),
            commas.collect::<Vec<_>>()
        );
        let dumps = text.windows(8).enumerate().filter(|(at, row)| {
            let first_pair = at
                .checked_sub(1)
                .and_then(|before| text.get(before))
                .is_some_and(is_between);
            row.iter()
                .all(|byte| byte.is_ascii_hexdigit() || is_between(byte))
                && row.windows(2).all(|pair| !pair.iter().all(is_between))
                && !(first_pair && row.first().is_some_and(is_between))
                && row.last().is_some_and(is_between)
        });
        let dumps: Vec<usize> = dumps.map(|(at, _)| at + 7).collect();
        assert!(dumps.len() > 2);
        assert_eq!(places(&all, |kinds| kinds.dumps), dumps);
    }
}
