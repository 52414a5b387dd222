//! A text in windows against the same text whole.

use super::counted::COUNTED;
use super::linear::spelled;
use super::real_files::load;
use super::*;
use crate::allowlist::LINE;
use crate::random::Random;
use crate::shipped;

pub(super) use crate::fuzz_targets::in_windows;

pub(super) const SHAPES: &[(&str, &[&str])] = &[
    ("ab", &["ab"]),
    (r"\bab{1,9}\b", &["ab"]),
    (
        "(?i)[a-c]{0,5}?(?:ab|ca)[ =]{0,2}([abc]{2,4})(?:[ =]|$)",
        &["ab", "ca"],
    ),
    ("[a-c]{0,5}(?:ab|ca)([abc]{2,4})", &["ab", "ca"]),
    ("[abc]{2}=ab", &["ab"]),
    ("[abc]{1,3}=(ab|ba)[abc]{0,40}", &["=ab", "=ba"]),
    ("(?:^|[^a])ab", &["ab"]),
    ("ab[abc ]{0,8}b=", &["ab"]),
    ("(?s)ab.{0,60}?ba", &["ab"]),
    ("a[bc]{3}|ab[ =]", &["ab"]),
    ("(ab)|(abc)", &["a"]),
    ("b?ab(?:c|$)", &["b"]),
    ("(?m)^ab.{0,3}$", &["ab"]),
    ("[ab]{3}=", &["c"]),
    ("[ab]{3}=", &["=== "]),
    ("[ab]{3}=", &["never"]),
    ("[ab]{3}=", &[]),
    (r"(?:ab){2,3}\B", &["abab"]),
    (r"^[abc=]{3}", &[]),
    (r"[abc=]{3}$", &[]),
];

#[test]
fn made_up_rules_on_dense_texts() {
    let mut text = file_of(SHAPES);
    text += "[[rules]]\nid = 'line'\nregex = '''=ab'''\nkeywords = ['=ab']\n\
             [[rules.allowlists]]\nregexTarget = 'line'\nregexes = ['cc==']\n";
    text += COUNTED;
    let rules = set(&text);
    let mut scratch = Scratch::with_max_matches(&rules, usize::MAX);
    let mut random = Random::from_word("windows");
    let mut found = 0;
    for round in 0..400 {
        let length = 2000 + random.below(4000);
        let alphabet = ["abc=", "aabbccAB= \n", "ab=\n", "abbbbbc"][round % 4];
        let text = random.text(length, alphabet).into_bytes();
        let mut expected = Vec::new();
        let scan = rules.scan(&text, &mut scratch, &mut expected);
        assert!(!scan.truncated);
        let most = [60, 700, 3000][round % 3];
        let overlap = 70 + LINE + 1;
        let (matches, carried) = in_windows(&rules, &mut scratch, &text, overlap, || {
            1 + random.below(most)
        });
        assert_eq!(matches, expected, "round {round}");
        assert!(!carried.is_cut() && !carried.is_truncated());
        found += matches.len();
    }
    assert!(found > 100_000, "{found}");
}

/// The rules that ship, with secrets of every rule planted around each window's borders.
#[test]
fn the_shipped_rules_at_every_border() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let secrets: Vec<Vec<u8>> = rules
        .rules()
        .iter()
        .flat_map(|rule| &rule.examples)
        .filter_map(|text| crate::template::expand(text).ok())
        .map(|text| text.into())
        .collect();
    assert!(secrets.len() > 200);
    let (found, cut) = at_borders(&rules, &secrets);
    assert!(found >= secrets.len(), "{found} of {}", secrets.len());
    assert_eq!(cut, 0);
}

/// The imported ones, with what their regexes spell. Some begin blocks that never end, which is told.
#[test]
fn the_imported_rules_at_every_border() {
    for file in ["gitleaks.toml", "betterleaks.toml"] {
        let Some(compiled) = load(file) else { continue };
        let rules = compiled.rules;
        let mut random = Random::from_word(file);
        let spelled = rules.rules().iter().flat_map(|rule| {
            let [short, long] =
                [false, true].map(|many| spelled(rule, many, &mut random).collect());
            let pieces: [Vec<Vec<u8>>; 2] = [short, long];
            pieces.concat()
        });
        let secrets: Vec<Vec<u8>> = spelled.filter(|piece| piece.len() < 8000).collect();
        let (found, cut) = at_borders(&rules, &secrets);
        println!("{file}: {found} found; {cut} texts may hold longer ones");
        assert!(found > secrets.len() / 4, "{found} of {}", secrets.len());
        assert!(cut <= 1, "{cut}");
    }
}

