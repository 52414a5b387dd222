//! What the commands print, word for word.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const POLICY: &str = "\
[[rule]]
name = \"releases\"
ref = \"refs/heads/release/*\"
do = \"review\"
approvers = 2
reviewers = [\"release-team\"]
message = \"Ask the release team.\"

[[rule]]
name = \"sandbox\"
repository = \"lab/*\"
block = \"warn\"

[[rule]]
name = \"strangers\"
event = \"first-push\"
do = \"review\"
";

/// In a folder with these policy files.
fn told_by(policy: &str, words: &[&str]) -> anyhow::Result<(String, u8)> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("exeat.toml");
    std::fs::write(&config, "[policy]\nfiles = [\"policy.toml\"]\n")?;
    std::fs::write(folder.path().join("policy.toml"), policy)?;
    let config = config.display().to_string();
    let words = [&["policy"], words, &["--config", &config]].concat();
    let command = Line::try_parse_from(words)?.args.command;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let (text, code) = runtime.enable_all().build()?.block_on(told(command))?;
    let folder = format!("{}/", folder.path().display());
    Ok((text.replace(&folder, ""), code))
}

fn explained_by(words: &[&str]) -> String {
    let base = [
        "explain",
        "--upstream",
        "github.com",
        "--no-event",
        "first-push",
    ];
    let base = match words.contains(&"first-push") {
        true => &base[..3],
        false => &base[..],
    };
    told_by(POLICY, &[base, words].concat()).unwrap().0
}

#[test]
fn check_says_all_that_is_wrong_and_what_never_decides() {
    let (text, code) = told_by(POLICY, &["check"]).unwrap();
    assert!(
        text.starts_with("policy OK: 3 rules in 1 file, digest "),
        "{text}"
    );
    assert_eq!(code, 0);
    let wrong = "[[rule]]\nname = \"a\"\ndo = \"denny\"\n[[rule]]\nnam = \"b\"\ndo = \"deny\"\n";
    let (text, code) = told_by(wrong, &["check"]).unwrap();
    assert_eq!((text.lines().count(), code), (3, 1), "{text}");
    assert!(text.contains("policy.toml:5: rule 2: nam: unknown key; did you mean \"name\"?"));
    let twice = "[[rule]]\nname = \"a\"\ndo = \"scan\"\n[[rule]]\nname = \"b\"\ndo = \"deny\"\n";
    let (text, code) = told_by(twice, &["check"]).unwrap();
    assert!(
        text.starts_with(
            "warning: policy.toml:4: rule b: it never decides: before it does a\npolicy OK: 2"
        ),
        "{text}"
    );
    assert_eq!(code, 0);
    assert!(told_by("", &["check", "absent.toml"]).is_err());
}

