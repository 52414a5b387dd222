//! What a waiver of a finding has to cover: it stays while the finding is the same, and is another one otherwise.

use exeat_gitwire::HashKind;
use exeat_inspect::{Finding, finding::Part};

use crate::{
    repository::{Repository, Stream},
    scene::{RULE, inspect_all, rules, secret},
};

/// Another rule that finds the same, and one that finds names.
const MORE: &str = r#"
[[rules]]
id = "test-weak"
description = "A word of these tests"
regex = '''key_[a-z0-9]{10}'''
keywords = ["key_"]
action = "review"
[[rules]]
id = "test-path"
description = "A file of keys"
path = '''\.keys$'''
"#;

fn findings(text: &str, branches: &[(&str, &[(&str, &str)])]) -> Vec<Finding> {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    for (branch, files) in branches {
        stream.commit(branch, "message");
        for (path, content) in *files {
            stream.file(path, content);
        }
    }
    repository.import(&stream.bytes);
    inspect_all(&repository, &rules(text)).findings
}

/// The keys of the covers of the only finding.
fn keys(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let findings = findings(text, &[("main", files)]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let covers = findings[0].covers.iter();
    covers.map(|cover| cover.key.clone()).collect()
}

#[test]
fn the_same_finding_elsewhere_in_the_file_is_covered_and_another_is_not() {
    let (one, other) = (secret(1), secret(2));
    let line = format!("token = \"{one}\"\n");
    let covered = keys(RULE, &[("a/b", &line)]);
    assert_eq!(covered.len(), 1);
    let moved = format!("first\n\n  {line}last\n");
    assert_eq!(keys(RULE, &[("a/b", &moved), ("x", "y")]), covered);
    let others = [
        (RULE.to_owned(), "a/c", line.clone()),
        (RULE.to_owned(), "A/b", line.clone()),
        (RULE.to_owned(), "a/b", format!("token = \"{other}\"\n")),
        (RULE.to_owned(), "a/b", format!("other = \"{one}\"\n")),
        (
            RULE.replace("[a-z0-9]{30}", "[a-z0-9]{30,}"),
            "a/b",
            line.clone(),
        ),
        (format!("{RULE}entropy = 1.0\n"), "a/b", line.clone()),
        (RULE.replace("test-key", "other-key"), "a/b", line),
    ];
    for (rule, path, line) in others {
        let covers = keys(&rule, &[(path, &line)]);
        assert_ne!(covers, covered, "{path} {line}");
        assert_eq!(covers.len(), 1);
    }
}

#[test]
fn every_path_of_a_file_is_to_be_covered() {
    let line = secret(1);
    let one = keys(RULE, &[("a", &line)]);
    let two = keys(RULE, &[("b", &line)]);
    let mut both = keys(RULE, &[("a", &line), ("b", &line)]);
    let mut each = [one, two].concat();
    both.sort();
    each.sort();
    assert_eq!(both, each);
    let paths: Vec<String> = (0..17).map(|number| format!("f{number}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, &*line)).collect();
    assert_eq!(keys(RULE, &files[..16]).len(), 16);
    assert!(keys(RULE, &files).is_empty());
}

#[test]
fn what_a_stronger_rule_speaks_for_is_to_be_covered_as_well() {
    let line = format!("token = \"{}\"\n", secret(1));
    let found = findings(&format!("{RULE}{MORE}"), &[("main", &[("a", &line)])]);
    assert_eq!(found.len(), 1);
    let rules: Vec<&str> = found[0].covers.iter().map(|cover| &*cover.rule).collect();
    assert_eq!(rules, ["test-key", "test-weak"]);
}

#[test]
fn names_are_covered_and_what_has_no_path_is_not() {
    let found = findings(&format!("{RULE}{MORE}"), &[("main", &[("x/y.keys", "")])]);
    assert_eq!((found.len(), found[0].covers.len()), (1, 1));
    let named = format!("dir/{}/x", secret(1));
    let found = findings(RULE, &[("main", &[(&*named, "")])]);
    assert_eq!(found[0].place.part, Part::FileName);
    assert_eq!(found[0].covers.len(), 1);
    assert!(!format!("{:?}", found[0].covers).contains(&secret(1)));
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", &secret(1));
    repository.import(&stream.bytes);
    let found = inspect_all(&repository, &rules(RULE)).findings;
    assert_eq!(found[0].place.part, Part::CommitMessage);
    assert!(found[0].covers.is_empty());
}
