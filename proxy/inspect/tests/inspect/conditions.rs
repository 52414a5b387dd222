//! Path conditions and allowlists: one path that lets a finding stand is enough.

use exeat_gitwire::HashKind;
use exeat_inspect::{Examiner, Finding, FingerprintKey, file};
use exeat_rules::{Action, Hiding};

use crate::{
    repository::{Repository, Stream},
    scene::{inspect_all, inspect_in, rules, secret, settings},
};

/// The rule of these tests with further keys.
fn rule(keys: &str) -> String {
    format!(
        "[[rules]]\nid = \"test-key\"\ndescription = \"d\"\n\
         regex = '''\\bkey_[a-z0-9]{{30}}\\b'''\nkeywords = [\"key_\"]\n{keys}\n"
    )
}

const ONLY_ENV: &str = r"path = '''\.env$'''";
const NOT_IN_TESTS: &str = r"allowlists = [{ paths = ['''^tests/'''] }]";

/// The same secret at each of these paths, one commit for each.
fn at(paths: &[&str]) -> Repository {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    for path in paths {
        stream.commit("main", path).file(path, secret(1));
    }
    repository.import(&stream.bytes);
    repository
}

fn found(repository: &Repository, keys: &str) -> Vec<Option<String>> {
    let findings = inspect_all(repository, &rules(&rule(keys))).findings;
    let path = |finding: Finding| finding.place.path;
    findings.into_iter().map(path).collect()
}

fn paths(paths: &[&str]) -> Vec<Option<String>> {
    paths.iter().map(|&path| Some(path.to_owned())).collect()
}

#[test]
fn one_path_is_enough() {
    for (repository, keys, expected) in [
        (at(&["a.txt"]), ONLY_ENV, paths(&[])),
        (at(&["a.env"]), ONLY_ENV, paths(&["a.env"])),
        (
            at(&["a.txt", "b/c.env", "d.env"]),
            ONLY_ENV,
            paths(&["b/c.env"]),
        ),
        (at(&["tests/a"]), NOT_IN_TESTS, paths(&[])),
        (at(&["tests/a", "tests/b"]), NOT_IN_TESTS, paths(&[])),
        (at(&["tests/a", "b"]), NOT_IN_TESTS, paths(&["b"])),
        (at(&["b", "tests/a"]), NOT_IN_TESTS, paths(&["b"])),
        (at(&["a", "b"]), "", paths(&["a"])),
    ] {
        assert_eq!(found(&repository, keys), expected, "{keys}");
    }
}

#[test]
fn without_a_known_path_it_stands() {
    for keys in [ONLY_ENV, NOT_IN_TESTS] {
        let repository = at(&["tests/a"]);
        assert!(found(&repository, keys).is_empty());
        // The same blob behind a tag stands nowhere that could excuse it.
        let blob = repository.id("main:tests/a").to_string();
        repository.git(&["tag", "-a", "-m", "m", "v", &blob]);
        assert_eq!(found(&repository, keys), [None], "{keys}");
        // A tree behind a tag gives no path from a root either.
        let repository = at(&["tests/a"]);
        repository.git(&["tag", "light", "main:tests"]);
        assert_eq!(found(&repository, keys), [None], "{keys}");
    }
}

#[test]
fn when_not_all_paths_are_known_it_stands() {
    let repository = at(&["tests/a", "tests/b"]);
    let pack = repository.pack(&[]);
    let mut settings = settings(&rules(&rule(NOT_IN_TESTS)));
    settings.most_paths = 1;
    let inspected = inspect_in(&pack, HashKind::Sha1, settings, None, 4096).unwrap();
    let [finding] = &inspected.findings[..] else {
        panic!("{:?}", inspected.findings)
    };
    assert_eq!((&finding.place.path, &finding.place.commit), (&None, &None));
}

#[test]
fn a_commit_can_be_excused_but_not_what_others_repeat() {
    let repository = at(&["a"]);
    let excused = format!(
        "allowlists = [{{ commits = [\"{}\"] }}]",
        repository.id("main")
    );
    assert!(found(&repository, &excused).is_empty());
    let mut stream = Stream::default();
    stream.commit_at("main", "again", 1_800_000_000);
    stream.line("from refs/heads/main^0").file("b", secret(1));
    repository.import(&stream.bytes);
    assert_eq!(found(&repository, &excused), paths(&["b"]));
}

const PATH_ONLY: &str = r#"
[[rules]]
id = "key-file"
description = "d"
path = '''PATTERN'''
"#;

