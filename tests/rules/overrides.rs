//! Values that the configuration sets instead of the rule's file: the same for every command and for the proxy.

use serde_json::Value;

use super::{HOUSE, folder, rules};
use crate::harness::{EXEAT, run_program};

const CONFIG: &str = "[rules]\nfiles = [\"builtin\", \"house.toml\"]\n[data]\ndirectory = \"d\"\n";
const OVERRIDE: &str = "[rules.override.\"house-key\"]\naction = \"note\"\nseverity = \"low\"\n";

fn exeat(folder: &std::path::Path, arguments: &[&str]) -> crate::harness::Run {
    let mut command = std::process::Command::new(EXEAT);
    let home = std::env::var_os("PATH").unwrap();
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", home)
        .env("HOME", folder);
    run_program(&mut command)
}

#[test]
fn list_explain_and_scan_honour_them_and_say_what_the_file_says() {
    let text = format!("{CONFIG}{OVERRIDE}");
    let secret = format!("key = \"house_{}\"\n", "8k2m4n6p0q3r");
    let files = [
        ("house.toml", HOUSE),
        ("exeat.toml", &text),
        ("plain.toml", CONFIG),
        ("s", &secret),
    ];
    let folder = folder(&files);
    let listed = |config: &str| {
        let run = rules(folder.path(), &["list", "--config", config], "").ok();
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (plain, with) = (listed("plain.toml"), listed("exeat.toml"));
    let line = |lines: &[String]| {
        lines
            .iter()
            .find(|line| line.starts_with("house-key "))
            .unwrap()
            .clone()
    };
    assert!(line(&plain).contains("  review  high "), "{plain:?}");
    assert!(line(&with).contains("  note    low "), "{with:?}");
    assert!(
        line(&with).ends_with("(action overridden, was review) (severity overridden, was high)"),
        "{with:?}"
    );
    let digest = |lines: &[String]| lines.last().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_ne!(digest(&plain), digest(&with));

    let told = ["explain", "house-key", "--config", "exeat.toml"];
    let run = rules(folder.path(), &told, "").ok();
    for told in [
        "record has it (overridden; the file says review)",
        "low (overridden; the file says high)",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run}");
    }
    // Of files that are named, whatever the configuration says of them.
    let run = rules(
        folder.path(),
        &[
            "explain",
            "house-key",
            "house.toml",
            "--config",
            "exeat.toml",
        ],
        "",
    )
    .ok();
    assert!(
        run.stdout.contains("(overridden; the file says review)"),
        "{run}"
    );
    rules(
        folder.path(),
        &["list", "builtin", "--config", "exeat.toml"],
        "",
    )
    .ok();

    let action = |config: &str| {
        let run = exeat(
            folder.path(),
            &["scan", "--config", config, "--format", "jsonl", "s"],
        );
        let finding: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
        finding["action"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (action("plain.toml").as_str(), action("exeat.toml").as_str()),
        ("review", "note")
    );
    let checked = exeat(
        folder.path(),
        &["config", "check", "--config", "exeat.toml"],
    )
    .ok();
    assert!(checked.stdout.contains(&digest(&with)), "{checked}");
}

#[test]
fn an_id_that_no_rule_has_is_refused_wherever_rules_are_compiled() {
    let text = CONFIG.to_owned() + &OVERRIDE.replace("house-key", "house-kye");
    let folder = folder(&[("house.toml", HOUSE), ("exeat.toml", &text)]);
    for command in [
        &["config", "check"][..],
        &["rules", "list"],
        &["rules", "check"],
        &["scan", "house.toml"],
        &["serve"],
    ] {
        let run = exeat(
            folder.path(),
            &[command, &["--config", "exeat.toml"]].concat(),
        );
        assert_eq!(run.status, 2, "{run}");
        let said = "exeat.toml:5: rules.override.house-kye: no rule has this id; did you mean \"house-key\"?";
        assert!(run.stderr.contains(said), "{run}");
    }
}
