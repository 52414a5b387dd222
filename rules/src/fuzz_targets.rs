//! Entry points for fuzzers: any bytes in, no panic out.

use std::{ops::Range, sync::OnceLock};

use crate::filter::{Facts, Filter, Outcome};
use crate::{
    Carried, Copied, DictionaryKind, Match, Rule, RuleSet, Scratch, Site, Source, Window, builtin,
    judges, keyed, rewrite, template,
};

/// A name, and what takes any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target with its name, which is that of its corpus.
pub const TARGETS: &[Target] = &[
    ("rule_file", rule_file),
    ("import", import),
    ("template", template),
    ("scan", scan),
    ("windows", windows),
    ("filter", filter),
    ("judge", judge),
    ("dictionary", dictionary),
];

/// Asks every judge about the first line as a value in its place, and about every word of the text.
pub fn judge(data: &[u8]) {
    let first = data.iter().position(|byte| *byte == b'\n');
    let words = data
        .split(|byte| byte.is_ascii_whitespace() || *byte == b':')
        .filter(|word| !word.is_empty())
        .take(64);
    let spans = words.map(|word| {
        let start = word.as_ptr() as usize - data.as_ptr() as usize;
        start..start + word.len()
    });
    for secret in spans.chain([0..first.unwrap_or(data.len()), 0..data.len()]) {
        for judge in judges::ALL {
            let certainty = judges::ask(judge, data, secret.clone());
            assert!(certainty <= 100, "{}", judge.name);
        }
    }
}

/// Takes the first line for a term of every kind and looks for it in the rest, and takes the whole for a file of keyed values. What a term is found in is
/// the same whether the rest is read in one go or was built from its halves.
pub fn dictionary(data: &[u8]) {
    let key = "0123456789abcdef".repeat(4);
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let term = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let text = lines.next().unwrap_or_default();
    let keyed = keyed::Key::read(&key).map(|key| keyed::lock(&term, &key));
    let hashes = match keyed {
        Ok(Ok(hashes)) => hashes,
        _ => String::from_utf8_lossy(data).into_owned(),
    };
    for kind in DictionaryKind::WORDS {
        let term = serde_json::json!([term]);
        let more = match *kind {
            "people" => "file='hashes'\nkey_file='key'".to_owned(),
            "customers" => format!("weight='ordinary'\nterms={term}"),
            _ => format!("terms={term}"),
        };
        let source = Source {
            name: "fuzz.toml".to_owned(),
            text: format!("[[dictionary]]\nid='x'\nkind='{kind}'\n{more}\n"),
        };
        let open = |_: &Source, name: &str| {
            let text = if name == "key" { &key } else { &hashes };
            Ok(Source {
                name: name.to_owned(),
                text: text.clone(),
            })
        };
        let Ok(compiled) = RuleSet::compile_with(&[source], &open) else {
            continue;
        };
        let rules = compiled.rules;
        let mut scratch = Scratch::new(&rules);
        let (mut whole, mut first, mut built) = (Vec::new(), Vec::new(), Vec::new());
        let _ = rules.scan(text, &mut scratch, &mut whole);
        let base = text.get(text.len() / 2..).unwrap_or_default();
        let (_, marks) = rules.scan_built(base, None, &mut scratch, &mut first);
        let copied = [Copied {
            from: 0,
            to: text.len() - base.len(),
            length: base.len(),
        }];
        let other = marks.as_ref().map(|marks| (marks, &copied[..]));
        let _ = rules.scan_built(text, other, &mut scratch, &mut built);
        assert_eq!(built, whole, "{kind}");
    }
}

/// Loads a rule file.
pub fn rule_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let source = Source {
        name: "fuzz.toml".to_owned(),
        text,
    };
    if let Ok(compiled) = RuleSet::compile(&[source]) {
        let rules = compiled.rules;
        let _ = rules.scan(data, &mut Scratch::new(&rules), &mut Vec::new());
    }
}

/// Rewrites another scanner's file. What comes out loads to the same rules.
pub fn import(data: &[u8]) {
    let source = |text: String| Source {
        // No file lies beside it that it could extend.
        name: "there-is-no-such-folder/fuzz.toml".to_owned(),
        text,
    };
    let original = source(String::from_utf8_lossy(data).into_owned());
    let Ok(text) = rewrite::rewrite(&original) else {
        return;
    };
    let load = |source: Source| RuleSet::compile(&[source]).map(|compiled| told(&compiled.rules));
    match (load(original), load(source(text.clone()))) {
        (Ok(before), Ok(after)) => assert_eq!(before, after, "the same rules: {text}"),
        (before, after) => assert_eq!(before.is_ok(), after.is_ok(), "it loads: {text}"),
    }
}

