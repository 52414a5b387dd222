//! `exeat review` as a reviewer meets it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::House;
use crate::harness::{EXEAT, clean, run_program};

#[test]
fn errors_end_in_what_to_do() {
    let mut house = House::open();
    let rev = house.person("rev", &["reviewer"], &["read", "decide"]);
    let empty = house.review(&rev, &["list"]).ok();
    assert_eq!(
        empty.stdout,
        "Nothing waits for a decision that you may see.\n"
    );
    let json = house
        .review(&rev, &["list", "--state", "all", "--json"])
        .ok();
    assert_eq!(json.stdout, "{\"reviews\":[]}\n");
    for (words, status, expected) in [
        (
            vec!["show", "P-ZZZZ9999"],
            1,
            "See what waits: exeat review list",
        ),
        (vec!["show", "../session"], 1, "no held push of this id"),
        (
            vec!["approve", "P-ZZZZ9999"],
            2,
            "--revision N (exeat review show P-ZZZZ9999 prints it)",
        ),
        (
            vec!["approve", "P-ZZZZ9999", "--revision", "1"],
            1,
            "no held push of this id",
        ),
        (
            vec!["reject", "P-ZZZZ9999", "--revision", "1"],
            2,
            "--reason",
        ),
        (vec!["list", "--state", "odd"], 2, "possible values: open"),
    ] {
        let run = house.review(&rev, &words);
        assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{run}");
        assert!(run.stderr.contains(expected), "{run}");
    }
    let stranger = house.review("exeat_nobody", &["list"]);
    assert_eq!(stranger.status, 1);
    assert!(
        stranger
            .stderr
            .contains("An operator makes a new one: exeat token create"),
        "{stranger}"
    );
}

#[test]
fn tokens_come_from_the_environment_or_a_file_of_ones_own() {
    let mut house = House::open();
    let rev = house.person("rev", &["reviewer"], &["read"]);
    let folder = house.world.place("reviewer");
    let file = folder.join("token");
    std::fs::write(&file, format!("{rev}\n")).unwrap();
    let ca = house.world.certificate_authority();
    let server = format!("https://localhost:{}", house.address().port());
    let list = |change: &dyn Fn(&mut Command)| {
        let mut command = Command::new(EXEAT);
        clean(&mut command);
        command.args(["review", "list"]);
        change(&mut command);
        run_program(&mut command)
    };
    let mode = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o600);
    let with_file = |command: &mut Command| {
        command.args(["--server", &server]).arg("--ca").arg(&ca);
        command.arg("--token-file").arg(&file);
    };
    list(&with_file).ok();
    mode(0o640);
    let open = list(&with_file);
    assert_eq!(open.status, 2);
    assert!(
        open.stderr
            .contains("others can read this file; chmod 600 it"),
        "{open}"
    );
    // Nobody's certificate but the authority's; no server, no token, no plain text.
    type Case<'c> = (&'c dyn Fn(&mut Command), &'c str);
    let cases: [Case<'_>; 5] = [
        (
            &|command| {
                command.env("EXEAT_TOKEN", &rev).args(["--server", &server]);
            },
            "--ca names a private authority",
        ),
        (
            &|command| {
                command.env("EXEAT_TOKEN", &rev);
            },
            "--server or EXEAT_SERVER",
        ),
        (
            &|command| {
                command.args(["--server", &server]);
            },
            "--token-file, or set EXEAT_TOKEN",
        ),
        (
            &|command| {
                command
                    .env("EXEAT_TOKEN", &rev)
                    .args(["--server", "http://exeat.test"]);
            },
            "use https",
        ),
        (
            &|command| {
                command
                    .env("EXEAT_TOKEN", &rev)
                    .args(["--server", "https://127.0.0.1:1"]);
            },
            "cannot be reached",
        ),
    ];
    for (change, expected) in cases {
        let run = list(change);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.stderr.contains(expected), "{run}");
        assert!(!run.stderr.contains(&rev), "{run}");
    }
    let help = list(&|command| {
        command.arg("--help");
    })
    .ok()
    .stdout;
    assert!(help.contains("--state"), "{help}");
}
