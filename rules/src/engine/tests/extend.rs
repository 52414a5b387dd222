//! Files that extend others: what is merged, what is refused.

use super::*;
use crate::{Compiled, builtin};

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.into(),
        text: text.into(),
    }
}

/// Compiles the first file, where the others can be extended by their names.
fn compile(files: &[(&str, &str)]) -> Result<Compiled, String> {
    let open = |_: &Source, path: &str| {
        let file = files.iter().find(|(name, _)| *name == path);
        file.map(|(name, text)| source(name, text))
            .ok_or_else(|| "there is none".to_owned())
    };
    let (name, text) = files[0];
    RuleSet::compile_with(&[source(name, text)], &open).map_err(|error| error.to_string())
}

fn ids(rules: &RuleSet) -> Vec<&str> {
    rules.rules().iter().map(|rule| rule.id.as_str()).collect()
}

const BASE: &str = "title = 'base'\n[allowlist]\nregexes = ['none']\n\
    [[rules]]\nid = 'a'\ndescription = 'base'\nregex = 'k=([a-z]+)'\nkeywords = ['k=']\ntags = ['x']\nentropy = 1\n\
    action = 'review'\nseverity = 'low'\n[[rules.allowlists]]\nregexes = ['skip']\n\
    [[rules]]\nid = 'b'\nregex = 'b=([a-z]+)'\nskipReport = true\n\
    [[rules]]\nid = 'c'\nregex = 'c=([a-z]+)'\n[[rules.required]]\nid = 'b'\n";

#[test]
fn a_rule_defined_again_is_merged_as_gitleaks_does() {
    let own = "[extend]\npath = 'base.toml'\n[[rules]]\nid = 'a'\ndescription = 'own'\nregex = 'key=([a-z]+)'\n\
               keywords = ['key=']\ntags = ['y']\nseverity = 'high'\n[[rules.allowlists]]\nregexes = ['drop']\n\
               [[rules]]\nid = 'd'\nregex = 'd=([a-z]+)'\n";
    let compiled = compile(&[("own.toml", own), ("base.toml", BASE)]).unwrap();
    assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
    let rules = compiled.rules;
    assert_eq!(ids(&rules), ["a", "b", "c", "d"]);
    let merged = rules.rule(0);
    assert_eq!(merged.description, "own");
    assert_eq!(merged.regex.as_deref(), Some("key=([a-z]+)"));
    assert_eq!(merged.keywords, ["k=", "key="]);
    assert_eq!(merged.tags, ["x", "y"]);
    assert_eq!(merged.entropy, Some(1.0));
    assert_eq!(merged.action, crate::Action::Review);
    assert_eq!(merged.severity, crate::Severity::High);
    assert_eq!(merged.origin.to_string(), "own.toml:3");
    let found = |text: &str| scan(&rules, text).len();
    assert_eq!(found("key=abcd"), 1);
    assert_eq!(found("k=abcd"), 0);
    // The allowlists of both files, at the rule and at the top.
    assert_eq!(found("key=skip key=drop key=none d=none"), 0);
    assert_eq!(found("c=x"), 0);
    assert_eq!(found("c=x b=x"), 1);
}

#[test]
fn what_the_base_requires_stays_and_what_is_added_is_told() {
    let own = "[extend]\npath = 'base.toml'\n[[rules]]\nid = 'c'\nskipReport = true\n[[rules.required]]\nid = 'a'\n";
    let compiled = compile(&[("own.toml", own), ("base.toml", BASE)]).unwrap();
    let shown: Vec<_> = compiled.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "own.toml:3: rule c: \"required\" is not honoured in a rule that extends another",
            "own.toml:3: rule c: \"skipReport\" is not honoured in a rule that extends another",
        ]
    );
    assert_eq!(scan(&compiled.rules, "c=x b=x").len(), 1);
}

#[test]
fn rules_are_taken_out_and_defined_anew() {
    let own = "[extend]\npath = 'base.toml'\ndisabledRules = ['a', 'zz']\n[[rules]]\nid = 'a'\nregex = 'new=([a-z]+)'\n";
    let compiled = compile(&[("own.toml", own), ("base.toml", BASE)]).unwrap();
    assert_eq!(ids(&compiled.rules), ["b", "c", "a"]);
    assert!(compiled.rules.rule(2).keywords.is_empty());
    assert_eq!(
        compiled.warnings[0].to_string(),
        "own.toml:3: disabledRules: no earlier file defines a rule \"zz\""
    );
}

#[test]
fn filters_of_an_extending_file_stand_for_those_of_the_other() {
    let base = "filter = '''finding[\"secret\"] == \"base\"'''\nprefilter = '''attributes[\"path\"] == \"p\"'''\n\
                [[rules]]\nid = 'a'\nregex = 'k=([a-z]+)'\nfilter = '''finding[\"secret\"] == \"rule\"'''\n";
    let find = |own: &str, text: &str| {
        let own = format!("{own}\n[extend]\npath = 'base.toml'\n");
        let rules = compile(&[("own.toml", &own), ("base.toml", base)])
            .unwrap()
            .rules;
        scan(&rules, text).len()
    };
    assert_eq!(find("", "k=base k=rule k=own"), 1);
    assert_eq!(
        find(
            "filter = '''finding[\"secret\"] == \"own\"'''",
            "k=base k=rule k=own"
        ),
        1
    );
    assert_eq!(find("filter = 'false'", "k=base k=rule k=own"), 2);
}

