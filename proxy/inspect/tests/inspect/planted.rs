//! Planted secrets are found where git says they came in.

use std::collections::{HashMap, HashSet};

use exeat_gitwire::HashKind;
use exeat_inspect::{Finding, finding::Part};

use crate::{
    repository::{Random, Repository, Stream},
    scene::{RULE, inspect_all, places, rules, secret},
};

/// A history in which files come, change, move and go, with a secret in some of their lines.
fn history(seed: u64, hash: HashKind) -> (Repository, Vec<String>) {
    let repository = Repository::new(hash);
    let mut random = Random::new(seed);
    let mut secrets = Vec::new();
    let mut stream = Stream::default();
    let mut files: HashMap<String, Vec<String>> = HashMap::new();
    for number in 0..60 {
        stream.commit("main", &format!("change {number}"));
        let folder = ["", "a/", "a/b/", "c d/"][random.below(4)];
        let path = format!("{folder}f{}", random.below(6));
        let lines = files
            .entry(path.clone())
            .or_insert_with(|| (0..120).map(|_| random.words()).collect());
        for _ in 0..3 {
            let at = random.below(lines.len());
            lines[at] = random.words();
        }
        if random.below(3) == 0 {
            let new = secret(seed * 1000 + number);
            let line = format!("{}token = \"{new}\"", " ".repeat(random.below(9)));
            let at = random.below(lines.len());
            lines.insert(at, line);
            secrets.push(new);
        }
        if random.below(5) == 0 {
            // Gone again: the history still has it.
            lines.retain(|line| !line.contains("token"));
        }
        stream.file(&format!("\"{path}\""), lines.join("\n") + "\n");
    }
    repository.import(&stream.bytes);
    (repository, secrets)
}

/// For every secret the place at which the first commit with it has it, as git tells.
fn introduced(repository: &Repository, secret: &str) -> (String, String, u64, u64) {
    let log = [
        "log",
        "--all",
        "--reverse",
        "--format=%H",
        "-S",
        secret,
        "--diff-filter=AMR",
    ];
    let commit = repository.lines(&log)[0].clone();
    let found = repository.git(&["grep", "-n", "--column", "-z", "-F", "-e", secret, &commit]);
    let found: Vec<&str> = found.trim_end().split('\0').collect();
    let path = found[0]
        .strip_prefix(&format!("{commit}:"))
        .unwrap()
        .to_owned();
    let [line, column] = [found[1], found[2]].map(|number| number.parse().unwrap());
    (commit, path, line, column)
}

#[test]
fn at_the_commit_path_line_and_column_that_git_names() {
    let rules = rules(RULE);
    for (seed, hash) in [
        (1, HashKind::Sha1),
        (2, HashKind::Sha256),
        (3, HashKind::Sha1),
    ] {
        let (repository, secrets) = history(seed, hash);
        assert!(secrets.len() > 9);
        let inspected = inspect_all(&repository, &rules);
        let expected: HashSet<_> = secrets
            .iter()
            .filter(|secret| {
                !repository
                    .lines(&["log", "--all", "--format=%H", "-S", secret])
                    .is_empty()
            })
            .map(|secret| introduced(&repository, secret))
            .collect();
        assert!(expected.len() > 5);
        let found = places(&inspected.findings);
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(missing.is_empty(), "{missing:?} not in {found:#?}");
        // Each later version of a file repeats it, and says so at its own commit.
        let fingerprints: HashSet<_> = inspected
            .findings
            .iter()
            .map(|finding| finding.fingerprint)
            .collect();
        assert_eq!(fingerprints.len(), expected.len());
        let blobs = repository.lines(&[
            "rev-list",
            "--all",
            "--objects",
            "--filter=object:type=blob",
        ]);
        assert!(inspected.findings.len() <= blobs.len() * secrets.len());
    }
}

