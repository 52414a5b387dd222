//! Texts that are built from others, against the same texts scanned whole.

use super::counted::COUNTED;
use super::windows::SHAPES;
use super::*;
use crate::random::Random;
use crate::shipped;

/// A text of parts of `base` and of new bytes, and what was copied.
fn build(
    random: &mut Random,
    base: &[u8],
    longest: usize,
    mut new: impl FnMut(&mut Random) -> Vec<u8>,
) -> (Vec<u8>, Vec<Copied>) {
    let (mut text, mut copied) = (Vec::new(), Vec::new());
    for _ in 0..1 + random.below(8) {
        if random.below(3) > 0 {
            let from = random.below(base.len() + 1);
            let length = random.below(longest).min(base.len() - from);
            copied.push(Copied {
                from,
                to: text.len(),
                length,
            });
            text.extend_from_slice(&base[from..from + length]);
        }
        if random.below(3) > 0 {
            text.extend(new(random));
        }
    }
    (text, copied)
}

/// Scans generation after generation, each built from the one before, both ways. Gives how many matches there were, and how many
/// texts had marks.
fn compare(
    rules: &RuleSet,
    rounds: usize,
    first: impl Fn(&mut Random) -> Vec<u8>,
    new: impl Fn(&mut Random) -> Vec<u8>,
) -> (usize, usize) {
    let mut scratch = Scratch::with_max_matches(rules, usize::MAX);
    let mut random = Random::from_word("built");
    let (mut found, mut marked) = (0, 0);
    for round in 0..rounds {
        let mut base = first(&mut random);
        let mut matches = Vec::new();
        let (_, mut marks) = rules.scan_built(&base, None, &mut scratch, &mut matches);
        for generation in 0..6 {
            let longest = base.len() + 1;
            let (text, copied) = build(&mut random, &base, longest, &new);
            let mut expected = Vec::new();
            let whole = rules.scan(&text, &mut scratch, &mut expected);
            let other = marks.as_ref().map(|marks| (marks, &copied[..]));
            marked += usize::from(other.is_some());
            let mut matches = Vec::new();
            let (scan, next) = rules.scan_built(&text, other, &mut scratch, &mut matches);
            let place = format!("round {round}, generation {generation}, {copied:?}");
            assert_eq!(matches, expected, "{place}");
            assert_eq!(scan, whole, "{place}");
            found += matches.len();
            (base, marks) = (text, next);
        }
    }
    (found, marked)
}

#[test]
fn made_up_rules_on_dense_texts() {
    let rules = set(&(file_of(SHAPES) + COUNTED));
    let alphabets = ["abc=", "aabbccAB= \n", "ab=\n", "abbbbbc"];
    let dense = |random: &mut Random, most: usize| {
        let alphabet = alphabets[random.below(alphabets.len())];
        let length = random.below(most);
        random.text(length, alphabet).into_bytes()
    };
    let (found, marked) = compare(
        &rules,
        600,
        |random| dense(random, 700),
        |random| dense(random, 60),
    );
    assert!(found > 50_000 && marked > 2_000, "{found} {marked}");
}

/// The rules that ship, with secrets of every rule cut and put together anew.
#[test]
fn the_shipped_rules_on_versions_of_files() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let secrets = secrets(&rules);
    let line = |random: &mut Random| match random.below(3) {
        0 => secrets[random.below(secrets.len())].clone(),
        _ => {
            let length = random.below(90);
            random
                .text(length, "abcdefgh ijk(=\"'.;:key_token0123")
                .into_bytes()
        }
    };
    let lines = |random: &mut Random, most: usize| {
        let mut text = Vec::new();
        for _ in 0..random.below(most) {
            text.extend(line(random));
            text.push(b'\n');
        }
        // Cut anywhere, as deltas cut.
        let end = random.below(text.len() + 1).max(text.len() / 2);
        text.truncate(end);
        text
    };
    let (found, marked) = compare(
        &rules,
        60,
        |random| lines(random, 60),
        |random| lines(random, 4),
    );
    assert!(found > 1_000 && marked > 200, "{found} {marked}");
}

/// Every secret is cut at many places; one part stands in the other text, and the rest is new. Another text than the rest stood
/// there, of letters or of signs.
#[test]
fn secrets_are_found_whose_parts_meet() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let mut scratch = Scratch::new(&rules);
    let mut random = Random::from_word("parts");
    let filler = "x = y; ".repeat(60).into_bytes();
    let mut found = 0;
    for secret in secrets(&rules) {
        for round in 0..6 {
            let cut = random.below(secret.len().min(120) + 1);
            let (head, tail) = secret.split_at(cut);
            let other = ["zzzzzzzz", "........", "\n\n\n\n\n\n\n\n"][round % 3].repeat(40);
            let (base, text, copied) = match round % 2 {
                0 => {
                    let kept = [&filler[..], head].concat();
                    let base = [&kept[..], other.as_bytes()].concat();
                    let text = [&kept[..], tail, b" ", &filler].concat();
                    (base, text, (0, 0, kept.len()))
                }
                _ => {
                    let kept = [tail, b" ", &filler[..]].concat();
                    let base = [other.as_bytes(), &kept].concat();
                    let text = [&filler[..], head, &kept].concat();
                    (base, text, (other.len(), filler.len() + cut, kept.len()))
                }
            };
            let (_, marks) = rules.scan_built(&base, None, &mut scratch, &mut Vec::new());
            let (from, to, length) = copied;
            let copied = [Copied { from, to, length }];
            let mut expected = Vec::new();
            let _ = rules.scan(&text, &mut scratch, &mut expected);
            let mut matches = Vec::new();
            let marks = marks.as_ref().expect("few places");
            let _ = rules.scan_built(&text, Some((marks, &copied)), &mut scratch, &mut matches);
            assert_eq!(matches, expected, "{:?}", String::from_utf8_lossy(&text));
            found += matches.len();
        }
    }
    assert!(found > 1_000, "{found}");
}

fn secrets(rules: &RuleSet) -> Vec<Vec<u8>> {
    let examples = rules.rules().iter().flat_map(|rule| &rule.examples);
    let expanded = examples.filter_map(|text| crate::template::expand(text).ok());
    expanded.map(|text| text.into()).collect()
}

/// Whoever says that bytes were copied is believed: they are not read again.
#[test]
fn what_is_copied_is_not_read_again() {
    let rules = set("[[rules]]\nid = 'a'\nregex = 'key_[0-9]{4}'\nkeywords = ['key_']\n");
    let mut scratch = Scratch::new(&rules);
    let clean = b"let value = self.reader.next(17)?;\n".repeat(2_000);
    let (_, marks) = rules.scan_built(&clean, None, &mut scratch, &mut Vec::new());
    let marks = marks.expect("few places");
    let mut text = clean.clone();
    for at in [100, 30_000, clean.len() - 8] {
        text.splice(at..at + 8, *b"key_1234");
    }
    let copied = [Copied {
        from: 0,
        to: 0,
        length: clean.len(),
    }];
    let mut found = Vec::new();
    let other = Some((&marks, &copied[..]));
    let (_, next) = rules.scan_built(&text, other, &mut scratch, &mut found);
    let places: Vec<usize> = found.iter().map(|found| found.span.start).collect();
    assert_eq!(
        places,
        [clean.len() - 8],
        "the end is where copied parts may meet others"
    );
    assert!(next.is_some_and(|marks| marks.bytes() > 0));
}
