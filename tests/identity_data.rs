//! What commits and tags say of people: domains, sign-offs and signatures as real git writes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{EXEAT, Options, Run, World, assert_refused, prose, run_program};

const ASKED: &str = "[identity]\nmail_domains = [\"example.com\"]\nmail_domains_action = \"block\"\n\
    sign_off_action = \"block\"\nsignature_action = \"warn\"\nbots = [\"bot@example.com\"]\n";

const ME: &[&str] = &["-c", "user.name=M E", "-c", "user.email=me@example.com"];

fn world() -> World {
    World::start(Options {
        settings: ASKED,
        ..Options::default()
    })
}

fn work(world: &World, name: &str) -> PathBuf {
    world.new_repository(name);
    world.new_work(name)
}

fn git(world: &World, work: &Path, before: &[&str], args: &[&str]) -> String {
    let all: Vec<&str> = before.iter().chain(args).copied().collect();
    world.git(work, &all).ok().stdout.trim().to_owned()
}

fn commit(world: &World, work: &Path, before: &[&str], more: &[&str]) -> String {
    let args = ["commit", "-q", "--allow-empty", "-m", "One more"];
    git(world, work, before, &[&args[..], more].concat());
    git(world, work, &[], &["rev-parse", "HEAD"])
}

fn push(world: &World, work: &Path, name: &str, refs: &[&str]) -> Run {
    let url = world.proxied_url(name);
    world.git(work, &[&["push", &url], refs].concat())
}

#[track_caller]
fn refused(run: &Run, rule: &str) {
    // There is no secret that could be repeated.
    assert_refused(run, rule, "(no secret)");
}

fn scan(world: &World, work: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(EXEAT);
    command
        .arg("scan")
        .args(["--config", &world.config().to_string_lossy()])
        .args(arguments)
        .current_dir(work)
        .env("HOME", world.place("home"));
    run_program(&mut command)
}

#[test]
fn sign_offs_are_asked_for_and_the_printed_command_gives_them() {
    let world = world();
    let work = work(&world, "r");
    commit(&world, &work, ME, &["-s"]);
    let first = commit(&world, &work, ME, &[]);
    // Merges and bots need none; a sign-off of somebody else is none.
    let of_another = "One\n\nSigned-off-by: A <a@example.com>";
    let second = commit(&world, &work, ME, &["-m", of_another]);
    let bot = ["-c", "user.name=b", "-c", "user.email=bot@example.com"];
    commit(&world, &work, &bot, &[]);
    git(&world, &work, ME, &["switch", "-q", "-c", "side", "HEAD~1"]);
    commit(&world, &work, ME, &["-s"]);
    git(&world, &work, ME, &["switch", "-q", "main"]);
    git(
        &world,
        &work,
        ME,
        &["merge", "-q", "--no-ff", "-m", "Merge", "side"],
    );
    let before = world.upstream_state("r");
    let run = push(&world, &work, "r", &["main"]);
    refused(&run, "sign-off-missing");
    assert_eq!(world.upstream_state("r"), before);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(
        told.contains("2 commits or tags: no Signed-off-by"),
        "{told}"
    );
    for id in [&first, &second] {
        assert!(told.contains(&id[..10]), "{id}: {told}");
    }
    let base = format!("{}~1", &first[..10]);
    assert!(
        told.contains(&format!("git rebase --signoff {base}")),
        "{told}"
    );
    assert!(!told.contains("Treat it as used"), "{told}");
    git(&world, &work, ME, &["rebase", "-q", "--signoff", &base]);
    push(&world, &work, "r", &["main"]).ok();
    // One commit, which is the tip.
    commit(&world, &work, ME, &[]);
    let run = push(&world, &work, "r", &["main"]);
    refused(&run, "sign-off-missing");
    assert!(
        run.stderr
            .contains("git commit --amend --signoff --no-edit"),
        "{}",
        run.stderr
    );
    git(
        &world,
        &work,
        ME,
        &[
            "commit",
            "-q",
            "--amend",
            "--allow-empty",
            "--signoff",
            "--no-edit",
        ],
    );
    push(&world, &work, "r", &["main"]).ok();
}

