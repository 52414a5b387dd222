//! Tokens that stand behind an escape, which ends in a letter or a digit: a word boundary before them would not be one.

use super::*;
use crate::{shipped, template};

/// What stands before a token in JSON strings, in addresses and in source.
const BEFORE: &[&str] = &[
    "\\n", "\\r\\n", "\\t", "\\u0022", "\\u003d", "%3D", "%20", "\\x3d",
];

#[test]
fn a_token_that_is_found_alone_is_found_behind_an_escape() {
    let rules = RuleSet::compile(&shipped()).unwrap().rules;
    let mut scratch = Scratch::new(&rules);
    let mut found = Vec::new();
    let mut scan = |index: RuleIndex, text: &str| {
        found.clear();
        let _ = rules.scan(text.as_bytes(), &mut scratch, &mut found);
        let first = found.iter().find(|found| found.rule == index)?;
        Some(
            text.get(first.secret.clone())
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let mut tried = 0;
    let mut missed = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        // The name of a bucket only grows by the letters before it.
        if rule.action == crate::Action::Note {
            continue;
        }
        for example in &rule.examples {
            let example = template::expand(example).unwrap();
            let Some(token) = scan(index, &example) else {
                continue;
            };
            if token.contains('\n') || scan(index, &token).as_ref() != Some(&token) {
                continue;
            }
            tried += 1;
            for before in BEFORE {
                if scan(index, &format!("x{before}{token}")).as_ref() != Some(&token) {
                    missed.push(format!("{}: {before}", rule.id));
                }
            }
        }
    }
    assert!(tried >= 200, "only {tried} tokens stand for themselves");
    assert!(missed.is_empty(), "{missed:#?}");
}
