//! What the self-test must find, and what it must not mistake for a fault.

use exeat_rules::Source;

use super::*;

fn engine(sources: &[Source]) -> Engine {
    let compiled = RuleSet::compile(sources).unwrap_or_else(|error| panic!("{error}"));
    Engine {
        pool: Pool::start(2).unwrap(),
        rules: Arc::new(compiled.rules),
        key: FingerprintKey::new([0; 32]),
        strength: Strength::default().telling_hidden(),
    }
}

fn tested(text: &str) -> SelfTest {
    let source = Source {
        name: "t.toml".into(),
        text: text.into(),
    };
    engine(&[source]).test().unwrap()
}

fn faults(text: &str) -> Vec<String> {
    tested(text)
        .faults
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_built_in_rule_is_told() {
    let engine = engine(&exeat_rules::builtin());
    let proven = engine
        .rules
        .rules()
        .iter()
        .filter(|rule| !rule.skip_report)
        .count();
    let outcome = engine.test().unwrap();
    assert_eq!(outcome.faults, []);
    assert_eq!((outcome.tried, outcome.unproven), (proven, 0));
    assert!(proven > 60);
}

#[test]
fn an_example_that_is_not_found_is_named_and_not_repeated() {
    let text = "[[rules]]\nid='good'\nregex='key_a'\nexamples=['key_a']\n\
                [[rules]]\nid='broken'\nregex='key_b'\nkeywords=['key']\nexamples=['private']\n\
                [[rules]]\nid='wrong'\nregex='key_c'\nexamples=['{{private 1}}']\n\
                [[rules]]\nid='path'\npath='''\\.p12$'''\nexamples=['private.txt']\n\
                [[rules]]\nid='bare'\nregex='key_d'\n";
    let outcome = tested(text);
    let faults: Vec<String> = outcome.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "t.toml:5: rule broken: example 1: it is not found",
            "t.toml:10: rule wrong: example 1: its template is wrong",
            "t.toml:14: rule path: example 1: it is not found",
        ]
    );
    assert_eq!((outcome.tried, outcome.unproven), (4, 1));
}

#[test]
fn an_example_that_is_found_and_hidden_is_a_fault() {
    let rule = "[[rules]]\nid='a'\nregex='key_[a-z]+'\nexamples=['key_sample']\n";
    assert_eq!(faults(rule), [""; 0]);
    let list = |list: &str| faults(&format!("{rule}[[rules.allowlists]]\n{list}\n"));
    let said = |reason: &str| {
        [format!(
            "t.toml:1: rule a: example 1: it is found, and {reason}"
        )]
    };
    assert_eq!(list("stopwords=['sample']"), said("a stopword hides it"));
    assert_eq!(
        list("paths=['.*']"),
        said("an allowlist about paths hides it")
    );
    assert_eq!(list("regexes=['sample']").len(), 1);
    assert_eq!(list("paths=['(^|/)tests?/', '\\.md$']"), [""; 0]);
    // About the very file that the example is put into, and about no other.
    assert_eq!(list("paths=['rule', '\\.py$']"), [""; 0]);
    let path = "[[rules]]\nid='p'\npath='''\\.p12$'''\nexamples=['a.p12']\n";
    let hidden = format!("{path}[[rules.allowlists]]\npaths=['a']\n");
    assert_eq!(faults(path), [""; 0]);
    assert_eq!(
        faults(&hidden),
        ["t.toml:1: rule p: example 1: it is found, and an allowlist about paths hides it"]
    );
}

#[test]
fn a_rule_for_which_a_stronger_one_speaks_holds() {
    let text = "[[rules]]\nid='wide'\nregex='key_\\w+'\nexamples=['key_ab']\n\
                [[rules]]\nid='narrow'\nregex='key_a\\w+'\nexamples=['key_ab']\naction='warn'\n";
    assert_eq!(faults(text), [""; 0]);
}

#[test]
fn rules_about_some_paths_and_composite_ones_are_tried_where_they_speak() {
    let text = "[[rules]]\nid='env'\nregex='key_\\w+'\npath='''(^|/)\\.env$'''\nexamples=['key_ab']\n\
                [[rules]]\nid='odd'\nregex='odd_\\w+'\npath='''a\\b.c'''\nexamples=['odd_ab']\n\
                [[rules]]\nid='both'\nregex='user_\\w+'\nexamples=[\"user_a\\npass_b\"]\n\
                [[rules.required]]\nid='part'\nwithinLines=2\n\
                [[rules]]\nid='part'\nregex='pass_\\w+'\nskipReport=true\n";
    let outcome = tested(text);
    assert_eq!(outcome.faults, []);
    assert_eq!((outcome.tried, outcome.unproven), (3, 0));
    // Without its part the composite rule finds nothing.
    let lone = text.replace("user_a\\npass_b", "user_a");
    assert_eq!(
        faults(&lone),
        ["t.toml:11: rule both: example 1: it is not found"]
    );
}

#[test]
fn paths_that_no_file_has_are_asked_of_the_rule_alone() {
    for path in [
        "a//b.p12",
        "/b.p12",
        "../b.p12",
        ".git/b.p12",
        "a\\u0000.p12",
        "x/b.p12",
    ] {
        let text = format!("[[rules]]\nid='p'\npath='''\\.p12$'''\nexamples=[\"{path}\"]\n");
        assert_eq!(faults(&text), [""; 0], "{path}");
    }
}

#[test]
fn equal_examples_and_greedy_rules_are_no_trouble() {
    let mut text = String::new();
    for number in 0..40 {
        text += &format!("[[rules]]\nid='r{number}'\nregex='k_[a-z]+'\nexamples=['k_a']\n");
        text += &format!("[[rules]]\nid='p{number}'\npath='''\\.p12$'''\nexamples=['a.p12']\n");
        text += &format!("[[rules]]\nid='g{number}'\nregex='[a-z0-9-]'\nexamples=['k {number}']\n");
    }
    let outcome = tested(&text);
    assert_eq!(outcome.faults, []);
    assert_eq!(outcome.tried, 120);
}

#[test]
fn no_rules_are_fine() {
    assert_eq!(tested(""), SelfTest::default());
}
