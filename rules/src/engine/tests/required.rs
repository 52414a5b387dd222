//! Composite rules: what they find, and that windows and floods change nothing.

use super::*;
use crate::random::Random;

/// A rule `p` that requires `a` within what `within` says, and the part `a`.
fn pair(within: &str, part: &str) -> String {
    format!(
        "[[rules]]\nid = 'p'\nregex = 'key=[a-z]+'\nkeywords = ['key=']\n\
         [[rules.required]]\nid = 'a'\n{within}\n\
         [[rules]]\nid = 'a'\nregex = 'user=[a-z]+'\nkeywords = ['user']\n{part}\n"
    )
}

/// The ids and places of what is found.
fn found(rules: &str, text: &str) -> Vec<(String, usize)> {
    let rules = set(rules);
    let found = scan(&rules, text).into_iter();
    found
        .map(|found| (rules.rule(found.rule).id.clone(), found.span.start))
        .collect()
}

fn places(rules: &str, text: &str) -> Vec<usize> {
    found(rules, text).into_iter().map(|(_, at)| at).collect()
}

#[test]
fn a_part_anywhere_in_the_text_will_do_without_a_distance() {
    let rules = pair("", "skipReport = true");
    assert!(places(&rules, "key=x").is_empty());
    assert!(places(&rules, "user=x").is_empty());
    assert_eq!(places(&rules, "key=x\n\n\n\nuser=x key=y"), [0, 16]);
}

#[test]
fn lines_are_counted_from_beginning_to_beginning() {
    let rules = pair("withinLines = 2", "skipReport = true");
    assert_eq!(
        places(&rules, "key=x\n\nuser=x\n\nkey=y\n\n\nkey=z"),
        [0, 15]
    );
    let same_line = pair("withinLines = 0", "skipReport = true");
    assert_eq!(places(&same_line, "key=x user=x\nkey=y"), [0]);
    assert_eq!(places(&same_line, "\n\nuser=x key=x"), [9]);
}

#[test]
fn columns_are_counted_on_their_own() {
    let rules = pair("withinColumns = 3", "skipReport = true");
    assert_eq!(places(&rules, "key=x\n\n\n   user=x"), [0]);
    assert!(places(&rules, "key=x\n\n\n    user=x").is_empty());
    let both = pair("withinColumns = 3\nwithinLines = 1", "skipReport = true");
    assert_eq!(places(&both, "user=x\nkey=x\n\n\nkey=y\n    key=z"), [7]);
}

#[test]
fn a_part_is_a_rule_of_its_own_unless_it_reports_nothing() {
    let rules = pair("", "");
    let both = vec![("a".to_owned(), 0), ("p".to_owned(), 7)];
    assert_eq!(found(&rules, "user=x key=x"), both);
    assert_eq!(found(&rules, "user=x"), both[..1]);
}

#[test]
fn every_part_is_needed() {
    let rules = "[[rules]]\nid = 'p'\nregex = 'key=[a-z]+'\n\
                 required = [{ id = 'a', withinLines = 1 }, { id = 'b' }]\n\
                 [[rules]]\nid = 'a'\nregex = 'user'\nskipReport = true\n\
                 [[rules]]\nid = 'b'\nregex = 'host'\nskipReport = true\n";
    assert!(places(rules, "key=x user").is_empty());
    assert_eq!(places(rules, "key=x user\n\n\nhost key=y"), [0]);
}

#[test]
fn what_excuses_a_part_makes_it_none_unless_a_path_decides() {
    let list = |text: &str| {
        pair(
            "",
            &format!("skipReport = true\n[[rules.allowlists]]\n{text}"),
        )
    };
    assert!(places(&list("regexes = ['=none']"), "key=x user=none").is_empty());
    assert!(places(&list("stopwords = ['none']"), "key=x user=none").is_empty());
    assert_eq!(places(&list("paths = ['^docs/']"), "key=x user=none"), [0]);
    let entropy = pair("", "entropy = 2.7\nskipReport = true");
    assert!(places(&entropy, "key=x user=x").is_empty());
    assert_eq!(places(&entropy, "key=x user=abcdefgh"), [0]);
}

#[test]
fn the_path_of_a_part_is_a_condition_of_the_whole() {
    let rules = set(&pair("", "skipReport = true\npath = '\\.env$'"));
    let at = |path| standing(&rules, "key=x user=x", path, None);
    assert_eq!(at(Some("a.env")), Standing::Stands);
    assert_eq!(at(Some("a.rs")), Standing::OutOfPath);
    assert_eq!(at(None), Standing::OutOfPath);
}

#[test]
fn a_part_s_keywords_do_not_matter() {
    let rules = "[[rules]]\nid = 'p'\nregex = 'key=[a-z]+'\nrequired = [{ id = 'a' }]\n\
                 [[rules]]\nid = 'a'\nregex = '[0-9]{4}'\nkeywords = ['pin']\n";
    assert_eq!(found(rules, "key=x 1234"), [("p".to_owned(), 0)]);
    assert!(found(rules, "1234").is_empty());
    assert_eq!(found(rules, "pin 1234"), [("a".to_owned(), 4)]);
}

