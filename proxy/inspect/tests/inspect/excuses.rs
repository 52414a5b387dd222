//! What a push brings to excuse its own findings: heeded where asked for, and from where it counts.

use exeat_gitwire::HashKind;
use exeat_inspect::{Excuse, Excuses, Finding, excuse::baseline};
use exeat_rules::Action;

use crate::{
    repository::Repository,
    scene::{RULE, inspect_all, inspect_in, rules, secret, settings},
};

/// Files, and where they stand on a branch: `mode path content`.
type Files<'a> = &'a [(&'a str, &'a str, String)];

/// Commits the files on `branch`, which begins with them.
fn commit(repository: &Repository, branch: &str, files: Files<'_>) {
    let mut stream = format!(
        "commit refs/heads/{branch}\ncommitter A <a@example.com> 1700000000 +0000\ndata 1\nx\n"
    );
    for (mode, path, content) in files {
        stream += &format!(
            "M {mode} inline {path}\ndata {}\n{content}\n",
            content.len()
        );
    }
    repository.import(stream.as_bytes());
}

fn at(files: Files<'_>) -> Repository {
    let repository = Repository::new(HashKind::Sha1);
    commit(&repository, "main", files);
    repository
}

fn heeding(repository: &Repository, rule: &str, excuses: &[Excuse]) -> Vec<Finding> {
    let mut settings = settings(&rules(rule));
    settings.strength = settings.strength.heeding(Excuses::of(excuses));
    let pack = repository.pack(&["--delta-base-offset"]);
    let tips = repository.tips();
    let inspected = inspect_in(&pack, repository.hash, settings, Some(&tips), 4096).unwrap();
    inspected.findings
}

fn excused(repository: &Repository, excuses: &[Excuse]) -> Vec<Option<Excuse>> {
    let findings = heeding(repository, RULE, excuses);
    for finding in &findings {
        let lowered = match finding.excused {
            Some(_) => Action::Review,
            None => Action::Block,
        };
        assert_eq!((finding.action, finding.asks()), (Action::Block, lowered));
    }
    findings.iter().map(|finding| finding.excused).collect()
}

/// The baseline that knows what `repository` holds.
fn baseline_of(repository: &Repository) -> String {
    let findings = inspect_all(repository, &rules(RULE)).findings;
    let entries = findings.iter().map(|finding| {
        let key = baseline::Key::of(finding);
        format!(
            "{{\"rule\":\"{}\",\"path\":\"{}\",\"line\":\"{}\"}}\n",
            key.rule, key.path, key.line
        )
    });
    entries.collect()
}

fn found() -> (&'static str, &'static str, String) {
    ("100644", "a/b", format!("x\n {}\n", secret(1)))
}

const NAMED: &str = "a/b:test-key:2\n";

#[test]
fn nothing_is_heeded_that_was_not_asked_for() {
    let known = baseline_of(&at(&[found()]));
    let comment = format!("x\n {} exeat:allow\n", secret(1));
    let comment = ("100644", "a/b", comment);
    let ignore = ("100644", ".gitleaksignore", NAMED.to_owned());
    let baseline = ("100644", baseline::NAME, known);
    for (files, excuse) in [
        (vec![comment], Excuse::Comment),
        (vec![found(), ignore], Excuse::IgnoreFile),
        (vec![found(), baseline], Excuse::Baseline),
    ] {
        let repository = at(&files);
        for heeded in Excuse::ALL {
            let expected = (heeded == excuse).then_some(excuse);
            assert_eq!(
                excused(&repository, &[heeded]),
                [expected],
                "{heeded} {excuse}"
            );
        }
        assert_eq!(excused(&repository, &[]), [None]);
        assert_eq!(excused(&repository, &Excuse::ALL), [Some(excuse)]);
    }
}

#[test]
fn ignore_files_count_at_the_root_of_a_pushed_tip_alone() {
    let heeded = [Excuse::IgnoreFile];
    for name in [".exeatignore", ".betterleaksignore", ".gitleaksignore"] {
        let repository = at(&[found(), ("100644", name, NAMED.into())]);
        assert_eq!(
            excused(&repository, &heeded),
            [Some(Excuse::IgnoreFile)],
            "{name}"
        );
    }
    for (mode, name) in [
        ("100644", "a/.exeatignore"),
        ("100644", ".Exeatignore"),
        ("100644", "exeatignore"),
        ("120000", ".exeatignore"),
    ] {
        let repository = at(&[found(), (mode, name, NAMED.into())]);
        assert_eq!(excused(&repository, &heeded), [None], "{mode} {name}");
    }
    for odd in [
        "a/b:test-key:3\n",
        "a/c:test-key:2\n",
        "a/b:other:2\n",
        "#a/b:test-key:2\n",
    ] {
        let repository = at(&[found(), ("100644", ".exeatignore", odd.into())]);
        assert_eq!(excused(&repository, &heeded), [None], "{odd}");
    }
    let long = "#".repeat(1 << 20) + "\n" + NAMED;
    let repository = at(&[found(), ("100644", ".exeatignore", long)]);
    assert_eq!(excused(&repository, &heeded), [None]);
}

