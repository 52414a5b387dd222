//! What an operator sees: health, metrics, and a log in which every push can be followed.

use crate::harness::{Options, World, github_token};

#[test]
fn health_and_metrics_are_served_apart_from_git() {
    let world = World::start(Options::default());
    for path in ["/health/live", "/health/ready", "/metrics"] {
        let answer = world.telemetry(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        let on_the_git_side = world.ask(&format!("GET {path} HTTP/1.1"), b"");
        assert!(
            on_the_git_side.status >= 400,
            "{path} is served where git speaks"
        );
    }
    assert!(world.telemetry("/other").starts_with("HTTP/1.1 404"));
}

#[test]
fn pushes_are_counted_and_can_be_followed_in_the_log() {
    let mut world = World::start(Options::default());
    let secret = github_token(501);
    world.forbid(&secret);
    world.new_repository("one");
    let work = world.new_work("work");
    let url = world.proxied_url("one");
    let before = counters(&world.telemetry("/metrics"));
    world.commit_file(&work, "a", "a\n", "Begin");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    let refused = world.git(&work, &["push", &url, "main"]);
    assert_ne!(refused.status, 0);
    let after = counters(&world.telemetry("/metrics"));
    assert_ne!(before, after, "two pushes left no mark in the metrics");

    // The id the developer reads leads to the push in the log.
    let id = refused
        .stderr
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|word| word.starts_with("P-"));
    let id = id
        .unwrap_or_else(|| panic!("no push id: {refused}"))
        .to_owned();
    let log = world.server().log();
    assert!(log.contains(&id), "{id} is not in the log:\n{log}");
}

fn counters(metrics: &str) -> Vec<String> {
    metrics
        .lines()
        .filter(|line| line.starts_with("exeat_") && line.contains("push"))
        .map(str::to_owned)
        .collect()
}
