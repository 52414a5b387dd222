//! `exeat user`, `group` and `token`: who is known, while no server runs and beside one.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{EXEAT, Options, Run, World, assert_refused, clean, run_program};

/// A data folder without a server.
struct Folder {
    _folder: tempfile::TempDir,
    data: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            data: folder.path().join("data"),
            _folder: folder,
        }
    }

    fn exeat(&self, words: &str) -> Run {
        run_program(&mut self.command(words))
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(EXEAT);
        clean(&mut command);
        command.args(words.split(' '));
        command.arg("--data").arg(&self.data);
        command
    }

    fn lines(&self, words: &str) -> Vec<Value> {
        json(&self.exeat(&format!("{words} --format jsonl")).ok().stdout)
    }

    /// How often a text stands in any of the files.
    fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(&self.data).unwrap();
        let mut contents = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        contents.any(|content| {
            let mut windows = content.windows(text.len());
            windows.any(|window| window == text.as_bytes())
        })
    }
}

fn json(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_first_operator_is_added_before_any_server_ran() {
    let folder = Folder::new();
    let added = folder
        .exeat("user add ada --role operator --mail ada@bank.example")
        .ok();
    assert!(added.stdout.starts_with("added ada (u-"), "{added}");
    assert_eq!(added.stderr, "");
    let made = folder
        .exeat("token create --user ada --scope admin --expires 12h")
        .ok();
    let token = made.stdout.strip_suffix('\n').unwrap();
    assert_eq!(token.len(), 42, "the token stands alone: {made}");
    assert!(token.starts_with("exeat_") && !token.contains(char::is_whitespace));
    assert!(
        made.stderr.contains("admin, until ") && !made.stderr.contains(token),
        "{made}"
    );
    assert!(!folder.holds(token), "the token is kept as it is");

    let listed = folder.lines("token list --user ada");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["owner"], "ada");
    assert_eq!(listed[0]["state"], "valid");
    assert_eq!(listed[0]["scopes"], serde_json::json!(["admin"]));
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    folder.exeat(&format!("token revoke {id}")).ok();
    assert_eq!(folder.lines("token list")[0]["state"], "revoked");

    folder.exeat("audit verify").ok();
    let records = folder.lines("audit list");
    let told: Vec<String> = records
        .iter()
        .map(|record| format!("{} {}", record["kind"], record["action"]).replace('"', ""))
        .collect();
    assert_eq!(told, ["person add", "token create", "token revoke"]);
    for record in &records {
        assert_eq!(record["payload"]["actor"]["kind"], "operator");
        let name = record["payload"]["actor"]["name"].as_str().unwrap();
        assert!(name.contains("uid "), "{name}");
    }
    assert_eq!(records[1]["after"], records[2]["before"]);
}

#[test]
fn people_and_groups_stand_as_they_were_ordered() {
    let folder = Folder::new();
    for words in [
        "user add ada --role developer --display Ada",
        "user add bob --mail bob@bank.example",
        "user role bob --add reviewer:github.com/org/* --add auditor",
        "user role bob --remove auditor",
        "user link bob --upstream github.com --account 583231 --login bobby",
        "user edit bob --add-mail b@bank.example --remove-mail bob@BANK.example",
        "group add core --about Core",
        "group join core ada bob",
        "group leave core ada",
        "user disable ada",
    ] {
        folder.exeat(words).ok();
    }
    let people = folder.lines("user list");
    assert_eq!(names(&people), ["ada", "bob"]);
    assert_eq!(people[0]["disabled"], true);
    let shown = &folder.lines("user show bob")[0];
    assert_eq!(
        shown["roles"],
        serde_json::json!(["reviewer:github.com/org/*"])
    );
    assert_eq!(shown["mails"], serde_json::json!(["b@bank.example"]));
    assert_eq!(shown["groups"], serde_json::json!(["core"]));
    assert_eq!(shown["accounts"][0]["id"], "583231");
    assert_eq!(
        folder.lines("group list core")[0]["members"],
        serde_json::json!(["bob"])
    );
    let text = folder.exeat("user show bob").ok().stdout;
    assert!(
        text.contains("account  583231 on github.com (bobby), linked 20"),
        "{text}"
    );
    let text = folder.exeat("user list").ok().stdout;
    assert!(
        text.contains("reviewer:github.com/org/*") && text.contains("disabled"),
        "{text}"
    );

    let again = folder.exeat("user disable ada").ok();
    assert_eq!(again.stdout, "ada is so already; nothing changed\n");
    let before = folder.lines("audit list --limit 100").len();
    folder.exeat("group remove core").ok();
    assert_eq!(folder.lines("audit list --limit 100").len(), before + 1);
    folder.exeat("audit verify").ok();
}

