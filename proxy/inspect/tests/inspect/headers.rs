//! New files without the header that the other files of a repository carry.

use std::sync::Arc;

use exeat_inspect::{Accepted, Accepting, Finding, Settings};
use exeat_rules::Action;

use crate::{
    existing::push_last,
    repository::Stream,
    scene::{RULE, rules, secret, settings},
};

const LINE: &str = "// SPDX-License-Identifier: Apache-2.0\n";

fn asking(headers: Option<Action>) -> Settings {
    let table = Accepting {
        name: "ours".into(),
        accept: None,
        accept_dependencies: None,
        deny_dependencies: Vec::new(),
        headers,
    };
    Settings {
        licences: Some(Arc::new(Accepted(vec![table]))),
        ..settings(&rules(RULE))
    }
}

/// A repository of six sources with a header, three tables without, and a text.
fn served() -> Stream {
    let mut stream = Stream::default();
    stream.commit("main", "old");
    for number in 0..6 {
        stream.file(
            &format!("src/part/f{number}.rs"),
            format!("{LINE}fn f{number}() {{}}\n"),
        );
    }
    for number in 0..3 {
        stream.file(&format!("src/part/t{number}.csv"), format!("{number},1\n"));
    }
    stream.file("src/old.rs", "fn old() {}\n");
    stream
}

fn told_of(findings: &[Finding]) -> Vec<String> {
    let path = |finding: &Finding| finding.place.path.clone().unwrap_or_default();
    findings.iter().map(path).collect()
}

/// The paths that are told where these files are pushed on top of it.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let mut stream = served();
    stream.commit("main", "new");
    for (path, content) in files {
        stream.file(path, content);
    }
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], true);
    told_of(&findings)
}

#[test]
fn a_new_file_without_the_header_of_the_others_is_told_with_what_to_add() {
    let mut stream = served();
    stream.commit("main", "new");
    stream.file("src/part/new.rs", "fn new() {}\n");
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Note)), &[], true);
    let [finding] = &findings[..] else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.rule, "license-header-missing");
    assert_eq!(
        finding.description,
        "New file without the header that 6 of 6 files like it carry (ours)"
    );
    assert_eq!(
        finding.remedy.as_deref(),
        Some("Add \"// SPDX-License-Identifier: Apache-2.0\" at its top, as src/part/f0.rs does.")
    );
    assert_eq!(finding.place.path.as_deref(), Some("src/part/new.rs"));
    assert_eq!((finding.place.line, finding.action), (1, Action::Note));
    assert!(finding.is_help && finding.says_licence);
    assert!(finding.place.object.is_some() && finding.place.commit.is_none());
}

#[test]
fn only_new_files_without_one_are_told_and_only_where_the_others_carry_one() {
    assert_eq!(
        told(&[("src/part/new.rs", "fn new() {}\n")]),
        ["src/part/new.rs"]
    );
    let spdx = format!("#!/usr/bin/env rust\n{LINE}");
    for (path, content) in [
        ("src/part/new.rs", &*spdx),
        // Any header is one.
        ("src/part/new.rs", "// Copyright 2024 Example\n"),
        ("src/part/new.rs", "\n\n"),
        ("src/part/new.rs", "\0\n"),
        ("src/old.rs", "fn old_and_changed() {}\n"),
        ("src/part/f0.rs", "fn without() {}\n"),
        ("src/part/new.csv", "3,1\n"),
        ("src/part/new.toml", "a = 1\n"),
        ("src/part/Makefile", "all:\n"),
        ("src/part/LICENSE.rs", "text\n"),
    ] {
        assert_eq!(told(&[(path, content)]), [""; 0], "{path} {content}");
    }
}

#[test]
fn files_that_are_nearest_are_compared() {
    let new = "fn new() {}\n";
    // Beside it is one, below are the others.
    assert_eq!(told(&[("src/new.rs", new)]), ["src/new.rs"]);
    // Of very large repositories what stands below is not fetched.
    let mut stream = served();
    stream.commit("main", "new");
    stream.file("src/new.rs", new);
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], false);
    assert_eq!(told_of(&findings), [""; 0]);
    assert_eq!(
        told(&[("src/other/deep/new.rs", new)]),
        ["src/other/deep/new.rs"]
    );
    assert_eq!(
        told(&[("new.rs", new), ("NEW.RS", new)]),
        ["NEW.RS", "new.rs"]
    );
}

