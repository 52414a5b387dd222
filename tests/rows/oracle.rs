//! Row 41: who is told what stops a push, again and again, learns the rules.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::faults::{await_until, metric, records};
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, Run, World, github_token, prose, remote_lines};
use crate::hold;

/// Pushes to `held` wait, those to `denied` are denied, and two stops are told.
const POLICY: &str = "[[rule]]\nname = \"look-at-it\"\nref = \"refs/heads/held\"\ndo = \"review\"\n\
                      [[rule]]\nname = \"not-there\"\nref = \"refs/heads/denied\"\ndo = \"deny\"\n\
                      message = \"Go elsewhere.\"\n";

struct Scene {
    world: World,
    work: PathBuf,
}

impl Scene {
    fn new(quiet: &str) -> Self {
        let mut world = World::start(Options::default());
        world.stop_server();
        let config = std::fs::read_to_string(world.config()).unwrap();
        let config = format!("{config}[policy]\nfiles = [\"policy.toml\"]\n{quiet}\n");
        std::fs::write(world.config().with_file_name("policy.toml"), POLICY).unwrap();
        std::fs::write(world.config(), config).unwrap();
        world.start_server();
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "book", prose(41, 20), "Begin");
        let work = Self { world, work };
        work.branch("secret", &[("dev.env", github_token(4101))]);
        work.branch(
            "secrets",
            &[
                ("a/b.env", github_token(4102)),
                ("c.txt", format!("{}\n{}", prose(1, 9), github_token(4103))),
            ],
        );
        work
    }

    /// A branch on top of main with these files.
    fn branch(&self, name: &str, files: &[(&str, String)]) {
        let checkout = ["checkout", "-q", "-b", name, "main"];
        self.world.git(&self.work, &checkout).ok();
        for (path, content) in files {
            self.world.commit_file(&self.work, path, content, "Add it");
        }
    }

    /// Pushes in the name of `user`.
    fn push(&self, user: &str, refs: &str) -> Run {
        let password = canaries::credential(user, Reach::Forge);
        let credential = BASE64.encode(format!("{user}:{password}"));
        let header = format!("http.extraHeader=Authorization: Basic {credential}");
        let url = self.world.proxied_url("one");
        self.world
            .git(&self.work, &["-c", &header, "push", &url, refs])
    }

    fn reload(&self) {
        let count = || metric(&self.world, "exeat_reloads_total{result=\"ok\"}");
        let before = count();
        self.world.server().hang_up();
        await_until("it is not reloaded", || count() > before);
    }

    fn quiet_answers(&self) -> u64 {
        metric(&self.world, "exeat_quiet_answers_total")
    }
}

/// All that a stopped push says, but its id and the names of its own refs.
fn said(run: &Run) -> (String, Vec<String>) {
    assert_ne!(run.status, 0, "{run}");
    let text = remote_lines(&run.stderr).join("\n");
    let id = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|word| word.starts_with("P-"))
        .unwrap_or_else(|| panic!("no push id: {run}"))
        .to_owned();
    let reasons = run
        .stderr
        .lines()
        .filter(|line| line.contains("[remote rejected]") || line.contains("unpack"));
    let reasons = reasons.map(|line| match line.rsplit_once('(') {
        Some((_, reason)) => reason.replace(&id, "ID"),
        None => line.replace(&id, "ID"),
    });
    (text.replace(&id, "ID"), reasons.collect())
}

#[test]
fn row_41_after_repeated_stops_an_answer_tells_no_rules() {
    let scene = Scene::new("quiet_after = 2");
    let (first, reasons) = said(&scene.push("mallory", "secret:x"));
    assert!(
        first.contains("dev.env:1") && first.contains("github"),
        "{first}"
    );
    assert!(reasons.concat().contains("1 finding"), "{reasons:?}");
    // A held push is a stop, and one that goes takes nothing back.
    let (second, _) = said(&scene.push("mallory", "main:held"));
    assert!(second.contains("look-at-it"), "{second}");
    scene.push("mallory", "main:one").ok();
    assert_eq!(scene.quiet_answers(), 0);
    // Whatever stops it now, the answer is the same.
    let quiet = said(&scene.push("mallory", "secret:x"));
    for word in ["dev.env", "rule", "finding", "ghp", "1 ref"] {
        assert!(!quiet.0.contains(word), "{word}: {}", quiet.0);
    }
    assert!(quiet.0.contains("Nothing left the company"), "{}", quiet.0);
    assert!(quiet.0.contains("security team"), "{}", quiet.0);
    scene.reload();
    for refs in [
        "secrets:x",
        "main:held",
        "main:denied",
        "secret:refs/tags/y",
    ] {
        assert_eq!(said(&scene.push("mallory", refs)), quiet, "{refs}");
    }
    assert_eq!(scene.quiet_answers(), 5);
    // Others are told all the same.
    let (other, _) = said(&scene.push("trent", "secrets:x"));
    assert!(
        other.contains("a/b.env:1") && other.contains("c.txt:11"),
        "{other}"
    );
    scene.push("mallory", "main:two").ok();
    // The record has everything of every push.
    let records = records(&scene.world);
    let of_kind = |kind: &str| {
        let of_it = records.iter().filter(|record| record["kind"] == kind);
        of_it.collect::<Vec<_>>()
    };
    let decisions = of_kind("decision");
    let stopped = decisions.iter().filter(|one| one["verdict"] != "forward");
    let causes: Vec<_> = stopped.map(|one| one["reasons"].to_string()).collect();
    assert_eq!(causes.len(), 8);
    assert!(causes[3].contains("github"), "{}", causes[3]);
    assert!(causes[4].contains("look-at-it"), "{}", causes[4]);
    assert!(causes[5].contains("not-there"), "{}", causes[5]);
    let outcomes = of_kind("outcome")
        .iter()
        .map(|one| one.to_string())
        .collect::<String>();
    assert!(outcomes.contains("2 findings"), "{outcomes}");
}

#[test]
fn row_41_all_stops_are_told_where_it_is_asked_for() {
    let scene = Scene::new("quiet_after = 0");
    for _ in 0..4 {
        let (told, _) = said(&scene.push("ada", "secret:x"));
        assert!(told.contains("dev.env:1"), "{told}");
    }
    assert_eq!(scene.quiet_answers(), 0);
}

#[test]
fn row_41_a_push_that_is_held_tells_no_more_and_does_not_wait() {
    let mut scene = hold::Scene::new();
    scene.house.world.stop_server();
    let quiet = [("EXEAT__POLICY__QUIET_AFTER", "1")];
    scene.house.world.set_variables(&quiet);
    scene.house.world.start_server();
    scene.commit(4111);
    let (first, _) = said(&scene.push(&[]));
    assert!(first.contains("file-4111.txt:1"), "{first}");
    scene.commit(4112);
    let held = scene.push(&["-o", "exeat.wait"]);
    let (told, reasons) = said(&held);
    assert!(
        told.contains("Several of your pushes were stopped lately"),
        "{told}"
    );
    assert!(
        !told.contains("review:") && !told.contains("approval"),
        "{told}"
    );
    assert!(reasons.concat().contains("stopped, ID"), "{reasons:?}");
    // It waits all the same, and who pushes it again may know.
    hold::until("the one before it makes way", || scene.kept().len() == 1);
    let again = scene.push(&[]);
    assert!(again.stderr.contains("held for review still"), "{again}");
    let records = records(&scene.house.world);
    let notes: String = records.iter().map(|record| record.to_string()).collect();
    assert!(notes.contains("held for review: 2 findings"), "{notes}");
}
