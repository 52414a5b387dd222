//! The default rule files of gitleaks and Betterleaks, where they are at hand.

use std::path::{Path, PathBuf};

use super::plain::compare_trees;
use super::*;
use crate::Compiled;

/// `$EXEAT_SHARED` or `../shared` beside the workspace; they are not part of this repository.
fn load(name: &str) -> Option<Compiled> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared =
        std::env::var_os("EXEAT_SHARED").map_or(workspace.join("../shared"), PathBuf::from);
    let path = shared.join("data/rules").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    let source = Source {
        name: name.to_owned(),
        text,
    };
    Some(RuleSet::compile(&[source]).unwrap_or_else(|error| panic!("{error}")))
}

fn regexes(rules: &RuleSet) -> usize {
    rules
        .rules()
        .iter()
        .filter(|rule| rule.regex.is_some())
        .count()
}

#[test]
fn gitleaks_loads_whole_and_finds_what_plain_runs_find() {
    let Some(compiled) = load("gitleaks.toml") else {
        return;
    };
    assert_eq!(regexes(&compiled.rules), 221);
    assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
    compare_trees(&compiled.rules, 1 << 20);
}

#[test]
fn betterleaks_loads_and_says_what_is_not_honoured() {
    let Some(compiled) = load("betterleaks.toml") else {
        return;
    };
    assert_eq!(regexes(&compiled.rules), 411);
    let count = |word: &str| {
        let quoted = format!("\"{word}\" is not honoured");
        compiled
            .warnings
            .iter()
            .filter(|warning| warning.reason.starts_with(&quoted))
            .count()
    };
    assert_eq!(count("prefilter"), 1);
    assert_eq!(count("required"), 0);
    assert!(
        count("filter") > 300 && count("validate") > 180,
        "{} {}",
        count("filter"),
        count("validate")
    );
    assert!(
        compiled
            .warnings
            .iter()
            .all(|warning| warning.line > 0 && warning.file == "betterleaks.toml")
    );
    compare_trees(&compiled.rules, 1 << 20);
}
