//! What commits say of people is judged in the same tiers as content, told in the same message and on the same record.

use super::{Scene, case_id};
use crate::harness::{Run, remote_lines};

/// A scene that asks for sign-offs in this way, and makes this of it.
fn scene(action: &str, more: &str) -> Scene {
    Scene::with(&format!(
        "{more}[identity]\nsign_off_action = \"{action}\"\n"
    ))
}

fn told(run: &Run) -> String {
    remote_lines(&run.stderr).join(" ")
}

/// A commit without a sign-off.
fn commit(scene: &Scene, path: &str) {
    scene
        .house
        .world
        .commit_file(&scene.work, path, "a\n", path);
}

#[test]
fn a_missing_sign_off_is_of_the_tier_of_its_action() {
    let held = scene("review", "");
    commit(&held, "a");
    // With a finding in content, of the same tier: one message, one case, one list.
    let marker = "/* COMPANY CONFIDENTIAL */\nint plan;\n";
    held.house
        .world
        .commit_file(&held.work, "plan.c", marker, "plan");
    let run = held.push(&[]);
    assert_eq!(run.status, 1, "{run}");
    let case = held.case(&case_id(&run));
    let findings = case["contents"]["findings"].as_array().unwrap();
    for (rule, part) in [
        ("sign-off-missing", "commit-message"),
        ("company-confidential", "file"),
    ] {
        assert!(
            told(&run).contains(&format!("(rule {rule})")),
            "{rule}: {run}"
        );
        let mut of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
        let finding = of_rule.next().unwrap_or_else(|| panic!("{rule}: {case}"));
        assert_eq!(finding["action"], "review", "{case}");
        assert_eq!(finding["part"], part, "{case}");
        let about: Vec<_> = ["severity", "confidence", "description"]
            .into_iter()
            .collect();
        assert!(about.iter().all(|key| finding[*key].is_string()), "{case}");
    }
    assert!(told(&run).contains("git rebase --signoff"), "{run}");
    assert_eq!(held.upstream(), "");

    // What stands in the way of one tier stands in the way of both.
    let blocked = scene("block", "");
    commit(&blocked, "a");
    let run = blocked.push(&[]);
    assert_eq!(run.status, 1, "{run}");
    assert!(told(&run).contains("(rule sign-off-missing)"), "{run}");
    assert!(
        told(&run).contains("held for review"),
        "block is held here: {run}"
    );

    let warned = scene("warn", "");
    commit(&warned, "a");
    let run = warned.push(&[]).ok();
    assert!(told(&run).contains("passed on, with warnings"), "{run}");
    assert!(told(&run).contains("(rule sign-off-missing)"), "{run}");

    let noted = scene("note", "");
    commit(&noted, "a");
    let run = noted.push(&[]).ok();
    assert!(!told(&run).contains("sign-off-missing"), "{run}");
    let world = &noted.house.world;
    let config = world.config();
    let list = ["audit", "list", "--format", "jsonl", "--config"];
    let records = world.exeat(&[&list[..], &[&config.to_string_lossy()]].concat());
    assert!(records.ok().stdout.contains("sign-off-missing"));
}
