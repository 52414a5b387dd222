//! The walls inside the server, the layout of the tree, and the licences of what is built in.

mod licences;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{EXEAT, Git, run_program};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file git would keep, in the order of their names.
fn kept_files() -> Vec<String> {
    let listed = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ];
    let listed = Git::first().plain(root(), &listed);
    let mut files: Vec<String> = listed
        .split('\0')
        .filter(|name| root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}

/// The Rust files below this folder of the server, with their content but for their tests.
fn server_sources(folder: &str) -> Vec<(String, String)> {
    let is_test = |name: &str| name.ends_with("/tests.rs") || name.contains("/tests/");
    let base = format!("proxy/server/{folder}");
    let of_part =
        |name: &String| name.starts_with(&format!("{base}/")) || *name == format!("{base}.rs");
    let files = kept_files()
        .into_iter()
        .filter(|name| name.ends_with(".rs") && !is_test(name));
    let files = files
        .filter(|name| folder.is_empty() && name.starts_with("proxy/server/") || of_part(name));
    files
        .map(|name| (name.clone(), without_tests(&read(&name))))
        .collect()
}

fn without_tests(source: &str) -> String {
    let code = source
        .split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_default()
}

/// Fails where one of the words stands in one of the sources.
#[track_caller]
fn assert_without(sources: &[(String, String)], words: &[&str], why: &str) {
    assert!(!sources.is_empty(), "there is nothing to look at: {why}");
    for (name, source) in sources {
        for word in words {
            assert!(!source.contains(word), "{name} says `{word}`: {why}");
        }
    }
}

#[test]
fn policy_decides_from_values_alone() {
    let words = [
        "crate::store",
        "crate::audit",
        ".await",
        "async fn",
        "SystemTime",
        "Instant",
        "tokio",
        "std::fs",
        "std::env",
    ];
    assert_without(
        &server_sources("policy"),
        &words,
        "the same input gives the same verdict",
    );
}

#[test]
fn people_know_no_http_and_rights_nothing_but_people() {
    let people = server_sources("people");
    let words = ["hyper", "http::", "axum", "crate::door", "crate::push"];
    assert_without(
        &people,
        &words,
        "who there is does not depend on how one asks",
    );
    let rights: Vec<_> = people
        .into_iter()
        .filter(|(name, _)| name.ends_with("/rights.rs"))
        .collect();
    let words = ["crate::", ".await", "async fn", "SystemTime", "std::env"];
    assert_without(&rights, &words, "the same question has the same answer");
}

#[test]
fn the_doors_do_not_know_each_other() {
    let doors = ["push", "fetch", "lfs", "console"];
    for door in doors {
        let others = doors.iter().filter(|other| **other != door);
        let words: Vec<String> = others
            .flat_map(|other| [format!("crate::{other}"), format!("super::super::{other}")])
            .collect();
        let sources = server_sources(door);
        if sources.is_empty() && door == "console" {
            continue;
        }
        assert_without(
            &sources,
            &words.iter().map(String::as_str).collect::<Vec<_>>(),
            "doors are for one purpose each",
        );
    }
}

#[test]
fn only_the_store_speaks_sql() {
    let mut sources = server_sources("");
    sources.retain(|(name, _)| !name.starts_with("proxy/server/store"));
    let words = [
        "sqlx",
        "SELECT ",
        "INSERT INTO",
        "UPDATE ",
        "DELETE FROM",
        "CREATE TABLE",
        "PRAGMA ",
    ];
    assert_without(&sources, &words, "the store holds the only SQL");
}

#[test]
fn only_the_upstream_part_goes_out() {
    let mut sources = server_sources("");
    // Commands ask a server: `exeat health` on its own machine, `exeat review` where its user says.
    let apart = [
        "proxy/server/upstream",
        "proxy/server/cli/health.rs",
        "proxy/server/cli/reach.rs",
    ];
    sources.retain(|(name, _)| !apart.iter().any(|part| name.starts_with(part)));
    let words = [
        "hyper_util::client",
        "hyper::client",
        "hyper_rustls",
        "TcpStream::connect",
        "TlsConnector",
        "UdpSocket",
    ];
    assert_without(&sources, &words, "one place makes outgoing connections");
}

#[test]
fn what_was_typed_stays_inside_config() {
    let mut sources = server_sources("");
    sources.retain(|(name, _)| !name.starts_with("proxy/server/config"));
    assert_without(
        &sources,
        &["config::raw"],
        "after config nobody checks again",
    );
}

