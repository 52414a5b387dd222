//! Where one of a few short signs may stand, from one pass over all text: 64 places at once, by what each half of a byte allows. Whoever
//! asks compares all of the sign there.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// Places that are looked at together.
const BLOCK: usize = 64;
/// Blocks of which is told at once.
const BLOCKS: usize = 32;
/// Bytes of a sign that are looked at, at most.
const LONGEST: usize = 3;

/// For each half of a byte, the groups of signs that have it there; over and over again, as vectors want it.
#[derive(Clone, Copy, Debug)]
struct Halves {
    low: [u8; BLOCK],
    high: [u8; BLOCK],
}

impl Halves {
    const NONE: Self = Self {
        low: [0; BLOCK],
        high: [0; BLOCK],
    };

    fn add(&mut self, byte: u8, groups: u8) {
        let put = |table: &mut [u8; BLOCK], half: u8| {
            let places = table.iter_mut().skip(usize::from(half)).step_by(16);
            places.for_each(|place| *place |= groups);
        };
        put(&mut self.low, byte & 15);
        put(&mut self.high, byte >> 4);
    }
}

/// Eight groups of signs, all of one length.
#[derive(Clone, Debug)]
pub struct Groups<const LENGTH: usize>([Halves; LENGTH]);

impl<const LENGTH: usize> Default for Groups<LENGTH> {
    fn default() -> Self {
        Self([Halves::NONE; LENGTH])
    }
}

impl<const LENGTH: usize> Groups<LENGTH> {
    /// What stands where signs of one group mix is found as well.
    pub fn of(groups: [&[&[u8; LENGTH]]; 8]) -> Self {
        let mut all = Self::default();
        for (group, signs) in groups.into_iter().enumerate() {
            signs.iter().for_each(|sign| all.add(group, *sign));
        }
        all
    }

    /// Adds a sign to one of the eight groups; what it has beyond the length is not looked for.
    pub fn add(&mut self, group: usize, sign: &[u8]) {
        for (halves, byte) in self.0.iter_mut().zip(sign) {
            halves.add(*byte, 1 << group);
        }
    }
}

/// What is looked for in one pass.
#[derive(Debug)]
pub struct Signs {
    pub long: Groups<3>,
    /// And beside those.
    pub others: Option<(Groups<2>, Groups<3>)>,
}

impl Signs {
    /// Tells of the blocks at the beginning of `text` where a sign may begin, with a bit for each block in which one may.
    fn tell(&self, level: Level, text: &[u8], places: &mut [u64; BLOCKS]) -> u32 {
        match &self.others {
            Some(others) => {
                dispatch!(level, simd => tell::<_, true>(simd, text, &self.long, others, places))
            }
            None => {
                let none = Default::default();
                dispatch!(level, simd => tell::<_, false>(simd, text, &self.long, &none, places))
            }
        }
    }
}

/// The places of a text, in their order, at which a sign may begin.
#[derive(Clone)]
pub struct Places<'t> {
    text: &'t [u8],
    level: Level,
    signs: &'static Signs,
    /// Where in the blocks from `base` on signs may begin, and a bit for each block in which one may.
    places: [u64; BLOCKS],
    base: usize,
    left: u32,
    /// Where the text goes on behind them.
    next: usize,
}

impl<'t> Places<'t> {
    pub fn new(text: &'t [u8], signs: &'static Signs) -> Self {
        Self {
            text,
            level: Level::new(),
            signs,
            places: [0; BLOCKS],
            base: 0,
            left: 0,
            next: 0,
        }
    }

    /// Goes on to the blocks behind; nothing behind the last one.
    fn go_on(&mut self) -> Option<()> {
        let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        self.left = self.signs.tell(self.level, rest, &mut self.places);
        self.base = self.next;
        self.next += BLOCKS * BLOCK;
        Some(())
    }

    /// Goes on at `at`, if that is far ahead; nearer places before it may still be told.
    pub fn go_on_at(&mut self, at: usize) {
        if at >= self.next {
            (self.next, self.left) = (at, 0);
        }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.go_on()?;
        }
        let index = self.left.trailing_zeros() as usize;
        let places = self.places.get_mut(index)?;
        let place = self.base + index * BLOCK + places.trailing_zeros() as usize;
        *places &= *places - 1;
        if *places == 0 {
            self.left &= self.left - 1;
        }
        Some(place)
    }
}

