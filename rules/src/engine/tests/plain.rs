//! The engine against plain runs of every rule over every text.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use regex_automata::meta;

use super::*;
use crate::compile::Requirement;
use crate::random::Random;
use crate::{dialect, shipped};

/// Each rule whose keyword stands in the text, run plainly over all of it by the library's own search.
pub(super) struct Plain {
    rules: Vec<PlainRule>,
}

struct PlainRule {
    /// `None` for rules without keywords.
    keywords: Option<AhoCorasick>,
    /// `None` for rules about paths alone.
    regex: Option<meta::Regex>,
}

impl Plain {
    pub(super) fn new(rules: &RuleSet) -> Self {
        let automaton = |words: &Vec<String>| {
            let built = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(words);
            (!words.is_empty()).then(|| built.unwrap())
        };
        let regex = |text: &String| {
            let config = meta::Config::new()
                .utf8_empty(false)
                .nfa_size_limit(Some(128 << 20));
            let pattern = dialect::parse(text).unwrap();
            let built = meta::Builder::new()
                .configure(config)
                .build_from_hir(&pattern);
            built.unwrap()
        };
        let rules = rules.rules().iter().map(|rule| PlainRule {
            keywords: automaton(&rule.keywords),
            regex: rule.regex.as_ref().map(regex),
        });
        Self {
            rules: rules.collect(),
        }
    }

    fn scan(&mut self, rules: &RuleSet, text: &[u8]) -> Vec<Match> {
        let mut matches = Vec::new();
        for (rule, PlainRule { keywords, regex }) in self.rules.iter().enumerate() {
            let matcher = &rules.matchers[rule];
            let (Some(regex), Some(_)) = (regex, &matcher.search) else {
                continue;
            };
            // Parts of other rules do not need their keywords.
            let present = keywords.as_ref().is_none_or(|words| words.is_match(text));
            if !present || !matcher.reports {
                continue;
            }
            let mut hidden = 0;
            let mut counted = Vec::new();
            for found in regex.captures_iter(text) {
                let Some(found) = matcher.judge(rule, text, found.slots()) else {
                    continue;
                };
                let to = text.len().min(found.span.start + 1);
                let line = text[..to].iter().filter(|&&byte| byte == b'\n').count();
                if matcher.head.is_some_and(|lines| line >= lines) {
                    continue;
                }
                if matcher.at_least.is_some() {
                    counted.push(found);
                    continue;
                }
                hidden += usize::from(found.by_word);
                if !found.by_word || hidden <= MAX_HIDDEN {
                    matches.push(found);
                }
            }
            counted.retain(|found| !found.by_word);
            let secrets: HashSet<&[u8]> =
                counted.iter().map(|it| &text[it.secret.clone()]).collect();
            if matcher.at_least.is_some_and(|least| secrets.len() >= least) {
                matches.extend(counted.into_iter().next());
            }
        }
        matches.retain(|found| {
            let required = &rules.matchers[found.rule].required;
            required
                .iter()
                .all(|each| self.is_near(rules, text, found.span.start, each))
        });
        in_order(&mut matches, 0);
        matches
    }

    /// Whether what is required begins as near to place `at` as it must.
    fn is_near(&self, rules: &RuleSet, text: &[u8], at: usize, required: &Requirement) -> bool {
        let spot = |at: usize| {
            let before = &text[..text.len().min(at + 1)];
            let line = before.iter().filter(|&&byte| byte == b'\n').count();
            let start = before.iter().rposition(|&byte| byte == b'\n');
            (line, at + 1 - start.map_or(0, |start| start + 1))
        };
        let (line, column) = spot(at);
        let matcher = &rules.matchers[required.part];
        let regex = self.rules[required.part].regex.as_ref().unwrap();
        regex.captures_iter(text).any(|part| {
            let judged = matcher.judge(required.part, text, part.slots());
            let (of_line, of_column) = spot(part.get_match().unwrap().start());
            judged.is_some_and(|judged| !judged.by_word)
                && required
                    .lines
                    .is_none_or(|most| line.abs_diff(of_line) <= most)
                && required
                    .columns
                    .is_none_or(|most| column.abs_diff(of_column) <= most)
        })
    }
}

