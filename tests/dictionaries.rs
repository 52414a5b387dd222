//! Words of a company, in a file beside the configuration: a push that has one anywhere waits for a review, however it is written.

use std::path::Path;

use base64::Engine as _;

use crate::faults::await_until;
use crate::harness::{Options, Run, World};

const DICTIONARIES: &str = r#"
[[dictionary]]
id = "ours-names"
kind = "names"
file = "names.txt"
remedy = "Use the public name."

[[dictionary]]
id = "ours-birds"
kind = "names"
weight = "ordinary"
terms = ["osprey", "harrier"]

[[dictionary]]
id = "ours-hosts"
kind = "hosts"
terms = ["*.corp.example"]

[[dictionary]]
id = "ours-registries"
kind = "registries"
terms = ["https://npm.ours.example/private"]

[[dictionary]]
id = "ours-packages"
kind = "packages"
terms = ["@acme/*", "com.acme"]

[[dictionary]]
id = "ours-tickets"
kind = "tickets"
terms = ["BANK"]

[[dictionary]]
id = "ours-embargo"
kind = "names"
description = "A vulnerability that is not yet public"
terms = ["CVE-2026-31337", "GHSA-x7qm-9f2h-v8wc"]

[[dictionary]]
id = "ours-people"
kind = "people"
file = "people.keyed"
key_file = "people.key"
"#;

/// A proxy with these dictionaries, an empty repository, and a work tree whose first commit is there already.
fn ground() -> (World, std::path::PathBuf) {
    let mut world = World::start(Options::default());
    world.stop_server();
    let config = world.config();
    let place = |name: &str| config.with_file_name(name);
    let set = std::fs::read_to_string(&config).unwrap()
        + "[rules]\nfiles = [\"builtin\", \"words.toml\"]\n";
    std::fs::write(place("words.toml"), DICTIONARIES).unwrap();
    std::fs::write(place("names.txt"), "# Projects\nBlue Finch\n").unwrap();
    std::fs::write(place("people.txt"), "Erika Mustermann\n+49 170 1234567\n").unwrap();
    let path = |name: &str| place(name).to_string_lossy().into_owned();
    let made = world.exeat(&[
        "rules",
        "key",
        &path("people.txt"),
        "--key",
        &path("people.key"),
        "--new-key",
    ]);
    std::fs::write(place("people.keyed"), made.ok().stdout).unwrap();
    std::fs::remove_file(place("people.txt")).unwrap();
    std::fs::write(&config, set).unwrap();
    world.start_server();
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "README", "Nothing of ours.\n", "Begin");
    push(&world, &work, "main").ok();
    (world, work)
}

fn push(world: &World, work: &Path, name: &str) -> Run {
    world.git(work, &["push", &world.proxied_url("one"), name])
}

/// The push waits for a review by this rule, and nothing of it arrived.
#[track_caller]
fn assert_held(world: &World, run: &Run, before: &str, rule: &str) {
    assert_ne!(run.status, 0, "the push was not stopped: {run}");
    let told = run.stderr.replace("remote: ", "");
    assert!(told.contains("needs review"), "{run}");
    assert!(told.contains(rule), "{rule} is not named: {run}");
    assert_eq!(world.upstream_state("one"), before, "it arrived");
}