#[test]
fn a_tip_may_be_a_tag_and_any_tip_counts_for_the_whole_push() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let repository = Repository::new(hash);
        commit(&repository, "main", &[found()]);
        commit(
            &repository,
            "other",
            &[("100644", ".exeatignore", NAMED.into())],
        );
        repository.git(&["tag", "-a", "-m", "x", "one", "other"]);
        repository.git(&["tag", "-a", "-m", "x", "two", "one"]);
        repository.git(&["update-ref", "-d", "refs/heads/other"]);
        repository.git(&["update-ref", "-d", "refs/tags/one"]);
        let expected = [Some(Excuse::IgnoreFile)];
        assert_eq!(excused(&repository, &[Excuse::IgnoreFile]), expected);
    }
}

/// All files of a push have one share of bytes and entries, and what fits no more counts for nothing.
#[test]
fn the_files_of_a_push_share_what_is_read() {
    let heeded = [Excuse::IgnoreFile];
    let filler = "x:y:1\n".repeat(10_000);
    let last = |first: &str| {
        at(&[
            found(),
            ("100644", ".betterleaksignore", first.to_owned()),
            ("100644", ".gitleaksignore", NAMED.into()),
        ])
    };
    let [full, room] = [&*filler, &filler[6..]].map(last);
    assert_eq!(excused(&full, &heeded), [None]);
    assert_eq!(excused(&room, &heeded), [Some(Excuse::IgnoreFile)]);
    let full = last(&"#".repeat(1 << 20));
    assert_eq!(excused(&full, &heeded), [None]);
}

#[test]
fn what_an_older_commit_or_the_repository_has_counts_for_nothing() {
    let repository = at(&[("100644", ".exeatignore", NAMED.into())]);
    let before = repository.id("main");
    let stream = format!(
        "commit refs/heads/main\ncommitter A <a@example.com> 1700000001 +0000\ndata 1\nx\nfrom {before}\n\
         M 100644 inline a/b\ndata {}\n{}\n",
        found().2.len(),
        found().2
    );
    repository.import(stream.as_bytes());
    // Both commits are new: the tip's tree has it still.
    assert_eq!(
        excused(&repository, &[Excuse::IgnoreFile]),
        [Some(Excuse::IgnoreFile)]
    );
    // The first is there already.
    let tip = repository.id("main");
    let pack = repository.pack_revisions(&[tip.to_string(), format!("^{before}")], &[]);
    let mut settings = settings(&rules(RULE));
    settings.strength = settings.strength.heeding(Excuses::of(&Excuse::ALL));
    let inspected = inspect_in(&pack, HashKind::Sha1, settings, Some(&[tip]), 4096).unwrap();
    assert_eq!(inspected.findings[0].excused, None);
    // A later commit takes it away.
    let stream = format!(
        "commit refs/heads/main\ncommitter A <a@example.com> 1700000002 +0000\ndata 1\nx\nfrom {tip}\nD .exeatignore\n"
    );
    repository.import(stream.as_bytes());
    assert_eq!(excused(&repository, &[Excuse::IgnoreFile]), [None]);
}

#[test]
fn a_baseline_knows_as_many_as_it_counts() {
    let one = baseline_of(&at(&[found()]));
    let two = found().2.repeat(2);
    let repository = at(&[
        ("100644", "a/b", two),
        ("100644", baseline::NAME, one.clone()),
    ]);
    let heeded = [Excuse::Baseline];
    assert_eq!(
        excused(&repository, &heeded),
        [Some(Excuse::Baseline), None]
    );
    let broken = one + "{}\n";
    let repository = at(&[found(), ("100644", baseline::NAME, broken)]);
    assert_eq!(excused(&repository, &heeded), [None]);
}

#[test]
fn a_comment_counts_in_files_alone() {
    let repository = Repository::new(HashKind::Sha1);
    let message = format!("{} exeat:allow\n", secret(1));
    let name = format!("{} gitleaks:allow", secret(2));
    repository.import(
        format!(
            "commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata {}\n{message}\n\
             M 100644 inline {name}\ndata 1\nx\n",
            message.len()
        )
        .as_bytes(),
    );
    assert_eq!(excused(&repository, &[Excuse::Comment]), [None, None]);
}

/// Rules that find what `RULE` does: a twin with a form of its own, and one that goes by the name before it.
fn twins() -> String {
    let twin = RULE
        .replace("test-key", "twin-key")
        .replace(r"\bkey", "k?ey");
    let named = RULE
        .replace("test-key", "generic-name")
        .replace(r"\bkey", r"(?:at|by)=([a-z]{0,3}")
        .replace(r"{30}\b", r"{4,30})\b")
        .replace("[\"key_\"]", "[\"at=\", \"by=\"]");
    format!("{RULE}{twin}{named}")
}