#[test]
fn rules_about_paths_judge_every_path_the_push_brings() {
    let repository = at(&["a.p12", "b/c.p12", "b/c.txt", "d/keys/e"]);
    for (pattern, expected) in [
        (r"\.p12$", paths(&["a.p12", "b/c.p12"])),
        (r"(?:^|/)c\.", paths(&["b/c.p12", "b/c.txt"])),
        (r"^d/keys/", paths(&["d/keys/e"])),
        (r"\.jks$", paths(&[])),
    ] {
        let rules = rules(&PATH_ONLY.replace("PATTERN", pattern));
        let findings = inspect_all(&repository, &rules).findings;
        let found: Vec<_> = findings
            .iter()
            .map(|each| each.place.path.clone())
            .collect();
        assert_eq!(found, expected, "{pattern}");
        for finding in &findings {
            let path = finding.place.path.as_ref().unwrap();
            let brought = repository.git(&["log", "--format=%H", "--diff-filter=A", "--", path]);
            assert_eq!(finding.place.commit.as_deref(), Some(brought.trim()));
            assert_eq!(finding.masked.as_str(), "");
        }
    }
}

#[test]
fn a_blob_that_the_other_side_has_is_not_judged_again() {
    let repository = at(&["a.p12", "b"]);
    let (old, new) = (repository.id("main~1"), repository.id("main"));
    let pack = repository.pack_revisions(&[new.to_string(), format!("^{old}")], &[]);
    let rules = rules(&PATH_ONLY.replace("PATTERN", r"\.p12$"));
    let outcome = inspect_in(&pack, HashKind::Sha1, settings(&rules), Some(&[new]), 99).unwrap();
    assert!(outcome.findings.is_empty() && outcome.unscannable.is_empty());
}

#[test]
fn paths_too_many_to_judge_are_not_clean() {
    let repository = at(&["a.p12", "b.p12", "c.p12"]);
    let pack = repository.pack(&[]);
    let mut settings = settings(&rules(&PATH_ONLY.replace("PATTERN", r"\.p12$")));
    settings.most_paths = 2;
    let inspected = inspect_in(&pack, HashKind::Sha1, settings, None, 4096).unwrap();
    assert_eq!(inspected.findings.len(), 2);
    assert_eq!(inspected.unscannable.len(), 1);
    assert_eq!(inspected.coverage.not_scannable, 1);
}

#[test]
fn a_file_is_judged_by_its_path() {
    let text = rule(ONLY_ENV) + &PATH_ONLY.replace("PATTERN", r"\.p12$");
    let mut examiner = Examiner::new(rules(&text), FingerprintKey::new([1; 32]));
    let mut rules_at = |path: &str| -> Vec<String> {
        let examined = file::examine(&mut examiner, path.as_bytes(), secret(1).as_bytes());
        examined
            .findings
            .into_iter()
            .map(|each| each.rule)
            .collect()
    };
    assert_eq!(rules_at("a.env"), ["test-key"]);
    assert_eq!(rules_at("a.p12"), ["key-file"]);
    assert!(rules_at("a").is_empty());
}

/// Who takes imported files at their word finds nothing; who does not is told, for review at most.
#[test]
fn what_imported_allowlists_hide_is_told_on_request() {
    let word = secret(1);
    let word = format!("allowlists = [{{ stopwords = ['{}'] }}]", &word[6..14]);
    let prefilter = "prefilter = '''matchesAny(attributes[\"path\"], [`^tests/`])'''";
    for (keys, paths_of, expected) in [
        (
            NOT_IN_TESTS,
            &["tests/a", "tests/b"][..],
            Some(("tests/a", Some(Hiding::Path))),
        ),
        (NOT_IN_TESTS, &["tests/a", "b"][..], Some(("b", None))),
        (
            prefilter,
            &["tests/a"][..],
            Some(("tests/a", Some(Hiding::Path))),
        ),
        (&*word, &["a"][..], Some(("a", Some(Hiding::Stopword)))),
        (ONLY_ENV, &["a"][..], None),
    ] {
        let repository = at(paths_of);
        let rules = rules(&rule(keys));
        let quiet = inspect_all(&repository, &rules).findings;
        let is_hidden = expected.is_none_or(|(_, hiding)| hiding.is_some());
        assert_eq!(quiet.is_empty(), is_hidden, "{keys}");
        let mut settings = settings(&rules);
        settings.strength = settings.strength.telling_hidden();
        let pack = repository.pack(&["--delta-base-offset"]);
        let tips = repository.tips();
        let told = inspect_in(&pack, repository.hash, settings, Some(&tips), 4096);
        let told = told.unwrap().findings;
        let told: Vec<_> = told
            .iter()
            .map(|finding| {
                (
                    finding.place.path.as_deref(),
                    finding.allowlisted,
                    finding.action,
                )
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(path, hiding)| {
                let action = match hiding {
                    Some(_) => Action::Review,
                    None => Action::Block,
                };
                (Some(path), hiding, action)
            })
            .collect();
        assert_eq!(told, expected, "{keys}");
    }
}
