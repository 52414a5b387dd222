//! What a push brings to excuse its own findings counts for nothing, or where an upstream heeds it, for a review.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Options, Run, World, assert_refused, github_token, prose};

const RULE: &str = "github-pat-classic";
const ALL: &str = "excuses = [\"comments\", \"ignore-files\", \"baselines\"]\n";

/// Ways to excuse the secret in `dev.env`, by the word of the record.
const EXCUSES: [&str; 3] = ["comment", "ignore-file", "baseline"];

/// A repository and a work tree whose last commit brings a secret, and what excuses it.
fn excused(world: &World, name: &str, secret: &str, excuses: &[&str]) -> PathBuf {
    world.new_repository(name);
    let work = world.new_work(name);
    world.commit_file(&work, "README", prose(9, 3), "Begin");
    let url = world.proxied_url(name);
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    let comment = match excuses.contains(&"comment") {
        true => format!(" # exeat:allow {RULE} -- a sample, never valid"),
        false => String::new(),
    };
    let content = format!("one\nsee {secret}{comment}\n");
    if excuses.contains(&"ignore-file") {
        fs::write(work.join(".gitleaksignore"), format!("dev.env:{RULE}:2\n")).unwrap();
    }
    if excuses.contains(&"baseline") {
        fs::write(work.join("dev.env"), &content).unwrap();
        let (from, to) = (path(&work, "dev.env"), path(&work, ".exeat-baseline.jsonl"));
        world.exeat(&["scan", "--write-baseline", &to, &from]).ok();
        let known = fs::read_to_string(&to).unwrap().replace(&from, "dev.env");
        fs::write(&to, known).unwrap();
    }
    world.commit_file(&work, "dev.env", content, "Add settings");
    work
}

fn path(work: &Path, name: &str) -> String {
    work.join(name).to_string_lossy().into_owned()
}

fn push(world: &World, name: &str) -> Run {
    world.git(
        &world.place(name),
        &["push", &world.proxied_url(name), "main"],
    )
}

/// The records of the pushes, the newest last.
fn records(world: &World) -> String {
    let config = world.config().to_string_lossy().into_owned();
    let arguments = ["audit", "list", "--format", "jsonl", "--config", &config];
    world.exeat(&arguments).ok().stdout
}

/// The count of a metric's line.
fn count(world: &World, line: &str) -> u64 {
    let metrics = world.telemetry("/metrics");
    let found = metrics.lines().find_map(|known| known.strip_prefix(line));
    let found = found.unwrap_or_else(|| panic!("no {line} in {metrics}"));
    found.trim().parse().unwrap()
}

fn lowered_by(world: &World, excuse: &str) -> u64 {
    let line = format!("exeat_excused_findings_total{{excuse=\"{excuse}\"}}");
    count(world, &line)
}

#[test]
fn whoever_pushes_excuses_nothing_unless_he_may() {
    let mut world = World::start(Options::default());
    let ways = EXCUSES.map(|excuse| vec![excuse]).into_iter();
    for (number, excuses) in ways.chain([EXCUSES.to_vec()]).enumerate() {
        let secret = github_token(911 + number as u64);
        world.forbid(&secret);
        let name = format!("r{number}");
        excused(&world, &name, &secret, &excuses);
        let before = world.upstream_state(&name);
        let run = push(&world, &name);
        assert_refused(&run, RULE, &secret);
        assert!(run.stderr.contains("Push stopped."), "{excuses:?}: {run}");
        assert!(!run.stderr.contains("lowered"), "{run}");
        assert_eq!(world.upstream_state(&name), before);
    }
    assert!(!records(&world).contains("\"excused\""));
    for excuse in EXCUSES {
        assert_eq!(lowered_by(&world, excuse), 0);
    }
    assert_eq!(count(&world, "exeat_findings_total{action=\"block\"}"), 4);
}

#[test]
fn what_an_upstream_heeds_is_lowered_to_review_and_said_everywhere() {
    let mut world = World::start(Options {
        upstream: ALL,
        ..Options::default()
    });
    let words = ["an inline comment", "an ignore file", "a baseline"];
    for (number, (excuse, word)) in EXCUSES.into_iter().zip(words).enumerate() {
        let secret = github_token(921 + number as u64);
        world.forbid(&secret);
        excused(&world, excuse, &secret, &[excuse]);
        let before = world.upstream_state(excuse);
        let run = push(&world, excuse);
        assert_ne!(run.status, 0, "{run}");
        let told = run.stderr.replace("remote: ", "");
        assert!(told.contains("needs review"), "{run}");
        let line = format!("lowered from block to review by {word} ");
        assert_eq!(told.matches(&line).count(), 1, "{run}");
        assert!(!told.contains(&secret), "{run}");
        assert_eq!(world.upstream_state(excuse), before);
        let records = records(&world);
        assert!(
            records.contains(&format!("\"excused\":\"{excuse}\"")),
            "{records}"
        );
        assert!(records.contains("\"cause\":\"excused\""), "{records}");
        assert_eq!(lowered_by(&world, excuse), 1);
    }
    assert_eq!(count(&world, "exeat_pushes_total{verdict=\"hold\"}"), 3);
    assert_eq!(count(&world, "exeat_pushes_total{verdict=\"refuse\"}"), 0);
    // One more that nothing excuses.
    let secret = github_token(929);
    world.forbid(&secret);
    let work = world.place("comment");
    world.commit_file(&work, "other.env", format!("{secret}\n"), "Add more");
    let run = push(&world, "comment");
    assert_refused(&run, RULE, &secret);
    assert!(run.stderr.contains("Push stopped."), "{run}");
}

