//! What a scan finds, and that it finds what a plain run finds.

mod built;
mod counted;
mod extend;
mod glued;
mod hidden;
mod judged;
mod linear;
mod pairs;
mod plain;
mod real_files;
mod required;
mod trees;
mod windows;

use super::*;
use crate::{Hiding, Site, Source, Standing};

/// A set of one file.
fn set(text: &str) -> RuleSet {
    let source = Source {
        name: "t.toml".into(),
        text: text.into(),
    };
    RuleSet::compile(&[source])
        .unwrap_or_else(|error| panic!("{error}"))
        .rules
}

/// A rule file with a rule of each of these regexes, with its keywords: `r0`, `r1` and so on.
fn file_of(rules: &[(&str, &[&str])]) -> String {
    let rule = |(index, (regex, keywords)): (usize, &(&str, &[&str]))| {
        format!("[[rules]]\nid = 'r{index}'\nregex = '''{regex}'''\nkeywords = {keywords:?}\n")
    };
    rules.iter().enumerate().map(rule).collect()
}

fn scan(rules: &RuleSet, text: &str) -> Vec<Match> {
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut Scratch::new(rules), &mut matches);
    assert!(!scan.truncated);
    matches.retain(|found| !found.is_hidden());
    matches
}

/// The secrets that a set of one rule finds.
fn check(rules: &str, text: &str, expected: &[&str]) {
    let rules = set(&format!("[[rules]]\nid = 'r'\n{rules}"));
    let found: Vec<_> = scan(&rules, text)
        .into_iter()
        .map(|found| text.get(found.secret).unwrap().to_owned())
        .collect();
    assert_eq!(found, expected);
}

fn standing(rules: &RuleSet, text: &str, path: Option<&str>, commit: Option<&str>) -> Standing {
    let matches = scan(rules, text);
    let [found] = matches.as_slice() else {
        panic!("one match, not {}", matches.len())
    };
    let site = Site {
        path: path.map(str::as_bytes),
        commit,
    };
    rules.standing(found, &site)
}

#[test]
fn keywords_match_in_any_case_and_gate_the_rule() {
    check("regex = '[0-9]{4}'\nkeywords = ['pin']", "code 1234", &[]);
    check(
        "regex = '[0-9]{4}'\nkeywords = ['pin']",
        "PIN code 1234",
        &["1234"],
    );
    check("regex = '[0-9]{4}'", "code 1234", &["1234"]);
    check(
        "regex = 'TOK_[0-9]'\nkeywords = ['Tok_']",
        "tok_1 TOK_2",
        &["TOK_2"],
    );
}

#[test]
fn the_secret_is_the_group() {
    check("regex = 'a=(b+)'", "a=bb", &["bb"]);
    check("regex = 'a=(?:(x+)|(b+))'", "a=bb a=x", &["bb", "x"]);
    check("regex = 'a=(b*)(c+)'", "a=cc", &["cc"]);
    check("regex = '(a)=(b+)'\nsecretGroup = 2", "a=bb", &["bb"]);
    check("regex = '\\na=b+\\n'", "\na=bb\n", &["a=bb"]);
}

#[test]
fn look_around_sees_the_neighbours() {
    let rule = r"regex = '\btok_[0-9]{3}\b'
keywords = ['tok_']";
    check(rule, "xtok_123 tok_1234 tok_123", &["tok_123"]);
    check(
        "regex = '(?m)^tok_[0-9]{3}$'\nkeywords = ['tok_']",
        "a\ntok_123\ntok_123 ",
        &["tok_123"],
    );
    check(
        "regex = '^tok_[0-9]{3}$'\nkeywords = ['tok_']",
        "a\ntok_123",
        &[],
    );
}

#[test]
fn entropy_must_be_greater() {
    check(
        "regex = 'k=([a-z]+)'\nentropy = 1",
        "k=abab k=abcd k=aaaa",
        &["abcd"],
    );
}

#[test]
fn validators_judge_the_secret() {
    let text = "n=4242424242424242 n=4242424242424243";
    check(
        "regex = 'n=([0-9]+)'\nvalidator = 'luhn'",
        text,
        &["4242424242424242"],
    );
}

