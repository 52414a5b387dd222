//! What SHA-1 costs each way this processor can go, one message after the other by `sha1dc`, and without detection.
//!
//! `cargo bench -p exeat-sha1` prints megabytes a second, the most of many rounds, and how many times as fast as one by one that is.
//! `cargo test --bench sha1` does a little of it, to see that it works.

use std::{hint::black_box, time::Instant};

use exeat_sha1::{Message, Way, digests};
use sha1::Digest as _;

/// Bytes of a message: a commit, a tree, a file, and a long one.
const SIZES: [usize; 4] = [300, 2_000, 20_000, 1_000_000];
/// Bytes that an inspection has at hand at once.
const BATCH: usize = 512 * 1024;

fn main() {
    let is_full = std::env::args().any(|argument| argument == "--bench");
    let rounds = if is_full { 200 } else { 1 };
    let bytes = content(4 * BATCH);
    println!("| way | 300 B | 2 KB | 20 KB | 1 MB |\n|---|---:|---:|---:|---:|");
    let alone = SIZES.map(|size| speed(size, &bytes, rounds, one_by_one));
    row("one by one, sha1dc", alone, alone);
    row(
        "one by one, without detection",
        SIZES.map(|size| speed(size, &bytes, rounds, undetected)),
        alone,
    );
    let best = ("best".to_owned(), Way::best());
    for (name, way) in Way::all().into_iter().skip(1).chain([best]) {
        let sums = |messages: &[Message<'_>]| drop(black_box(digests(way, messages)));
        row(
            &name,
            SIZES.map(|size| speed(size, &bytes, rounds, sums)),
            alone,
        );
    }
}

fn row(name: &str, speeds: [f64; 4], alone: [f64; 4]) {
    let cells = speeds.iter().zip(alone);
    let cells = cells.map(|(speed, alone)| format!(" {speed:.0} ({:.2}) |", speed / alone));
    println!("| {name} |{}", cells.collect::<String>());
}

fn one_by_one(messages: &[Message<'_>]) {
    for message in messages {
        let mut hasher = sha1dc::Hasher::new();
        hasher.update(message.head);
        hasher.update(message.body);
        let _ = black_box(hasher.finalize());
    }
}

fn undetected(messages: &[Message<'_>]) {
    for message in messages {
        let mut hasher = sha1::Sha1::new();
        hasher.update(message.head);
        hasher.update(message.body);
        black_box(hasher.finalize());
    }
}

/// Megabytes a second for messages of `size` bytes, in batches, in the best of the rounds.
fn speed(size: usize, bytes: &[u8], rounds: usize, sums: impl Fn(&[Message<'_>])) -> f64 {
    let head = b"blob 1234\0";
    let bodies = bytes.chunks_exact(size);
    let messages: Vec<Message<'_>> = bodies.map(|body| Message { head, body }).collect();
    let round = || {
        let began = Instant::now();
        for batch in messages.chunks((BATCH / size).clamp(1, 512)) {
            sums(batch);
        }
        began.elapsed().as_secs_f64()
    };
    let least = (0..rounds).map(|_| round()).fold(f64::MAX, f64::min);
    (messages.len() * size) as f64 / 1e6 / least
}

/// Bytes that look random.
fn content(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
