//! Rules that count only in the head of a text, or only if there are enough of them.

use super::*;

/// Such rules, for the tests that compare ways of scanning.
pub(super) const COUNTED: &str = "\
    [[rules]]\nid = 'head'\nregex = '''ab[abc=]'''\nkeywords = ['ab']\nhead = 7\n\
    [[rules]]\nid = 'head-anywhere'\nregex = '''[bc]{2}='''\nkeywords = ['a']\nhead = 20\n\
    [[rules]]\nid = 'few'\nregex = '''ab([abc=]{2})'''\nkeywords = ['ab']\natLeast = 4\n\
    [[rules]]\nid = 'many'\nregex = '''ab([abc=]{3})'''\nkeywords = ['ab']\natLeast = 25\n\
    [[rules]]\nid = 'both'\nregex = '''ba([abc=]{2})'''\nkeywords = ['ba']\natLeast = 3\nhead = 9\n\
    [[rules]]\nid = 'never'\nregex = '''ab([abc=]{2})'''\nkeywords = ['ab']\natLeast = 9999\n";

#[test]
fn the_head_is_so_many_lines() {
    let rule = "regex = 'key'\nkeywords = ['key']\nhead = 2";
    check(rule, "key\nkey key\nkey", &["key", "key", "key"]);
    check(rule, "\n\nkey", &[]);
    check(rule, "\nkey", &["key"]);
    check(rule, "", &[]);
}

#[test]
fn enough_different_ones_are_one_find_at_the_first() {
    let rule = "regex = 'n=([0-9]+)'\nkeywords = ['n=']\natLeast = 3";
    check(rule, "n=1 n=2 n=2 n=1", &[]);
    check(rule, "n=1 n=1 n=2 n=3 n=4", &["1"]);
    let with_list = format!("{rule}\n[[rules.allowlists]]\nregexes = ['^[12]$']");
    check(&with_list, "n=1 n=2 n=3 n=4", &[]);
    check(&with_list, "n=1 n=2 n=3 n=4 n=5", &["3"]);
}

#[test]
fn one_text_says_nothing_of_the_next() {
    let rules = set("[[rules]]\nid='r'\nregex='n=([0-9])'\nkeywords=['n=']\natLeast=3\n");
    let mut scratch = Scratch::new(&rules);
    for text in ["n=1 n=2", "n=3 n=4"] {
        let mut matches = Vec::new();
        let _ = rules.scan(text.as_bytes(), &mut scratch, &mut matches);
        assert!(matches.is_empty(), "{text}");
    }
}

/// However many there are, they do not crowd out what else is in the text.
#[test]
fn a_text_full_of_them_is_scanned() {
    let rules = set(
        "[[rules]]\nid='r'\nregex='n=([0-9]+)'\nkeywords=['n=']\natLeast=20\n\
         [[rules]]\nid='s'\nregex='last'\nkeywords=['last']\n",
    );
    let rows: String = (0..2 * MAX_MATCHES).map(|n| format!("n={n}\n")).collect();
    let found = scan(&rules, &(rows + "last"));
    let rules: Vec<RuleIndex> = found.iter().map(|found| found.rule).collect();
    assert_eq!(rules, [0, 1]);
}

/// A lock file names as many packages as it likes, most of them under the same few licences.
#[test]
fn licences_that_are_said_again_and_again_are_told_so_often() {
    let rules = set(
        "[[rules]]\nid='r'\nregex='(?m)^l: (.*)$'\nkeywords=['l: ']\nlicense='dependency'\n\
         [[rules]]\nid='s'\nregex='last'\nkeywords=['last']\n",
    );
    let rows = "l: MIT\n".repeat(2 * MAX_MATCHES);
    let text = format!("l: ISC\n{rows}l: AGPL-3.0-only\nlast");
    let found = scan(&rules, &text);
    let said = |words: &str| {
        let mut secrets = found.iter().map(|found| &text[found.secret.clone()]);
        secrets.by_ref().filter(|secret| *secret == words).count()
    };
    let counts = ["ISC", "MIT", "AGPL-3.0-only", "last"].map(said);
    assert_eq!(counts, [1, 100, 1, 1]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |keys: &str| {
        let text = format!("[[rules]]\nid='r'\nregex='x'\n{keys}");
        let source = Source {
            name: "t.toml".into(),
            text,
        };
        RuleSet::compile(&[source]).unwrap_err().to_string()
    };
    assert!(refused("head = 0").contains("must be from 1 to 10000"));
    assert!(refused("atLeast = 1").contains("must be from 2 to 10000"));
    assert!(refused("atLeast = 2\n[[rules.required]]\nid='r'").contains("cannot be given both"));
}

#[test]
fn a_trial_says_why() {
    let rules = set(COUNTED);
    let fates = |rule: usize, text: &str| match rules.try_rule(rule, text.as_bytes()) {
        Trial::Matched(tried) => tried
            .into_iter()
            .map(|tried| tried.found.err())
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let text = "aba\n\n\n\n\n\n\naba";
    assert_eq!(fates(0, text), [None, Some(Dropped::Head(7))]);
    let few = Some(Dropped::AtLeast(4));
    assert_eq!(fates(2, "abaa abab abac"), vec![few.clone(); 3]);
    let told = fates(2, "abaa abab abac abba");
    assert_eq!(told, [None, few.clone(), few.clone(), few]);
}
