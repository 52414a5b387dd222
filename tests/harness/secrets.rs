//! Made-up content: secrets with valid checksums, prose, and bytes that do not compress.
//!
//! Secrets are put together when a test runs, so that this repository holds none that a scanner would report.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A GitHub personal access token that was never issued: `seed` tells one from another. It is a canary.
pub(crate) fn github_token(seed: u64) -> String {
    let mut numbers = chance(seed);
    let body: String = (0..30).map(|_| base62(numbers())).collect();
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut checksum = [0; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = BASE62[rest as usize % 62];
        rest /= 62;
    }
    let token = format!("ghp{}{body}{}", '_', String::from_utf8_lossy(&checksum));
    super::canaries::plant(&token, super::canaries::Reach::Pushed);
    token
}

/// A source of numbers that gives the same ones each time (xorshift64).
pub(crate) fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }
}

/// Bytes that compression makes an eighth smaller at most; of all 256 values they would count as encrypted.
pub(crate) fn incompressible(seed: u64, length: usize) -> Vec<u8> {
    let mut numbers = chance(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend(&numbers().to_le_bytes()[..7]);
    }
    bytes.truncate(length);
    bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
    bytes
}

/// Lines of harmless words.
pub(crate) fn prose(seed: u64, lines: usize) -> String {
    const WORDS: [&str; 16] = [
        "river", "stone", "bridge", "morning", "letter", "garden", "window", "harbour", "quiet",
        "copper", "lantern", "meadow", "orchard", "paper", "silver", "thunder",
    ];
    let mut numbers = chance(seed);
    let mut text = String::new();
    for line in 0..lines {
        let words: Vec<_> = (0..8)
            .map(|_| WORDS[numbers() as usize % WORDS.len()])
            .collect();
        text.push_str(&format!("{line} {}\n", words.join(" ")));
    }
    text
}

pub(super) fn base62(number: u64) -> char {
    BASE62[(number % 62) as usize].into()
}

#[test]
fn a_made_up_token_has_the_shape_of_a_real_one() {
    let token = github_token(1);
    assert_eq!(token.len(), 40);
    assert_ne!(token, github_token(2));
    assert_eq!(token, github_token(1));
}
