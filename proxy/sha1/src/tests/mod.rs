//! Every way against two other implementations, and the detection against a plain one.

mod conditions;

use std::array;

use fearless_simd::{Level, dispatch};
use sha1::Digest as _;

use crate::{
    BEGIN, Block, Chain, Collision, Digest, Message, Sum, Way,
    attack::{Meeting, VECTORS},
    digests,
    lanes::{self, Chains, MOST},
    way::{lanes, levels},
};

/// splitmix64: small and seeded.
pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[7]).collect()
    }

    fn block(&mut self) -> Block {
        array::from_fn(|_| self.next().to_le_bytes()[7])
    }
}

fn plain(message: &Message<'_>) -> Digest {
    let mut hasher = sha1::Sha1::new();
    hasher.update(message.head);
    hasher.update(message.body);
    hasher.finalize().into()
}

fn detecting(message: &Message<'_>) -> Sum {
    let mut hasher = sha1dc::Hasher::new();
    hasher.update(message.head);
    hasher.update(message.body);
    let digest = hasher.finalize().map_err(|_| Collision)?;
    Ok(digest.to_bytes())
}

/// What all ways come to, and both others.
fn sums(messages: &[Message<'_>]) -> Vec<Sum> {
    let sums: Vec<Sum> = messages.iter().map(detecting).collect();
    for (message, sum) in messages.iter().zip(&sums) {
        assert!(sum.is_err() || *sum == Ok(plain(message)));
    }
    let best = ("best".to_owned(), Way::best());
    for (name, way) in Way::all().into_iter().chain([best]) {
        assert_eq!(digests(way, messages), sums, "{name}");
    }
    sums
}

#[test]
fn messages_of_any_length_have_their_sums() {
    let random = &mut Random(1);
    let bytes = random.bytes(1200);
    for length in 0..=1200 {
        // Heads up to longer than a block, so that a block ends before, at and behind their end.
        let (head, body) = bytes[..length].split_at(random.below(length.min(70) + 1));
        sums(&[Message { head, body }]);
    }
    let all: Vec<Message<'_>> = (0..=1200)
        .map(|length| bytes[..length].split_at(length.min(length % 67)))
        .map(|(head, body)| Message { head, body })
        .collect();
    assert!(sums(&all).iter().all(Sum::is_ok));
}

#[test]
fn any_messages_together_have_their_sums() {
    let random = &mut Random(2);
    let bytes = random.bytes(300_000);
    for round in 0..60 {
        let longest = [200, 3_000, 20_000, 100_000][round % 4];
        let messages: Vec<Message<'_>> = (0..random.below(40))
            .map(|_| {
                let from = random.below(200_000);
                let message = &bytes[from..][..random.below(longest)];
                let (head, body) = message.split_at(random.below(message.len().min(64) + 1));
                Message { head, body }
            })
            .collect();
        assert!(sums(&messages).iter().all(Sum::is_ok));
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Messages that are made to collide: the pair of Leurent and Peyrin (sha-mbles.github.io), and the beginning of a PDF of Stevens, Bursztein, Karpman,
/// Albertini and Markov (shattered.io).
fn colliding() -> Vec<Vec<u8>> {
    let shambles = include_str!("../../../gitwire/tests/packs/shambles.hex");
    let shattered = include_str!("shattered.hex");
    let texts = shambles.split("\n\n").chain([shattered]);
    texts.map(from_hex).collect()
}

#[test]
fn content_made_to_collide_is_found_wherever_it_is() {
    let random = &mut Random(3);
    let others = random.bytes(5_000);
    let colliding = colliding();
    assert_eq!(colliding.len(), 3);
    for place in 0..2 * MOST + 3 {
        for (at, content) in colliding.iter().enumerate() {
            let (head, body) = content.split_at((place * 7 + at) % 65);
            let mut messages: Vec<Message<'_>> = (0..2 * MOST + 3)
                .map(|_| &others[..600 + random.below(160)])
                .map(|body| Message { head: &[], body })
                .collect();
            messages[place] = Message { head, body };
            for (other, sum) in sums(&messages).into_iter().enumerate() {
                assert_eq!(sum.is_err(), other == place);
            }
        }
    }
}

#[test]
fn what_stands_behind_a_collision_or_before_it_does_not_hide_it() {
    for content in colliding() {
        let more = [content.as_slice(), b"and more", &[7; 1000]].concat();
        let all = [more.as_slice(), &content];
        let messages = all.map(|body| Message { head: &[], body });
        assert_eq!(sums(&messages), [Err(Collision); 2]);
        // As an object of git it is another message, and collides with nothing.
        let head = b"blob 640\0";
        let harmless = Message { head, body: &more };
        assert!(sums(&[harmless])[0].is_ok());
    }
}

/// The words of a block, by the definition.
pub fn expanded(block: &Block) -> [u32; 80] {
    let mut words = Vec::with_capacity(80);
    words.extend(block.as_chunks().0.iter().copied().map(u32::from_be_bytes));
    for at in 16..80 {
        let sum: u32 = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
        words.push(sum.rotate_left(1));
    }
    words.try_into().unwrap()
}

/// What the conditions leave of any number of blocks, in lanes of this level.
fn left_in_lanes(level: Level, blocks: &[Block]) -> Vec<u32> {
    let lanes = lanes(level);
    let mut left = Vec::new();
    for group in blocks.chunks(lanes) {
        let lane = |at: usize| &group[at.min(group.len() - 1)];
        let group_blocks: [&Block; MOST] = array::from_fn(lane);
        let all = dispatch!(level, simd => lanes::left(simd, &group_blocks));
        let mut chains = Chains::new();
        let same = dispatch!(level, simd => lanes::compress(simd, &mut chains, &group_blocks));
        assert_eq!(all[..lanes], same[..lanes]);
        left.extend_from_slice(&all[..group.len()]);
    }
    left
}

#[test]
fn the_conditions_leave_what_they_leave_one_by_one() {
    let random = &mut Random(4);
    let mut blocks: Vec<Block> = (0..200_000).map(|_| random.block()).collect();
    // Rare vectors too, and each of their conditions from both sides.
    let crafted = conditions::crafted(random);
    assert_eq!(crafted.iter().filter(|(_, _, whole)| *whole).count(), 32);
    blocks.extend(crafted.iter().map(|(block, _, _)| *block));
    let conditions = conditions::all();
    let wanted: Vec<u32> = blocks
        .iter()
        .map(|block| conditions::left(&conditions, &expanded(block)))
        .collect();
    let some = wanted.iter().filter(|left| **left != 0).count();
    assert!(
        (8_000..12_000).contains(&some),
        "{some} of 200,000 are left"
    );
    for level in levels() {
        assert!(left_in_lanes(level, &blocks) == wanted);
    }
}

/// A step of a compression, by the definition.
fn step([a, b, c, d, e]: Chain, at: usize, word: u32) -> Chain {
    let (mixed, round) = match at {
        0..20 => ((b & c) | (!b & d), 0x5a82_7999),
        20..40 => (b ^ c ^ d, 0x6ed9_eba1),
        40..60 => ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdc),
        _ => (b ^ c ^ d, 0xca62_c1d6_u32),
    };
    let all = [a.rotate_left(5), mixed, e, round, word];
    let sum = all.into_iter().fold(0, u32::wrapping_add);
    [sum, a, b.rotate_left(30), c, d]
}

fn run(begin: Chain, words: &[u32; 80], until: usize) -> Chain {
    (0..until).fold(begin, |state, at| step(state, at, words[at]))
}

fn added(one: Chain, other: Chain) -> Chain {
    array::from_fn(|at| one[at].wrapping_add(other[at]))
}

/// The sum that the other block of a pair comes to is computed from its middle; whoever begins with the chain that this takes comes to the same state
/// there, and to that sum.
#[test]
fn the_other_block_of_a_pair_meets_the_first_one() {
    let random = &mut Random(5);
    for level in levels() {
        for round in 0..VECTORS.len() {
            let blocks: [Block; MOST] = array::from_fn(|_| random.block());
            let vectors: [usize; MOST] = array::from_fn(|lane| (round + lane) % VECTORS.len());
            let mut chains = Chains::new();
            for lane in 0..MOST {
                chains.set(lane, array::from_fn(|_| (random.next() >> 32) as u32));
            }
            let (sums, others) = dispatch!(level, simd =>
                lanes::pairs(simd, &chains, &blocks.each_ref(), &vectors));
            for lane in 0..lanes(level) {
                let words = expanded(&blocks[lane]);
                let begin = chains.get(lane);
                assert_eq!(sums.get(lane), added(begin, run(begin, &words, 80)));
                let difference = crate::attack::DIFFERENCES[vectors[lane]];
                let other: [u32; 80] = array::from_fn(|at| words[at] ^ difference[at]);
                let middle = VECTORS[vectors[lane]].meets() as usize;
                let state = run(begin, &words, middle);
                let end = (middle..80).fold(state, |state, at| step(state, at, other[at]));
                // The only chain that can have led to both.
                let begin: Chain = array::from_fn(|at| others.get(lane)[at].wrapping_sub(end[at]));
                assert_eq!(run(begin, &other, middle), state);
            }
        }
    }
}

#[test]
fn differences_follow_each_other_as_words_do() {
    for (vector, difference) in VECTORS.iter().zip(&crate::attack::DIFFERENCES) {
        for at in 16..80 {
            let sum =
                difference[at - 3] ^ difference[at - 8] ^ difference[at - 14] ^ difference[at - 16];
            assert_eq!(difference[at], sum.rotate_left(1));
        }
        assert_eq!(vector.meets() == Meeting::Late, vector.step >= 50);
    }
    assert_eq!(BEGIN, Chains::new().get(3));
}
