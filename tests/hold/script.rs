//! Words in any script: reviewers and developers read them as they were written, and nothing in them moves a terminal.

use serde_json::json;

use super::{Scene, case_id};
use crate::harness::{github_token, remote_lines};

#[test]
fn words_are_read_as_they_were_written() {
    let scene = Scene::new();
    let world = &scene.house.world;
    let line = format!(
        "schl\u{fc}ssel = \"{}\" # pr\u{fc}fen \u{202e}\n",
        github_token(7)
    );
    world.commit_file(
        &scene.work,
        "gr\u{fc}n.txt",
        line,
        "F\u{fc}ge Testschl\u{fc}ssel hinzu\n\n\u{6f22}\u{5b57} \u{2013} gut\u{202e}",
    );
    let held = scene.push(&[
        "-o",
        "exeat.reason=nur f\u{fc}r Pr\u{fc}fungen \u{2013} nie g\u{fc}ltig",
    ]);
    let told = remote_lines(&held.stderr).join("\n");
    assert!(told.contains("gr\u{fc}n.txt:1"), "{told}");
    let id = case_id(&held);
    let case = scene.case(&id);
    let contents = case["contents"].to_string();
    for words in [
        "F\u{fc}ge Testschl\u{fc}ssel hinzu",
        "\u{6f22}\u{5b57} \u{2013} gut\\\\xe2\\\\x80\\\\xae",
        "nur f\u{fc}r Pr\u{fc}fungen \u{2013} nie g\u{fc}ltig",
        "schl\u{fc}ssel = ",
        "pr\u{fc}fen \\\\xe2\\\\x80\\\\xae",
    ] {
        assert!(contents.contains(words), "{words}: {contents}");
    }
    let words = "Bitte zuerst l\u{f6}schen:\nden Schl\u{fc}ssel \u{202e}x\u{9}hier.";
    let said = json!({"verdict": "reject", "revision": case["revision"], "words": words});
    let path = format!("/api/v1/reviews/{id}/decisions");
    let (status, answer) = scene.house.post(&path, &scene.ann, &said);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["decisions"][0]["words"], words);
    let told = remote_lines(&scene.push(&[]).stderr).join("\n");
    assert!(
        told.contains("  Bitte zuerst l\u{f6}schen:\n  den Schl\u{fc}ssel \\xe2\\x80\\xaex"),
        "{told}"
    );
    assert!(!told.contains('\u{202e}'), "{told}");
}
