//! What commits say of people is judged in the same tiers as content, told in the same message and on the same record.

use super::{Scene, case_id};
use crate::harness::{Run, remote_lines};

/// One thing that is asked of commits.
struct Demand {
    key: &'static str,
    rule: &'static str,
    /// Where findings of it are.
    part: &'static str,
    /// What the developer is told to do about several commits.
    mended_by: &'static str,
}

const DEMANDS: [Demand; 4] = [
    Demand {
        key: "mail_domains_action",
        rule: "identity-mail-domain",
        part: "author",
        mended_by: "--exec 'git commit --amend --reset-author --no-edit'",
    },
    Demand {
        key: "not_pusher_action",
        rule: "identity-not-pusher",
        part: "author",
        mended_by: "git config user.email",
    },
    Demand {
        key: "sign_off_action",
        rule: "sign-off-missing",
        part: "commit-message",
        mended_by: "git rebase --signoff",
    },
    Demand {
        key: "signature_action",
        rule: "signature-missing",
        part: "commit-header",
        mended_by: "--exec 'git commit --amend --no-edit -S'",
    },
];

/// A scene that asks for everything, and makes this of what is missing.
fn scene(action: &str) -> Scene {
    let demands = DEMANDS.map(|demand| format!("{} = \"{action}\"\n", demand.key));
    let domains = "mail_domains = [\"bank.example\"]\n";
    Scene::with(&format!("[identity]\n{domains}{}", demands.concat()))
}

fn told(run: &Run) -> String {
    remote_lines(&run.stderr).join(" ")
}

/// A commit that meets no demand.
fn commit(scene: &Scene, path: &str) {
    scene
        .house
        .world
        .commit_file(&scene.work, path, "a\n", path);
}

#[track_caller]
fn assert_all_told(run: &Run) {
    for Demand { rule, .. } in DEMANDS {
        assert!(
            told(run).contains(&format!("(rule {rule})")),
            "{rule}: {run}"
        );
    }
}

#[test]
fn what_is_missing_for_review_is_one_case_with_what_content_brings() {
    let scene = scene("review");
    commit(&scene, "a");
    let marker = "/* COMPANY CONFIDENTIAL */\nint plan;\n";
    scene
        .house
        .world
        .commit_file(&scene.work, "plan.c", marker, "plan");
    let run = scene.push(&[]);
    assert_eq!(run.status, 1, "{run}");
    assert_all_told(&run);
    assert!(told(&run).contains("(rule company-confidential)"), "{run}");
    let case = scene.case(&case_id(&run));
    let findings = case["contents"]["findings"].as_array().unwrap();
    let of_demands = DEMANDS.map(|demand| (demand.rule, demand.part));
    for (rule, part) in of_demands
        .into_iter()
        .chain([("company-confidential", "file")])
    {
        let mut of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
        let finding = of_rule.next().unwrap_or_else(|| panic!("{rule}: {case}"));
        assert_eq!(finding["action"], "review", "{rule}: {case}");
        assert_eq!(finding["part"], part, "{rule}: {case}");
        for key in ["severity", "confidence", "description"] {
            assert!(finding[key].is_string(), "{rule}: {key}: {case}");
        }
    }
    for Demand {
        rule, mended_by, ..
    } in DEMANDS
    {
        assert!(told(&run).contains(mended_by), "{rule}: {run}");
    }
    assert_eq!(scene.upstream(), "");
}

/// What stands in the way of one tier stands in the way of both.
#[test]
fn what_is_missing_and_blocks_is_held_where_blocked_content_is() {
    let scene = scene("block");
    commit(&scene, "a");
    let run = scene.push(&[]);
    assert_eq!(run.status, 1, "{run}");
    assert_all_told(&run);
    assert!(told(&run).contains("held for review"), "{run}");
    let case = scene.case(&case_id(&run));
    let findings = case["contents"]["findings"].as_array().unwrap();
    for Demand { rule, .. } in DEMANDS {
        let is_blocked =
            |finding: &serde_json::Value| finding["rule"] == rule && finding["action"] == "block";
        assert!(findings.iter().any(is_blocked), "{rule}: {case}");
    }
}

#[test]
fn what_is_missing_and_warns_goes_with_words() {
    let scene = scene("warn");
    commit(&scene, "a");
    let run = scene.push(&[]).ok();
    assert!(told(&run).contains("passed on, with warnings"), "{run}");
    assert_all_told(&run);
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn what_is_missing_and_noted_is_on_record_alone() {
    let scene = scene("note");
    commit(&scene, "a");
    let run = scene.push(&[]).ok();
    let world = &scene.house.world;
    let config = world.config();
    let list = ["audit", "list", "--format", "jsonl", "--config"];
    let records = world.exeat(&[&list[..], &[&config.to_string_lossy()]].concat());
    let records = records.ok().stdout;
    for Demand { rule, .. } in DEMANDS {
        assert!(!told(&run).contains(rule), "{rule}: {run}");
        assert!(records.contains(rule), "{rule}: {records}");
    }
}