/// The first eight bytes as one number, the first one lowest; behind the end zeros stand.
#[inline]
pub fn number(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[inline(always)]
fn tell<S: Simd, const OTHERS: bool>(
    simd: S,
    text: &[u8],
    Groups(long): &Groups<3>,
    (Groups(short), Groups(more)): &(Groups<2>, Groups<3>),
    places: &mut [u64; BLOCKS],
) -> u32 {
    let long = [
        load(simd, &long[0]),
        load(simd, &long[1]),
        load(simd, &long[2]),
    ];
    let more = [
        load(simd, &more[0]),
        load(simd, &more[1]),
        load(simd, &more[2]),
    ];
    let short = [load(simd, &short[0]), load(simd, &short[1])];
    let mut any = 0;
    for (at, places) in places.iter_mut().enumerate() {
        let Some(rest) = text.get(at * BLOCK..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        let mut last = [0; BLOCK + LONGEST - 1];
        let window = rest.first_chunk().unwrap_or_else(|| {
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            &last
        });
        *places = block::<S, OTHERS>(simd, window, &long, &short, &more);
        any |= u32::from(*places != 0) << at;
    }
    any
}

#[inline(always)]
fn block<S: Simd, const OTHERS: bool>(
    simd: S,
    window: &[u8; BLOCK + LONGEST - 1],
    long: &[[u8x64<S>; 2]; 3],
    short: &[[u8x64<S>; 2]; 2],
    more: &[[u8x64<S>; 2]; 3],
) -> u64 {
    let first = halves(simd, &window[..BLOCK]);
    let second = halves(simd, &window[1..][..BLOCK]);
    let third = halves(simd, &window[2..][..BLOCK]);
    let mut found = groups(&long[0], &first) & groups(&long[1], &second) & groups(&long[2], &third);
    if OTHERS {
        found |= groups(&more[0], &first) & groups(&more[1], &second) & groups(&more[2], &third)
            | groups(&short[0], &first) & groups(&short[1], &second);
    }
    found.simd_gt(u8x64::splat(simd, 0)).to_bitmask()
}

// No closures: what is called more than once would not be compiled for the vectors at hand.

#[inline(always)]
fn load<S: Simd>(simd: S, halves: &Halves) -> [u8x64<S>; 2] {
    [
        u8x64::from_slice(simd, &halves.low),
        u8x64::from_slice(simd, &halves.high),
    ]
}

#[inline(always)]
fn halves<S: Simd>(simd: S, bytes: &[u8]) -> [u8x64<S>; 2] {
    let bytes = u8x64::from_slice(simd, bytes);
    [bytes & u8x64::splat(simd, 15), bytes >> 4]
}

/// The groups that have both halves of the bytes.
#[inline(always)]
fn groups<S: Simd>(tables: &[u8x64<S>; 2], halves: &[u8x64<S>; 2]) -> u8x64<S> {
    tables[0].swizzle_dyn_within_blocks(halves[0]) & tables[1].swizzle_dyn_within_blocks(halves[1])
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[test]
    fn every_sign_is_found_at_every_place() {
        static SIGNS: LazyLock<[Signs; 2]> = LazyLock::new(|| {
            let mut short: [&[&[u8; 2]]; 8] = [&[b"ab"]; 8];
            short[7] = &[b"\xff\n"];
            let others = (Groups::of(short), Groups::of([&[b"xyz"]; 8]));
            [Some(others), None].map(|others| Signs {
                long: Groups::of([&[b"XYZ", b"\" +"]; 8]),
                others,
            })
        });
        let signs: [&[u8]; 5] = [b"ab", b"\xff\n", b"xyz", b"XYZ", b"\" +"];
        for sign in signs {
            for at in (0..BLOCK * BLOCKS + BLOCK).step_by(3) {
                for length in [at + sign.len(), BLOCK * BLOCKS + BLOCK + 7] {
                    let mut text = vec![b'.'; length];
                    text[at..at + sign.len()].copy_from_slice(sign);
                    let told = |signs| Places::new(&text, signs).collect::<Vec<_>>();
                    let [all, long] = &*SIGNS;
                    assert_eq!(told(all), [at], "{sign:?} of {length}");
                    let is_long = sign.len() > 2 && sign != b"xyz";
                    assert_eq!(told(long).len(), usize::from(is_long));
                }
            }
        }
    }
}
