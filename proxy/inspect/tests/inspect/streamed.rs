//! A text examined in pieces tells what the same text tells whole: findings, lines and columns.

use exeat_inspect::{Examiner, FingerprintKey, StreamedText};

use crate::{
    repository::Random,
    scene::{RULE, rules, secret},
};

/// A rule whose matches have no bound, beside the one of bounded length.
const BLOCK: &str = r"
[[rules]]
id = 'test-block'
description = 'A block of these tests'
regex = '''--BEGIN BLOCK--[\s\S]{8,}?--END BLOCK--'''
keywords = ['--begin block']
";

/// Text of `length` bytes with secrets around each of `borders`.
fn planted(random: &mut Random, length: usize, borders: &[usize]) -> Vec<u8> {
    let mut text = Vec::with_capacity(length);
    let mut number = 0;
    for &border in borders {
        let before = border.saturating_sub(random.below(120));
        while text.len() < before {
            text.extend(random.words().bytes());
            let end = if random.below(3) == 0 { b'\n' } else { b' ' };
            text.push(end);
        }
        for _ in 0..1 + random.below(3) {
            number += 1;
            text.extend(format!(" {} ", secret(number)).bytes());
        }
        if random.below(3) == 0 {
            text.resize(text.len() + random.below(1200), b'.');
            text.extend(b" exeat:allow ");
        }
        if random.below(4) == 0 {
            text.extend(b"--BEGIN BLOCK--");
            for _ in 0..random.below(20_000) {
                text.extend(b"0123456789\n");
            }
            text.extend(b"--END BLOCK--");
        }
    }
    text.resize(text.len().max(length), b'.');
    text
}

fn told(examined: &exeat_inspect::examine::Examined) -> String {
    assert!(!examined.truncated && !examined.cut);
    let hits = examined.hits.iter();
    hits.map(|hit| format!("{hit:?}\n")).collect()
}

#[test]
fn as_if_it_were_whole() {
    for (text, seed) in [(RULE.to_owned(), 1), (format!("{RULE}{BLOCK}"), 2)] {
        let rules = rules(&text);
        let mut examiner = Examiner::new(rules.clone(), FingerprintKey::new([1; 32]));
        let mut random = Random::new(seed);
        let mut found = 0;
        let mut commented = 0;
        for round in 0..3 {
            let window = (2 << 20) + rules.overlap();
            let mut borders: Vec<usize> = (1..3).map(|step| step << 21).collect();
            borders.extend((0..3).map(|step| (step << 21) + rules.overlap()));
            borders.extend((0..2).map(|step| window + (step << 21) - 1000));
            borders.extend((0..200).map(|_| random.below(6 << 20)));
            borders.sort_unstable();
            let text = planted(&mut random, 6 << 20, &borders);
            let whole = examiner.examine(&text);
            let mut streamed = StreamedText::new(&examiner);
            let piece = [64 << 10, 5_000_001, 300_007][round];
            for piece in text.chunks(piece) {
                streamed.feed(&mut examiner, piece);
            }
            let streamed = streamed.finish(&mut examiner);
            assert_eq!(told(&streamed), told(&whole), "round {round}");
            found += whole.hits.len();
            commented += whole.hits.iter().filter(|hit| hit.commented).count();
        }
        assert!(found > 1000, "{found}");
        assert!(commented > 100 && commented < found, "{commented}");
    }
}
