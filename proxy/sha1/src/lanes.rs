//! One block of each of up to sixteen messages at once, each in a lane.

use std::{array, ops::Range};

use fearless_simd::{Simd, prelude::*};

use crate::{
    BEGIN, Block, Chain,
    attack::{DIFFERENCES, Meeting, ROUND, STEPS, VECTORS},
    conditions::{CONDITIONS, before},
};

/// Lanes at most.
pub const MOST: usize = 16;
/// Words of a block.
const WORDS: usize = 16;

/// The chain of each lane, word by word.
#[derive(Clone, Debug)]
pub struct Chains([[u32; MOST]; 5]);

impl Chains {
    pub fn new() -> Self {
        Self(BEGIN.map(|word| [word; MOST]))
    }

    pub fn get(&self, lane: usize) -> Chain {
        self.0.map(|words| words[lane])
    }

    pub fn set(&mut self, lane: usize, chain: Chain) {
        for (words, word) in self.0.iter_mut().zip(chain) {
            words[lane] = word;
        }
    }

    #[inline(always)]
    fn load<S: Simd>(&self, simd: S) -> State<S> {
        let load = |at: usize| S::u32s::from_slice(simd, &self.0[at][..S::u32s::LEN]);
        [load(0), load(1), load(2), load(3), load(4)]
    }

    #[inline(always)]
    fn store<S: Simd>(state: State<S>) -> Self {
        let mut chains = Self::new();
        for (words, word) in chains.0.iter_mut().zip(state) {
            word.store_slice(&mut words[..S::u32s::LEN]);
        }
        chains
    }
}

type State<S> = [<S as Simd>::u32s; 5];
type Words<S> = [<S as Simd>::u32s; STEPS];

/// Compresses a block in each lane, and gives the vectors that its conditions leave.
#[inline(always)]
pub fn compress<S: Simd>(simd: S, chains: &mut Chains, blocks: &[&Block; MOST]) -> [u32; MOST] {
    let mut words = [S::u32s::splat(simd, 0); STEPS];
    let begin = chains.load(simd);
    let mut state = begin;
    let left = left_of(
        simd,
        blocks,
        &mut words,
        // A step waits for the one before it: meanwhile the conditions are looked at.
        #[inline(always)]
        |words, at| {
            state = match at / 20 {
                0 => on::<S, 0>(state, words, at..at + 1),
                1 => on::<S, 1>(state, words, at..at + 1),
                2 => on::<S, 2>(state, words, at..at + 1),
                _ => on::<S, 3>(state, words, at..at + 1),
            };
        },
    );
    expand::<S>(&mut words, 65..STEPS);
    let end = on::<S, 3>(state, &words, 65..STEPS);
    *chains = Chains::store::<S>(add::<S>(begin, end));
    left
}

/// The vectors that the conditions leave, for the block in each lane.
#[inline(always)]
pub fn left<S: Simd>(simd: S, blocks: &[&Block; MOST]) -> [u32; MOST] {
    left_of(
        simd,
        blocks,
        &mut [S::u32s::splat(simd, 0); STEPS],
        |_, _| (),
    )
}

/// The same; `with` is called for each of the words that the conditions are about.
#[inline(always)]
fn left_of<S: Simd>(
    simd: S,
    blocks: &[&Block; MOST],
    words: &mut Words<S>,
    mut with: impl FnMut(&Words<S>, usize),
) -> [u32; MOST] {
    load_blocks(simd, blocks, words);
    let mut excluded = S::u32s::splat(simd, 0);
    macro_rules! words {
        ($($at:literal)*) => { $(
            if $at >= WORDS {
                expand::<S>(words, $at..$at + 1);
            }
            with(words, $at);
            let conditions = const { before($at)..before($at + 1) };
            excluded = exclude(simd, words, conditions, excluded);
        )* };
    }
    const { assert!(before(65) == CONDITIONS.len()) };
    words!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    words!(16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40);
    words!(41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64);
    let mut left = [0; MOST];
    (!excluded).store_slice(&mut left[..S::u32s::LEN]);
    left
}

/// What the block in each lane comes to behind its chain, and the other block of a pair that differs as the vector of this number has it, behind a
/// chain that leads to the same state in its middle.
#[inline(always)]
pub fn pairs<S: Simd>(
    simd: S,
    chains: &Chains,
    blocks: &[&Block; MOST],
    vectors: &[usize; MOST],
) -> (Chains, Chains) {
    let mut words = [S::u32s::splat(simd, 0); STEPS];
    load_blocks(simd, blocks, &mut words);
    expand::<S>(&mut words, WORDS..STEPS);
    let begin = chains.load(simd);
    let middle = on::<S, 1>(on::<S, 0>(begin, &words, 0..20), &words, 20..40);
    let early = on::<S, 2>(middle, &words, 40..58);
    let late = on::<S, 3>(on::<S, 2>(early, &words, 58..60), &words, 60..65);
    let sum = add::<S>(begin, on::<S, 3>(late, &words, 65..STEPS));

    let mut other = differences(simd, vectors);
    for (other, word) in other.iter_mut().zip(words) {
        *other ^= word;
    }
    let is_late = vectors.map(|vector| u32::from(VECTORS[vector].meets() == Meeting::Late));
    let is_late = S::u32s::from_slice(simd, &is_late[..S::u32s::LEN]).simd_ne(0);
    let mut state = on::<S, 3>(on::<S, 2>(early, &other, 58..60), &other, 60..65);
    for (other, own) in state.iter_mut().zip(late) {
        *other = is_late.select(own, *other);
    }
    let end = on::<S, 3>(state, &other, 65..STEPS);
    let begin = back::<S, 2>(back::<S, 3>(state, &other, 60..65), &other, 40..60);
    let begin = back::<S, 0>(back::<S, 1>(begin, &other, 20..40), &other, 0..20);
    (
        Chains::store::<S>(sum),
        Chains::store::<S>(add::<S>(begin, end)),
    )
}

