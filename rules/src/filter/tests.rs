//! What expressions are worth, and what is not honoured of them.

use super::*;
use crate::allowlist::Site;

const TEXT: &[u8] = b"one\n  name = \"abcabc\"; host=x\nthree";

/// What `text` says of `abcabc` in [`TEXT`], wherever it lies.
fn outcome(text: &str) -> Outcome {
    let (filter, unknown) = Filter::compile(text, true);
    assert!(unknown.is_empty(), "{text}: {unknown:?}");
    let facts = Facts {
        text: TEXT,
        span: &(6..20),
        secret: &(14..20),
        rule: "rule",
    };
    filter.unwrap().content(&facts)
}

#[test]
fn the_match_is_as_told() {
    assert_eq!(TEXT.get(6..20), Some(&b"name = \"abcabc"[..]));
    assert_eq!(TEXT.get(14..20), Some(&b"abcabc"[..]));
}

/// Every line is true, and false behind a `!`.
#[test]
fn truths() {
    let truths = r#"
        true
        !false
        not false
        false || true
        false or true
        true and !(true and false)
        true || false && false
        finding["secret"] == "abcabc"
        finding.secret != 'abcab'
        finding?.secret == `abcabc`
        get(finding, "secret", "") == "abcabc"
        (finding["secret"] ?? "") == "abcabc"
        finding["match"] == "name = \"abcabc"
        finding["line"] == "  name = \"abcabc\"; host=x"
        finding["rule_id"] == "rule"
        finding["secret"] in ["x", "abcabc", ]
        finding["secret"] not in ["x"]
        finding["secret"] contains "cab"
        finding["secret"] startsWith "abc"
        finding["secret"] endsWith "abc"
        finding["secret"] matches "^(?:abc){2}$"
        not (finding["secret"] matches "^(?:abc){3}$")
        finding["secret"] not matches "^(?:abc){3}$"
        matchesAny(finding["secret"], [`^x`, `^abc`])
        !matchesAny(finding["secret"], [])
        filter.matchesAny(finding["line"], ["host"])
        containsAny(finding["secret"], ["xy", "bca"])
        !containsAny(finding["secret"], ["BCA"])
        containsAny("ABC", ["abc"])
        filter.findMatch(finding["secret"], `b.`) == "bc"
        filter.findMatch(finding["secret"], `x.`) == ""
        entropy(finding["secret"]) > 1.58
        filter.entropy(finding["secret"]) <= 1.6
        len(finding["secret"]) == 6
        len("é") == 1
        lower("AB") + upper("c") == "abC"
        max(1, 3, 2) - min(4, 2) == 1
        1 + 2 * 3 == 7
        -1 < 0
        1_000 >= 999.5
        2 > 1 ? true : false
        "abcdef"[1:3] == "bc"
        "abcdef"[:-4] == "ab"
        "abcdef"[4:] == "ef"
        "abcdef"[5:2] == ""
        "abcdef"[-9:99] == "abcdef"
        let x = "a"; let y = x + "b"; y + x == "aba"
        (let x = 1; x == 1) && true
        finding["fragment_raw"][finding["match_start_idx"]:finding["match_end_idx"]] == finding["match"]
        finding["fragment_raw"][finding["match_line_start_idx"]:finding["match_line_end_idx"]] == finding["line"]
        /* c */ true // d
    "#;
    for truth in truths
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        assert_ne!(outcome(truth), Outcome::Stands, "{truth}");
        let negated = match truth.strip_prefix("let x = \"a\"; let y = x + \"b\"; ") {
            Some(rest) => format!("let x = \"a\"; let y = x + \"b\"; !({rest})"),
            None => format!("!({})", truth.trim_end_matches("// d")),
        };
        assert_eq!(outcome(&negated), Outcome::Stands, "{negated}");
    }
}

#[test]
fn words_of_the_secret_are_told_apart() {
    let word = r#"containsAny(finding["secret"], ["abc"])"#;
    assert_eq!(outcome(word), Outcome::ByWord);
    assert_eq!(outcome(&format!("{word} || false")), Outcome::ByWord);
    assert_eq!(outcome(&format!("{word} || true")), Outcome::Discarded);
    assert_eq!(outcome(&format!("{word} && true")), Outcome::ByWord);
    assert_eq!(outcome(&format!("!!{word}")), Outcome::ByWord);
    assert_eq!(outcome(&format!("!{word}")), Outcome::Stands);
    let of_line = r#"containsAny(finding["line"], ["abc"])"#;
    assert_eq!(outcome(of_line), Outcome::Discarded);
}

#[test]
fn places_are_asked_later() {
    let at = |text: &str, path: Option<&str>, commit: Option<&str>| {
        let (filter, unknown) = Filter::compile(text, true);
        assert!(unknown.is_empty(), "{text}: {unknown:?}");
        let filter = filter.unwrap();
        let facts = Facts {
            text: TEXT,
            span: &(6..20),
            secret: &(14..20),
            rule: "rule",
        };
        let site = Site {
            path: path.map(str::as_bytes),
            commit,
        };
        match filter.content(&facts) {
            Outcome::Depends(residue) => filter.place(&residue, &site),
            outcome => panic!("{text}: {outcome:?}"),
        }
    };
    let path = r#"matchesAny(get(attributes, "path", ""), [`\.md$`])"#;
    assert_eq!(at(path, Some("a.md"), None), Some(ByPlace::Path));
    assert_eq!(at(path, Some("a.rs"), None), None);
    assert_eq!(at(path, None, None), None);
    assert_eq!(at(&format!("!{path}"), None, None), Some(ByPlace::Path));
    let long = format!("{path} && finding[\"secret\"] == \"abcabc\" && !false");
    assert_eq!(at(&long, Some("a.md"), None), Some(ByPlace::Path));
    let either = format!("{path} || attributes[\"git.sha\"] == \"01\"");
    assert_eq!(at(&either, Some("a.rs"), Some("01")), Some(ByPlace::Commit));
    assert_eq!(at(&either, Some("a.md"), Some("01")), Some(ByPlace::Commit));
    assert_eq!(at(&either, Some("a.md"), Some("02")), Some(ByPlace::Path));
    let none = r#"get(attributes, "path", "none") == "none""#;
    assert_eq!(at(none, None, None), Some(ByPlace::Path));
    assert_eq!(at(none, Some(""), None), None);
}

