//! The record of what was decided: kept, listed, and proof against change.

use std::path::{Path, PathBuf};

use crate::harness::{Options, Run, World, github_token};

/// A world with one push that passed and one that was stopped, and the proxy ended.
fn recorded() -> (World, String) {
    let mut world = World::start(Options::default());
    let secret = github_token(301);
    world.forbid(&secret);
    world.new_repository("org/recorded");
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let url = world.proxied_url("org/recorded");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    assert_ne!(world.git(&work, &["push", "-q", &url, "main"]).status, 0);
    world.stop_server();
    (world, secret)
}

fn audit(world: &World, words: &[&str]) -> Run {
    let config = world.config();
    let config = config.to_string_lossy();
    let words: Vec<&str> = ["audit"]
        .iter()
        .chain(words)
        .chain(&["--config", &config])
        .copied()
        .collect();
    world.exeat(&words)
}

#[test]
fn every_push_is_on_record_and_the_record_holds() {
    let (world, secret) = recorded();
    audit(&world, &["verify"]).ok();
    let listed = audit(&world, &["list"]).ok().stdout;
    assert!(listed.contains("org/recorded"), "{listed}");
    let lines = audit(&world, &["list", "--format", "jsonl"]).ok().stdout;
    let records: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let text = serde_json::to_string(&records).unwrap();
    for word in [
        "forward",
        "refuse",
        "org/recorded",
        "refs/heads/main",
        "github-pat",
    ] {
        assert!(text.contains(word), "{word} is not on record: {lines}");
    }
    assert!(!text.contains(&secret));
}

#[test]
fn a_single_changed_byte_is_noticed() {
    let (world, _) = recorded();
    let mut changed = 0;
    for file in files(&world.data()) {
        let original = std::fs::read(&file).unwrap();
        // The name in a record, wherever the database keeps it: one letter of it becomes another.
        let before = b"\"repository\":\"";
        for at in positions(&original, &[&before[..], b"org/recorded"].concat()) {
            let at = at + before.len();
            let mut content = original.clone();
            content[at] = b'0';
            std::fs::write(&file, content).unwrap();
            let run = audit(&world, &["verify"]);
            assert_eq!(
                run.status,
                1,
                "byte {at} of {} was changed: {run}",
                file.display()
            );
            changed += 1;
        }
        std::fs::write(&file, original).unwrap();
    }
    assert!(changed > 0, "the record was not found");
    audit(&world, &["verify"]).ok();
}

#[test]
fn the_record_goes_on_after_a_restart() {
    let (mut world, _) = recorded();
    let before = audit(&world, &["list", "--format", "jsonl"])
        .ok()
        .stdout
        .lines()
        .count();
    world.start_server();
    let work = world.place("work");
    world
        .git(
            &work,
            &[
                "push",
                "-q",
                &world.proxied_url("org/recorded"),
                "main~1:refs/heads/other",
            ],
        )
        .ok();
    world.stop_server();
    audit(&world, &["verify"]).ok();
    let after = audit(&world, &["list", "--format", "jsonl"])
        .ok()
        .stdout
        .lines()
        .count();
    assert!(after > before, "{before} records before, {after} after");
}

fn positions(content: &[u8], needle: &[u8]) -> Vec<usize> {
    content
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn what_was_on_its_way_when_the_process_died_is_recorded_as_unknown() {
    let mut world = World::start(Options::default());
    world.new_repository("one");
    let upstream = world.upstream_path("one");
    std::fs::create_dir_all(upstream.join("hooks")).unwrap();
    let hook = upstream.join("hooks/pre-receive");
    let waiting =
        "#!/bin/sh\ntouch arrived\nwhile test -e arrived && ! test -e go-on; do sleep 0.05; done\n";
    std::fs::write(&hook, waiting).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let url = world.proxied_url("one");
    std::thread::scope(|scope| {
        let push = scope.spawn(|| world.git(&work, &["push", &url, "main"]));
        while !upstream.join("arrived").exists() {
            assert!(!push.is_finished(), "the push did not arrive");
            std::thread::yield_now();
        }
        world.server().kill();
        assert_ne!(push.join().unwrap().status, 0);
    });
    std::fs::write(upstream.join("go-on"), "").unwrap();
    world.start_server();
    world.stop_server();
    audit(&world, &["verify"]).ok();
    let listed = audit(&world, &["list", "--format", "jsonl"]).ok().stdout;
    assert!(listed.contains("unknown"), "{listed}");
}
