//! Policy files: what they deny, hold and let through, for which repository and ref, and how they change while it runs.

use std::path::PathBuf;

use crate::faults::{await_until, contains, metric, records};
use crate::harness::{Options, Run, World, github_token, prose};

/// A proxy with one policy file, and a work tree with a commit.
struct Scene {
    world: World,
    work: PathBuf,
}

impl Scene {
    fn new(policy: &str) -> Self {
        let mut world = World::start(Options::default());
        world.stop_server();
        let config = std::fs::read_to_string(world.config()).unwrap();
        let config = format!("{config}[policy]\nfiles = [\"policy.toml\"]\n");
        write(&world, "policy.toml", policy);
        write(&world, "exeat.toml", &config);
        world.start_server();
        let work = world.new_work("work");
        world.commit_file(&work, "book", prose(950, 50), "Begin");
        for name in ["one", "two"] {
            world.new_repository(name);
        }
        Self { world, work }
    }

    /// A commit with a secret, and the secret.
    fn commit_secret(&self, seed: u64) -> String {
        let secret = github_token(seed);
        let content = format!("token = \"{secret}\"\n");
        self.world
            .commit_file(&self.work, "dev.env", content, "Add settings");
        secret
    }

    fn push(&self, repository: &str, words: &[&str]) -> Run {
        let url = self.world.proxied_url(repository);
        let words = [&["push", &url], words].concat();
        self.world.git(&self.work, &words)
    }

    fn reload(&self, result: &str) {
        let count = || {
            metric(
                &self.world,
                &format!("exeat_reloads_total{{result=\"{result}\"}}"),
            )
        };
        let before = count();
        self.world.server().hang_up();
        await_until("it is not reloaded", || count() > before);
    }

    /// The causes of the last decision on record, and its policy digest.
    fn last_decision(&self) -> (String, Vec<String>, String) {
        let records = records(&self.world);
        let mut decisions = records.iter().filter(|record| record["kind"] == "decision");
        let last = decisions.next_back().unwrap();
        let reasons = last["reasons"].as_array().cloned().unwrap_or_default();
        let causes = reasons.iter().map(|reason| reason["cause"].to_string());
        (
            last["verdict"].to_string(),
            causes.collect(),
            last["digests"]["policy"].to_string(),
        )
    }
}

fn write(world: &World, name: &str, text: &str) {
    let path = world.config().with_file_name(name);
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, text).unwrap();
    std::fs::rename(unfinished, path).unwrap();
}

