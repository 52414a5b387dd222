//! What pusher and reviewers say to each other of a held push reaches the other side, and is on record.

use serde_json::{Value, json};

use super::wait::Waiting;
use super::{Scene, case_id, until};
use crate::harness::{github_token, remote_lines};

impl Scene {
    fn comment(&self, id: &str, words: &str) {
        let path = format!("/api/v1/reviews/{id}/comments");
        let (status, answer) = self
            .house
            .post(&path, &self.ann, &json!({ "words": words }));
        assert_eq!(status, 201, "{answer}");
    }

    fn comments(&self, id: &str) -> Vec<Value> {
        let path = format!("/api/v1/reviews/{id}/comments");
        let (status, answer) = self.house.get(&path, &self.ann);
        assert_eq!(status, 200, "{answer}");
        answer["comments"].as_array().unwrap().clone()
    }

    /// What a developer reads, blanks and line ends as one.
    fn told(&self, more: &[&str]) -> String {
        let run = self.push(more);
        remote_lines(&run.stderr).join(" ")
    }
}

#[test]
fn a_reason_may_come_with_the_same_push_again() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    assert!(scene.case(&id)["contents"]["reason"].is_null());
    let told = scene.told(&["-o", "exeat.reason=f\u{fc}r Tests"]);
    assert!(
        told.contains("Your reason is with the push now: its"),
        "{told}"
    );
    let case = scene.case(&id);
    assert_eq!(case["contents"]["reason"], "f\u{fc}r Tests");
    assert_eq!(case["revision"], 2);
    // Once more it changes nothing, another one is a comment, and one with a secret is not kept.
    let told = scene.told(&["-o", "exeat.reason=f\u{fc}r Tests"]);
    assert!(!told.contains("Your reason"), "{told}");
    let told = scene.told(&["-o", "exeat.reason=it is urgent"]);
    assert!(told.contains("as a comment"), "{told}");
    let secret = format!("exeat.reason=it is {}", github_token(9));
    let told = scene.told(&["-o", &secret]);
    assert!(told.contains("so it was not kept"), "{told}");
    let comments = scene.comments(&id);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert_eq!(
        (&comments[0]["by"], &comments[0]["words"]),
        (&json!("its pusher"), &json!("it is urgent"))
    );
    assert_eq!(scene.case(&id)["revision"], 2);
    scene.approve(&id);
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    scene.house.exeat("audit verify").ok();
}

#[test]
fn the_record_keeps_the_reason() {
    let scene = Scene::new();
    scene.commit(1);
    let held = scene.push(&["-o", "exeat.reason=nie g\u{fc}ltig gewesen"]);
    let id = case_id(&held);
    scene.told(&["-o", "exeat.reason=und eilig"]);
    let export = scene
        .house
        .exeat("audit list --limit 100 --format jsonl")
        .ok()
        .stdout;
    let of_case = |action: &str, words: &str| {
        let lines = export.lines().filter(|line| line.contains(&id));
        let mut lines = lines.filter(|line| line.contains(&format!("\"{action}\"")));
        assert!(lines.any(|line| line.contains(words)), "{action}: {export}");
    };
    of_case("hold", "nie g\u{fc}ltig gewesen");
    of_case("comment", "und eilig");
}

#[test]
fn what_reviewers_say_reaches_the_developer() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.comment(&id, "Wof\u{fc}r ist das?\nBitte sag es uns.");
    let told = scene.told(&[]);
    assert!(
        told.contains("ann wrote:   Wof\u{fc}r ist das?   Bitte sag es uns.")
            && told.contains(&format!("exeat review show {id}")),
        "{told}"
    );
    assert_eq!(
        scene.say(&id, &scene.ann, "approve", "for the test bed").0,
        200
    );
    let told = scene.told(&[]);
    assert!(
        told.contains("ann approved it:   for the test bed"),
        "{told}"
    );
    assert_eq!(scene.say(&id, &scene.ben, "approve", "gut so").0, 200);
    let told = scene.told(&[]);
    assert!(
        told.contains("ben approved it:   gut so") && told.contains("Approved as"),
        "{told}"
    );
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn who_waits_hears_it_at_once_and_is_told_nothing_else_to_do() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = Waiting::begin(&scene);
    let id = waiting.case();
    assert!(!waiting.told().contains("push again"), "{}", waiting.told());
    scene.comment(&id, "One moment.");
    until("it is told", || waiting.told().contains("One moment."));
    scene.approve(&id);
    assert!(waiting.succeeded());
}