#[test]
fn orders_that_make_no_sense_are_explained() {
    let folder = Folder::new();
    folder.exeat("user add ada --role reviewer").ok();
    folder.exeat("user add bob").ok();
    folder
        .exeat("user link bob --upstream github.com --account 7")
        .ok();
    let before = folder.lines("audit list").len();
    for (words, expected) in [
        ("user add ada", "there is a person named \"ada\" already"),
        ("user add Ada", "\"Ada\" is no name: at most 64 of a-z"),
        (
            "user add eve --role admin",
            "there is no role \"admin\"; there are developer, reviewer",
        ),
        (
            "user add eve --role operator:github.com",
            "the role operator holds everywhere",
        ),
        ("user add eve --mail eve", "\"eve\" is no mail address"),
        ("user role ada", "--add"),
        ("user edit ada", "--display"),
        ("user show eve", "there is no person named \"eve\""),
        (
            "user link ada --upstream github.com --account 7",
            "7 on github.com belongs to bob",
        ),
        (
            "user link ada --upstream github.com --account octocat",
            "not its login",
        ),
        ("group join core ada", "there is no group named \"core\""),
        (
            "token create --user ada --scope root",
            "there is no scope \"root\"",
        ),
        (
            "token create --user ada --scope read --expires 2y",
            "\"2y\" is no lifetime",
        ),
        (
            "token create --user ada --scope read --expires 367d",
            "\"367d\" is no lifetime",
        ),
        (
            "token create --user ada --scope decide --service",
            "service tokens never decide",
        ),
        ("token create --user ada", "--scope"),
        (
            "token revoke t-0000000000",
            "there is no token with the id \"t-0000000000\"",
        ),
    ] {
        let run = folder.exeat(words);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(expected), "{run}");
    }
    assert_eq!(folder.lines("audit list").len(), before, "nothing was done");
    for (words, expected) in [
        (
            "user role ada --add operator",
            "note: an operator never decides",
        ),
        (
            "token create --user ada --scope decide",
            "no role of ada gives anything that the scope decide",
        ),
    ] {
        let run = folder.exeat(words).ok();
        assert!(run.stderr.contains(expected), "{run}");
    }
}

/// Whoever asked does not have it, so nobody is to.
#[test]
fn a_token_that_could_not_be_printed_is_revoked() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("skipped: this system has no /dev/full");
        return;
    }
    let folder = Folder::new();
    folder.exeat("user add ada").ok();
    let mut command = folder.command("token create --user ada --scope read");
    let out = OpenOptions::new().write(true).open(full).unwrap();
    let run = command.stdout(out).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert_eq!(folder.lines("token list")[0]["state"], "revoked");
}

#[test]
fn beside_a_server_people_are_listed_and_changed_by_it() {
    let mut world = World::start(Options::default());
    let config = world.config();
    let exeat = |world: &World, words: &str| {
        let place = ["--config", &config.to_string_lossy()].map(str::to_owned);
        let words: Vec<String> = words.split(' ').map(str::to_owned).chain(place).collect();
        world.exeat(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let listed = exeat(&world, "user list").ok().stdout;
    assert!(listed.starts_with("nobody is known yet"), "{listed}");
    let added = exeat(&world, "user add ada --role developer").ok();
    assert!(added.stdout.starts_with("added ada (u-"), "{added}");
    let wrong = exeat(&world, "user link ada --upstream github.com --account 7");
    assert!(
        wrong
            .stderr
            .contains("no upstream \"github.com\"; it has forge.test"),
        "{wrong}"
    );
    exeat(&world, "user link ada --upstream forge.test --account 7").ok();
    let made = exeat(&world, "token create --user ada --scope push").ok();
    let token = made.stdout.trim().to_owned();
    world.forbid(&token);

    // A server that was killed leaves its socket; where nobody answers, the command does it itself.
    world.server().kill();
    world.await_death();
    exeat(&world, "user edit ada --display Ada").ok();
    world.start_server();
    let shown = exeat(&world, "user show ada").ok().stdout;
    assert!(
        shown.contains("7 on forge.test") && shown.contains("display  Ada"),
        "{shown}"
    );

    // Like any other credential, it does not leave in a push.
    world.new_repository("org/people");
    let work = world.new_work("work");
    world.commit_file(
        &work,
        "setup.sh",
        format!("export EXEAT_TOKEN={token}\n"),
        "Set up",
    );
    let url = world.proxied_url("org/people");
    let run = world.git(&work, &["push", &url, "main"]);
    assert_refused(&run, "exeat-token", &token);
    world.stop_server();
    exeat(&world, "audit verify").ok();
}