#[test]
fn a_policy_that_lets_reviews_go_says_what_it_let_go() {
    let world = World::start(Options {
        upstream: "excuses = [\"comments\"]\n",
        settings: "[policy]\nreview = \"forward\"\n",
        ..Options::default()
    });
    let secret = github_token(931);
    excused(&world, "one", &secret, &["comment"]);
    let run = push(&world, "one").ok();
    assert!(
        run.stderr.contains("Push passed on, with warnings:"),
        "{run}"
    );
    assert!(
        run.stderr
            .contains("lowered from block to review by an inline comment"),
        "{run}"
    );
    // The comment is in one version of the file and not in the next: that one is excused by nothing.
    let secret = github_token(933);
    let work = excused(&world, "three", &secret, &["comment"]);
    world.commit_file(&work, "dev.env", format!("{secret}\n"), "Drop the comment");
    let run = push(&world, "three");
    assert_refused(&run, RULE, &secret);
    assert_eq!(run.stderr.matches("lowered from block").count(), 1, "{run}");
    assert_eq!(run.stderr.matches("* GitHub").count(), 2, "{run}");
    // An ignore file is not heeded here.
    let secret = github_token(932);
    excused(&world, "two", &secret, &["ignore-file", "baseline"]);
    assert_refused(&push(&world, "two"), RULE, &secret);
}

/// Files above 8 MiB pass in pieces; commits, names and messages have no comments.
#[test]
fn comments_count_in_files_of_any_size_and_nowhere_else() {
    let mut world = World::start(Options {
        upstream: "excuses = [\"comments\"]\n",
        ..Options::default()
    });
    let secrets = [941, 942, 943].map(github_token);
    secrets.iter().for_each(|secret| world.forbid(secret));
    let large = |comment: &str| {
        let mut content = prose(7, 190_000);
        assert!(content.len() > 9 << 20, "{}", content.len());
        content.push_str(&format!("{} {comment}\n", secrets[0]));
        content
    };
    for (name, comment, verdict) in [
        ("one", "// gitleaks:allow", "needs review"),
        ("two", "// gitleaks:deny", "Push stopped."),
    ] {
        world.new_repository(name);
        let work = world.new_work(name);
        world.commit_file(&work, "large", large(comment), "Add a large file");
        let run = push(&world, name);
        assert!(run.status != 0 && run.stderr.contains(verdict), "{run}");
    }
    world.new_repository("three");
    let work = world.new_work("three");
    let message = format!("Tell {} exeat:allow", secrets[1]);
    world.commit_file(
        &work,
        &format!("{} gitleaks:allow", secrets[2]),
        "x",
        &message,
    );
    let run = push(&world, "three");
    assert_refused(&run, RULE, &secrets[1]);
    assert!(
        run.stderr.contains("Push stopped.") && !run.stderr.contains("lowered"),
        "{run}"
    );
}

/// A rule that goes by names finds the value of an assignment as well, whatever it is.
#[test]
fn what_a_vendors_rule_is_excused_from_no_generic_rule_tells_again() {
    let mut world = World::start(Options {
        upstream: "excuses = [\"comments\"]\n",
        ..Options::default()
    });
    let [excused, other] = [951, 952].map(github_token);
    [&excused, &other]
        .into_iter()
        .for_each(|secret| world.forbid(secret));
    let allowed = format!("API_TOKEN={excused} # exeat:allow {RULE} -- a sample\n");
    let work = {
        world.new_repository("one");
        world.new_work("one")
    };
    world.commit_file(&work, "dev.env", &allowed, "Add settings");
    let run = push(&world, "one");
    assert!(run.stderr.contains("needs review"), "{run}");
    assert_eq!(
        run.stderr.matches("lowered from block to review").count(),
        1,
        "{run}"
    );
    assert!(!run.stderr.contains("Push stopped."), "{run}");
    // Another secret on such a line is its own.
    let both = allowed.replace(" #", &format!(" APP_PASSWORD={} #", &other[4..]));
    world.commit_file(&work, "dev.env", &both, "Add another");
    let run = push(&world, "one");
    assert_refused(&run, "password", &other[4..]);
    let scan = |arguments: &[&str]| {
        let file = path(&work, "dev.env");
        world.exeat(&[&["scan", "--allow-comments"], arguments, &[&file]].concat())
    };
    let told = scan(&["--format", "jsonl"]).stdout;
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("password") && !told.contains(RULE), "{told}");
}
