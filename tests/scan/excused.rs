//! What a scan leaves out on request: findings that comments allow and ignore files name.

use super::*;

const RULE: &str = "github-pat-classic";

fn lines(findings: &[Value]) -> Vec<u64> {
    let line = |finding: &Value| finding["line"].as_u64().unwrap();
    findings.iter().map(line).collect()
}

#[test]
fn comments_are_heeded_on_request() {
    let place = Place::new();
    let line = |seed, rest: &str| format!("{} {rest}\n", github_token(seed));
    let content = line(881, "# exeat:allow")
        + &line(882, &format!("// exeat:allow {RULE} -- a sample"))
        + &line(883, "# exeat:allow another-rule")
        + &line(884, "/* gitleaks:allow */")
        + &line(885, "<!-- betterleaks:allow -->")
        + &line(886, "# allowed")
        + "# exeat:allow\n"
        + &line(887, "");
    place.write("a", &content);
    let all = place.scan(&["--format", "jsonl", "a"]);
    assert_eq!(lines(&parsed(&all)), [1, 2, 3, 4, 5, 6, 8]);
    assert!(all.stderr.is_empty(), "{all}");
    let run = place.scan(&["--format", "jsonl", "--allow-comments", "a"]);
    assert_eq!(lines(&parsed(&run)), [3, 6, 8]);
    assert_eq!(run.status, 1);
    let told = "exeat: not told: 4 findings allowed by comments\n";
    assert_eq!(run.stderr, told, "{run}");
    // The same of commits, of the index, and of a large file that passes in windows.
    place.begin("sha1");
    place.commit("a", &content);
    for source in [&["--git", "HEAD"][..], &["--history"]] {
        let run = place.scan(&[&["--format", "jsonl", "--allow-comments"], source].concat());
        let expected = (vec![3, 6, 8], told);
        assert_eq!((lines(&parsed(&run)), &*run.stderr), expected, "{run}");
    }
    let filler = "nothing to see here\n".repeat(500_000);
    place.write("b", filler + &content);
    place.git(&["add", "b"]);
    for source in ["--staged", "b"] {
        let run = place.scan(&["--format", "jsonl", "--allow-comments", source]);
        let expected = vec![500_003, 500_006, 500_008];
        assert_eq!(
            (lines(&parsed(&run)), &*run.stderr),
            (expected, told),
            "{run}"
        );
    }
}

#[test]
fn ignore_files_name_findings() {
    let place = Place::new();
    place.write(
        "src/a",
        format!("x\n{}\n{}\n", github_token(891), github_token(892)),
    );
    place.write("b:c", format!("{}\n", github_token(893)));
    place.write(
        "one",
        format!("# known\n\n src/a:{RULE}:2 \r\nb:c:{RULE}:1\nsrc/a:other:3\nwhat\n"),
    );
    place.write("two", format!("src\\a:{RULE}:3\n"));
    let run = place.scan(&["--format", "jsonl", "--ignore-file", "one", "src", "b:c"]);
    assert_eq!(lines(&parsed(&run)), [3]);
    assert!(
        run.stderr
            .contains("one:6: names nothing; expected path:rule-id:line"),
        "{run}"
    );
    assert!(
        run.stderr
            .contains("not told: 2 findings named by ignore files"),
        "{run}"
    );
    let both = [
        "--ignore-file",
        "one",
        "--ignore-file",
        "two",
        "--write-baseline",
        "known",
        ".",
    ];
    place.scan(&both).ok();
    // What is ignored is not known besides.
    assert_eq!(fs::read_to_string(place.work.join("known")).unwrap(), "");
    place.scan(&[&both[..4], &["."]].concat()).ok();
    assert_eq!(place.scan(&["--ignore-file", "absent", "."]).status, 2);
    place.write("long", "#".repeat((1 << 20) + 1));
    let run = place.scan(&["--ignore-file", "long", "."]);
    assert!(
        run.status == 2 && run.stderr.contains("longer than 1048576 bytes"),
        "{run}"
    );
}

#[test]
fn an_entry_may_name_a_commit() {
    let place = Place::new();
    place.begin("sha1");
    place.commit("a", &format!("{}\n", github_token(895)));
    place.commit("a", &format!("{}\n", github_token(896)));
    let first = place.git(&["rev-parse", "HEAD~1"]);
    place.write("ignored", format!("{}:a:{RULE}:1\n", first.trim()));
    let scan = ["--format", "jsonl", "--ignore-file", "ignored"];
    let findings = parsed(&place.scan(&[&scan[..], &["--history"]].concat()));
    assert_eq!(findings.len(), 1);
    assert_ne!(findings[0]["commit"], first.trim());
    assert_eq!(parsed(&place.scan(&[&scan[..], &["a"]].concat())).len(), 1);
}
