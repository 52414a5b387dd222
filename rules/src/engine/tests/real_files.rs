//! The default rule files of gitleaks and Betterleaks, where they are at hand.

use std::path::{Path, PathBuf};

use super::plain::compare_trees;
use super::*;
use crate::Compiled;

/// In `$EXEAT_SHARED`, or in `../shared` beside the workspace; they are not part of this repository.
fn path(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared =
        std::env::var_os("EXEAT_SHARED").map_or(workspace.join("../shared"), PathBuf::from);
    shared.join("data/rules").join(name)
}

pub(super) fn load(name: &str) -> Option<Compiled> {
    let path = path(name);
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

/// What the file says that is not honoured, with the reason; its lines hold what they name.
#[test]
fn betterleaks_loads_and_says_what_is_not_honoured() {
    let Some(compiled) = load("betterleaks.toml") else {
        return;
    };
    assert_eq!(regexes(&compiled.rules), 411);
    let rules = compiled.rules.rules();
    let composite = rules.iter().filter(|rule| !rule.required.is_empty());
    assert_eq!(composite.count(), 24);
    assert_eq!(compiled.rules.parts.len(), 29);
    let own = compiled
        .rules
        .matchers
        .iter()
        .map(|rule| rule.filters.len());
    // One of the file for each, and 308 of rules.
    assert_eq!(own.sum::<usize>(), rules.len() + 308);
    let prefiltered = |rule: &Matcher| rule.prefilters.len() == 1;
    assert!(compiled.rules.matchers.iter().all(prefiltered));

    let shown: Vec<_> = compiled
        .warnings
        .iter()
        .map(|warning| {
            assert!(warning.line > 0 && warning.file == "betterleaks.toml");
            warning.reason.as_str()
        })
        .collect();
    let text = std::fs::read_to_string(path("betterleaks.toml")).unwrap();
    for warning in &compiled.warnings {
        let line = text.lines().nth(warning.line - 1).unwrap();
        let word = ["validate", "specificity", "failsTokenEfficiency"];
        assert!(
            word.iter().any(|word| line.contains(word)),
            "{warning}: {line}"
        );
    }
    assert_eq!(
        shown,
        [
            "\"validate\" is not honoured here and in 186 more places: secrets are never sent anywhere",
            "\"specificity\" is not honoured: it does not change what is found",
            "\"filter\" is not honoured in part: failsTokenEfficiency needs a tokenizer and a word list that we do not have",
        ]
    );
    compare_trees(&compiled.rules, 1 << 20);
}

/// What its filters and its prefilter discard.
#[test]
fn betterleaks_filters_discard() {
    let Some(compiled) = load("betterleaks.toml") else {
        return;
    };
    let rules = compiled.rules;
    let found = |text: &str, path: &str| {
        let site = crate::Site {
            path: Some(path.as_bytes()),
            commit: None,
        };
        let mut matches = Vec::new();
        assert!(
            !rules
                .scan(text.as_bytes(), &mut Scratch::new(&rules), &mut matches)
                .truncated
        );
        let standing = matches.iter().map(|found| {
            (
                rules.rule(found.rule).id.as_str(),
                rules.standing(found, &site),
            )
        });
        standing.collect::<Vec<_>>()
    };
    use crate::{Hiding, Standing};
    let secret = crate::template::expand("{{base62 32 some}}").unwrap();
    let generic = "generic-api-key";
    let text = format!("bugsnug_api_key = \"{secret}\"");
    assert_eq!(found(&text, "a.rs"), [(generic, Standing::Stands)]);
    let by_path = [(generic, Standing::Hidden(Hiding::Path))];
    assert_eq!(found(&text, "a/package-lock.json"), by_path);
    // A provider's name beside a key that is public there.
    assert_eq!(found(&text.replace("bugsnug", "bugsnag"), "a.rs"), []);
    // Too even, a word, a placeholder.
    assert_eq!(found(&text.replace(&secret, &"ab12".repeat(8)), "a.rs"), []);
    let word = format!("client{}", &secret[6..]);
    let by_word = [(generic, Standing::Hidden(Hiding::Stopword))];
    assert_eq!(found(&text.replace(&secret, &word), "a.rs"), by_word);
    // The line decides, together with the path.
    let recipe = text.replace("bugsnug_api_key", "SRC_api_key = \"x\"; api_key");
    assert_eq!(found(&recipe, "a.bb"), by_path);
    assert_eq!(found(&recipe, "a.rs"), [(generic, Standing::Stands)]);
}