#[test]
fn every_version_that_holds_it_is_named_once() {
    let (repository, _) = history(4, HashKind::Sha1);
    let inspected = inspect_all(&repository, &rules(RULE));
    for finding in &inspected.findings {
        let place = &finding.place;
        let (commit, path) = (place.commit.as_ref().unwrap(), place.path.as_ref().unwrap());
        // git blames nobody for a blob: that this commit brought it there, its diff tells.
        let raw = repository.git(&["show", "--raw", "--no-abbrev", "-z", "--format=", commit]);
        assert!(
            raw.contains(&format!(" {} ", place.object.as_ref().unwrap())) && raw.contains(path),
            "{place:?} is not in {raw}"
        );
    }
    let distinct = places(&inspected.findings);
    assert_eq!(distinct.len(), inspected.findings.len());
}

#[test]
fn inside_a_delta_alone() {
    let repository = Repository::new(HashKind::Sha1);
    let mut random = Random::new(9);
    let lines: Vec<String> = (0..2000).map(|_| random.words()).collect();
    let planted = secret(9);
    let mut with = lines.clone();
    // The prefix stands in the base; the delta brings the rest.
    let (head, tail) = planted.split_at(12);
    let mut base = lines;
    base.insert(700, head.to_owned());
    with.insert(700, format!("{head}{tail}"));
    with.insert(
        0,
        "one line more, so that git bases the other on this".into(),
    );
    let mut stream = Stream::default();
    stream.commit("main", "one").file("f", base.join("\n"));
    stream.commit("main", "two").file("f", with.join("\n"));
    stream
        .commit("main", "three")
        .file("f", base.join("\n") + "\nand more of it");
    repository.import(&stream.bytes);
    let pack = repository.pack(&["--no-reuse-delta", "--window=50"]);
    assert!(pack.len() < 2 * with.join("\n").len(), "git made no deltas");
    let inspected = inspect_all(&repository, &rules(RULE));
    let commit = repository.id("main~1").to_string();
    assert_eq!(
        places(&inspected.findings),
        HashSet::from([(commit, "f".into(), 702, 1)])
    );
}

#[test]
fn a_blob_at_several_paths_is_told_once_at_the_oldest() {
    let repository = Repository::new(HashKind::Sha1);
    let content = format!("x\ny {}\n", secret(5));
    let mut stream = Stream::default();
    stream.commit("main", "one").file("z/old", &content);
    stream.commit("main", "two").file("a/new", &content);
    stream.commit("main", "three").line("R z/old m");
    repository.import(&stream.bytes);
    let inspected = inspect_all(&repository, &rules(RULE));
    let commit = repository.id("main~2").to_string();
    assert_eq!(
        places(&inspected.findings),
        HashSet::from([(commit, "z/old".into(), 2, 3)])
    );
}

/// The one finding in a repository.
fn only(repository: &Repository) -> Finding {
    let inspected = inspect_all(repository, &rules(RULE));
    let [finding] = &inspected.findings[..] else {
        panic!("{:#?}", inspected.findings)
    };
    finding.clone()
}

fn with_commit(extra_headers: &str, author: &str, message: &str) -> Repository {
    let repository = Repository::new(HashKind::Sha1);
    let tree = repository.write("tree", b"");
    let commit = format!(
        "tree {tree}\nauthor {author} 1700000000 +0000\ncommitter C <c@example.com> 1700000000 +0000\n\
         {extra_headers}\n{message}"
    );
    let commit = repository.write("commit", commit.as_bytes());
    repository.git(&["update-ref", "refs/heads/main", &commit.to_string()]);
    repository
}