#[test]
fn stopwords_and_regexes_judge_their_own_match_only() {
    let rule = "regex = 'k=([a-z]+)'\n[[rules.allowlists]]\n";
    check(
        &format!("{rule}stopwords = ['OOK']"),
        "k=hook k=abc",
        &["abc"],
    );
    check(
        &format!("{rule}regexes = ['^abc$']"),
        "k=hook k=abc k=abcd",
        &["hook", "abcd"],
    );
    check(
        &format!("{rule}regexTarget = 'match'\nregexes = ['^k=abc$']"),
        "k=abc",
        &[],
    );
    let line = format!("{rule}regexTarget = 'line'\nregexes = ['^x.*y$']");
    check(&line, "x k=ab k=bc y\nk=cd y\n", &["cd"]);
    let both = format!("{rule}condition = 'AND'\nregexes = ['^a']\nstopwords = ['z']");
    check(&both, "k=ab k=yz k=az", &["ab", "yz"]);
}

#[test]
fn a_path_condition_is_asked_afterwards() {
    let rules = set("[[rules]]\nid = 'r'\nregex = 'k=1'\npath = '''\\.env$'''");
    assert_eq!(
        standing(&rules, "k=1", Some("a/.env"), None),
        Standing::Stands
    );
    assert_eq!(
        standing(&rules, "k=1", Some("a/b"), None),
        Standing::OutOfPath
    );
    assert_eq!(standing(&rules, "k=1", None, None), Standing::OutOfPath);
}

/// What a file that does not ship with us excuses by path.
const BY_PATH: Standing = Standing::Hidden(Hiding::Path);

#[test]
fn halves_of_an_allowlist_meet() {
    let rules = |list: &str| {
        set(&format!(
            "[[rules]]\nid = 'r'\nregex = 'k=[a-z]+'\n[[rules.allowlists]]\n{list}"
        ))
    };
    let any = rules("paths = ['^test/']\ncommits = ['ABC']\nregexes = ['x']");
    assert_eq!(standing(&any, "k=a", Some("test/a"), None), BY_PATH);
    assert_eq!(
        standing(&any, "k=a", Some("src/a"), Some("aBc")),
        Standing::Allowed
    );
    assert_eq!(
        standing(&any, "k=a", Some("src/a"), Some("abcd")),
        Standing::Stands
    );
    assert_eq!(standing(&any, "k=a", None, None), Standing::Stands);
    assert!(scan(&any, "k=x").is_empty());

    let all = rules("condition = 'AND'\npaths = ['^test/']\nregexes = ['x']");
    assert_eq!(standing(&all, "k=x", Some("test/a"), None), BY_PATH);
    assert_eq!(standing(&all, "k=x", Some("src/a"), None), Standing::Stands);
    assert_eq!(
        standing(&all, "k=a", Some("test/a"), None),
        Standing::Stands
    );

    let places = rules("condition = 'AND'\npaths = ['^test/']\ncommits = ['abc']");
    assert_eq!(
        standing(&places, "k=a", Some("test/a"), Some("abc")),
        BY_PATH
    );
    assert_eq!(
        standing(&places, "k=a", Some("test/a"), None),
        Standing::Stands
    );
}

#[test]
fn path_rules_find_paths() {
    let rules = set(
        "[[rules]]\nid = 'p'\npath = '''\\.p12$'''\n[[rules.allowlists]]\npaths = ['^docs/']\n",
    );
    let found = |path: &str| {
        let mut found = Vec::new();
        rules.match_path(path.as_bytes(), &mut found);
        !found.is_empty()
    };
    assert!(found("a.p12"));
    assert!(!found("a.p12x"));
    assert!(!found("docs/a.p12"));
    assert!(scan(&rules, "a.p12").is_empty());
}

#[test]
fn a_file_s_allowlist_is_about_its_own_rules_unless_it_names_others() {
    let sources = |list: &str| {
        let first = "[[rules]]\nid = 'a'\nregex = 'k=[a-z]+'\n".to_owned();
        let second = format!("{list}\n[[rules]]\nid = 'b'\nregex = 'k=[a-z]+'\n");
        [first, second].map(|text| Source {
            name: "f.toml".into(),
            text,
        })
    };
    let found = |list: &str| {
        let rules = RuleSet::compile(&sources(list)).unwrap().rules;
        let found = scan(&rules, "k=x");
        found
            .iter()
            .map(|found| rules.rule(found.rule).id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("[allowlist]\nregexes = ['x']"), ["a"]);
    assert_eq!(
        found("[[allowlists]]\ntargetRules = ['a']\nregexes = ['x']"),
        ["b"]
    );
    assert!(found("[[allowlists]]\ntargetRules = ['*']\nregexes = ['x']").is_empty());
    let error = RuleSet::compile(&sources(
        "[[allowlists]]\ntargetRules = ['c']\nregexes = ['x']",
    ))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "f.toml:2: allowlist: targetRules: there is no rule \"c\""
    );
}