/// Plants `secrets` over the borders of windows: what was found, and the texts that do not count as read.
fn at_borders(rules: &RuleSet, secrets: &[Vec<u8>]) -> (usize, usize) {
    let overlap = rules.overlap();
    let step = 32 << 10;
    let mut scratch = Scratch::new(rules);
    let mut random = Random::from_word("borders");
    let (mut found, mut cut) = (0, 0);
    for (round, secrets) in secrets.chunks(24).enumerate() {
        let mut text = Vec::new();
        for (number, secret) in secrets.iter().enumerate() {
            let border = (number + 1) * step;
            let before = random.below(secret.len() + 60);
            while text.len() + before < border {
                text.extend(random.text(61, "etaoin shrdlu,.()").into_bytes());
                text.push(b'\n');
            }
            text.extend(secret);
            text.push(b'\n');
        }
        text.extend(". (\n".repeat((overlap + 3 * step) / 4).bytes());
        let mut expected = Vec::new();
        let scan = rules.scan(&text, &mut scratch, &mut expected);
        assert!(!scan.truncated);
        let (matches, carried) = in_windows(rules, &mut scratch, &text, overlap, || step);
        assert!(!carried.is_truncated());
        if carried.is_cut() {
            cut += 1;
            continue;
        }
        assert_eq!(matches, expected, "round {round}");
        found += matches.len();
    }
    (found, cut)
}

const BLOCK: &str = "[[rules]]\nid = 'block'\nregex = '''--BEGIN KEY--[\\s\\S]{64,}?--END KEY--'''\n\
                     keywords = ['--begin key']\n";

#[test]
fn a_block_without_bound_is_found_up_to_256_kib() {
    let rules = set(BLOCK);
    let mut scratch = Scratch::new(&rules);
    for size in [100, 70 << 10, 200 << 10, 255 << 10] {
        for before in [0, 1, 200 << 10, 1 << 20] {
            let mut text = vec![b'.'; before];
            text.extend(b"--BEGIN KEY--");
            text.resize(text.len() + size, b'k');
            text.extend(b"--END KEY--\n");
            let end = text.len() - 1;
            text.resize(text.len() + (3 << 20), b'.');
            let overlap = rules.overlap();
            let (matches, carried) = in_windows(&rules, &mut scratch, &text, overlap, || 1 << 20);
            assert_eq!(matches.len(), 1, "{size} at {before}");
            assert_eq!(matches[0].span, before..end);
            assert!(!carried.is_cut());
        }
    }
}

#[test]
fn a_longer_block_is_not_taken_for_read() {
    let rules = set(BLOCK);
    let mut scratch = Scratch::new(&rules);
    let mut text = b"--BEGIN KEY--".to_vec();
    text.resize(5 << 20, b'k');
    text.extend(b"--END KEY--\n");
    let overlap = rules.overlap();
    let (matches, carried) = in_windows(&rules, &mut scratch, &text, overlap, || 1 << 20);
    assert!(matches.is_empty() && carried.is_cut());
    // Nor is a text where too many may begin to ask all of them.
    let many = b"--BEGIN KEY--".repeat(400_000);
    let (_, carried) = in_windows(&rules, &mut scratch, &many, overlap, || 1 << 20);
    assert!(carried.is_cut());
}

/// Rules that say nothing of where they begin: that a match is too long is not known of a place, but of the text.
#[test]
fn what_may_begin_anywhere_and_be_longer_is_not_taken_for_read() {
    let rules = set(
        "[[rules]]\nid = 'before'\nregex = '''[a-z]+=WORD'''\nkeywords = ['word']\n\
         [[rules]]\nid = 'elsewhere'\nregex = '''<[0-9]+>'''\nkeywords = ['never', 'number']\n\
         [[rules]]\nid = 'anywhere'\nregex = '''\\([A-F]+[G-K]+\\)'''\n",
    );
    let mut scratch = Scratch::new(&rules);
    let mut run = |parts: &[(&str, usize)]| {
        let mut text = ". \n".repeat(400 << 10).into_bytes();
        for (part, times) in parts {
            text.extend(part.repeat(*times).bytes());
        }
        text.extend(". \n".repeat(400 << 10).bytes());
        let mut whole = Vec::new();
        assert!(!rules.scan(&text, &mut scratch, &mut whole).truncated);
        let overlap = rules.overlap();
        let (matches, carried) = in_windows(&rules, &mut scratch, &text, overlap, || 1 << 20);
        let is_cut = carried.is_cut();
        assert!(is_cut || matches == whole, "{:?}", &parts[..1]);
        is_cut
    };
    let long = 300 << 10;
    for (begin, unit, end) in [("", "a", "=WORD"), ("<", "7", "> number"), ("(", "A", "G)")] {
        assert!(run(&[(begin, 1), (unit, long), (end, 1)]), "{unit}");
        assert!(!run(&[(begin, 1), (unit, long / 4), (end, 1)]), "{unit}");
    }
    // Without the keyword such a stretch says nothing, nor does one of other bytes.
    assert!(!run(&[("7", long)]));
    assert!(!run(&[("number <", 1), ("x", long)]));
    assert!(!run(&[("a b ", long)]));
}

#[test]
fn too_many_matches_count_if_their_rule_speaks() {
    let rules = set("[[rules]]\nid = 'r'\nregex = '''ab'''\nkeywords = ['wanted']\n");
    let mut scratch = Scratch::with_max_matches(&rules, 10);
    let mut text = "ab ".repeat(20).into_bytes();
    text.resize(200 << 10, b'.');
    let mut run =
        |text: &[u8]| in_windows(&rules, &mut scratch, text, rules.overlap(), || 64 << 10);
    let (matches, carried) = run(&text);
    assert!(matches.is_empty() && !carried.is_truncated());
    text.extend(b"wanted");
    let (matches, carried) = run(&text);
    assert!(matches.len() == 10 && carried.is_truncated());
}