#[test]
fn chains_are_bounded_and_not_circles() {
    let link = |to: &str| format!("[extend]\npath = '{to}'\n");
    let circle = [("a", &*link("b")), ("b", &*format!("{}# b\n", link("a")))];
    assert_eq!(
        compile(&circle).unwrap_err(),
        "b:2: extend.path a: the files extend each other in a circle"
    );
    assert_eq!(
        compile(&[("a", &link("a"))]).unwrap_err(),
        "a:2: extend.path a: the files extend each other in a circle"
    );
    assert_eq!(
        compile(&[("a", &link("b"))]).unwrap_err(),
        "a:2: extend.path b: there is none"
    );
    let texts: Vec<(String, String)> = (0..9)
        .map(|at| (at.to_string(), link(&(at + 1).to_string())))
        .collect();
    let mut files: Vec<(&str, &str)> = texts.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert!(compile(&files).unwrap_err().contains("more than 8 files"));
    files.truncate(7);
    files.push(("7", "[[rules]]\nid = 'deep'\nregex = 'x'\n"));
    let compiled = compile(&files).unwrap();
    assert_eq!(ids(&compiled.rules), ["deep"]);
    let error = RuleSet::compile(&[source("a", &link("b"))]).unwrap_err();
    assert!(error.to_string().contains("not looked for"), "{error}");
}

#[test]
fn a_rule_without_anything_needs_one_that_it_extends() {
    let rule = "[[rules]]\nid = 'zz'\ntags = ['x']\n";
    let error = compile(&[("own.toml", rule)]).unwrap_err();
    assert!(error.starts_with("own.toml:1: rule zz: \"regex\" or \"path\" must be given"));
    let own = format!("[extend]\npath = 'base.toml'\n{rule}");
    let error = compile(&[("own.toml", &own), ("base.toml", BASE)]).unwrap_err();
    assert!(error.starts_with("own.toml:3: rule zz: "), "{error}");
    // Side by side, files extend nothing.
    let sources = [
        source("base.toml", BASE),
        source("own.toml", "[[rules]]\nid = 'a'\n"),
    ];
    assert!(RuleSet::compile(&sources).is_err());
}

#[test]
fn target_rules_count_in_the_outermost_file() {
    let list = "[[allowlists]]\ntargetRules = ['c']\nregexes = ['x']\n";
    let own = format!("[extend]\npath = 'base.toml'\n{list}");
    let found = |files: &[(&str, &str)]| {
        let compiled = compile(files).unwrap();
        (
            scan(&compiled.rules, "c=x b=x").len(),
            compiled.warnings.len(),
        )
    };
    assert_eq!(found(&[("own.toml", &own), ("base.toml", BASE)]), (0, 0));
    let inner = format!("{BASE}{list}");
    let own = "[extend]\npath = 'base.toml'\n";
    assert_eq!(found(&[("own.toml", own), ("base.toml", &inner)]), (1, 1));
}

#[test]
fn the_default_are_the_rules_that_ship() {
    let own = "[extend]\nuseDefault = true\ndisabledRules = ['github-pat']\n[[rules]]\nid = 'own'\nregex = 'own=x'\n\
               [[allowlists]]\npaths = ['^tests/']\n";
    let compiled = RuleSet::compile(&[source("own.toml", own)]).unwrap();
    let shipped = RuleSet::compile(&builtin()).unwrap().rules;
    let id = shipped.rules()[0].id.clone();
    assert!(
        compiled.warnings[0]
            .to_string()
            .starts_with("own.toml:2: useDefault means the rules that ship")
    );
    let rules = compiled.rules;
    let count = shipped.rules().len() - usize::from(ids(&shipped).contains(&"github-pat"));
    assert_eq!(rules.rules().len(), count + 1);
    // Its allowlist is about them too, and counts as imported.
    let example = &shipped.rules()[0].examples[0];
    let text = crate::template::expand(example).unwrap();
    let found = scan(&rules, &text);
    let site = |path: &'static str| Site {
        path: Some(path.as_bytes()),
        commit: None,
    };
    let found = found.iter().find(|found| rules.rule(found.rule).id == id);
    let standing = |path| rules.standing(found.unwrap(), &site(path));
    assert_eq!(standing("tests/a"), BY_PATH);
    assert_eq!(standing("src/a"), Standing::Stands);
    // Named as well, before or behind, they are loaded once.
    let own = source("own.toml", own);
    for sources in [
        [builtin(), vec![own.clone()]].concat(),
        [vec![own.clone()], builtin()].concat(),
    ] {
        let both = RuleSet::compile(&sources).unwrap().rules;
        assert_eq!(both.rules().len(), rules.rules().len());
        assert_eq!(both.digest(), rules.digest());
    }
}

#[test]
fn a_rule_that_ships_is_changed_by_an_extending_file_alone() {
    let id = builtin_id();
    let change = format!("[[rules]]\nid = '{id}'\naction = 'note'\n");
    let extending = source(
        "own.toml",
        &format!("[extend]\nuseDefault = true\n{change}"),
    );
    let rules = RuleSet::compile(&[extending]).unwrap().rules;
    let rule = rules.rules().iter().find(|rule| rule.id == id).unwrap();
    assert_eq!(rule.action, crate::Action::Note);
    assert!(rule.regex.is_some() && !rule.examples.is_empty());
    let beside = [builtin(), vec![source("own.toml", &change)]].concat();
    assert!(RuleSet::compile(&beside).is_err());
}

fn builtin_id() -> String {
    RuleSet::compile(&builtin()).unwrap().rules.rules()[0]
        .id
        .clone()
}

#[test]
fn the_digest_covers_what_is_extended() {
    let own = "[extend]\npath = 'base.toml'\n";
    let digest = |base: &str| {
        let compiled = compile(&[("own.toml", own), ("base.toml", base)]).unwrap();
        compiled.rules.digest().to_owned()
    };
    assert_ne!(digest(BASE), digest(&format!("{BASE}#")));
}