#[test]
fn git_is_never_run_on_the_serving_path() {
    let mut sources = server_sources("");
    sources.retain(|(name, _)| {
        !["proxy/server/demo", "proxy/server/cli"]
            .iter()
            .any(|part| name.starts_with(part))
    });
    assert_without(
        &sources,
        &["process::Command", "Command::new"],
        "programs are run by commands only",
    );
}

#[test]
fn every_source_says_its_duty_and_is_of_readable_length() {
    let sources: Vec<String> = kept_files()
        .into_iter()
        .filter(|name| name.ends_with(".rs"))
        .collect();
    assert!(sources.len() > 50);
    for name in sources {
        let source = read(&name);
        assert!(
            source.starts_with("//! "),
            "{name} does not begin with its duty"
        );
        let lines = source.lines().count();
        assert!(lines <= 700, "{name} has {lines} lines");
        for word in ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!(")) {
            assert!(!source.contains(&word), "{name} says {word}");
        }
        assert!(
            !source.contains(concat!("#[", "ignore")),
            "{name} has a test that does not run"
        );
    }
}

#[test]
fn the_top_level_is_as_it_was_designed() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "benches",
        "certs-example",
        "deploy",
        "proxy",
        "rules",
        "tests",
    ];
    for name in kept_files() {
        let top = name.split('/').next().unwrap_or_default();
        assert!(
            allowed.contains(&top) || top.starts_with('.'),
            "{name} is not where things belong"
        );
    }
    for name in allowed.iter().filter(|name| **name != "benches") {
        assert!(root().join(name).exists(), "{name} is missing");
    }
    let licence = read("LICENSE");
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
}

#[test]
fn no_private_key_is_kept() {
    for name in kept_files() {
        assert!(!holds_a_key(&read(&name)), "{name} holds a private key");
        assert!(
            !(name.ends_with(".pem") || name.ends_with(".key")),
            "{name} looks like a key"
        );
    }
}

/// The words alone are no key: a line of base64 must follow.
fn holds_a_key(text: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let key = |rest: &str| {
        let line = rest.lines().nth(1).unwrap_or_default();
        line.len() >= 60 && line.chars().all(is_base64)
    };
    text.split(concat!("PRIVATE ", "KEY-----")).skip(1).any(key)
}

#[test]
fn what_the_readme_tells_to_type_exists() {
    let readme = read("README.md");
    let lines = fenced(&readme);
    let commands: Vec<Vec<&str>> = lines.iter().filter_map(|line| exeat_words(line)).collect();
    assert!(
        commands.iter().any(|words| words == &["demo"]),
        "the README does not show the demo: {commands:?}"
    );
    for words in commands {
        let mut command = Command::new(EXEAT);
        command.args(&words).arg("--help");
        run_program(&mut command).ok();
    }
    assert!(
        readme.contains("tests/run"),
        "the README does not say how to run the tests"
    );
    for program in ["tests/run", ".ci/run"] {
        let mode = std::fs::metadata(root().join(program))
            .map(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()));
        assert!(
            mode.is_ok_and(|mode| mode & 0o111 != 0),
            "{program} cannot be run"
        );
    }
}

/// The lines of the README that stand in fences.
fn fenced(text: &str) -> Vec<&str> {
    let mut inside = false;
    let keep = |line: &&str| {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            return false;
        }
        inside
    };
    text.lines().filter(keep).collect()
}

/// The subcommand (and a nested one) of a line that runs the binary.
fn exeat_words(line: &str) -> Option<Vec<&str>> {
    let line = line.trim_start().trim_start_matches("$ ");
    let rest = line
        .strip_prefix("cargo run --release -- ")
        .or_else(|| line.strip_prefix("cargo run -- "))
        .or_else(|| line.strip_prefix("exeat "))?;
    let is_name = |word: &&str| {
        word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
    };
    let nested = [
        "audit", "config", "group", "review", "rules", "token", "user", "waiver",
    ];
    let words: Vec<&str> = rest.split_whitespace().take_while(is_name).collect();
    let count = if words.first().is_some_and(|first| nested.contains(first)) {
        2
    } else {
        1
    };
    Some(words.into_iter().take(count).collect())
}

#[test]
fn relative_links_of_the_documents_lead_somewhere() {
    for name in kept_files()
        .into_iter()
        .filter(|name| name.ends_with(".md"))
    {
        let text = read(&name);
        let folder = root()
            .join(&name)
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            let elsewhere =
                path.is_empty() || path.contains(':') || path.contains(char::is_whitespace);
            assert!(
                elsewhere || folder.join(path).exists(),
                "{name} links to {link}, which is not there"
            );
        }
    }
}
