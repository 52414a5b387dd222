//! Runs a fuzz target over its committed seeds and over seeded mutations of them, the same ones each time.

use std::fs;
use std::path::Path;

/// The committed seeds of one target: the files of `folder`, in the order of their names.
///
/// # Panics
/// When the folder or one of its files cannot be read.
pub fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder of seeds");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    let read = |file| fs::read(file).expect("a seed that can be read");
    files.iter().map(read).collect()
}

/// Runs `target` over every seed and over `mutations` variants of each; of many seeds over fewer of each.
pub fn run(seeds: &[Vec<u8>], mutations: usize, target: fn(&[u8])) {
    assert!(!seeds.is_empty(), "there are no seeds");
    let mutations = (mutations * 5 / seeds.len()).clamp(1, mutations);
    for (number, seed) in seeds.iter().enumerate() {
        target(seed);
        let mut random = Random::new(number as u64 + 1);
        for _ in 0..mutations {
            target(&mutate(seed, seeds, &mut random));
        }
    }
}

fn mutate(seed: &[u8], seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const TELLING: [u8; 16] = *b"\0\n\r /.09afPF\x01\x02\x7f\xff";
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let length = random.below(9);
        match random.below(6) {
            0 => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << random.below(8)),
            1 => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte = TELLING[random.below(16)]),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..bytes.len().min(at + length))),
            4 => drop(bytes.splice(at..at, (0..length).map(|_| TELLING[random.below(16)]))),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                drop(bytes.splice(at..at, other[from..].iter().take(length * 16).copied()));
            }
        }
    }
    bytes
}

/// xorshift64*: small, seeded, and enough to choose tests by.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`; `end` must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize % end
    }
}