#[test]
fn nothing_is_told_where_few_files_or_too_few_of_them_carry_one() {
    let carriers = |with: usize, without: usize| {
        let mut stream = Stream::default();
        stream.commit("main", "old");
        for number in 0..with {
            stream.file(
                &format!("a{number}.c"),
                format!("/* Copyright 2024 A */\nint a{number};\n"),
            );
        }
        for number in 0..without {
            stream.file(&format!("b{number}.c"), format!("int b{number};\n"));
        }
        // They say nothing.
        for number in 0..5 {
            stream.file(&format!("c{number}.c"), "");
        }
        stream.commit("main", "new");
        stream.file("new.c", "int new;\n");
        push_last(&stream, 1, asking(Some(Action::Warn)), &[], true).0
    };
    assert_eq!(carriers(2, 0).len(), 0);
    assert_eq!(carriers(3, 0).len(), 1);
    assert_eq!(carriers(3, 1).len(), 0);
    assert_eq!(carriers(4, 1).len(), 1);
    let told = carriers(5, 1);
    let remedy = "Begin it with whose copyright it is, as a0.c does.";
    assert_eq!(told[0].remedy.as_deref(), Some(remedy));
    assert!(told[0].description.contains("5 of 6"), "{told:?}");
    // Few of many are read, from all over.
    assert_eq!(carriers(0, 300).len(), 0);
    assert_eq!(carriers(300, 20).len(), 1);
}

#[test]
fn what_pushed_refs_show_in_the_end_counts() {
    let mut stream = served();
    stream.commit("main", "without");
    stream.file("src/part/new.rs", "fn new() {}\n");
    stream.file("src/part/gone.rs", "fn gone() {}\n");
    stream.commit("main", "with");
    stream.file("src/part/new.rs", format!("{LINE}fn new() {{}}\n"));
    stream.line("D src/part/gone.rs");
    let (findings, _) = push_last(&stream, 2, asking(Some(Action::Warn)), &[], true);
    assert_eq!(told_of(&findings), [""; 0]);
}

#[test]
fn links_and_copies_are_no_new_writing() {
    let mut stream = served();
    stream.commit("main", "new");
    stream.line("M 120000 inline src/part/link.rs\ndata 6\nold.rs");
    stream.file("src/copy.rs", "fn old() {}\n");
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], true);
    assert_eq!(told_of(&findings), [""; 0]);
}

#[test]
fn nobody_is_asked_where_no_table_asks() {
    let mut stream = served();
    stream.commit("main", "new");
    stream.file("src/part/new.rs", "fn new() {}\n");
    for settings in [asking(None), settings(&rules(RULE))] {
        let (findings, asked) = push_last(&stream, 1, settings, &[], true);
        assert_eq!((findings.len(), asked.len()), (0, 0));
    }
    let mut stream = served();
    stream.commit("main", "new");
    stream.file("src/part/new.rs", LINE);
    let (_, asked) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], true);
    assert!(asked.is_empty());
}

#[test]
fn secrets_in_names_are_masked_and_stand_before_what_helps() {
    let mut stream = served();
    stream.commit("main", "new");
    let secret = secret(7);
    stream.file(&format!("src/part/{secret}.rs"), format!("// {secret}\n"));
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], true);
    let rules: Vec<&str> = findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(rules.last(), Some(&"license-header-missing"));
    assert!(rules.contains(&"test-key"), "{rules:?}");
    assert!(!format!("{findings:?}").contains(&secret));
}

#[test]
fn of_very_many_files_as_many_are_told_as_are_read() {
    let mut stream = served();
    stream.commit("main", "new");
    for number in 0..300 {
        stream.file(
            &format!("src/part/new{number}.rs"),
            format!("fn new{number}() {{}}\n"),
        );
    }
    let (findings, _) = push_last(&stream, 1, asking(Some(Action::Warn)), &[], true);
    assert_eq!(findings.len(), 100);
    let few = Settings {
        most_findings: 5,
        ..asking(Some(Action::Warn))
    };
    assert_eq!(push_last(&stream, 1, few, &[], true).0.len(), 5);
}