pub(super) fn compare(
    rules: &RuleSet,
    scratch: &mut Scratch,
    plain: &mut Plain,
    text: &[u8],
    name: &str,
) -> usize {
    let mut matches = Vec::new();
    assert!(!rules.scan(text, scratch, &mut matches).truncated);
    let expected = plain.scan(rules, text);
    assert_eq!(
        matches,
        expected,
        "{name}: {:?}",
        String::from_utf8_lossy(&text[..text.len().min(2000)])
    );
    matches.len()
}

/// Rules of every shape that the plan tells apart, over texts in which matches overlap, touch, and almost happen.
#[test]
fn made_up_rules_on_dense_texts() {
    let shapes: &[(&str, &[&str])] = &[
        ("ab", &["ab"]),
        (r"\bab+\b", &["ab"]),
        (
            "(?i)[a-c]{0,5}?(?:ab|ca)[ =]{0,2}([abc]{2,4})(?:[ =]|$)",
            &["ab", "ca"],
        ),
        ("[a-c]{0,5}(?:ab|ca)([abc]{2,4})", &["ab", "ca"]),
        ("[abc]{2}=ab", &["ab"]),
        ("[abc]{1,3}=(ab|ba)[abc]*", &["=ab", "=ba"]),
        ("[abc]+=ab[abc]+", &["=ab"]),
        ("(?:^|[^a])ab", &["ab"]),
        ("ab[^=]*=", &["ab"]),
        ("ab[abc ]{0,8}b=", &["ab"]),
        ("(?:ab|b)=?a", &["ab", "b"]),
        ("(?s)ab.*?ba", &["ab"]),
        ("a[bc]{3}|ab[ =]", &["ab"]),
        ("(ab)|(abc)", &["a"]),
        ("b?ab(?:c|$)", &["b"]),
        ("(?m)^ab.{0,3}$", &["ab"]),
        ("[ab]{3}=", &["c"]),
        ("[ab]{3}=", &[]),
        (r"(?:ab){2,3}\B", &["abab"]),
        ("=[a-c]{0,4}AB", &["ab"]),
    ];
    let rules = set(&(file_of(shapes) + super::counted::COUNTED));
    let (mut scratch, mut plain) = (Scratch::new(&rules), Plain::new(&rules));
    let mut random = Random::from_word("dense");
    let mut found = 0;
    for round in 0..4000 {
        let length = random.below(120);
        let text = random.text(
            length,
            if round % 2 == 0 {
                "abc="
            } else {
                "aabbccAB= \n"
            },
        );
        found += compare(&rules, &mut scratch, &mut plain, text.as_bytes(), "dense");
    }
    assert!(found > 10_000, "{found}");
}

/// Texts made of the rules' own examples, cut, joined and repeated.
fn examples_shuffled(rules: &RuleSet, rounds: usize) -> Vec<Vec<u8>> {
    let mut pieces: Vec<String> = Vec::new();
    for rule in rules.rules() {
        for text in rule.examples.iter().chain(&rule.counter_examples) {
            pieces.push(crate::template::expand(text).unwrap());
        }
        pieces.extend(rule.keywords.iter().cloned());
    }
    let mut random = Random::from_word("examples");
    let mut texts = Vec::new();
    for _ in 0..rounds {
        let mut text = Vec::new();
        for _ in 0..1 + random.below(8) {
            let piece = pieces[random.below(pieces.len())].as_bytes();
            let from = if random.below(3) == 0 {
                random.below(piece.len())
            } else {
                0
            };
            let to = if random.below(3) == 0 {
                from + random.below(piece.len() - from)
            } else {
                piece.len()
            };
            text.extend_from_slice(&piece[from..to]);
            text.extend_from_slice([b"".as_slice(), b"\n", b" ", b"\"", b"x"][random.below(5)]);
        }
        texts.push(text);
    }
    texts
}

