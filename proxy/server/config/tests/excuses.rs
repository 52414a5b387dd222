//! What pushers may excuse their own findings with: nothing, unless an upstream says so.

use super::*;

#[test]
fn nothing_is_heeded_unless_it_is_named() {
    let config = Config::defaults().unwrap();
    assert!(config.upstreams.iter().all(|one| one.excuses.is_empty()));
    let text = "[upstream.a]\nurl = \"https://a.example\"\nexcuses = [\"baselines\", \"comments\"]\n\
                [upstream.b]\nurl = \"https://b.example\"\n";
    let (config, warnings) = load(text, &[]).unwrap();
    assert!(warnings.is_empty());
    let shown = config.show();
    assert!(
        shown.contains("excuses = [\"comments\", \"baselines\"]"),
        "{shown}"
    );
    assert_eq!(shown.matches("excuses").count(), 1);
    let words = |name: &str| {
        let heeded = config.upstream(name).unwrap().excuses.iter();
        heeded.map(|excuse| excuse.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(words("a"), ["comment", "baseline"]);
    assert!(words("b").is_empty());
    let (again, _) = load(&shown, &[]).unwrap();
    assert_eq!(again.show(), shown);
}

#[test]
fn other_words_are_refused() {
    refused(
        "[upstream.a]\nurl = \"https://a.example\"\nexcuses = [\"comment\", \"all\"]\n",
        &[],
        &[
            "exeat.toml:3: upstream.a.excuses: expected \"comments\", \"ignore-files\" or \"baselines\", found \"comment\"; did you mean \"comments\"?",
            "exeat.toml:3: upstream.a.excuses: expected \"comments\", \"ignore-files\" or \"baselines\", found \"all\"",
        ],
    );
}

#[test]
fn a_policy_that_lets_the_excused_go_is_warned_of() {
    let text = "[policy]\nreview = \"warn\"\n[upstream.a]\nurl = \"https://a.example\"\nexcuses = [\"comments\"]\n";
    let (_, warnings) = load(text, &[]).unwrap();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("upstream.a.excuses: secrets beyond doubt"),
        "{warnings:?}"
    );
}