#[test]
fn words_of_ours_wait_for_a_review_wherever_they_stand() {
    let (world, work) = ground();
    let before = world.upstream_state("one");
    let packed = base64::engine::general_purpose::STANDARD
        .encode("the customer is Erika Mustermann, and nobody else");
    let contents: [(&str, &str, String); 16] = [
        ("ours-names", "code.rs", "fn enableBlueFinch() {}\n".into()),
        (
            "ours-names",
            "code.py",
            "BLUE_FINCH_ROLLOUT = True\n".into(),
        ),
        (
            "ours-names",
            "notes.md",
            "about bl\u{200b}ue finch\n".into(),
        ),
        ("ours-names", "notes.txt", "about blu\u{435} finch\n".into()),
        ("ours-birds", "plan.md", "Project Osprey begins.\n".into()),
        ("ours-birds", "list.md", "osprey, harrier\n".into()),
        (
            "ours-hosts",
            "app.yaml",
            "db: db7.eu.corp.example:5432\n".into(),
        ),
        (
            "ours-registries",
            "package-lock.json",
            "{\"resolved\": \"https://npm.ours.example/private/a/-/a-1.tgz\"}\n".into(),
        ),
        ("ours-tickets", "fix.c", "/* see BANK-4711 */\n".into()),
        ("ours-embargo", "CHANGES", "fixes CVE-2026-31337\n".into()),
        ("ours-people", "mail.txt", "Dear erika.mustermann,\n".into()),
        ("ours-people", "blob.txt", format!("data = \"{packed}\"\n")),
        (
            "ours-packages",
            "package.json",
            "{\"name\": \"x\", \"dependencies\": {\"@acme/core\": \"^1\"}}\n".into(),
        ),
        (
            "/components/0/purl",
            "sbom.json",
            "{\"bomFormat\": \"CycloneDX\", \"components\": [{\"purl\": \"pkg:npm/%40acme/x@1\"}]}\n".into(),
        ),
        (
            "ours-packages",
            "pom.xml",
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><groupId>com.acme</groupId></project>\n".into(),
        ),
        (
            "ours-packages",
            "gradle.lockfile",
            "# This is a Gradle generated file for dependency locking.\ncom.acme:core:1=all\n".into(),
        ),
    ];
    // As many at once as one message names; of many stopped pushes less would be told.
    for (number, some) in contents.chunks(4).enumerate() {
        let branch = format!("content-{number}");
        world
            .git(&work, &["switch", "--quiet", "--create", &branch, "main"])
            .ok();
        for (_, name, content) in some {
            world.commit_file(&work, name, content, "Add");
        }
        let run = push(&world, &work, &branch);
        for (rule, ..) in some {
            assert_held(&world, &run, &before, rule);
        }
    }
    // Names of files and branches, messages of commits and tags.
    let other = |branch: &str, path: &str, message: &str| {
        world
            .git(&work, &["switch", "--quiet", "--create", branch, "main"])
            .ok();
        world.commit_file(&work, path, "a\n", message);
        push(&world, &work, branch)
    };
    assert_held(
        &world,
        &other("path", "src/blue-finch/a", "Add"),
        &before,
        "ours-names",
    );
    assert_held(
        &world,
        &other("message", "b", "BANK-12: mend it"),
        &before,
        "ours-tickets",
    );
    assert_held(
        &world,
        &other("fix/bank-99", "c", "Add"),
        &before,
        "ours-tickets",
    );
    world
        .git(
            &work,
            &[
                "tag",
                "--annotate",
                "--message",
                "for Blue Finch",
                "v1",
                "main",
            ],
        )
        .ok();
    assert_held(&world, &push(&world, &work, "v1"), &before, "ours-names");
    // What only looks like it passes.
    let clean = "bluefinching, an osprey, Osprey alone, corp.example.org, UTF-8, BANKING-1, CVE-2026-313370, Erika Musterfrau, @acme/core\n";
    world.git(&work, &["switch", "--quiet", "main"]).ok();
    world.commit_file(&work, "clean", clean, "Add");
    push(&world, &work, "main").ok();
    assert_ne!(world.upstream_state("one"), before);
}

#[test]
fn a_new_term_counts_without_a_restart() {
    let (world, work) = ground();
    world.commit_file(&work, "a", "the kestrel flies\n", "Add");
    push(&world, &work, "main").ok();
    let names = world.config().with_file_name("names.txt");
    std::fs::write(names, "Blue Finch\nkestrel\n").unwrap();
    let taken = || {
        let told = world.telemetry("/metrics");
        told.lines().any(|line| {
            line.starts_with("exeat_reloads_total{result=\"ok\"}") && !line.ends_with(" 0")
        })
    };
    await_until("the new term is not taken", taken);
    let before = world.upstream_state("one");
    world.commit_file(&work, "b", "another kestrel\n", "Add");
    let run = push(&world, &work, "main");
    assert_held(&world, &run, &before, "ours-names");
}

#[test]
fn noisy_terms_are_refused_and_values_are_told_by_nobody() {
    let (world, _) = ground();
    let place = |name: &str| {
        world
            .config()
            .with_file_name(name)
            .to_string_lossy()
            .into_owned()
    };
    let words =
        "[[dictionary]]\nid = \"noise\"\nkind = \"names\"\nterms = [\"return\", \"kestrel\"]\n";
    std::fs::write(place("noise.toml"), words).unwrap();
    std::fs::write(place("corpus.c"), "int f() { return 1; }\n".repeat(100)).unwrap();
    let vet =
        |file: &str| world.exeat(&["rules", "vet", &place(file), "--corpus", &place("corpus.c")]);
    let noisy = vet("noise.toml");
    assert_eq!(noisy.status, 1, "{noisy}");
    assert!(
        noisy.stdout.contains("return (noise): noisy")
            && noisy.stdout.contains("weight = \"ordinary\""),
        "{noisy}"
    );
    std::fs::write(
        place("noise.toml"),
        words.replace("kind", "weight = \"ordinary\"\nkind"),
    )
    .unwrap();
    assert_eq!(vet("noise.toml").status, 0);
    assert_eq!(vet("words.toml").status, 0);

    std::fs::write(place("short.txt"), "Erika Mustermann\nab\n").unwrap();
    let short = world.exeat(&[
        "rules",
        "key",
        &place("short.txt"),
        "--key",
        &place("people.key"),
    ]);
    assert_eq!(short.status, 2, "{short}");
    assert!(
        short.stderr.contains("short.txt:2: a value has 6 to 127")
            && !short.stderr.contains("ab\n"),
        "{short}"
    );
    let again = world.exeat(&[
        "rules",
        "key",
        &place("short.txt"),
        "--key",
        &place("people.key"),
        "--new-key",
    ]);
    assert_eq!(again.status, 2, "{again}");
    std::fs::write(place("other.key"), "f".repeat(64)).unwrap();
    let other = DICTIONARIES.replace("people.key\"", "other.key\"");
    std::fs::write(place("words.toml"), other).unwrap();
    let check = world.exeat(&["rules", "check", &place("words.toml")]);
    assert_eq!(check.status, 1, "{check}");
    assert!(
        check.stdout.contains("it was made with another key"),
        "{check}"
    );
}