#[test]
fn builtin_rules_on_shuffled_examples() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let (mut scratch, mut plain) = (Scratch::new(&rules), Plain::new(&rules));
    let found: usize = examples_shuffled(&rules, 1500)
        .iter()
        .map(|text| compare(&rules, &mut scratch, &mut plain, text, "shuffled"))
        .sum();
    assert!(found > 500, "{found}");
}

#[test]
fn caches_let_go_change_nothing() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let (mut scratch, mut plain) = (Scratch::new(&rules), Plain::new(&rules));
    scratch.max_held = 0;
    for text in examples_shuffled(&rules, 100) {
        compare(&rules, &mut scratch, &mut plain, &text, "released");
        assert_eq!(scratch.held, 0);
        assert!(
            scratch
                .rules
                .iter()
                .all(|rule| rule.probe.is_none() && rule.search.is_none())
        );
    }
}

/// Every file of this repository, and of the system's headers if there are any.
#[test]
fn builtin_rules_on_source_trees() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    compare_trees(&rules, 3 << 20);
}

/// Compares on at most `limit` bytes of each tree.
pub(super) fn compare_trees(rules: &RuleSet, limit: usize) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for root in [workspace, Path::new("/usr/include")] {
        compare_tree(rules, root, limit);
    }
}

/// The same for one tree: files, bytes, and what was found.
pub(super) fn compare_tree(rules: &RuleSet, root: &Path, limit: usize) -> (usize, usize, usize) {
    let (mut scratch, mut plain) = (Scratch::new(rules), Plain::new(rules));
    let (mut count, mut bytes, mut found) = (0, 0, 0);
    for path in files(root) {
        let Ok(text) = std::fs::read(&path) else {
            continue;
        };
        let name = path.display().to_string();
        found += compare(rules, &mut scratch, &mut plain, &text, &name);
        count += 1;
        bytes += text.len();
        if bytes >= limit {
            break;
        }
    }
    (count, bytes, found)
}

/// Regular files of at most a megabyte below `root`, without hidden folders and build output.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let Ok(kind) = entry.metadata() else { continue };
            if kind.is_dir() && !hidden && !entry.path().join("CACHEDIR.TAG").exists() {
                folders.push(entry.path());
            } else if kind.is_file() && kind.len() <= 1 << 20 {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// Texts that would make a windowed scan read the same bytes again and again still end soon, and right.
#[test]
fn hostile_texts_cost_linear_time() {
    let rules = set(
        "[[rules]]\nid = 'open'\nregex = '''key[a-z ]*1'''\nkeywords = ['key']\n\
         [[rules]]\nid = 'long'\nregex = '''key[a-z ]{0,5000}1'''\nkeywords = ['key']\n\
         [[rules]]\nid = 'before'\nregex = '''[a-z ]{0,500}?key[a-z ]{0,500}=2'''\nkeywords = ['key']\n",
    );
    let (mut scratch, mut plain) = (Scratch::new(&rules), Plain::new(&rules));
    let text = "key ".repeat(1 << 13);
    let mut matches = Vec::new();
    assert!(
        !rules
            .scan(text.as_bytes(), &mut scratch, &mut matches)
            .truncated
    );
    assert!(matches.is_empty());
    // Asked at every keyword, the second rule alone would read 5,000 bytes 8,192 times.
    assert!(
        scratch
            .rules
            .iter()
            .all(|rule| rule.budget <= text.len() * PROBE_SHARE)
    );
    assert!(scratch.rules[1].whole);
    compare(
        &rules,
        &mut scratch,
        &mut plain,
        (text + "1 key =2").as_bytes(),
        "hostile",
    );
}