/// What git shows of the proxy's words, in one line.
fn told(run: &Run) -> String {
    let lines = run.stderr.lines();
    let lines = lines.map(|line| line.trim_start_matches("remote:").trim());
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_denied_repository_is_not_even_asked_for_its_refs() {
    let scene = Scene::new(
        "[[rule]]\nname = \"ours-alone\"\nrepository = \"one\"\ndo = \"deny\"\n\
         message = \"This repository is a mirror.\"\n",
    );
    let run = scene.push("one", &["main"]);
    assert_ne!(run.status, 0, "{run}");
    let told = told(&run);
    assert!(told.contains("This repository is a mirror."), "{run}");
    assert!(told.contains("policy rule ours-alone"), "{run}");
    assert!(told.contains("Nothing left the company."), "{run}");
    assert!(scene.world.witness.received().is_empty());
    scene.push("two", &["main"]).ok();
}

#[test]
fn a_denied_ref_is_refused_before_its_pack_is_read() {
    let mut scene = Scene::new(
        "[[rule]]\nname = \"no-releases\"\nref = \"refs/heads/release/**\"\ndo = \"deny\"\n\
         message = \"Releases are made by CI.\"\n",
    );
    let secret = scene.commit_secret(951);
    scene.world.forbid(&secret);
    let run = scene.push("one", &["main:release/1.0"]);
    assert_ne!(run.status, 0, "{run}");
    let words = told(&run);
    assert!(
        words.contains("Push refused by policy. Nothing left the company."),
        "{run}"
    );
    assert!(
        words.contains("Releases are made by CI. Decided by policy rule no-releases."),
        "{run}"
    );
    assert!(
        words.contains("(stopped: policy rule no-releases, P-"),
        "{run}"
    );
    // The secret was not even looked for.
    assert!(!words.contains("github-pat"), "{run}");
    assert!(scene.world.witness.pushes().is_empty());
    assert_eq!(metric(&scene.world, "exeat_pack_bytes_total"), 0);
    let (verdict, causes, _) = scene.last_decision();
    assert_eq!(
        (verdict.as_str(), causes),
        ("\"refuse\"", vec!["\"policy:no-releases\"".to_owned()])
    );
    let named = records(&scene.world);
    let named = named
        .iter()
        .any(|record| contains(record.to_string().as_bytes(), b"refs/heads/release/1.0"));
    assert!(named, "the record does not name the ref");
    // One denied ref denies the push; the others alone go.
    let run = scene.push(
        "one",
        &["HEAD~1:refs/heads/main", "HEAD~1:refs/heads/release/x"],
    );
    assert_ne!(run.status, 0, "{run}");
    scene.push("one", &["HEAD~1:refs/heads/main"]).ok();
}

#[test]
fn a_clean_push_waits_where_a_rule_asks_for_a_review() {
    let scene = Scene::new(
        "[[rule]]\nname = \"new-tags\"\nevent = \"new-tag\"\ndo = \"review\"\napprovers = 2\n\
         reviewers = [\"release-team\"]\n",
    );
    scene.push("one", &["main"]).ok();
    let before = scene.world.upstream_state("one");
    let run = scene.push("one", &["main:refs/tags/v1"]);
    assert_ne!(run.status, 0, "{run}");
    let words = told(&run);
    assert!(words.contains("Push not sent: it needs review."), "{run}");
    assert!(words.contains("Decided by policy rule new-tags."), "{run}");
    assert!(
        words.contains("(needs review: policy rule new-tags, P-"),
        "{run}"
    );
    assert_eq!(scene.world.upstream_state("one"), before);
    let (verdict, causes, _) = scene.last_decision();
    assert_eq!(
        (verdict.as_str(), causes),
        ("\"hold\"", vec!["\"policy:new-tags\"".to_owned()])
    );
}

#[test]
fn each_repository_has_words_of_its_own() {
    let scene = Scene::new(
        "[[rule]]\nname = \"sandbox\"\nrepository = \"one\"\nblock = \"warn\"\nreview = \"warn\"\n\
         [[rule]]\nname = \"strict\"\nrepository = [\"two\"]\nblock = \"hold\"\nnote = \"refuse\"\n",
    );
    let secret = scene.commit_secret(952);
    let run = scene.push("one", &["main"]).ok();
    assert!(told(&run).contains("with warnings"), "{run}");
    assert!(
        scene
            .world
            .upstream_state("one")
            .contains("refs/heads/main")
    );
    let (verdict, causes, _) = scene.last_decision();
    assert_eq!(verdict, "\"forward\"");
    assert!(
        causes.contains(&"\"policy:sandbox\"".to_owned()),
        "{causes:?}"
    );

    let run = scene.push("two", &["main"]);
    assert_ne!(run.status, 0, "{run}");
    let words = told(&run);
    assert!(
        words.contains("it needs review") && words.contains("policy rule strict"),
        "{run}"
    );
    assert!(!run.stderr.contains(&secret));
    assert!(
        !scene
            .world
            .upstream_state("two")
            .contains("refs/heads/main")
    );
}

#[test]
fn what_is_allowed_is_told_of_and_goes() {
    let scene = Scene::new("[[rule]]\nname = \"fixtures\"\nrepository = \"one\"\ndo = \"allow\"\n");
    scene.commit_secret(953);
    let run = scene.push("one", &["main"]).ok();
    assert!(told(&run).contains("with warnings"), "{run}");
    assert_ne!(scene.push("two", &["main"]).status, 0);
}

#[test]
fn a_changed_policy_bites_and_a_broken_one_changes_nothing() {
    let scene = Scene::new("");
    scene.push("one", &["main"]).ok();
    let (.., before) = scene.last_decision();
    write(
        &scene.world,
        "policy.toml",
        "[[rule]]\nname = \"frozen\"\nref = \"refs/heads/*\"\nevent = \"new-branch\"\ndo = \"deny\"\n",
    );
    scene.reload("ok");
    assert_ne!(scene.push("one", &["main:second"]).status, 0);
    let (.., after) = scene.last_decision();
    assert_ne!(before, after);
    write(
        &scene.world,
        "policy.toml",
        "\n[[rule]]\nname = \"open\"\ndo = \"alow\"\n",
    );
    scene.reload("failed");
    assert_ne!(scene.push("one", &["main:third"]).status, 0);
    let log = scene.world.server().log();
    assert!(
        log.contains("policy.toml:4: rule open: do: expected") && log.contains("did you mean"),
        "{log}"
    );
    let config = scene.world.config();
    let config = config.to_string_lossy();
    let run = scene.world.exeat(&["config", "check", "--config", &config]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.stderr
            .contains("policy.toml:4: rule open: do: expected"),
        "{run}"
    );
}

#[test]
fn a_branch_that_goes_forward_is_told_from_one_that_is_rewritten() {
    let scene = Scene::new(
        "[[rule]]\nname = \"no-rewriting\"\nref = \"refs/heads/main\"\nevent = \"forced-update\"\n\
         do = \"review\"\n",
    );
    let commit = |name: &str| {
        let content = prose(960, 20);
        scene.world.commit_file(&scene.work, name, content, name);
    };
    scene.push("one", &["main"]).ok();
    commit("second");
    commit("third");
    scene.push("one", &["main"]).ok();
    let git = |words: &[&str]| scene.world.git(&scene.work, words).ok();
    git(&["commit", "-q", "--amend", "-m", "Another third"]);
    let run = scene.push("one", &["+main"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(
        told(&run).contains("Decided by policy rule no-rewriting."),
        "{run}"
    );
    // A merge of both is a step forward again.
    git(&["merge", "-q", "-s", "ours", "-m", "Merge", "HEAD@{1}"]);
    scene.push("one", &["main"]).ok();
    // Other branches may be rewritten.
    scene.push("one", &["main:other"]).ok();
    git(&["commit", "-q", "--amend", "-m", "Another merge"]);
    scene.push("one", &["+main:other"]).ok();
}

#[test]
fn a_changed_policy_file_is_taken_without_a_signal() {
    let scene = Scene::new("");
    scene.push("one", &["main"]).ok();
    let reloads = || metric(&scene.world, "exeat_reloads_total{result=\"ok\"}");
    let before = reloads();
    let rule = "[[rule]]\nname = \"frozen\"\nevent = \"new-branch\"\ndo = \"deny\"\n";
    write(&scene.world, "policy.toml", rule);
    await_until("the change is not seen", || reloads() > before);
    let run = scene.push("one", &["main:second"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(told(&run).contains("policy rule frozen"), "{run}");
}
