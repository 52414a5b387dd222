//! Work on texts made to be slow, which must not grow faster than they do.
//!
//! The texts are made of each rule's own regex. Counted is what the automata read ([`Work`](crate::Work)) in a scan with the whole
//! set, so that every rule which such a text wakes is counted too; not a clock, which is another on each machine.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::real_files::load;
use super::*;
use crate::random::Random;
use crate::{dialect, shipped, template};

/// Repetitions without bound are spelled out so often, and none more often.
const MOST_REPEATED: u32 = 300;
/// A piece is at most this part of the shortest text, so that texts hold many whole ones.
const PIECE: usize = 64;
/// Steps per byte of a longer text, in those of the shortest. Work that grew with the square of the text would be four times as
/// much at four times the length; how the pieces fall on the borders is less than this.
const GROWTH: f64 = 1.25;

/// A text that `regex` matches, look-around aside: with as few or as many repetitions as may be.
fn spell(hir: &Hir, many: bool, random: &mut Random, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend(&literal.0),
        HirKind::Class(Class::Bytes(class)) => {
            // Letters and digits where there are any: they go on where other bytes end something.
            let bytes = || {
                class
                    .ranges()
                    .iter()
                    .flat_map(|range| range.start()..=range.end())
            };
            let words: Vec<u8> = bytes().filter(u8::is_ascii_alphanumeric).collect();
            let any: Vec<u8> = bytes().filter(u8::is_ascii).collect();
            let of = if words.is_empty() { any } else { words };
            out.extend(of.get(random.below(of.len())));
        }
        // Of what is ASCII anyway.
        HirKind::Class(Class::Unicode(class)) => {
            let first = class.ranges().first().map(|range| range.start());
            out.extend(first.iter().flat_map(|char| char.to_string().into_bytes()));
        }
        HirKind::Repetition(repeated) => {
            let most = repeated.max.unwrap_or(MOST_REPEATED).min(MOST_REPEATED);
            let times = if many { most } else { repeated.min };
            for _ in 0..times.min(MOST_REPEATED * 4) {
                if out.len() > 1 << 16 {
                    return;
                }
                spell(&repeated.sub, many, random, out);
            }
        }
        HirKind::Capture(group) => spell(&group.sub, many, random, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, many, random, out)),
        HirKind::Alternation(parts) => {
            let part = &parts[random.below(parts.len())];
            spell(part, many, random, out);
        }
    }
}

/// A text that `rule` matches, if it has a regex.
pub(super) fn spelled(
    rule: &crate::Rule,
    many: bool,
    random: &mut Random,
) -> impl Iterator<Item = Vec<u8>> {
    let regex = rule.regex.as_ref().map(|regex| {
        let mut out = Vec::new();
        spell(&dialect::parse(regex).unwrap(), many, random, &mut out);
        out
    });
    regex.into_iter()
}

/// Pieces that make a slow text when repeated, by what they are.
fn shapes(rule: &crate::Rule, most: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let Some(regex) = &rule.regex else {
        return Vec::new();
    };
    let hir = dialect::parse(regex).unwrap();
    let mut spelled = |many| {
        let mut out = Vec::new();
        spell(&hir, many, random, &mut out);
        out
    };
    let (short, long) = (spelled(false), spelled(true));
    let keyword = rule.keywords.first().cloned().unwrap_or_default();
    let mut nearly = long.clone();
    nearly.pop();
    let mut nested = keyword.clone().into_bytes();
    nested.extend(&short[..short.len() / 2]);
    let mut begun = keyword.clone().into_bytes();
    begun.extend(&long[..long.len() / 2]);
    let example = rule
        .examples
        .first()
        .and_then(|text| template::expand(text).ok());
    let example = example.map(|text| text.to_string().into_bytes());
    let mut found = vec![
        rule.keywords.concat().into_bytes(),
        example.unwrap_or_else(|| [&short[..], b"\n"].concat()),
        nearly,
        long,
        nested,
        begun,
    ];
    found.iter_mut().for_each(|piece| piece.truncate(most));
    found.retain(|piece| !piece.is_empty());
    found
}

/// Each piece again and again, one after the other, each over the same share of the text.
fn flood(pieces: &[Vec<u8>], length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length);
    for (number, piece) in pieces.iter().enumerate() {
        let end = length * (number + 1) / pieces.len();
        text.extend(piece.iter().cycle().take(end - text.len()));
    }
    text
}

/// What the rules with their floods came to.
#[derive(Default)]
struct Tally {
    bytes: usize,
    fallbacks: u64,
    /// Steps a byte.
    worst: f64,
    worst_rule: String,
    growth: f64,
}

