//! What reviewers see of a push: what matters, and no secret, wherever in the push it stands.

use std::sync::Arc;

use exeat_gitwire::HashKind;
use exeat_inspect::{Inspected, Shown, Wanted};

use crate::{
    repository::{Repository, Stream},
    scene::{RULE, inspect_in, rules, secret, settings},
};

fn show(repository: &Repository, wanted: Wanted) -> Inspected<Vec<u8>> {
    let mut settings = settings(&rules(RULE));
    settings.shown = Some(Arc::new(wanted));
    let pack = repository.pack(&["--delta-base-offset"]);
    let tips = repository.tips();
    inspect_in(&pack, repository.hash, settings, Some(&tips), 4096).unwrap()
}

fn shown(repository: &Repository) -> Shown {
    show(repository, Wanted::default()).shown.unwrap()
}

#[test]
fn a_secret_is_in_nothing_that_is_shown() {
    let secrets: Vec<String> = (0..9).map(secret).collect();
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    let message = format!("{} in the subject\n\nand {} below", secrets[0], secrets[1]);
    stream.commit("main", &message);
    let neighbours = format!(
        "one\n{0}\ntoken = {1}\n{2} {2}\nlast {3}\n",
        secrets[2], secrets[3], secrets[4], secrets[5]
    );
    stream.file("a/b", neighbours);
    repository.import(&stream.bytes);
    // What no rule finds where it stands, because of the letter before it, is known from elsewhere.
    let hidden = format!("x{}", secrets[3]);
    let author = format!("A {} <a@example.com>", secrets[6]);
    repository.git(&[
        "-c",
        &format!("user.name={author}"),
        "-c",
        "user.email=a@example.com",
        "tag",
        "-a",
        "-m",
        &format!("{} {hidden}", secrets[7]),
        "v1",
        "main",
    ]);
    let inspected = show(
        &repository,
        Wanted {
            names: vec![format!("refs/heads/{}", secrets[8]).into_bytes()],
            options: vec![format!("o={hidden}").into_bytes(), b"ci.skip".to_vec()],
            words: Some(format!("because of {}", secrets[8])),
        },
    );
    let told = format!(
        "{:?} {:?}",
        inspected.shown,
        inspected
            .findings
            .iter()
            .map(|finding| &finding.context)
            .collect::<Vec<_>>()
    );
    for secret in &secrets {
        for window in secret.as_bytes().windows(8) {
            let window = std::str::from_utf8(window).unwrap();
            assert!(!told.contains(window), "{window} of {secret} is in {told}");
        }
    }
    for word in [
        "in the subject",
        "below",
        "token = ****",
        "ci.skip",
        "because of ****",
        "o=x****",
    ] {
        assert!(told.contains(word), "{word} is not in {told}");
    }
}

#[test]
fn the_lines_around_a_finding_are_those_of_the_file() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    let numbered = |number: u32| format!("line {number}\n");
    let before: String = (1..=10).map(numbered).collect();
    let after: String = (12..=20).map(numbered).collect();
    stream.commit("main", "m");
    stream.file("a", format!("{before}key: {} end\n{after}", secret(1)));
    stream.file("b", format!("{} {}", "z".repeat(9_000), secret(2)));
    stream.file("c", secret(3));
    repository.import(&stream.bytes);
    let findings = show(&repository, Wanted::default()).findings;
    let contexts: Vec<_> = findings
        .iter()
        .map(|finding| finding.context.clone().unwrap())
        .collect();
    assert_eq!(contexts[0].from, 8);
    let lines = [
        "line 8",
        "line 9",
        "line 10",
        "key: **** end",
        "line 12",
        "line 13",
        "line 14",
    ];
    assert_eq!(contexts[0].lines, lines);
    assert_eq!((contexts[1].from, contexts[1].lines.len()), (1, 1));
    assert!(contexts[1].lines[0].len() <= 200 && contexts[1].lines[0].ends_with("z ****"));
    assert_eq!(contexts[2].lines, ["****"]);
    // Nobody asks, nothing is gathered.
    let pack = repository.pack(&[]);
    let plain = inspect_in(&pack, repository.hash, settings(&rules(RULE)), None, 4096).unwrap();
    assert!(plain.shown.is_none() && plain.findings.iter().all(|one| one.context.is_none()));
}

#[test]
fn commits_are_told_newest_first_as_git_tells_them() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    for number in 0..250 {
        stream.commit(
            "main",
            &format!("subject {number}\ngoes on\n\nbody of {number}\n"),
        );
        stream.file("a", number.to_string());
    }
    repository.import(&stream.bytes);
    repository.git(&["tag", "-a", "-m", "a tag\n\nwith more", "v1", "main"]);
    let shown = shown(&repository);
    let format = "--format=%H|%an <%ae>|%s|%at|%ct|%b";
    let told = repository.lines(&["log", "-200", "--date-order", format, "main"]);
    let told: Vec<&String> = told.iter().filter(|line| !line.is_empty()).collect();
    assert_eq!((shown.commits.len(), told.len()), (200, 200));
    for (commit, told) in shown.commits.iter().zip(told) {
        let body = commit.message.join(" ");
        let ours = format!(
            "{}|{}|{}|{}|{}|{body}",
            commit.id, commit.author, commit.subject, commit.authored, commit.committed
        );
        assert_eq!(ours, *told);
    }
    let [tag] = &shown.tags[..] else {
        panic!("{:?}", shown.tags)
    };
    assert_eq!(
        (&*tag.name, &*tag.target),
        ("v1", &*repository.id("main").to_string())
    );
    assert_eq!(tag.message, ["a tag", "", "with more"]);
}

#[test]
fn there_is_an_end_to_what_is_shown() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", &"long line \n".repeat(20_000));
    for number in 0..300 {
        stream.file(&format!("f{number:03}"), format!("{}\n", secret(number)));
    }
    repository.import(&stream.bytes);
    let inspected = show(&repository, Wanted::default());
    let with_lines = inspected.findings.iter();
    let with_lines = with_lines.filter(|finding| finding.context.is_some());
    assert_eq!((inspected.findings.len(), with_lines.count()), (300, 200));
    let commit = &inspected.shown.unwrap().commits[0];
    assert!(commit.cut);
    let bytes: usize = commit.message.iter().map(String::len).sum();
    assert!(bytes + commit.subject.len() <= 4096, "{bytes}");
}

/// Commits that compress well and name very many parents.
#[test]
fn commits_made_to_be_large_are_not_held() {
    let repository = Repository::new(HashKind::Sha1);
    let tree = repository.write("tree", b"");
    let mut parent = repository.write(
        "commit",
        format!("tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nroot\n")
            .as_bytes(),
    );
    for number in 2..40 {
        let parents = format!("parent {parent}\n").repeat(20_000);
        let people = format!("author A <a@b> {number} +0000\ncommitter A <a@b> {number} +0000\n");
        let text = format!("tree {tree}\n{parents}{people}\nnumber {number}\n");
        parent = repository.write("commit", text.as_bytes());
    }
    repository.git(&["update-ref", "refs/heads/main", &parent.to_string()]);
    let commits = shown(&repository).commits;
    // 960 kB each, 16 MiB together.
    assert_eq!(commits.len(), 17);
    assert_eq!(commits[0].subject, "number 39");
    assert!(commits.iter().all(|commit| commit.parents.len() <= 64));
}