#[test]
fn in_every_part_of_a_commit() {
    let key = secret(6);
    let name = "A <a@example.com>";
    for (repository, part, line, column) in [
        (
            with_commit("", name, &format!("subject\n\nand {key}\n")),
            Part::CommitMessage,
            3,
            5,
        ),
        (with_commit("", name, &key), Part::CommitMessage, 1, 1),
        (
            with_commit("", name, &format!("a\0b {key}\n")),
            Part::CommitMessage,
            1,
            5,
        ),
        (
            with_commit("", &format!("A {key} <a@example.com>"), "m\n"),
            Part::Author,
            2,
            10,
        ),
        (
            with_commit("", &format!("A <{key}@example.com>"), "m\n"),
            Part::Author,
            2,
            11,
        ),
        (
            with_commit(&format!("x-note {key}\n"), name, "m\n"),
            Part::CommitHeader,
            4,
            8,
        ),
        (
            with_commit(
                &format!("gpgsig -----BEGIN\n \n {key}\n -----END\n"),
                name,
                "m\n",
            ),
            Part::CommitHeader,
            6,
            2,
        ),
        (
            with_commit(&format!("encoding {key}\n"), name, "m\n"),
            Part::CommitHeader,
            4,
            10,
        ),
    ] {
        let place = only(&repository).place;
        assert_eq!((place.part, place.line, place.column), (part, line, column));
        assert_eq!(place.end_line, line);
        assert_eq!(place.commit, Some(repository.id("main").to_string()));
        assert_eq!((place.path, place.object), (None, place.commit));
        assert!(place.root);
    }
}

#[test]
fn in_tags() {
    let key = secret(7);
    let repository = with_commit("", "A <a@example.com>", "m\n");
    let commit = repository.id("main");
    for (tag, line) in [
        (
            format!(
                "object {commit}\ntype commit\ntag v\ntagger T <t@example.com> 1 +0000\n\n{key}\n"
            ),
            6,
        ),
        (
            format!(
                "object {commit}\ntype commit\ntag {key}\ntagger T <t@example.com> 1 +0000\n\nm\n"
            ),
            3,
        ),
        (
            format!(
                "object {commit}\ntype commit\ntag v\ntagger {key} <t@example.com> 1 +0000\n\nm\n"
            ),
            4,
        ),
    ] {
        let tag = repository.write("tag", tag.as_bytes());
        repository.git(&["update-ref", "refs/tags/v", &tag.to_string()]);
        let place = only(&repository).place;
        assert_eq!((place.part, place.line), (Part::Tag, line));
        assert_eq!(place.object, Some(tag.to_string()));
        assert_eq!((place.commit, place.path), (None, None));
    }
}

#[test]
fn behind_a_tag_without_a_commit() {
    let repository = with_commit("", "A <a@example.com>", "m\n");
    let blob = repository.write("blob", format!("1\n2\n{}", secret(8)).as_bytes());
    let tree = repository.git(&["rev-parse", "main^{tree}"]);
    assert!(!tree.is_empty());
    repository.git(&["tag", "light", &blob.to_string()]);
    repository.git(&["tag", "-a", "-m", "m", "whole", &blob.to_string()]);
    let place = only(&repository).place;
    assert_eq!((place.part, place.line, place.path), (Part::File, 3, None));
    assert_eq!(place.object, Some(blob.to_string()));
}

#[test]
fn in_names_of_files_and_folders() {
    let key = secret(10);
    for path in [key.clone(), format!("a/b.{key}.txt"), format!("a/{key}/c")] {
        let repository = Repository::new(HashKind::Sha1);
        let mut stream = Stream::default();
        stream.commit("main", "one").file("first", "1\n");
        stream.commit("main", "two").file(&path, "harmless\n");
        repository.import(&stream.bytes);
        let finding = only(&repository);
        let place = &finding.place;
        assert_eq!(
            (place.part, place.line, place.end_line),
            (Part::FileName, 1, 1)
        );
        assert_eq!(place.commit, Some(repository.id("main").to_string()));
        let shown = place.path.as_ref().unwrap();
        let expected = path.replace(&key, finding.masked.as_str());
        // The name of a folder is found in the folder that holds it.
        assert!(expected.starts_with(shown) || *shown == expected, "{shown}");
        assert!(shown.contains("****"), "{shown}");
    }
}