#[test]
fn explain_says_what_is_asked_of_licences() {
    let policy = "[[license]]\nname = \"lab\"\nrepository = \"lab/*\"\naccept = [\"MIT\", \"Apache-2.0\"]\nheaders = \"warn\"\n\
        [[license]]\nname = \"rest\"\ndeny_dependencies = \"GPL-3.0-only\"\n";
    let told = |repository: &str, format: &str| {
        let words = [
            "explain",
            "--upstream",
            "github.com",
            "--repo",
            repository,
            "--ref",
            "refs/heads/main",
            "--format",
            format,
        ];
        told_by(policy, &words).unwrap().0
    };
    let text = told("lab/one", "text");
    assert!(
        text.ends_with(
            "accept       MIT, Apache-2.0 license lab, policy.toml:1\nheaders      warn       license lab, policy.toml:1\n"
        ),
        "{text}"
    );
    let text = told("org/app", "text");
    assert!(
        text.ends_with("deny_dependencies GPL-3.0-only license rest, policy.toml:6\n"),
        "{text}"
    );
    let json = told("lab/one.wiki", "json");
    assert!(
        json.contains(r#""license":"lab","file":"policy.toml","line":1,"says":[["accept","MIT, Apache-2.0"],["headers","warn"]]"#)
            && json.contains(r#""license":"rest""#),
        "{json}"
    );
}

#[test]
fn explain_names_the_line_that_decides_each_key() {
    let text = explained_by(&[
        "--repo",
        "Lab/One.git",
        "--ref",
        "refs/heads/release/1",
        "--finding",
        "block",
    ]);
    assert_eq!(
        text,
        "\
verdict      hold
do           review     rule releases, policy.toml:4
block        warn       rule sandbox, policy.toml:12
review       hold       [policy]
warn         warn       [policy]
note         forward    [policy]
unscannable  hold       [policy]
opaque       hold       [policy]
existing     forward    [policy]
approvers    3          rule releases, policy.toml:5, and one more for a stranger
four_eyes    true       default
reviewers    release-team rule releases, policy.toml:6, and two of them for a stranger
message      \"Ask the release team.\" rule releases, policy.toml:7
"
    );
    let known = [
        "--user",
        "ada",
        "--repo",
        "org/app",
        "--ref",
        "refs/heads/release/1",
    ];
    let text = explained_by(&known);
    assert!(
        text.contains("approvers    2          rule releases, policy.toml:5\n"),
        "{text}"
    );
    let text = explained_by(&["--repo", "org/app", "--ref", "refs/heads/main"]);
    assert!(
        text.starts_with("verdict      forward\ndo           scan       default\n"),
        "{text}"
    );
    let first = [
        "--repo",
        "org/app",
        "--ref",
        "refs/heads/main",
        "--event",
        "first-push",
    ];
    let text = explained_by(&first);
    assert!(
        text.contains("do           review     rule strangers, policy.toml:17"),
        "{text}"
    );
    let json = explained_by(&[&first[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "hold");
    assert_eq!(json["keys"][0]["rule"], "strangers");
    assert_eq!(json["keys"][0]["line"], 17);
}

#[test]
fn explain_says_what_is_refused_before_the_pack() {
    let deny = "[[rule]]\nname = \"no\"\nref = \"refs/tags/**\"\ndo = \"deny\"\n";
    let words = [
        "explain",
        "--upstream",
        "github.com",
        "--repo",
        "a/b",
        "--ref",
    ];
    let told = |reference: &str| {
        told_by(deny, &[&words[..], &[reference]].concat())
            .unwrap()
            .0
    };
    assert!(told("refs/tags/v1").starts_with("verdict      refuse, before the pack is read\n"));
    assert!(told("refs/heads/v1").starts_with("verdict      forward\n"));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let wrong = |words: &[&str]| {
        let base = ["explain", "--upstream", "github.com", "--repo", "a/b"];
        told_by("", &[&base, words].concat())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(wrong(&["--ref", "main"]), "--ref: main");
    assert!(wrong(&["--ref", "refs/heads/x", "--old", "12"]).contains("40 or 64"));
    let both = [
        "--ref",
        "refs/heads/x",
        "--event",
        "delete",
        "--event",
        "new-branch",
    ];
    assert!(wrong(&both).contains("only one"));
    let other = ["--ref", "refs/heads/x", "--event", "new-tag"];
    assert!(wrong(&other).contains("refs/tags/"));
    let base = [
        "explain",
        "--upstream",
        "gihub.com",
        "--repo",
        "a/b",
        "--ref",
        "refs/heads/x",
    ];
    let error = told_by("", &base).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no upstream gihub.com; did you mean github.com?"
    );
}

#[test]
fn the_upstream_is_the_one_that_a_url_means() {
    let explained = |repo: &str| {
        let words = ["explain", "--repo", repo, "--ref", "refs/heads/x"];
        told_by(
            "[[rule]]\nname = \"lab\"\nupstream = \"gitlab.com\"\nrepository = \"lab/*\"\ndo = \"deny\"\n",
            &words,
        )
    };
    for url in [
        "https://gitlab.com/lab/one.git",
        "git@gitlab.com:lab/one.git",
        "ssh://git@gitlab.com:22/lab/one",
        "https://exeat.example:8443/gitlab.com/lab/one",
        "gitlab.com/lab/one",
    ] {
        let text = explained(url).unwrap().0;
        assert!(text.starts_with("verdict      refuse"), "{url}: {text}");
    }
    let text = explained("https://github.com/lab/one").unwrap().0;
    assert!(text.starts_with("verdict      forward"), "{text}");
    let error = explained("https://elsewhere.example/lab/one").unwrap_err();
    assert!(
        error.to_string().contains("the URL of no upstream"),
        "{error}"
    );
    let error = explained("lab/one").unwrap_err();
    assert!(error.to_string().contains("which upstream?"), "{error}");
}

#[tokio::test]
async fn groups_are_those_that_the_data_folder_knows() {
    let folder = tempfile::tempdir().unwrap();
    let named = ["nowhere".to_owned()];
    let who = Who::of("ada", &named, folder.path()).await;
    assert_eq!(who.groups, named);
    assert!(
        who.warnings[0].contains("cannot be asked"),
        "{:?}",
        who.warnings
    );
    let store = crate::store::Store::open(folder.path()).await.unwrap();
    let audit = crate::audit::Audit::open(store.clone()).await.unwrap();
    let people = crate::people::People::new(&store, &audit);
    let actor = crate::audit::Actor::system();
    let ada = crate::people::NewPerson {
        name: "ada".into(),
        ..Default::default()
    };
    people.add_person(&ada, &actor).await.unwrap();
    people.add_group("staff", None, &actor).await.unwrap();
    people.join("staff", "ada", &actor).await.unwrap();
    let who = Who::of("ada", &named, folder.path()).await;
    assert_eq!(who.groups, ["nowhere", "staff"]);
    assert_eq!(who.warnings, ["there is no group nowhere"]);
    let who = Who::of("adda", &[], folder.path()).await;
    assert!(who.warnings[0].starts_with("nobody is called adda here"));
    audit.close().await;
    store.close().await;
}