#[test]
fn ids_are_unique_unless_disabled() {
    let first = Source {
        name: "one.toml".into(),
        text: "[[rules]]\nid = 'a'\nregex = 'x'\n".into(),
    };
    let second = |text: &str| Source {
        name: "two.toml".into(),
        text: text.to_owned() + "[[rules]]\nid = 'a'\nregex = 'y'\n",
    };
    let error = RuleSet::compile(&[first.clone(), second("")])
        .unwrap_err()
        .to_string();
    assert!(
        error
            .starts_with("two.toml:1: rule a: the id is already defined at one.toml:1; disable it"),
        "{error}"
    );
    let compiled =
        RuleSet::compile(&[first.clone(), second("[extend]\ndisabledRules = ['a']\n")]).unwrap();
    assert_eq!(scan(&compiled.rules, "xy").len(), 1);
    assert!(compiled.warnings.is_empty());
    let compiled = RuleSet::compile(&[second("[extend]\ndisabledRules = ['zz']\n")]).unwrap();
    assert_eq!(
        compiled.warnings[0].to_string(),
        "two.toml:2: disabledRules: no earlier file defines a rule \"zz\""
    );
}

#[test]
fn mistakes_in_regexes_are_named() {
    let refused = |rule: &str| {
        let source = Source {
            name: "t.toml".into(),
            text: format!("[[rules]]\nid = 'r'\n{rule}"),
        };
        RuleSet::compile(&[source]).unwrap_err().to_string()
    };
    assert_eq!(
        refused("regex = 'a('"),
        "t.toml:3: rule r: regex: unclosed group at column 2 of the pattern"
    );
    assert_eq!(
        refused("regex = 'a*'"),
        "t.toml:3: rule r: regex: it matches empty text"
    );
    assert!(
        refused("regex = 'a'\nsecretGroup = 1")
            .contains("secretGroup is 1, but the regex has 0 groups")
    );
    assert!(refused("regex = 'a'\npath = '['").starts_with("t.toml:4: rule r: path: "));
    assert!(refused("regex = '((a{1000}){1000}){1000}'").contains("more than 128 MiB"));
    let list = "regex = 'a'\n[[rules.allowlists]]\nregexes = [\n'b',\n'c)']";
    assert!(
        refused(list).starts_with("t.toml:7: rule r: allowlist: "),
        "{}",
        refused(list)
    );
}

#[test]
fn rules_that_report_nothing_find_nothing() {
    check("regex = 'a'\nskipReport = true", "a", &[]);
}

#[test]
fn too_many_matches_are_said() {
    let rules = set("[[rules]]\nid = 'r'\nregex = 'a'");
    let mut matches = Vec::new();
    let mut scratch = Scratch::new(&rules);
    assert!(
        !rules
            .scan(&vec![b'a'; MAX_MATCHES], &mut scratch, &mut matches)
            .truncated
    );
    assert_eq!(matches.len(), MAX_MATCHES);
    // What earlier texts left in `matches` does not count against this one.
    assert!(!rules.scan(b"a", &mut scratch, &mut matches).truncated);
    assert!(
        rules
            .scan(&vec![b'a'; MAX_MATCHES + 1], &mut scratch, &mut matches)
            .truncated
    );
    let mut scratch = Scratch::with_max_matches(&rules, 2);
    assert!(rules.scan(b"aaa", &mut scratch, &mut matches).truncated);
}

#[test]
fn digests_tell_contents_and_order_apart_and_not_names() {
    let source = |name: &str, text: &str| Source {
        name: name.into(),
        text: text.into(),
    };
    let digest = |sources: &[Source]| RuleSet::compile(sources).unwrap().rules.digest().to_owned();
    let (one, two) = ("title = 'a'\n", "title = 'b'\n");
    assert_eq!(digest(&[source("x", one)]), digest(&[source("y", one)]));
    assert_ne!(digest(&[source("x", one)]), digest(&[source("x", two)]));
    assert_ne!(
        digest(&[source("x", one), source("y", two)]),
        digest(&[source("x", two), source("y", one)])
    );
    assert_eq!(digest(&[]).len(), 64);
}

#[test]
fn a_set_is_shared_and_a_match_hides_nothing_it_does_not_have() {
    fn shared<T: Send + Sync>() {}
    shared::<RuleSet>();
    let rules = set("[[rules]]\nid = 'r'\nregex = 'hunter2'");
    assert!(!format!("{:?}", scan(&rules, "hunter2")).contains("hunter2"));
}