/// All that `rules` say of themselves but where they are defined.
pub(crate) fn told(rules: &RuleSet) -> Vec<String> {
    let told = |(index, rule): (usize, &Rule)| {
        let mut rule = rule.clone();
        rule.origin.line = 0;
        rule.origin.file.clear();
        format!("{rule:?} {:?}", rules.facts(index))
    };
    rules.rules().iter().enumerate().map(told).collect()
}

/// Expands an example.
pub fn template(data: &[u8]) {
    let _ = template::expand(&String::from_utf8_lossy(data));
}

/// Reads a filter expression and asks it about a match and a place. What a place decides is the same when all of it is
/// asked at once.
pub fn filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let facts = Facts {
        text: data,
        span: &(data.len() / 4..data.len() / 2),
        secret: &(data.len() / 3..data.len() / 2),
        rule: "rule",
    };
    let sites = [None, Some(&b"README.md"[..]), Some(data)].map(|path| Site {
        path,
        commit: path.map(|_| "0"),
    });
    for with_finding in [true, false] {
        let (filter, unknown) = Filter::compile(&text, with_finding);
        assert!(unknown.iter().all(|error| error.at <= text.len()));
        let Some(filter) = filter else { continue };
        let outcome = filter.content(&facts);
        for site in &sites {
            let bare = filter.place(&filter.bare(), site);
            match &outcome {
                Outcome::Depends(residue) => {
                    let placed = filter.place(residue, site);
                    assert!(bare.is_none() || placed.is_some(), "more is known");
                }
                Outcome::Stands => assert!(bare.is_none(), "nothing is left to ask"),
                Outcome::Discarded | Outcome::ByWord => {}
            }
        }
    }
}

/// Scans a text with the rules that ship.
pub fn scan(data: &[u8]) {
    static RULES: OnceLock<Option<RuleSet>> = OnceLock::new();
    let rules = RULES.get_or_init(|| Some(RuleSet::compile(&builtin()).ok()?.rules));
    if let Some(rules) = rules {
        let mut matches = Vec::new();
        let _ = rules.scan(data, &mut Scratch::new(rules), &mut matches);
        for found in &matches {
            let _ = rules.standing(found, &crate::Site::default());
        }
    }
}

/// Rules of every kind whose matches are short, so that windows need to overlap little.
const SHORT: &str = r"
[[rules]]
id = 'word'
regex = '''\bab[a-c]{1,9}\b'''
keywords = ['ab']
[[rules]]
id = 'before'
regex = '''(?i)[a-c]{0,5}?(?:ab|ca)[ =]{0,2}([abc]{2,4})(?:[ =]|$)'''
keywords = ['ab', 'ca']
[[rules]]
id = 'line'
regex = '''=ab'''
keywords = ['=ab']
[[rules.allowlists]]
regexTarget = 'line'
regexes = ['cc==']
[[rules]]
id = 'ends'
regex = '''(?m)^ab.{0,3}$|(?:ab){2,3}\B'''
keywords = ['ab']
[[rules]]
id = 'elsewhere'
regex = '''[ab]{3}='''
keywords = ['c=c']
[[rules]]
id = 'random'
regex = '''key_([a-c0-9]{8,20})'''
entropy = 2.0
keywords = ['key_']
[[rules.allowlists]]
condition = 'AND'
paths = ['tests/']
stopwords = ['abc']
[[rules]]
id = 'anywhere'
regex = '''[abc]{2}=(?:ab|ba)[abc]{0,40}'''
";

