//! `[rules.override."ID"]`: read, shown, digested and checked against the rules.

use exeat_rules::{Action, Override, RuleSet, Severity, Source};

use super::super::*;
use super::{load, load_in, refused};

const TEXT: &str = "[rules.override.\"house.key\"]\naction = \"review\"\nseverity = \"low\"\n\
                    [rules.override.bare]\nconfidence = \"high\"\n";

#[test]
fn values_are_read_sorted_and_shown_again() {
    let (config, _) = load(TEXT, &[]).unwrap();
    let ids: Vec<&str> = config
        .rules
        .overrides
        .iter()
        .map(|each| each.id.as_str())
        .collect();
    assert_eq!(ids, ["bare", "house.key"]);
    let wanted = Override {
        action: Some(Action::Review),
        severity: Some(Severity::Low),
        confidence: None,
    };
    assert_eq!(config.rules.overrides[1].values, wanted);
    let (again, _) = load(&config.show(), &[]).unwrap();
    assert_eq!(again.digest(), config.digest());
    assert_ne!(Config::defaults().unwrap().digest(), config.digest());
}

#[test]
fn what_is_wrong_is_named() {
    refused(
        "[rules.override.a]\naction = \"revew\"\n[rules.override.b]\n[rules.override]\nc = 3\n\
         [rules.override.d]\nactions = \"note\"\n[rules.override.e.f]\naction = \"note\"\n",
        &[],
        &[
            "exeat.toml:2: rules.override.a.action: expected \"note\", \"warn\", \"review\" or \"block\", found \"revew\"; did you mean \"review\"?",
            "exeat.toml:3: rules.override.b: expected \"action\", \"severity\" or \"confidence\"",
            "exeat.toml:5: rules.override.c: expected a table, found 3",
            "exeat.toml:7: rules.override.d.actions: unknown key; did you mean \"action\"?",
            "exeat.toml:8: rules.override.e.f: unknown key; an id that holds dots needs quotes, as in [rules.override.\"house.key\"]",
        ],
    );
}

#[test]
fn a_variable_sets_what_the_file_names() {
    let variable = ("EXEAT__RULES__OVERRIDE__HOUSE_KEY__ACTION", "note");
    let (config, _) = load(TEXT, &[variable]).unwrap();
    assert_eq!(config.rules.overrides[1].values.action, Some(Action::Note));
    assert_eq!(config.rules.overrides.len(), 2);
}

#[test]
fn an_id_that_no_rule_has_is_refused_with_its_place_and_the_nearest() {
    let source = Source {
        name: "t.toml".into(),
        text: "[[rules]]\nid='house-key'\nregex='x'\n[[rules]]\nid='bare'\nregex='y'\n".into(),
    };
    let set = || {
        RuleSet::compile(std::slice::from_ref(&source))
            .unwrap()
            .rules
    };
    let folder = tempfile::tempdir().unwrap();
    let variable = ("EXEAT__RULES__OVERRIDE__BAR__ACTION", "note");
    let (config, _) = load_in(folder.path(), TEXT, &[variable]).unwrap();
    let error = config.rules.override_in(set()).unwrap_err().to_string();
    let error = error.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [
            "environment variable EXEAT__RULES__OVERRIDE__BAR__ACTION: rules.override.bar: no rule has this id; did you mean \"bare\"?",
            "exeat.toml:1: rules.override.\"house.key\": no rule has this id; did you mean \"house-key\"?",
        ]
    );
    let fitting = config.rules.override_known_in(set()).unwrap();
    assert!(fitting.rule(0).overridden.is_empty() && !fitting.rule(1).overridden.is_empty());
}
