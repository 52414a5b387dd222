//! `exeat rules`: listed, explained, tried, checked, imported and measured.

mod overrides;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{EXEAT, Run, github_token, run_program};

const HOUSE: &str = r#"
[[rules]]
id = "house-key"
description = "A key of the house"
regex = '''house_([0-9a-z]{12})'''
keywords = ["house_"]
entropy = 3.0
action = "review"
remedy = "Ask for a new one."
references = ["https://example.com/keys"]
examples = ['key = "house_{{lower 12 first}}"']
counter_examples = ['house_aaaaaaaaaaaa']
[[rules.allowlists]]
stopwords = ["sample"]

[[rules]]
id = "bare"
regex = '''bare_[0-9]{6}'''
path = '''\.env$'''
keywords = ["bare_"]
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn rules(folder: &Path, arguments: &[&str], input: &str) -> Run {
    fs::write(folder.join("input"), input).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" < input", EXEAT, "rules"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder);
    run_program(&mut command)
}

#[test]
fn list_names_each_rule_and_whether_it_is_proven() {
    let folder = folder(&[("house.toml", HOUSE)]);
    let run = rules(folder.path(), &["list", "house.toml"], "").ok();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].starts_with("house-key  review") && !lines[0].contains("unproven"),
        "{run}"
    );
    assert!(
        lines[1].starts_with("bare ") && lines[1].ends_with("(unproven)"),
        "{run}"
    );
    assert!(
        lines[2].starts_with("2 rules, 1 unproven; digest "),
        "{run}"
    );
    let run = rules(
        folder.path(),
        &["list", "builtin", "house.toml", "--format", "jsonl"],
        "",
    )
    .ok();
    let rules: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(rules.len() > 60, "{}", rules.len());
    let last = &rules[rules.len() - 1];
    assert_eq!(
        (&last["id"], &last["proven"]),
        (&"bare".into(), &false.into())
    );
    assert!(
        rules[..rules.len() - 2]
            .iter()
            .all(|rule| rule["proven"] == true)
    );
}

#[test]
fn packs_that_are_off_are_named_and_can_be_read() {
    let folder = folder(&[(
        "exeat.toml",
        "[rules]\npacks = [\"personal-data-uk\"]\n[data]\ndirectory = \"d\"\n",
    )]);
    let run = rules(folder.path(), &["list", "--config", "exeat.toml"], "").ok();
    assert!(run.stdout.contains("uk-nhs-number "), "{run}");
    assert!(!run.stdout.contains("us-social-security-number "), "{run}");
    for told in [
        "packs to choose that are on: personal-data-uk\n",
        "packs to choose that are off: licenses, markers-cjk, personal-data-africa, ",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run}");
    }
    let run = rules(folder.path(), &["check", "personal-data-us"], "").ok();
    assert!(run.stdout.contains("3 rules, "), "{run}");
}

#[test]
fn explain_tells_a_rule_without_a_secret() {
    let folder = folder(&[
        ("house.toml", HOUSE),
        (
            "exeat.toml",
            "[policy]\nreview = \"warn\"\n[data]\ndirectory = \"d\"\n",
        ),
    ]);
    let run = rules(
        folder.path(),
        &[
            "explain",
            "house-key",
            "house.toml",
            "--config",
            "exeat.toml",
        ],
        "",
    )
    .ok();
    for told in [
        "house-key: A key of the house",
        "house.toml:2",
        "review: the push goes on, and the developer is told",
        "\"house_\"",
        "must be greater than 3 bits per byte",
        "1 (1 stopword)",
        "18 bytes",
        "Ask for a new one.",
        "https://example.com/keys",
        "key = \"house_**** (12-15 characters)\"",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run}");
    }
    let run = rules(folder.path(), &["explain", "bare", "house.toml"], "").ok();
    assert!(run.stdout.contains("no: it has no examples"), "{run}");
    let run = rules(folder.path(), &["explain", "hous-key", "house.toml"], "");
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("did you mean house-key?"), "{run}");
}

#[test]
fn test_says_why_and_why_not() {
    let folder = folder(&[("house.toml", HOUSE)]);
    let secret = "house_q8z1k4x0v7m2";
    let text =
        format!("a\nb {secret}\nhouse_aaaaaaaaaaaa house_1sample34567 house_\nbare_123456\n");
    let run = rules(folder.path(), &["test", "house.toml", "--text", "-"], &text);
    assert_eq!(run.status, 1, "{run}");
    for told in [
        "match     house-key (review)",
        "2:9 **** (12-15 characters): entropy 3.58",
        "3:7 **** (12-15 characters): entropy 0.00 <= 3",
        "3:26 **** (12-15 characters): allowlist 1 (1 stopword)",
        "no match  bare",
        "the rule does not speak about this path",
        "1 rule matched",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run}");
    }
    assert!(!run.stdout.contains("q8z1"), "{run}");
    let run = rules(
        folder.path(),
        &["test", "house.toml", "--path", "x.env"],
        "house_ bare_123456",
    );
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.stdout
            .contains("regex: no match; keywords there: \"house_\""),
        "{run}"
    );
    assert!(run.stdout.contains("match     bare (block)"), "{run}");
    let run = rules(folder.path(), &["test", "house.toml"], "nothing").ok();
    assert_eq!(
        run.stdout,
        "0 rules matched; of 2 rules no keyword stands in the text\n"
    );
    let run = rules(
        folder.path(),
        &["test", "house.toml", "--rule", "bare"],
        "nothing",
    )
    .ok();
    assert!(
        run.stdout.contains("keyword missing: none of \"bare_\""),
        "{run}"
    );
    // Without files the rules are those of the configuration.
    let run = rules(folder.path(), &["test"], &github_token(951));
    assert!(run.status == 1 && run.stdout.contains("github"), "{run}");
}