/// Scans texts of `sizes`, the shortest first, made for each rule at `share`.
fn tally(rules: &RuleSet, sizes: &[usize], share: Range<usize>) -> Tally {
    let mut scratch = Scratch::with_max_matches(rules, usize::MAX);
    let mut tally = Tally::default();
    for rule in &rules.rules()[share] {
        let mut random = Random::from_word(&rule.id);
        let pieces = shapes(rule, sizes[0] / PIECE, &mut random);
        let mut shortest = None;
        for &size in sizes.iter().filter(|_| !pieces.is_empty()) {
            let text = flood(&pieces, size);
            let scan = rules.scan(&text, &mut scratch, &mut Vec::new());
            let work = scratch.take_work();
            let steps = work.bytes as f64 / size as f64;
            let first = *shortest.get_or_insert(steps);
            assert!(
                steps <= GROWTH * first + 1.0,
                "{}: {steps:.1} steps a byte of {size}, and {first:.1} of {}",
                rule.id,
                sizes[0]
            );
            assert!(!scan.truncated, "{}: {size} are not read", rule.id);
            tally.bytes += size;
            tally.fallbacks += work.fallbacks;
            tally.growth = tally.growth.max(steps / (first + 1.0));
            if steps > tally.worst {
                tally.worst = steps;
                tally.worst_rule.clone_from(&rule.id);
            }
        }
    }
    tally
}

/// The work per byte is the same in short texts as in long ones, for every rule.
fn grows_with_the_text(name: &str, rules: &RuleSet, sizes: &[usize]) {
    let half = rules.rules().len() / 2;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let shares = [0..half, half..rules.rules().len()];
        let parts = shares.map(|share| scope.spawn(|| tally(rules, sizes, share)));
        parts.into_iter().map(|part| part.join().unwrap()).collect()
    });
    for tally in tallies {
        println!(
            "{name}: {} MB, {} fallbacks; at most {:.1} steps a byte, of {}; {:.2} times those of the shortest",
            tally.bytes >> 20,
            tally.fallbacks,
            tally.worst,
            tally.worst_rule,
            tally.growth
        );
    }
}

#[test]
fn builtin_rules_read_as_much_as_the_text_is_long() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let size = match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => 1 << 20,
        None => 128 << 10,
    };
    if size < 1 << 20 {
        println!("short texts for the built-in rules: those of 1, 2 and 4 MB need EXEAT_NIGHTLY=1");
    }
    grows_with_the_text("builtin", &rules, &[size, 2 * size, 4 * size]);
}

#[test]
fn imported_rules_read_as_much_as_the_text_is_long() {
    for file in ["gitleaks.toml", "betterleaks.toml"] {
        let Some(compiled) = load(file) else { continue };
        let size = match std::env::var_os("EXEAT_NIGHTLY") {
            Some(_) => 1 << 20,
            None => 32 << 10,
        };
        if size < 1 << 20 {
            println!("short texts for {file}: those of 1, 2 and 4 MB need EXEAT_NIGHTLY=1");
        }
        grows_with_the_text(file, &compiled.rules, &[size, 2 * size, 4 * size]);
    }
}

/// A regex that reads on behind each match costs the square of the text: it is ended, and the text is not taken for read.
#[test]
fn what_reads_on_behind_each_match_is_ended() {
    let rules = set(
        "[[rules]]\nid = 'tail'\nregex = '''key(?:[a-z]*!)?'''\nkeywords = ['key']\n\
         [[rules]]\nid = 'whole'\nregex = '''k(?:[a-z]*!)?'''\n",
    );
    let mut scratch = Scratch::with_max_matches(&rules, usize::MAX);
    for size in [1 << 20, 1 << 21] {
        let text = flood(&[b"key".to_vec()], size);
        let mut found = Vec::new();
        assert!(rules.scan(&text, &mut scratch, &mut found).truncated);
        let work = scratch.take_work().bytes / size as u64;
        let most = 2 * (SEARCH_SHARE + 2) + PROBE_SHARE as u64;
        assert!((SEARCH_SHARE..most).contains(&work), "{work}");
        let overlap = rules.overlap();
        let (_, carried) = windows::in_windows(&rules, &mut scratch, &text, overlap, || size);
        assert!(carried.is_truncated());
        scratch.take_work();
    }
    // A text of the same length with an end to be found is read whole.
    let text = flood(&[b"key!".to_vec()], 1 << 20);
    let mut found = Vec::new();
    assert!(!rules.scan(&text, &mut scratch, &mut found).truncated);
    assert_eq!(found.len(), 2 * text.len() / 4);
}

/// A regex whose states are too many to be kept is searched slowly, which is counted, and finds the same.
#[test]
fn automata_that_give_up_are_counted() {
    let rules = set(
        "[[rules]]\nid = 'states'\nregex = '''[ab]{0,200}a[ab]{200}key'''\nkeywords = ['key']\n",
    );
    let mut scratch = Scratch::new(&rules);
    let mut random = Random::from_word("states");
    let mut text = random.text(200_000, "ab").into_bytes();
    let middle = text.len() - 201;
    text[middle] = b'a';
    text.extend(b"key");
    let mut found = Vec::new();
    // It is run over the whole text where its keyword says nothing of where it begins.
    scratch.wake(0, true, &text);
    assert!(!rules.run_woken(&text, &mut scratch, &mut found).truncated);
    scratch.settle();
    assert!(scratch.take_work().fallbacks > 0);
    let spans: Vec<_> = found.iter().map(|found| found.span.clone()).collect();
    assert!(spans.len() == 1 && spans[0].end == text.len(), "{spans:?}");
    // An ordinary text asks for nothing of that kind.
    let _ = rules.scan(b"abba key", &mut scratch, &mut found);
    assert_eq!(scratch.take_work().fallbacks, 0);
}