#[inline(always)]
fn rotated<S: Simd>(word: S::u32s, by: u32) -> S::u32s {
    (word << by) | (word >> (32 - by))
}

#[inline(always)]
fn add<S: Simd>(one: State<S>, other: State<S>) -> State<S> {
    array::from_fn(
        #[inline(always)]
        |at| one[at] + other[at],
    )
}

/// Turns the words of each block into vectors of the first, the second, ... word of all.
#[inline(always)]
fn load_blocks<S: Simd>(simd: S, blocks: &[&Block; MOST], words: &mut Words<S>) {
    let lanes = S::u32s::LEN;
    for (part, columns) in words[..WORDS].chunks_exact_mut(lanes).enumerate() {
        let mut rows = [S::u32s::splat(simd, 0); MOST];
        for (row, block) in rows.iter_mut().zip(blocks).take(lanes) {
            let bytes = S::u8s::LEN;
            *row = S::u8s::from_slice(simd, &block[part * bytes..][..bytes]).bitcast();
        }
        for (column, word) in columns.iter_mut().zip(transposed::<S>(rows)) {
            let (odd, even) = (rotated::<S>(word, 8), rotated::<S>(word, 24));
            *column = (odd & 0x00ff_00ff) | (even & 0xff00_ff00);
        }
    }
}

/// The differences of the vectors of these numbers.
#[inline(always)]
fn differences<S: Simd>(simd: S, vectors: &[usize; MOST]) -> Words<S> {
    let lanes = S::u32s::LEN;
    let mut words = [S::u32s::splat(simd, 0); STEPS];
    for (part, columns) in words.chunks_exact_mut(lanes).enumerate() {
        let mut rows = [S::u32s::splat(simd, 0); MOST];
        for (row, &vector) in rows.iter_mut().zip(vectors).take(lanes) {
            *row = S::u32s::from_slice(simd, &DIFFERENCES[vector][part * lanes..][..lanes]);
        }
        for (column, word) in columns.iter_mut().zip(transposed::<S>(rows)) {
            *column = word;
        }
    }
    words
}

/// As many rows as there are lanes, turned into columns: each is interleaved with the one half a table away, until what was a row is a column.
#[inline(always)]
fn transposed<S: Simd>(mut rows: [S::u32s; MOST]) -> [S::u32s; MOST] {
    rows = interleaved::<S>(interleaved::<S>(rows));
    if S::u32s::LEN > 4 {
        rows = interleaved::<S>(rows);
    }
    if S::u32s::LEN > 8 {
        rows = interleaved::<S>(rows);
    }
    rows
}

#[inline(always)]
fn interleaved<S: Simd>(rows: [S::u32s; MOST]) -> [S::u32s; MOST] {
    let half = S::u32s::LEN / 2;
    let mut mixed = rows;
    for pair in 0..half {
        (mixed[2 * pair], mixed[2 * pair + 1]) = rows[pair].interleave(rows[pair + half]);
    }
    mixed
}

#[inline(always)]
fn expand<S: Simd>(words: &mut Words<S>, steps: Range<usize>) {
    for at in steps {
        let sum = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
        words[at] = rotated::<S>(sum, 1);
    }
}

/// The vectors that the conditions of a word exclude, besides those `excluded` already.
#[inline(always)]
fn exclude<S: Simd>(
    simd: S,
    words: &Words<S>,
    conditions: Range<usize>,
    mut excluded: S::u32s,
) -> S::u32s {
    for at in conditions {
        let (word, bit, earlier, earlier_bit, equal, different) = CONDITIONS[at];
        let other = if bit >= earlier_bit {
            words[earlier] << (bit - earlier_bit)
        } else {
            words[earlier] >> (earlier_bit - bit)
        };
        let agree = ((words[word] ^ other) & (1 << bit)).simd_eq(0);
        let equal = S::u32s::splat(simd, equal);
        excluded |= agree.select(S::u32s::splat(simd, different), equal);
    }
    excluded
}

/// What mixes three words of the state in the steps of a quarter, and what is added there.
#[inline(always)]
fn mixed<S: Simd, const QUARTER: usize>(x: S::u32s, y: S::u32s, z: S::u32s) -> S::u32s {
    let mixed = match QUARTER {
        0 => z ^ (x & (y ^ z)),
        2 => (x & y) | (z & (x | y)),
        _ => x ^ y ^ z,
    };
    mixed + ROUND[QUARTER]
}

/// Carries out steps of a quarter.
#[inline(always)]
fn on<S: Simd, const QUARTER: usize>(
    state: State<S>,
    words: &Words<S>,
    steps: Range<usize>,
) -> State<S> {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for word in &words[steps] {
        let next = (e + *word) + mixed::<S, QUARTER>(b, c, d) + rotated::<S>(a, 5);
        (a, b, c, d, e) = (next, a, rotated::<S>(b, 30), c, d);
    }
    [a, b, c, d, e]
}

/// Takes back steps of a quarter.
#[inline(always)]
fn back<S: Simd, const QUARTER: usize>(
    state: State<S>,
    words: &Words<S>,
    steps: Range<usize>,
) -> State<S> {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for word in words[steps].iter().rev() {
        let earlier = rotated::<S>(c, 2);
        let last = a - (*word + mixed::<S, QUARTER>(earlier, d, e) + rotated::<S>(b, 5));
        (a, b, c, d, e) = (b, earlier, d, e, last);
    }
    [a, b, c, d, e]
}