#[test]
fn an_excuse_of_one_rule_holds_for_others_on_the_same_secret() {
    for (ids, holds) in [
        ("", true),
        (" test-key", true),
        (" twin-key", true),
        (" generic-name", true),
        (" another", false),
    ] {
        let line = format!("at={} # exeat:allow{ids} -- a sample\n", secret(1));
        let findings = heeding(&at(&[("100644", "a", line)]), &twins(), &[Excuse::Comment]);
        assert_eq!(findings.len(), 1, "{ids}");
        assert_eq!(findings[0].excused.is_some(), holds, "{ids}");
        assert_ne!(findings[0].rule, "generic-name");
    }
}

#[test]
fn an_excuse_holds_for_no_other_secret_of_the_line() {
    let weak = format!("by=key{}abcd", '_');
    let line = format!("at={} {weak} # exeat:allow test-key\n", secret(1));
    let findings = heeding(&at(&[("100644", "a", line)]), &twins(), &[Excuse::Comment]);
    let told: Vec<_> = findings
        .iter()
        .map(|finding| (&*finding.rule, finding.excused))
        .collect();
    assert_eq!(
        told,
        [("test-key", Some(Excuse::Comment)), ("generic-name", None)]
    );
}

/// The one rule speaks in one folder alone, so that an entry which names it says nothing of the file elsewhere.
#[test]
fn an_excuse_of_one_rule_holds_where_that_rule_speaks() {
    let there = RULE.to_owned() + "path = '^a/'\n";
    let rules = there + &RULE.replace("test-key", "anywhere");
    let ignored = ("100644", ".exeatignore", NAMED.to_owned());
    let excuses = |files: Files<'_>| -> Vec<_> {
        let findings = heeding(&at(files), &rules, &[Excuse::IgnoreFile]);
        findings.iter().map(|finding| finding.excused).collect()
    };
    let expected = [Some(Excuse::IgnoreFile)];
    assert_eq!(excuses(&[found(), ignored.clone()]), expected);
    let twin = ("100644", "a/c", found().2);
    assert_eq!(excuses(&[found(), twin, ignored.clone()]), [None]);
    let elsewhere = ("100644", "z/b", found().2);
    let told = excuses(&[found(), elsewhere, ignored]);
    assert!(told.contains(&None), "{told:?}");
}

#[test]
fn weaker_actions_stay_as_they_are() {
    for action in ["review", "warn", "note"] {
        let rule = format!("{RULE}action = \"{action}\"\n");
        let line = format!("{} exeat:allow\n", secret(1));
        let findings = heeding(&at(&[("100644", "a", line)]), &rule, &Excuse::ALL);
        assert_eq!(findings[0].excused, None);
        assert_eq!(findings[0].asks().to_string(), action);
    }
}

/// Behind more findings than are kept, or more matches than are read, an excuse hides nothing.
#[test]
fn what_was_not_read_whole_is_excused_from_nothing() {
    let line = format!("{} exeat:allow\n", secret(1));
    let many = line.repeat(10_001);
    for (content, most) in [(many, 1000), (line.repeat(101), 2)] {
        let repository = at(&[("100644", "a", content)]);
        let mut settings = settings(&rules(RULE));
        settings.strength = settings.strength.heeding(Excuses::of(&Excuse::ALL));
        settings.most_findings = most;
        let pack = repository.pack(&[]);
        let tips = repository.tips();
        let inspected = inspect_in(&pack, HashKind::Sha1, settings, Some(&tips), 4096).unwrap();
        assert_eq!(inspected.unscannable.len(), 1 + usize::from(most == 1000));
        let none = inspected
            .findings
            .iter()
            .all(|finding| finding.excused.is_none());
        assert!(none && inspected.findings.len() == most);
    }
}

#[test]
fn a_file_at_several_paths_is_excused_at_each_or_not() {
    let twin = ("100644", "z/b", found().2);
    let both = format!("{NAMED}z/b:test-key:2\n");
    let knows = baseline_of(&at(&[found()]));
    let knows_both = knows.clone() + &knows.replace("a/b", "z/b");
    for (name, one, all) in [
        (".exeatignore", NAMED.to_owned(), both),
        (baseline::NAME, knows, knows_both),
    ] {
        let excuse = match name == baseline::NAME {
            true => Excuse::Baseline,
            false => Excuse::IgnoreFile,
        };
        for (content, expected) in [(one, None), (all, Some(excuse))] {
            let repository = at(&[found(), twin.clone(), ("100644", name, content)]);
            assert_eq!(excused(&repository, &[excuse]), [expected], "{name}");
        }
    }
    // Beside a ref to the file itself, no path is all there is.
    let repository = at(&[found(), ("100644", ".exeatignore", NAMED.into())]);
    repository.git(&["tag", "bare", "main:a/b"]);
    assert_eq!(excused(&repository, &[Excuse::IgnoreFile]), [None]);
    // A comment is in the content.
    let line = format!("{} exeat:allow\n", secret(1));
    let repository = at(&[("100644", "a", line.clone()), ("100644", "b", line)]);
    assert_eq!(
        excused(&repository, &[Excuse::Comment]),
        [Some(Excuse::Comment)]
    );
}