#[test]
fn check_names_file_line_rule_and_example() {
    let broken = HOUSE
        .replace("[0-9a-z]{12}", "[0-9]{12}")
        .replace("house_aaaaaaaaaaaa", "house_012345678901");
    let folder = folder(&[
        ("house.toml", HOUSE),
        ("broken.toml", &broken),
        ("bad.toml", "[[rules]]\nid = \"x\"\nregex = '''('''\n"),
    ]);
    let run = rules(folder.path(), &["check", "house.toml"], "").ok();
    assert!(run.stdout.contains("unproven (no examples): bare"), "{run}");
    assert!(
        run.stdout
            .ends_with("2 rules, 2 examples tried: all hold\n"),
        "{run}"
    );
    let run = rules(folder.path(), &["check", "broken.toml"], "");
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.stdout.contains(
            "broken.toml:2: rule house-key: example 1: it is not found\n    regex: no match"
        ),
        "{run}"
    );
    assert!(
        run.stdout
            .contains("broken.toml:2: rule house-key: counter-example 1: it is found\n    1:7 "),
        "{run}"
    );
    let run = rules(folder.path(), &["check", "bad.toml"], "");
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.stdout.starts_with("bad.toml:3: rule x: regex: "),
        "{run}"
    );
    assert_eq!(
        rules(folder.path(), &["check", "absent.toml"], "").status,
        2
    );
    let run = rules(folder.path(), &["check"], "").ok();
    assert!(
        run.stdout.ends_with(": all hold\n") && !run.stdout.contains("unproven"),
        "{run}"
    );
}

#[test]
fn import_names_what_is_not_honoured_and_writes_the_rest() {
    let foreign = "title = 'f'\n[[rules]]\nid = 'a'\nregex = '''a_\\d{4}'''\nvalidate = 'cel'\nspecificity = 2\n";
    let folder = folder(&[("foreign.toml", foreign)]);
    let run = rules(
        folder.path(),
        &["import", "foreign.toml", "--output", "ours.toml"],
        "",
    )
    .ok();
    assert!(run.stderr.contains("foreign.toml:"), "{run}");
    assert!(run.stdout.contains("foreign.toml: 1 rule loaded"), "{run}");
    let ours = fs::read_to_string(folder.path().join("ours.toml")).unwrap();
    assert!(
        ours.contains("regex = '''a_\\d{4}'''\n") && ours.contains("# validate = "),
        "{ours}"
    );
    let run = rules(folder.path(), &["test", "ours.toml"], "a_1234");
    assert!(run.status == 1 && run.stderr.is_empty(), "{run}");
    // What is there is not replaced.
    assert_eq!(
        rules(
            folder.path(),
            &["import", "foreign.toml", "--output", "ours.toml"],
            ""
        )
        .status,
        2
    );
}

/// A rule whose automaton needs more states than are kept.
#[test]
fn cost_tells_fallbacks() {
    let rule =
        "[[rules]]\nid = 'states'\nregex = '''[ab]{0,200}a[ab]{200}key'''\nkeywords = ['key']\n";
    let mut number = 7_u32;
    let mut letter = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if number >> 31 == 0 { 'a' } else { 'b' }
    };
    let mut text = String::new();
    for _ in 0..200 {
        text.extend((0..900).map(|_| letter()));
        text.push_str("key ");
    }
    let folder = folder(&[("states.toml", rule), ("text", &text)]);
    let arguments = ["cost", "text", "--rules", "states.toml"];
    let run = rules(
        folder.path(),
        &[&arguments[..], &["--format", "jsonl"]].concat(),
        "",
    )
    .ok();
    let cost: Value = serde_json::from_str(run.stdout.trim()).unwrap();
    assert!(cost["fallbacks"].as_u64().unwrap() > 0, "{run}");
    assert_eq!(cost["unread"], 0, "{run}");
    let run = rules(folder.path(), &arguments, "").ok();
    assert!(run.stdout.contains("  fallbacks  "), "{run}");
}

#[test]
fn cost_counts_the_same_every_time() {
    let text = "house_ house_q8z1k4x0v7m2 bare_1\n".repeat(50);
    let folder = folder(&[("house.toml", HOUSE), ("text", &text)]);
    let arguments = ["cost", "text", "--rules", "house.toml", "--format", "jsonl"];
    let counts = || {
        let run = rules(folder.path(), &arguments, "").ok();
        let mut counts: Vec<Value> = run
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for count in &mut counts {
            assert!(count["microseconds"].is_u64());
            count["microseconds"] = 0.into();
        }
        counts.sort_by_key(|count| count["rule"].to_string());
        counts
    };
    let counted = counts();
    assert_eq!(counted, counts());
    let house = &counted[1];
    assert_eq!(house["rule"], "house-key");
    for (key, expected) in [
        ("keyword_hits", 100),
        ("regex_runs", 50),
        ("matches", 50),
        ("fallbacks", 0),
    ] {
        assert_eq!(house[key], expected, "{house}");
    }
    let run = rules(folder.path(), &["cost", "text"], "").ok();
    assert!(
        run.stdout.starts_with("1 file in 1650 bytes; keywords "),
        "{run}"
    );
}
