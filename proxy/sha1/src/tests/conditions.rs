//! The conditions, vector by vector, and what follows from them for a block: the same as the crate asks, told and computed in another way.

use super::{Random, expanded};
use crate::{Block, attack::VECTORS};

/// Bits of each vector's words (`word.bit`) that are tied to each other: all of a group are equal, those with `!` the opposite of those without.
const TIED: [&str; 32] = [
    "37.4 !39.4 40.29 41.4 !42.29 !43.4 44.29 !46.29 !47.29, 58.0 !59.5 !63.30, 61.1 !62.6",
    "38.4 !40.4 40.29 41.29 42.4 !43.29 !44.4 45.29 !47.29 !48.29, 59.0 !60.5 !64.30, 62.1 !63.6",
    "35.4 39.29, 39.4 !41.4 41.29 42.29 43.4 !44.29 !45.4 46.29 !48.29 !49.29, 60.0 !61.5, 63.1 !64.6",
    "36.4 40.29, 40.4 !42.4 42.29 43.29 44.4 !45.29 !46.4 47.29 !49.29 !50.29, 61.0 !62.5",
    "35.1 !36.6, 39.1 !40.6 !42.6 !44.6 !46.6 !47.1, 61.2 !62.7",
    "37.4 40.29 41.29, 41.4 !43.4 43.29 44.29 45.4 !46.29 !47.4 48.29 !50.29 !51.29, 62.0 !63.5",
    "36.1 !37.6, 40.1 !41.6 !43.6 !45.6 !47.6 !48.1, 62.2 !63.7",
    "35.4 39.29, 38.4 40.29 41.29 42.29, 42.4 !44.4 44.29 45.29 46.4 !47.29 !48.4 49.29 !51.29 !52.29, 63.0 !64.5",
    "37.1 !38.6, 41.1 !42.6 !44.6 !46.6 !48.6 !49.1, 63.2 !64.7",
    "36.4 40.29, 39.4 41.29 42.29 43.29, 43.4 !45.4 45.29 46.29 47.4 !48.29 !49.4 50.29 !52.29 !53.29",
    "35.1 !36.6, 38.1 !39.6 !40.1, 42.1 !43.6 !45.6 !47.6 !49.6 !50.1",
    "36.4 !37.4 !41.29, 40.4 42.29 43.29 44.29, 44.4 !46.4 46.29 47.29 48.4 !49.29 !50.4 51.29 !53.29 !54.29",
    "36.1 !37.6, 39.1 !40.6 !41.1, 43.1 !44.6 !46.6 !48.6 !50.6 !51.1",
    "35.3 39.28, 37.4 !38.4 !42.29, 41.4 43.29 44.29 45.29, 45.4 !47.4 47.29 48.29 49.4 !50.29 !51.4 52.29 !54.29 !55.29",
    "35.5 39.30, 37.1 37.6 !38.6, 40.1 !41.6 !42.1, 44.1 !45.6 !47.6 !49.6 !51.6 !52.1",
    "38.4 !39.4 !43.29, 42.4 44.29 45.29 46.29, 46.4 !48.4 48.29 49.29 50.4 !51.29 !52.4 53.29 !55.29 !56.29",
    "36.4 40.29, 41.4 43.29 44.29 45.29, 47.4 !49.4 49.29 50.29 !52.29 !53.29, 60.0 !61.5, 63.1 !64.6",
    "37.4 40.29 41.29, 42.4 44.29 45.29 46.29, 48.4 !50.4 50.29 51.29 !53.29 !54.29, 61.0 !62.5",
    "36.1 !37.6, 41.1 !42.6 !43.1, 47.1 !48.6 !50.6 !51.1, 61.2 !62.7",
    "35.3 39.28, 35.4 39.29, 38.4 40.29 41.29 42.29, 43.4 45.29 46.29 47.29, 49.4 !51.4 51.29 52.29 !54.29 !55.29, 62.0 !63.5",
    "35.30 !36.3 !40.28, 36.4 40.29, 39.4 41.29 42.29 43.29, 44.4 46.29 47.29 48.29, 50.4 !52.4 52.29 53.29 !55.29 !56.29, 63.0 !64.5",
    "36.30 !37.3 !41.28, 37.4 41.29, 40.4 42.29 43.29 44.29, 45.4 47.29 48.29 49.29, 51.4 !53.4 53.29 54.29 !56.29 !57.29",
    "36.0 !37.5 !41.30, 39.1 !40.6 !41.1, 44.1 !45.6 !46.1, 50.1 !51.6 !53.6 !54.1",
    "37.30 !38.3 !42.28, 38.4 42.29, 41.4 43.29 44.29 45.29, 46.4 48.29 49.29 50.29, 52.4 !54.4 54.29 55.29 !57.29 !58.29",
    "37.0 !38.5 !42.30, 40.1 !41.6 !42.1, 45.1 !46.6 !47.1, 51.1 !52.6 !54.6 !55.1",
    "38.30 !39.3 !43.28, 39.4 43.29, 42.4 44.29 45.29 46.29, 47.4 49.29 50.29 51.29, 53.4 !55.4 55.29 56.29 !58.29 !59.29",
    "38.0 !39.5 !43.30, 41.1 !42.6 !43.1, 46.1 !47.6 !48.1, 52.1 !53.6 !55.6 !56.1",
    "36.4 !38.4, 39.30 !40.3 !44.28, 40.4 44.29, 43.4 45.29 46.29 47.29, 48.4 50.29 51.29 52.29, 54.4 !56.4 56.29 57.29 !59.29 !60.29",
    "37.4 !39.4 40.29, 41.3 45.28, 41.4 45.29, 44.4 46.29 47.29 48.29, 49.4 51.29 52.29 53.29, 55.4 !57.4 57.29 58.29 !61.29",
    "36.4 !38.4 40.4 !41.29, 42.3 46.28, 42.4 46.29, 45.4 47.29 48.29 49.29, 50.4 52.29 53.29 54.29, 56.4 58.29 59.29, 58.4 62.29",
    "37.4 !39.4 40.29 41.4 !42.29, 43.3 47.28, 43.4 47.29, 46.4 48.29 49.29 50.29, 51.4 53.29 54.29 55.29, 57.4 59.29, 59.4 63.29",
    "38.4 !40.4 40.29 41.29 42.4 !43.29, 44.3 48.28, 44.4 48.29, 47.4 49.29 50.29 51.29, 52.4 54.29 55.29 56.29, 60.4 64.29",
];