#[test]
fn a_requirement_must_name_a_rule_with_a_regex() {
    let refused = |text: &str| {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        RuleSet::compile(&[source])
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    let rule = "[[rules]]\nid = 'p'\nregex = 'x'\n[[rules.required]]\n";
    assert_eq!(
        refused(&format!("{rule}id = 'a'\n")),
        "t.toml:5: rule p: required: rule \"a\" does not exist"
    );
    assert!(refused(&format!("{rule}withinLines = 1\n")).contains("\"id\" is missing"));
    let about_path = format!("{rule}id = 'a'\n[[rules]]\nid = 'a'\npath = 'x'\n");
    assert!(refused(&about_path).contains("\"a\" has no regex"));
}

#[test]
fn a_part_that_was_taken_out_is_not_required() {
    let source = |text: String| Source {
        name: "t.toml".into(),
        text,
    };
    let sources = [
        source(pair("", "")),
        source("[extend]\ndisabledRules = ['a']\n".into()),
    ];
    let compiled = RuleSet::compile(&sources).unwrap();
    assert_eq!(scan(&compiled.rules, "key=x").len(), 1);
    assert_eq!(
        compiled.warnings[0].to_string(),
        "t.toml:6: rule p: \"required\" is not honoured: rule a is disabled"
    );
}

/// The same in windows of any size as in one piece, and as told by the definition.
#[test]
fn windows_find_what_one_piece_finds() {
    let rules = set(
        "[[rules]]\nid = 'p'\nregex = 'ab[a-c]'\nkeywords = ['ab']\n\
         required = [{ id = 'x', withinLines = 1 }]\n\
         [[rules]]\nid = 'q'\nregex = 'ba[a-c]'\nkeywords = ['ba']\n\
         required = [{ id = 'x', withinColumns = 2, withinLines = 20 }, { id = 'y' }]\n\
         [[rules]]\nid = 'x'\nregex = '=[bc]=[^=]'\nkeywords = ['=']\nskipReport = true\n\
         [[rules]]\nid = 'y'\nregex = 'c{7}'\nkeywords = ['never']\n\
         required = [{ id = 'y' }]\n",
    );
    let mut scratch = Scratch::new(&rules);
    let mut random = Random::from_word("required");
    let (mut met, mut all) = (0, 0);
    for round in 0..60 {
        let length = 2000 + random.below(4000);
        let alphabet = ["abc=\n", "aabbcc= \n", "abcabcabc\n=b="][round % 3];
        let mut text = random.text(length, alphabet).into_bytes();
        if round % 2 == 0 {
            let at = random.below(length);
            text.splice(at..at, *b"\nccccccc\n");
        }
        let mut expected = Vec::new();
        assert!(!rules.scan(&text, &mut scratch, &mut expected).truncated);
        assert_eq!(expected, by_definition(&rules, &text), "round {round}");
        let most = [60, 700, 3000][round % 3];
        let (matches, _) =
            windows::in_windows(&rules, &mut scratch, &text, 1100, || 1 + random.below(most));
        assert_eq!(matches, expected, "round {round}");
        met += expected.len();
        let found = |regex: &[u8]| text.windows(2).filter(|two| *two == regex).count();
        all += found(b"ab") + found(b"ba");
    }
    assert!(met > 400 && all > 2 * met, "{met} of {all}");
}

/// Every composite match against every match of its parts, for sets whose parts have no conditions.
fn by_definition(rules: &RuleSet, text: &[u8]) -> Vec<Match> {
    let plain = |rule: RuleIndex| -> Vec<(usize, usize)> {
        let regex = crate::dialect::parse(rules.rule(rule).regex.as_ref().unwrap()).unwrap();
        let regex = regex_automata::meta::Regex::builder()
            .build_from_hir(&regex)
            .unwrap();
        let found = regex.find_iter(text);
        found.map(|found| (found.start(), found.end())).collect()
    };
    let place = |at: usize| {
        let before = &text[..=at];
        let line = before.iter().filter(|&&byte| byte == b'\n').count();
        let start = before.iter().rposition(|&byte| byte == b'\n');
        (line, at - start.map_or(0, |start| start + 1))
    };
    let mut matches = Vec::new();
    for (rule, matcher) in rules.matchers.iter().enumerate() {
        let keywords = &rules.rule(rule).keywords;
        let lower = text.to_ascii_lowercase();
        let is_there = |word: &String| lower.windows(word.len()).any(|w| w == word.as_bytes());
        if !matcher.reports || !keywords.iter().any(is_there) {
            continue;
        }
        let parts: Vec<_> = matcher
            .required
            .iter()
            .map(|each| (each, plain(each.part)))
            .collect();
        for (start, end) in plain(rule) {
            let (line, column) = place(start);
            let is_met = parts.iter().all(|(each, found)| {
                found.iter().any(|&(at, _)| {
                    let (other_line, other_column) = place(at);
                    each.lines
                        .is_none_or(|most| line.abs_diff(other_line) <= most)
                        && each
                            .columns
                            .is_none_or(|most| column.abs_diff(other_column) <= most)
                })
            });
            if is_met {
                matches.push(Match {
                    certainty: None,
                    rule,
                    span: start..end,
                    secret: start..end,
                    depends: Vec::new(),
                    residues: Vec::new(),
                    by_word: false,
                });
            }
        }
    }
    in_order(&mut matches, 0);
    matches
}

/// Many matches of both kinds are told soon, and none is lost where they are not all compared.
#[test]
fn a_flood_costs_linear_time_and_hides_nothing() {
    let near = pair("withinLines = 1\nwithinColumns = 1", "skipReport = true");
    let rules = set(&near);
    let mut scratch = Scratch::new(&rules);
    // All of one line, and no two columns near each other.
    let mut text = "user=a ".repeat(9000);
    text += "key=";
    text += &"a".repeat(60);
    for _ in 0..9000 {
        text += " key=b";
    }
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut scratch, &mut matches);
    assert!(!scan.truncated);
    assert_eq!(matches.len(), 9001, "what is not disproved stands");
}
