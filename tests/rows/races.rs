//! Row 42: pushes at the same time, tried again, and judged while the rules change.

use std::thread::{self, ScopedJoinHandle};

use crate::faults::{await_until, metric, records};
use crate::harness::{Gate, Run, assert_refused, github_token};
use crate::hold::{self, case_id};

use super::Scene;

const RULE: &str = "github-pat-classic";

/// A rule that forbids a word of no meaning.
const OURS: &str = "title = \"ours\"\n[[rules]]\nid = \"no-quixotic\"\ndescription = \"the word\"\n\
                    regex = '''quixotic'''\nkeywords = [\"quixotic\"]\nexamples = [\"quixotic\"]\n";

impl Scene {
    /// A branch on top of main with one more file.
    fn branch(&self, name: &str, content: &str) {
        let checkout = ["checkout", "-q", "-b", name, "main"];
        self.world.git(&self.work, &checkout).ok();
        self.world
            .commit_file(&self.work, name, content, "Add a file");
    }

    fn push(&self, refs: &str) -> Run {
        let url = self.world.proxied_url("one");
        self.world.git(&self.work, &["push", &url, refs])
    }

    /// What a ref of the upstream stands at; empty where there is none.
    fn upstream_ref(&self, name: &str) -> String {
        let path = self.world.upstream_path("one");
        let git = self.world.default_git();
        git.plain(&path, &["for-each-ref", "--format=%(objectname)", name])
            .trim()
            .to_owned()
    }

    fn id_of(&self, revision: &str) -> String {
        self.world.default_git().id(&self.work, revision)
    }

    fn reload(&self, add: &str) {
        let config = std::fs::read_to_string(self.world.config()).unwrap();
        std::fs::write(self.world.config().with_file_name("ours.toml"), OURS).unwrap();
        std::fs::write(self.world.config(), config + add).unwrap();
        let count = || metric(&self.world, "exeat_reloads_total{result=\"ok\"}");
        let before = count();
        self.world.server().hang_up();
        await_until("it is not reloaded", || count() > before);
    }
}

fn joined(handle: ScopedJoinHandle<'_, Run>) -> Run {
    handle.join().expect("git ran")
}

#[test]
fn row_42_of_two_pushes_to_one_ref_each_is_judged_by_what_it_brings() {
    let mut scene = Scene::new();
    let token = github_token(4201);
    scene.world.forbid(&token);
    scene.branch("clean", "nothing in it\n");
    scene.branch("secret", &format!("token = \"{token}\"\n"));
    // The clean one has its verdict when the other comes, goes through its own and ends.
    let Some(gate) = Gate::shut(&mut scene.world, "decision-written", 1) else {
        return;
    };
    thread::scope(|scope| {
        let clean = scope.spawn(|| scene.push("clean:refs/heads/x"));
        gate.await_reached();
        assert_refused(&scene.push("secret:refs/heads/x"), RULE, &token);
        assert_eq!(scene.upstream_ref("refs/heads/x"), "");
        gate.open();
        joined(clean).ok();
    });
    assert_eq!(scene.upstream_ref("refs/heads/x"), scene.id_of("clean"));
    // The other way round.
    let Some(gate) = Gate::shut(&mut scene.world, "judged", 1) else {
        return;
    };
    thread::scope(|scope| {
        let secret = scope.spawn(|| scene.push("secret:refs/heads/y"));
        gate.await_reached();
        scene.push("main:refs/heads/y").ok();
        gate.open();
        assert_refused(&joined(secret), RULE, &token);
    });
    assert_eq!(scene.upstream_ref("refs/heads/y"), scene.id_of("main"));
    assert_eq!(scene.world.witness.pushes().len(), 2);
}

#[test]
fn row_42_a_push_goes_by_the_rules_it_was_inspected_under_and_no_verdict_is_kept() {
    let mut scene = Scene::new();
    scene.branch("word", "a quixotic word\n");
    let Some(gate) = Gate::shut(&mut scene.world, "before-connect", 1) else {
        return;
    };
    thread::scope(|scope| {
        let push = scope.spawn(|| scene.push("word:refs/heads/before"));
        gate.await_reached();
        scene.reload("[rules]\nfiles = [\"builtin\", \"ours.toml\"]\n");
        gate.open();
        joined(push).ok();
    });
    // The same push to where nothing of it is.
    scene.world.new_repository("two");
    let url = scene.world.proxied_url("two");
    let again = ["push", &url, "word:refs/heads/before"];
    let run = scene.world.git(&scene.work, &again);
    assert_refused(&run, "no-quixotic", "there is none");
    // And with the rule taken back, it goes: neither verdict was kept.
    let config = std::fs::read_to_string(scene.world.config()).unwrap();
    let without = config.replace(", \"ours.toml\"", "");
    std::fs::write(scene.world.config(), without).unwrap();
    scene.reload("");
    scene.world.git(&scene.work, &again).ok();
    let records = records(&scene.world);
    let decisions = records.iter().filter(|record| record["kind"] == "decision");
    let seen: Vec<_> = decisions
        .map(|one| {
            (
                one["verdict"].to_string(),
                one["digests"]["rules"].to_string(),
            )
        })
        .collect();
    let [first, second, third] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        [&*first.0, &*second.0, &*third.0],
        ["\"forward\"", "\"refuse\"", "\"forward\""]
    );
    assert_eq!(first.1, third.1);
    assert_ne!(first.1, second.1);
}