/// A bit of an expanded block.
type Bit = (usize, u32);

/// Two bits, and whether they differ.
pub type Condition = (Bit, Bit, bool);

/// What has to hold for each vector.
pub fn all() -> Vec<Vec<Condition>> {
    (0..VECTORS.len()).map(of).collect()
}

fn of(vector: usize) -> Vec<Condition> {
    let bit = |text: &str| {
        let (word, bit) = text.trim_start_matches('!').split_once('.').unwrap();
        (word.parse().unwrap(), bit.parse().unwrap())
    };
    let mut all = Vec::new();
    for group in TIED[vector].split(", ") {
        let bits: Vec<&str> = group.split(' ').collect();
        for pair in bits.windows(2) {
            let differ = pair[0].starts_with('!') != pair[1].starts_with('!');
            all.push((bit(pair[0]), bit(pair[1]), differ));
        }
    }
    all
}

fn holds(words: &[u32], ((word, bit), (other, other_bit), differ): Condition) -> bool {
    ((words[word] >> bit ^ words[other] >> other_bit) & 1 == 1) == differ
}

/// The vectors whose conditions all hold.
pub fn left(all: &[Vec<Condition>], words: &[u32; 80]) -> u32 {
    let holds = |conditions: &Vec<Condition>| conditions.iter().all(|&one| holds(words, one));
    let vectors = all.iter().enumerate().filter(|(_, one)| holds(one));
    vectors.fold(0, |left, (vector, _)| left | 1 << vector)
}

/// A sum of bits of a block, which is what each bit of its expanded words is.
type Form = [u64; 8];

fn sum(one: Form, other: Form) -> Form {
    std::array::from_fn(|at| one[at] ^ other[at])
}

/// Each bit of the expanded words.
fn forms() -> Vec<[Form; 32]> {
    let own = |at: usize| {
        let mut form = [0; 8];
        form[at / 64] = 1 << (at % 64);
        form
    };
    let mut forms: Vec<[Form; 32]> = (0..16)
        .map(|word| std::array::from_fn(|bit| own(word * 32 + bit)))
        .collect();
    for at in 16..80 {
        let next = std::array::from_fn(|bit| {
            let before = (bit + 31) % 32;
            let back = |steps: usize| forms[at - steps][before];
            sum(sum(back(3), back(8)), sum(back(14), back(16)))
        });
        forms.push(next);
    }
    forms
}

/// A block of random bits, of which some are turned so that the sums are as they are asked to be.
fn solved(asked: &[(Form, bool)], random: &mut Random) -> Block {
    let mut bits: Form = std::array::from_fn(|_| random.next());
    // Each sum without the bits that others were solved by, and the bit that it is solved by.
    let mut rows: Vec<(Form, bool, usize)> = Vec::new();
    for &(mut form, mut value) in asked {
        for &(row, of, pivot) in &rows {
            if form[pivot / 64] >> (pivot % 64) & 1 == 1 {
                (form, value) = (sum(form, row), value != of);
            }
        }
        let pivot = (0..512).find(|at| form[at / 64] >> (at % 64) & 1 == 1);
        let pivot = pivot.expect("conditions do not follow from each other");
        for (row, of, _) in &mut rows {
            if row[pivot / 64] >> (pivot % 64) & 1 == 1 {
                (*row, *of) = (sum(*row, form), *of != value);
            }
        }
        rows.push((form, value, pivot));
    }
    for (form, value, pivot) in rows {
        let ones: u32 = form
            .iter()
            .zip(bits)
            .map(|(one, bits)| (one & bits).count_ones())
            .sum();
        if (ones % 2 == 1) != value {
            bits[pivot / 64] ^= 1 << (pivot % 64);
        }
    }
    let mut block = [0; 64];
    for (word, bytes) in block.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let half = bits[word / 2] >> (word % 2 * 32);
        *bytes = u32::try_from(half & 0xffff_ffff).unwrap().to_be_bytes();
    }
    block
}

/// Blocks of which all conditions of a vector hold, and for each of them one of which all but that one hold.
pub fn crafted(random: &mut Random) -> Vec<(Block, usize, bool)> {
    let forms = forms();
    let all = all();
    let mut blocks = Vec::new();
    for (vector, conditions) in all.iter().enumerate() {
        for broken in 0..=conditions.len() {
            let asked = conditions
                .iter()
                .enumerate()
                .map(|(at, &(one, other, differ))| {
                    let form = sum(
                        forms[one.0][one.1 as usize],
                        forms[other.0][other.1 as usize],
                    );
                    (form, differ != (at == broken))
                });
            let asked: Vec<(Form, bool)> = asked.collect();
            let block = solved(&asked, random);
            let whole = broken == conditions.len();
            assert_eq!(left(&all, &expanded(&block)) >> vector & 1 == 1, whole);
            blocks.push((block, vector, whole));
        }
    }
    blocks
}
