//! What policy files may say, and the exact words for what is refused.

use super::*;
use crate::config::Disposition;

fn text(text: &str) -> Text {
    Text {
        name: "policy.toml".into(),
        text: text.into(),
    }
}

fn loaded(source: &str) -> Result<(Rulebook, Vec<String>), Vec<String>> {
    let config = Config::defaults().unwrap();
    let told = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
    match read(&[text(source)], &config) {
        Ok((book, warnings)) => Ok((book, told(warnings))),
        Err(Error(problems)) => Err(told(problems)),
    }
}

#[track_caller]
fn refused(source: &str, expected: &[&str]) {
    let problems = loaded(source).unwrap_err();
    assert_eq!(problems, expected);
    assert!(problems.iter().all(|line| line.is_ascii()));
}

#[track_caller]
fn warned(source: &str, expected: &[&str]) {
    assert_eq!(loaded(source).unwrap().1, expected);
}

#[test]
fn a_rule_keeps_what_it_says_with_its_lines() {
    let source = "\
# The first line.
[[rule]]
name = \"vendored\"
upstream = [\"github.com\"]
repository = \"org/vendored-*\"
ref = [\"refs/heads/**\", \"refs/tags/v*\"]
group = \"platform\"
person = [\"ada\", \"b.c\"]
larger_than = 1_000
event = [\"new-tag\", \"forced-update\"]
do = \"review\"
block = \"hold\"
existing = \"warn\"
approvers = 2
reviewers = [\"legal\"]
four_eyes = false
message = \"Ask legal first.\"

[[rule]]
name = \"rest\"
note = \"warn\"
";
    let (book, warnings) = loaded(source).unwrap();
    assert_eq!(warnings, [""; 0]);
    let [first, second] = book.rules() else {
        panic!("{book:?}");
    };
    assert_eq!((&*first.name, first.line), ("vendored", 2));
    assert_eq!((&*second.name, second.line), ("rest", 19));
    let deed = first.then.deed.clone().unwrap();
    assert_eq!((deed.value, deed.line), (Deed::Review, 11));
    let block = first.then.tiers[Tier::Block as usize].clone().unwrap();
    assert_eq!((block.value, block.line), (Disposition::Hold, 12));
    assert_eq!(first.then.tiers[Tier::Review as usize], None);
    assert_eq!(first.then.approvers.clone().unwrap().value, 2);
    assert_eq!(first.then.reviewers.clone().unwrap().value, ["legal"]);
    assert!(!first.then.four_eyes.clone().unwrap().value);
    assert_eq!(first.when.larger_than, Some(1000));
    assert_eq!(
        first.when.event,
        Some(vec![Event::NewTag, Event::ForcedUpdate])
    );
    assert!(second.when.is_empty());
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    refused(
        "\
[[rule]]
nme = \"a\"
do = \"denny\"

[[rule]]
name = \"b c\"
ref = [
  \"refs/heads/x\",
  \"main\",
]
event = \"forced\"
larger_than = -1

[[rule]]
name = \"b\"
do = 3
approvers = 0
four_eyes = \"yes\"
reviewers = [\"Legal\"]
message = \"gr\u{fc}n\"
block = \"stop\"

[[rule]]
name = \"b\"
repository = [\"https://github.com/a/b\"]

[stray]
",
        &[
            "policy.toml:1: rule 1: name: missing; expected a name",
            "policy.toml:2: rule 1: nme: unknown key; did you mean \"name\"?",
            "policy.toml:3: rule 1: do: expected \"deny\", \"review\", \"scan\" or \"allow\", found \"denny\"; did you mean \"deny\"?",
            "policy.toml:5: rule 2: it says nothing: expected \"do\" or another key that decides",
            "policy.toml:6: rule 2: name: expected 1 to 64 letters, digits, \".\", \"_\" and \"-\", found \"b c\"",
            "policy.toml:9: rule 2: ref: expected a full ref name such as refs/heads/main, found \"main\"",
            "policy.toml:11: rule 2: event: expected \"first-push\", \"new-project\", \"forced-update\", \"new-tag\", \"new-branch\", \"delete\" or \"unscannable\", found \"forced\"",
            "policy.toml:12: rule 2: larger_than: expected a whole number from 0 to 9223372036854775807, found -1",
            "policy.toml:16: rule b: do: expected \"deny\", \"review\", \"scan\" or \"allow\", found 3",
            "policy.toml:17: rule b: approvers: expected a whole number from 1 to 10, found 0",
            "policy.toml:18: rule b: four_eyes: expected true or false, found \"yes\"",
            "policy.toml:19: rule b: reviewers: expected names of 1 to 64 lower-case letters, digits, \".\", \"_\" and \"-\", found \"Legal\"",
            "policy.toml:20: rule b: message: expected 1 to 300 characters of printable ASCII, found \"gr\\u{fc}n\"",
            "policy.toml:21: rule b: block: expected \"refuse\", \"hold\", \"warn\" or \"forward\", found \"stop\"",
            "policy.toml:23: rule b: it says nothing: expected \"do\" or another key that decides",
            "policy.toml:24: rule 4: name: \"b\" is the name of what stands at policy.toml:15",
            "policy.toml:25: rule b: repository: expected a repository such as org/repo, without server or leading slash, found \"https://github.com/a/b\"",
            "policy.toml:27: stray: unknown key; expected \"rule\", \"opaque\" or \"license\"",
        ],
    );
    refused(
        "[rule]\nname = \"x\"\n",
        &["policy.toml:1: rule: expected [[rule]], with two brackets, found a table"],
    );
    refused(
        "\n[[rule]\n",
        &["policy.toml:2: not TOML: unclosed array table, expected `]`"],
    );
}

#[test]
fn names_that_nobody_has_and_rules_that_never_decide_are_warned_about() {
    warned(
        "[[rule]]\nname = \"a\"\nupstream = \"gihub.com\"\ndo = \"deny\"\n",
        &[
            "policy.toml:3: rule a: upstream: there is no upstream \"gihub.com\"; did you mean \"github.com\"?",
        ],
    );
    warned(
        "[[rule]]\nname = \"a\"\ndo = \"allow\"\n",
        &["policy.toml:1: rule a: do: no finding in any push is stopped"],
    );
    let rules = |second: &str| {
        format!(
            "[[rule]]\nname = \"a\"\nref = \"refs/heads/*\"\ndo = \"scan\"\n\
             [[rule]]\nname = \"b\"\n{second}"
        )
    };
    let never = ["policy.toml:5: rule b: it never decides: before it does a"];
    warned(&rules("ref = \"refs/heads/main\"\ndo = \"deny\"\n"), &never);
    warned(
        &rules("ref = \"refs/heads/*\"\nevent = \"delete\"\ndo = \"deny\"\n"),
        &never,
    );
    // It still sets another key, or holds elsewhere.
    warned(
        &rules("ref = \"refs/heads/main\"\ndo = \"deny\"\nblock = \"hold\"\n"),
        &[],
    );
    warned(&rules("ref = \"refs/heads/a/b\"\ndo = \"deny\"\n"), &[]);
    warned(&rules("do = \"deny\"\n"), &[]);
}

#[test]
fn rules_of_all_files_are_in_order_and_their_number_is_bounded() {
    let config = Config::defaults().unwrap();
    let file = |names: std::ops::Range<usize>| {
        let rules = names.map(|at| format!("[[rule]]\nname = \"r{at}\"\nnote = \"warn\"\n"));
        text(&rules.collect::<String>())
    };
    let (book, _) = read(&[file(3..5), file(0..2)], &config).unwrap();
    let names: Vec<&str> = book.rules().iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["r3", "r4", "r0", "r1"]);
    assert!(read(&[file(0..MOST_RULES)], &config).is_ok());
    let over = read(&[file(0..MOST_RULES + 1)], &config).unwrap_err();
    assert_eq!(
        over.to_string(),
        "policy.toml:1501: there are more than 500 rules"
    );
    let twice = read(&[file(0..1), file(0..1)], &config).unwrap_err();
    assert!(twice.to_string().contains("at policy.toml:2"), "{twice}");
    let long = text(&"#".repeat(MOST_BYTES + 1));
    assert!(read(&[long], &config).is_err());
}

#[test]
fn the_digest_is_that_of_the_table_without_files_and_covers_them() {
    let config = Config::defaults().unwrap();
    let digest = |texts: &[Text]| read(texts, &config).unwrap().0.digest().to_owned();
    assert_eq!(digest(&[]), config.policy.digest());
    let one = text("[[rule]]\nname = \"a\"\nnote = \"warn\"\n");
    let other = text("[[rule]]\nname = \"a\"\nnote = \"hold\"\n");
    let both = [&one, &other].map(|one| digest(std::slice::from_ref(one)));
    assert_ne!(both[0], both[1]);
    assert_ne!(digest(&[]), digest(&[text("")]));
    let renamed = Text {
        name: "elsewhere.toml".into(),
        ..one
    };
    assert_eq!(digest(&[renamed]), both[0]);
}

#[test]
fn what_may_go_unread_says_where_and_what() {
    let source = "\
[[opaque]]
name = \"vectors\"
upstream = \"github.com\"
repository = \"org/vectors\"
path = [\"tests/**\", \"*.bin\"]
kind = [\"encrypted\", \"unknown\"]
up_to = 1_000
";
    let (book, warnings) = loaded(source).unwrap();
    assert_eq!(warnings, [""; 0]);
    let [one] = book.allowances.as_slice() else {
        panic!("{book:?}");
    };
    assert_eq!(
        (&*one.name, one.line, one.up_to),
        ("vectors", 1, Some(1000))
    );
    refused(
        "[[opaque]]\nname = \"a\"\nkind = \"secret\"\nsize = 1\n",
        &[
            "policy.toml:1: opaque a: path: missing; expected paths such as tests/data/**, or ** for all",
            "policy.toml:3: opaque a: kind: expected \"encrypted\", \"unknown\", \"unsupported\" or \"damaged\", found \"secret\"",
            "policy.toml:4: opaque a: size: unknown key; expected \"name\", \"upstream\", \"repository\", \"path\", \"kind\" or \"up_to\"",
        ],
    );
    refused(
        "[[opaque]]\nname = \"a\"\npath = \"/tests/\"\n",
        &[
            "policy.toml:3: opaque a: path: expected a path as in tests/data/**, with / between folders and none at its ends, found \"/tests/\"",
        ],
    );
    let config = Config::defaults().unwrap();
    let draft =
        text("[[rule]]\nname=\"r\"\ndo=\"scan\"\n[[opaque]]\nname = \"a\"\npath = \"**\"\n");
    let Error(problems) = read_with(&[draft], &[], &config).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "policy.toml:4: opaque a: a draft cannot let content go unread; it belongs into a policy file"
    );
}