/// Scans a text whole and in windows, which must tell the same. The first bytes say how far windows reach;
/// a byte that is no text stands for as many dots.
pub fn windows(data: &[u8]) {
    static RULES: OnceLock<Option<RuleSet>> = OnceLock::new();
    let source = || Source {
        name: "windows.toml".to_owned(),
        text: SHORT.to_owned(),
    };
    let rules = RULES.get_or_init(|| Some(RuleSet::compile(&[source()]).ok()?.rules));
    let (Some(rules), Some((head, data))) = (rules, data.split_first_chunk::<4>()) else {
        return;
    };
    let mut text = Vec::new();
    for &byte in data.iter().take(2_000) {
        match byte {
            // Each window reads again what the one before has read.
            0x80.. if text.len() < 20_000 => {
                text.resize(text.len() + 8 * usize::from(byte - 0x7f), b'.')
            }
            0x80.. => {}
            _ => text.push(byte),
        }
    }
    let mut scratch = Scratch::with_max_matches(rules, usize::MAX);
    let mut whole = Vec::new();
    let scan = rules.scan(&text, &mut scratch, &mut whole);
    assert!(!scan.truncated, "there is no limit");
    whole.sort_by_key(|found| (found.span.start, found.rule));
    let mut steps = head.iter().cycle();
    let step = || 1 + 17 * steps.next().copied().map_or(0, usize::from);
    // The longest match of these rules, and what allowlists by line read beside it.
    let overlap = 70 + crate::allowlist::LINE + 1;
    let (matches, carried) = in_windows(rules, &mut scratch, &text, overlap, step);
    assert_eq!(matches, whole, "windows tell what the whole text tells");
    assert!(!carried.is_cut() && !carried.is_truncated());
}

/// What is found in `text` in windows, each with up to `step` bytes more than the one before.
pub(crate) fn in_windows(
    rules: &RuleSet,
    scratch: &mut Scratch,
    text: &[u8],
    overlap: usize,
    mut step: impl FnMut() -> usize,
) -> (Vec<Match>, Carried) {
    let mut carried = Carried::new(rules);
    let (mut offset, mut done, mut end) = (0, 0, 0);
    let mut matches = Vec::new();
    while end < text.len() {
        end = (end + step()).min(text.len());
        let held = text.get(offset..end).unwrap_or_default();
        let window = Window::new(held, offset, done, overlap, end == text.len());
        if window.starts.is_empty() {
            continue;
        }
        let first = matches.len();
        rules.scan_window(&window, &mut carried, scratch, &mut matches);
        for found in matches.iter_mut().skip(first) {
            let moved = |range: &Range<usize>| range.start + offset..range.end + offset;
            (found.span, found.secret) = (moved(&found.span), moved(&found.secret));
        }
        done = window.done();
        offset += window.spent();
    }
    matches.retain(|found| carried.counts(rules, found));
    matches.sort_by_key(|found| (found.span.start, found.rule));
    (matches, carried)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::random::Random;

    /// What means something in rule files, patterns and templates.
    const MARKS: &[u8] = b"{}[]()\\\"'*+?|^$.-&~=\n\0";

    /// The seeds of a target, and `rounds` mutations of them.
    fn run(name: &str, rounds: usize, target: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let mut paths: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        seeds.iter().for_each(|seed| target(seed));
        let mut random = Random::from_word(name);
        for _ in 0..rounds {
            let mut text = seeds[random.below(seeds.len())].clone();
            for _ in 0..1 + random.below(6) {
                mutate(&mut text, &mut random);
            }
            target(&text);
        }
    }

    fn mutate(text: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(text.len() + 1);
        let length = random.below(12).min(text.len() - at);
        match random.below(5) {
            0 => drop(text.drain(at..at + length)),
            1 => {
                let piece = text[at..at + length].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, piece);
            }
            2 => {
                let bytes = random.bytes(1 + length % 3);
                text.splice(at..at + length.min(bytes.len()), bytes);
            }
            3 => text.insert(at, MARKS[random.below(MARKS.len())]),
            _ => text.truncate(text.len() - length),
        }
    }

    #[test]
    fn rule_files_of_any_kind_do_not_panic() {
        run("rule_file", 3000, rule_file);
    }

    #[test]
    fn imported_files_of_any_kind_load_to_the_same_rules() {
        run("import", 2000, import);
    }

    #[test]
    fn dictionaries_of_any_term_do_not_panic() {
        run("dictionary", 2000, dictionary);
    }

    #[test]
    fn judges_of_any_value_do_not_panic() {
        run("judge", 3000, judge);
    }

    #[test]
    fn templates_of_any_kind_do_not_panic() {
        run("template", 5000, template);
    }

    #[test]
    fn windows_of_any_kind_tell_what_the_whole_text_tells() {
        run("windows", 3000, windows);
    }

    #[test]
    fn filters_of_any_kind_do_not_panic() {
        run("filter", 3000, filter);
    }

    #[test]
    fn texts_of_any_kind_do_not_panic() {
        run("scan", 2000, scan);
    }
}