#[test]
fn addresses_of_other_domains_are_refused_in_commits_and_tags() {
    let world = world();
    let work = work(&world, "r");
    let home = ["-c", "user.name=M E", "-c", "user.email=me@home.example"];
    commit(&world, &work, ME, &["-s"]);
    let at_home = commit(&world, &work, &home, &["-s"]);
    let run = push(&world, &work, "r", &["main"]);
    refused(&run, "identity-mail-domain");
    assert!(
        run.stderr.contains("identity-mail-domain"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("me@home.example"), "{}", run.stderr);
    assert!(run.stderr.contains("--reset-author"), "{}", run.stderr);
    let records = world.exeat(&[
        "audit",
        "list",
        "--format",
        "jsonl",
        "--config",
        &world.config().to_string_lossy(),
    ]);
    assert!(records.ok().stdout.contains("identity-mail-domain"));
    let args = [
        "commit",
        "-q",
        "--amend",
        "--allow-empty",
        "--reset-author",
        "--no-edit",
    ];
    // Its own sign-off is of the old address.
    git(&world, &work, ME, &[&args[..], &["-s"]].concat());
    assert_ne!(git(&world, &work, &[], &["rev-parse", "HEAD"]), at_home);
    push(&world, &work, "r", &["main"]).ok();
    git(&world, &work, &home, &["tag", "-a", "-m", "v1", "v1"]);
    refused(&push(&world, &work, "r", &["v1"]), "identity-mail-domain");
    git(
        &world,
        &work,
        ME,
        &["tag", "-a", "-f", "-m", "v1", "v1", "v1^{}"],
    );
    push(&world, &work, "r", &["v1"]).ok();
}

#[test]
fn signatures_are_seen_where_git_puts_them() {
    let world = world();
    let work = work(&world, "r");
    let unsigned = commit(&world, &work, ME, &["-s"]);
    let run = push(&world, &work, "r", &["main"]);
    let run = run.ok();
    assert!(run.stderr.contains("signature-missing"), "{}", run.stderr);
    assert!(run.stderr.contains(&unsigned[..10]), "{}", run.stderr);
    // A commit that carries the header as git writes it; nobody asks whether it is a right one.
    let raw = git(&world, &work, &[], &["cat-file", "commit", &unsigned]);
    let (head, message) = raw.split_once("\n\n").unwrap();
    let armour = [
        "-----BEGIN SSH SIGNATURE-----",
        " AAAA",
        " -----END SSH SIGNATURE-----",
    ]
    .join("\n");
    let parent = head.replacen('\n', &format!("\nparent {unsigned}\n"), 1);
    let signed = format!("{parent}\ngpgsig {armour}\n\n{message}\n");
    let file = work.join("signed");
    std::fs::write(&file, signed).unwrap();
    let id = git(
        &world,
        &work,
        &[],
        &["hash-object", "-t", "commit", "-w", "signed"],
    );
    git(&world, &work, &[], &["update-ref", "refs/heads/main", &id]);
    let run = push(&world, &work, "r", &["main"]).ok();
    assert!(!run.stderr.contains("signature-missing"), "{}", run.stderr);
}

#[test]
fn scans_find_what_a_push_would() {
    let world = world();
    let work = work(&world, "r");
    world.commit_file(&work, "README", prose(3, 3), "Begin");
    let home = ["-c", "user.name=M E", "-c", "user.email=me@home.example"];
    commit(&world, &work, &home, &[]);
    let run = scan(&world, &work, &["--history", "--format", "jsonl"]);
    assert_eq!(run.status, 1, "{run}");
    for rule in [
        "identity-mail-domain",
        "sign-off-missing",
        "signature-missing",
    ] {
        assert!(run.stdout.contains(rule), "{rule}: {run}");
    }
    assert!(!run.stdout.contains("identity-not-pusher"), "{run}");
    for format in ["text", "json", "sarif", "csv", "junit", "gitlab"] {
        let run = scan(&world, &work, &["--history", "--format", format]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stdout.contains("sign-off-missing"), "{run}");
    }
    let run = scan(&world, &work, &["--history", "--upstream", "none"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn what_git_signs_with_a_key_of_ssh_counts_as_signed() {
    let world = world();
    let work = work(&world, "r");
    let key = world.place("keys").join("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key);
    if !keygen.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no ssh-keygen here");
        return;
    }
    let public = format!("user.signingKey={}", key.with_extension("pub").display());
    let signing = [ME, &["-c", "gpg.format=ssh", "-c", &public]].concat();
    commit(&world, &work, &signing, &["-s", "-S"]);
    git(&world, &work, &signing, &["tag", "-s", "-m", "v1", "v1"]);
    let run = push(&world, &work, "r", &["main", "v1"]).ok();
    assert!(!run.stderr.contains("signature-missing"), "{run}");
    git(&world, &work, &signing, &["tag", "-a", "-m", "v2", "v2"]);
    let run = push(&world, &work, "r", &["v2"]).ok();
    assert!(run.stderr.contains("signature-missing"), "{run}");
}