#[test]
fn what_is_not_known_discards_nothing_and_is_told() {
    let unknown = |text: &str| {
        let (filter, unknown) = Filter::compile(text, true);
        let facts = Facts {
            text: TEXT,
            span: &(6..20),
            secret: &(14..20),
            rule: "rule",
        };
        let outcome = filter.map(|filter| filter.content(&facts));
        let told: Vec<_> = unknown
            .into_iter()
            .map(|error| (error.at, error.reason))
            .collect();
        (outcome, told)
    };
    let fails = "failsTokenEfficiency(finding[\"secret\"])";
    for (text, outcome) in [
        (fails.to_owned(), Outcome::Stands),
        (format!("!{fails}"), Outcome::Stands),
        (format!("{fails} || true"), Outcome::Discarded),
        (format!("{fails} && true"), Outcome::Stands),
        (format!("!({fails} && false)"), Outcome::Discarded),
        (format!("{fails} == true || false"), Outcome::Stands),
    ] {
        let (found, told) = unknown(&text);
        assert_eq!(found, Some(outcome), "{text}");
        assert!(told[0].1.contains("tokenizer"), "{told:?}");
    }
    for (text, at, reason) in [
        ("true && nothing(1)", 8, "the function nothing is not known"),
        (
            "attributes[\"git.date\"] == \"x\"",
            0,
            "\"git.date\" is not known here",
        ),
        (
            "finding[\"context\"] contains \"x\"",
            0,
            "\"context\" is not known here",
        ),
        ("len(finding[\"fragment_raw\"]) > 0", 4, "only slices"),
        ("finding[\"fragment_raw\"][0:5] == \"x\"", 0, "only slices"),
        (
            "matchesAny(attributes.path, [finding.secret])",
            28,
            "a list of anything but texts",
        ),
        (
            "attributes.path == finding.secret",
            16,
            "content and path in one comparison",
        ),
        ("matchesAny(finding.secret, [`(`])", 0, "unclosed group"),
        ("1 / 2 == 1", 2, "the operator / is not known"),
        (
            "finding.secret matches finding.line",
            23,
            "a pattern that is put together",
        ),
    ] {
        let (found, told) = unknown(text);
        assert_eq!(found, Some(Outcome::Stands), "{text}");
        assert_eq!(told[0].0, at, "{text}");
        assert!(told[0].1.contains(reason), "{told:?}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    for (text, at, reason) in [
        ("", 0, "a value is missing"),
        ("true true", 5, "an operator or the end is missing"),
        ("true &&", 7, "a value is missing"),
        ("(true", 5, ") is missing"),
        ("finding[\"secret\"]", 0, "a truth is expected"),
        ("entropy(1) > 1", 8, "a text is expected"),
        ("\"a\" < \"b\"", 0, "a number is expected"),
        ("entropy() > 1", 0, "a value is missing"),
        (
            "entropy(finding.secret, 1) > 1",
            0,
            "another number of values",
        ),
        ("1 < 2 < 3", 6, "told apart by parentheses"),
        ("secret == \"x\"", 0, "there is no \"secret\""),
        ("let x = 1", 9, "; is missing"),
        ("any(finding, {#})", 13, "a value is missing"),
    ] {
        let (filter, errors) = Filter::compile(text, true);
        assert!(filter.is_none(), "{text}");
        assert_eq!(errors[0].at, at, "{text}: {}", errors[0].reason);
        assert!(
            errors[0].reason.contains(reason),
            "{text}: {}",
            errors[0].reason
        );
    }
    let (filter, _) = Filter::compile("finding.secret == \"x\"", false);
    assert!(filter.is_none(), "a prefilter knows no finding");
}

#[test]
fn size_and_depth_are_bounded() {
    let refused = |text: &str| {
        let (filter, errors) = Filter::compile(text, true);
        assert!(filter.is_none());
        errors[0].reason.clone()
    };
    assert!(refused(&("(".repeat(5000) + "true")).contains("nested too deeply"));
    assert!(refused(&("!".repeat(5000) + "true")).contains("nested too deeply"));
    assert!(refused(&" ".repeat(LENGTH + 1)).contains("longer than"));
    let mut bomb = "let a = \"x\"; ".to_owned();
    for name in ('b'..='t').zip('a'..) {
        bomb += &format!("let {} = {} + {}; ", name.0, name.1, name.1);
    }
    assert!(refused(&(bomb + "t == \"x\"")).contains("too large"));
    let long = vec!["finding.secret == \"x\""; 5000].join(" || ");
    assert_eq!(outcome(&long), Outcome::Stands);
    let long = vec!["true && !false"; 5000].join(" && ");
    assert_eq!(outcome(&long), Outcome::Discarded);
}
