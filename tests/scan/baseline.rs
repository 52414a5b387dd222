//! Baselines, and which findings make a scan fail.

use super::*;

#[test]
fn known_findings_are_not_told_again() {
    let place = Place::new();
    let secrets = [771, 772, 773].map(github_token);
    place.write("a", format!("key = {}\n", secrets[0]));
    place.write("b/c", format!("token: \"{}\"\n", secrets[1]));
    let run = place.scan(&["--write-baseline", "known.jsonl", "."]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stderr.contains("2 known findings written"), "{run}");
    let baseline = fs::read_to_string(place.work.join("known.jsonl")).unwrap();
    for secret in &secrets {
        assert!(!baseline.contains(&secret[4..12]), "{baseline}");
    }
    let entries: Vec<Value> = baseline
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&entries[0]["path"], &entries[1]["path"]),
        (&"a".into(), &"b/c".into())
    );
    let known =
        |arguments: &[&str]| place.scan(&[&["--baseline", "known.jsonl"], arguments].concat());
    let run = known(&["."]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, run.stdout.as_str()),
        "{run}"
    );
    assert!(
        run.stdout.starts_with("0 findings in ") && run.stdout.ends_with("; 2 known\n"),
        "{run}"
    );
    // The line moves, and the secret is another one: known. One more of the kind: new.
    place.write("a", format!("\n\n  key = {}\n", secrets[2]));
    assert_eq!(known(&["."]).status, 0);
    place.write("a", format!("key = {}\nkey = {}\n", secrets[0], secrets[2]));
    let run = known(&["--format", "jsonl", "."]);
    assert_eq!(places(&parsed(&run)), [at("a", 2, 7)]);
    // Another line, another path.
    place.write("a", format!("other = {}\n", secrets[0]));
    let run = known(&["--format", "jsonl", "."]);
    assert_eq!(places(&parsed(&run)), [at("a", 1, 9)]);
    assert!(
        run.stderr
            .contains("known.jsonl:1: hides nothing any more: github-pat"),
        "{run}"
    );
    assert!(!run.stderr.contains("known.jsonl:2"), "{run}");
    // Nothing is said of what was not scanned.
    assert!(known(&["b"]).stderr.is_empty());
}

#[test]
fn reasons_stay_and_mistakes_are_named() {
    let place = Place::new();
    place.write("a", format!("key = {}\n", github_token(774)));
    place.scan(&["--write-baseline", "one.jsonl", "a"]).ok();
    let text = fs::read_to_string(place.work.join("one.jsonl")).unwrap();
    let reasoned = text.replace("\"reason\":\"\"", "\"reason\":\"a sample of ours\"");
    place.write("one.jsonl", format!("# known\n\n{reasoned}"));
    place
        .scan(&[
            "--baseline",
            "one.jsonl",
            "--write-baseline",
            "two.jsonl",
            "a",
        ])
        .ok();
    assert_eq!(
        fs::read_to_string(place.work.join("two.jsonl")).unwrap(),
        reasoned
    );
    for (text, expected) in [
        ("{}", "bad.jsonl:1: not an entry"),
        (
            "{\"rule\":\"r\",\"path\":\"p\",\"line\":\"l\",\"lien\":1}",
            "bad.jsonl:1: not an entry",
        ),
        (&format!("{text}{text}"), "bad.jsonl:2: the same entry"),
    ] {
        place.write("bad.jsonl", text);
        let run = place.scan(&["--baseline", "bad.jsonl", "a"]);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.stderr.contains(expected), "{run}");
    }
    assert_eq!(place.scan(&["--baseline", "absent", "a"]).status, 2);
}

#[test]
fn a_baseline_of_a_history_holds_for_the_files() {
    let place = Place::new();
    place.begin("sha1");
    for round in 0..3 {
        place.commit(
            "a",
            &format!("{}key = {}\n", "\n".repeat(round), github_token(775)),
        );
    }
    place
        .scan(&["--write-baseline", "known.jsonl", "--history"])
        .ok();
    let baseline = fs::read_to_string(place.work.join("known.jsonl")).unwrap();
    assert!(
        baseline.lines().count() == 1 && baseline.contains("\"count\":1"),
        "{baseline}"
    );
    place.scan(&["--baseline", "known.jsonl", "a"]).ok();
    place
        .scan(&["--baseline", "known.jsonl", "--git", "HEAD"])
        .ok();
}

#[test]
fn the_weakest_action_that_fails_can_be_chosen() {
    let place = Place::new();
    let rules = "[[rules]]\nid = \"r\"\nregex = '''house_[0-9]{6}'''\nkeywords = [\"house_\"]\naction = \"warn\"\n";
    place.write("rules.toml", rules);
    place.write(
        "exeat.toml",
        "[rules]\nfiles = [\"rules.toml\"]\n[data]\ndirectory = \"d\"\n",
    );
    place.write("a", "house_123456\n");
    let status = |level: &str| {
        place
            .scan(&["--config", "exeat.toml", "--fail-on", level, "a"])
            .status
    };
    let statuses = ["never", "note", "warn", "review", "block"].map(status);
    assert_eq!(statuses, [0, 1, 1, 0, 0]);
    // What could not be read is never well.
    assert_eq!(place.scan(&["--fail-on", "never", "absent"]).status, 2);
}