#[test]
fn row_42_nobody_can_change_what_was_inspected() {
    let mut scene = Scene::new();
    scene.branch("clean", "nothing in it\n");
    let Some(gate) = Gate::shut(&mut scene.world, "before-connect", 1) else {
        return;
    };
    let spool = scene.world.data().join("spool");
    thread::scope(|scope| {
        let push = scope.spawn(|| scene.push("clean:refs/heads/x"));
        gate.await_reached();
        // The spool of a push has no name by which it could be opened.
        assert!(metric(&scene.world, "exeat_spool_bytes") > 0);
        let entries = std::fs::read_dir(&spool).expect("the folder of the spool");
        assert_eq!(entries.count(), 0);
        gate.open();
        joined(push).ok();
    });
    assert_eq!(scene.upstream_ref("refs/heads/x"), scene.id_of("clean"));
}

#[test]
fn row_42_an_approval_is_used_once_by_pushes_at_the_same_time() {
    let mut scene = hold::Scene::new();
    scene.commit(4211);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    let Some(gate) = Gate::shut(&mut scene.house.world, "before-connect", 1) else {
        return;
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| scene.push(&[]));
        gate.await_reached();
        // The same push while the other is about to be sent, and a reviewer who is late.
        let second = scene.push(&[]);
        assert_ne!(second.status, 0, "{second}");
        assert!(second.stderr.contains("on its way already"), "{second}");
        let (status, answer) = scene.say(&id, &scene.ann, "reject", "too late");
        assert!(status >= 400, "{answer}");
        gate.open();
        joined(first).ok();
    });
    assert_eq!(scene.upstream(), scene.head());
    assert_eq!(scene.case(&id)["state"], "sent");
    assert_eq!(scene.house.world.witness.pushes().len(), 1);
}

#[test]
fn row_42_the_same_push_at_the_same_time_is_held_once() {
    let mut scene = hold::Scene::new();
    scene.commit(4212);
    let Some(gate) = Gate::shut(&mut scene.house.world, "quarantine-written", 1) else {
        return;
    };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| scene.push(&[]));
        gate.await_reached();
        // It waits for the case that the other is about to open.
        let second = scope.spawn(|| scene.push(&[]));
        let waits = || scene.house.world.server().log().contains("waits for it");
        await_until("the second does not come", || {
            second.is_finished() || waits()
        });
        gate.open();
        (joined(first), joined(second))
    });
    assert_eq!((first.status, second.status), (1, 1), "{first}{second}");
    let id = case_id(&second);
    assert!(first.stderr.contains(&id), "{first}");
    assert_eq!(scene.kept(), [format!("{id}.pack")]);
    // Both are on record with the case that there is.
    let records = scene.house.exeat("audit list --format jsonl").ok().stdout;
    let held = records
        .lines()
        .filter(|line| line.contains("\"verdict\":\"hold\""));
    let held: Vec<&str> = held.collect();
    assert_eq!(held.len(), 2, "{records}");
    for line in held {
        let case = format!("\"subject\":\"{id}\"");
        assert!(line.contains(&case), "{case}: {line}");
    }
    scene.approve(&id);
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn row_42_rules_that_come_after_an_approval_are_heeded() {
    let scene = hold::Scene::new();
    let world = &scene.house.world;
    world.commit_file(&scene.work, "word", "a quixotic word\n", "Add a word");
    scene.commit(4213);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    std::fs::write(world.config().with_file_name("ours.toml"), OURS).unwrap();
    let config = std::fs::read_to_string(world.config()).unwrap();
    let rules = "[rules]\nfiles = [\"builtin\", \"ours.toml\"]\n";
    std::fs::write(world.config(), config + rules).unwrap();
    let count = || metric(world, "exeat_reloads_total{result=\"ok\"}");
    let before = count();
    world.server().hang_up();
    await_until("it is not reloaded", || count() > before);
    let again = scene.push(&[]);
    assert_eq!(again.status, 1, "{again}");
    assert!(world.witness.pushes().is_empty());
    let case = scene.case(&id);
    assert_eq!(case["state"], "open", "{case}");
    scene.approve(&id);
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}
