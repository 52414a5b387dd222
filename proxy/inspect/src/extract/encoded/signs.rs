//! Where one of a few short signs may stand, from one pass over all text: 64 places at once, by what each half of a byte allows.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x16, u8x64};

/// Places that are looked at together.
pub const BLOCK: usize = 64;
/// Blocks of which is told at once.
pub const BLOCKS: usize = 32;
/// Bytes of a sign that are looked at, at most.
const LONGEST: usize = 3;

/// For each half of a byte, the groups of signs that have it there.
#[derive(Clone, Copy, Debug, Default)]
struct Halves {
    low: [u8; 16],
    high: [u8; 16],
}

/// Eight groups of signs, all of one length.
#[derive(Clone, Debug)]
pub struct Groups<const LENGTH: usize>([Halves; LENGTH]);

impl<const LENGTH: usize> Groups<LENGTH> {
    /// What stands where signs of one group mix is found as well.
    pub fn of<const EACH: usize>(groups: [[&[u8; LENGTH]; EACH]; 8]) -> Self {
        let mut halves = [Halves::default(); LENGTH];
        for (group, signs) in groups.into_iter().enumerate() {
            for sign in signs {
                for (halves, byte) in halves.iter_mut().zip(sign) {
                    halves.low[usize::from(byte & 15)] |= 1 << group;
                    halves.high[usize::from(byte >> 4)] |= 1 << group;
                }
            }
        }
        Self(halves)
    }
}

/// Tells of the blocks at the beginning of `text` where a sign of one of the groups may begin, with a bit for each block in which
/// one may.
pub fn tell(
    level: Level,
    text: &[u8],
    short: &Groups<2>,
    long: &Groups<3>,
    places: &mut [u64; BLOCKS],
) -> u32 {
    dispatch!(level, simd => tell_with(simd, text, short, long, places))
}

#[inline(always)]
fn tell_with<S: Simd>(
    simd: S,
    text: &[u8],
    short: &Groups<2>,
    long: &Groups<3>,
    places: &mut [u64; BLOCKS],
) -> u32 {
    let load = |half: &[u8; 16]| u8x64::block_splat(u8x16::from_slice(simd, half));
    let short = short
        .0
        .map(|halves| [load(&halves.low), load(&halves.high)]);
    let long = long.0.map(|halves| [load(&halves.low), load(&halves.high)]);
    let mut any = 0;
    for (at, places) in places.iter_mut().enumerate() {
        let rest = text.get(at * BLOCK..).unwrap_or_default();
        let mut last = [0; BLOCK + LONGEST - 1];
        let window = rest.first_chunk().unwrap_or_else(|| {
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            &last
        });
        *places = block(simd, window, &short, &long);
        any |= u32::from(*places != 0) << at;
    }
    any
}

#[inline(always)]
fn block<S: Simd>(
    simd: S,
    window: &[u8; BLOCK + LONGEST - 1],
    short: &[[u8x64<S>; 2]; 2],
    long: &[[u8x64<S>; 2]; 3],
) -> u64 {
    let halves = |from: usize| {
        let bytes = u8x64::from_slice(simd, &window[from..from + BLOCK]);
        [bytes & u8x64::splat(simd, 15), bytes >> 4]
    };
    let [first, second, third] = [halves(0), halves(1), halves(2)];
    let groups = |tables: &[u8x64<S>; 2], [low, high]: [u8x64<S>; 2]| {
        tables[0].swizzle_dyn_within_blocks(low) & tables[1].swizzle_dyn_within_blocks(high)
    };
    let [one, two] = short;
    let found = groups(one, first) & groups(two, second);
    let [one, two, three] = long;
    let found = found | groups(one, first) & groups(two, second) & groups(three, third);
    found.simd_gt(u8x64::splat(simd, 0)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_is_found_at_every_place() {
        let mut short: [[&[u8; 2]; 1]; 8] = [[b"ab"]; 8];
        short[7] = [b"\xff\n"];
        let (short, long) = (Groups::of(short), Groups::of([[b"xyz", b"\" +"]; 8]));
        let signs: [&[u8]; 4] = [b"ab", b"\xff\n", b"xyz", b"\" +"];
        for sign in signs {
            for at in 0..BLOCK * BLOCKS - sign.len() {
                for length in [at + sign.len(), BLOCK * BLOCKS + 7] {
                    let mut text = vec![b'.'; length];
                    text[at..at + sign.len()].copy_from_slice(sign);
                    let mut places = [0; BLOCKS];
                    let any = tell(Level::new(), &text, &short, &long, &mut places);
                    assert_eq!(any, 1_u32 << (at / BLOCK), "{sign:?} at {at} of {length}");
                    assert_eq!(places[at / BLOCK], 1 << (at % BLOCK));
                }
            }
        }
    }
}
