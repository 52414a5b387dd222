//! Held pushes of real git, seen and decided on from a terminal.

use serde_json::{Value, json};

use super::assert_problem;
use crate::harness::{Run, github_token};
use crate::hold::{Scene, case_id};

/// A scene in which pushes are of `dev`, known by a token.
struct Desk {
    scene: Scene,
    /// Pushes and reads.
    dev: String,
}

impl Desk {
    fn new() -> Self {
        let mut scene = Scene::with("[identity]\nsources = [\"token\"]\n");
        let dev = scene.house.person("dev", &["developer"], &["push", "read"]);
        Self { scene, dev }
    }

    fn push(&self, seed: u64) -> Run {
        self.scene.commit(seed);
        self.push_again()
    }

    fn push_again(&self) -> Run {
        let world = &self.scene.house.world;
        let header = format!("Exeat-Token: {}", self.dev);
        let variables = [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "http.extraHeader"),
            ("GIT_CONFIG_VALUE_0", header.as_str()),
        ];
        let url = world.proxied_url("one");
        let words = ["push", url.as_str(), "HEAD:refs/heads/main"];
        world.git_where(&world.default_git(), &self.scene.work, &words, &variables)
    }

    fn review(&self, token: &str, words: &[&str]) -> Run {
        self.scene.house.review(token, words)
    }

    fn state(&self, id: &str) -> String {
        self.scene.case(id)["state"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
fn refused(run: &Run, words: &str) {
    assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{run}");
    assert!(run.stderr.contains(words), "{words}: {run}");
}

#[test]
fn a_push_is_seen_talked_about_and_let_go_from_a_terminal() {
    let desk = Desk::new();
    let ann = &desk.scene.ann;
    let held = desk.push(1);
    let id = case_id(&held);
    let id = id.as_str();
    let secret = github_token(1);

    let list = desk.review(ann, &["list"]).ok().stdout;
    let row: Vec<&str> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], [id, "open", "0/1"], "{list}");
    assert_eq!(row[4..], ["dev", "you", "forge.test/one"], "{list}");
    let shown = desk.review(ann, &["show", id]).ok().stdout;
    for words in [
        "revision   1",
        "pusher     dev",
        "Findings (1)",
        "github-pat",
        "file-1.txt:1",
        "Commits (1)",
        "a file",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(!shown.contains(&secret), "{shown}");
    let place = |words: &str| shown.find(words).unwrap();
    assert!(place("Findings") < place("Refs") && place("Refs") < place("Commits"));

    // Who pushed it sees where it stands, asks, and does not decide.
    let own = desk.review(&desk.dev, &["show", id]).ok().stdout;
    assert!(own.contains("pusher     dev (you)"), "{own}");
    let decides = desk.scene.house.world.exeat(&["user", "show", "dev"]);
    assert!(!decides.stdout.contains("reviewer"));
    desk.review(&desk.dev, &["comment", id, "It is a sample."])
        .ok();
    refused(
        &desk.review(&desk.dev, &["approve", id, "--revision", "1"]),
        "nobody decides on a push of their own",
    );
    desk.review(ann, &["comment", id, "Whose sample?"]).ok();
    refused(
        &desk.review(ann, &["comment", id, &format!("Is it {secret}?")]),
        "The rule github-pat-classic finds something in your words",
    );
    let own = desk.review(&desk.dev, &["show", id]).ok().stdout;
    assert!(own.contains("ann said: Whose sample?"), "{own}");

    refused(
        &desk.review(ann, &["approve", id, "--revision", "9"]),
        "Look at it as it is now: exeat review show",
    );
    assert_eq!(desk.state(id), "open");
    let words = ["approve", id, "--revision", "1", "--comment", "Test data."];
    let approved = desk.review(ann, &words).ok().stdout;
    assert!(
        approved.starts_with(&format!("{id} is approved until ")),
        "{approved}"
    );
    refused(&desk.review(ann, &words), "See where it stands");
    desk.push_again().ok();
    assert_eq!(desk.scene.upstream(), desk.scene.head());
    let shown = desk.review(ann, &["show", id, "--json"]).ok().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["state"], "sent");
    assert_eq!(shown["decisions"][0]["words"], "Test data.");
    assert_eq!(shown["comments"].as_array().unwrap().len(), 2);
    desk.scene.house.exeat("audit verify").ok();
}

#[test]
fn who_may_not_decide_does_not() {
    let mut desk = Desk::new();
    let id = case_id(&desk.push(1));
    let house = &mut desk.scene.house;
    let service = house.token("ann", &["read"], " --service");
    let reading = house.token("ann", &["read"], "");
    let gone = house.person("gone", &["reviewer"], &["read", "decide"]);
    house.exeat("user disable gone").ok();
    let elsewhere = house.person(
        "else",
        &["reviewer:forge.test/other/*"],
        &["read", "decide"],
    );
    let op = house.person(
        "op",
        &["operator", "reviewer"],
        &["read", "decide", "admin"],
    );
    let demoted = house.person("was", &["reviewer"], &["read", "decide"]);
    house.exeat("user role was --remove reviewer").ok();
    let path = format!("/api/v1/reviews/{id}/decisions");
    let approve = json!({"verdict": "approve", "revision": 1});
    for (token, status, code) in [
        (&service, 403, "forbidden"),
        (&reading, 403, "forbidden"),
        (&gone, 401, "no-token"),
        (&elsewhere, 404, "absent"),
        (&op, 403, "forbidden"),
        (&demoted, 404, "absent"),
        (&desk.dev, 403, "forbidden"),
    ] {
        assert_problem(&house.post(&path, token, &approve), status, code);
    }
    let taken_back = desk.review(&desk.dev, &["withdraw", &id]).ok().stdout;
    assert_eq!(
        taken_back,
        format!("{id} is withdrawn. Nothing of it left.\n")
    );
    refused(
        &desk.review(&desk.scene.ann, &["approve", &id, "--revision", "2"]),
        "the push is withdrawn",
    );
    assert_eq!(desk.scene.upstream(), "");
}

#[test]
fn of_two_terminals_at_once_one_decides() {
    let desk = Desk::new();
    for seed in 1..4 {
        let id = case_id(&desk.push(seed));
        let approve = ["approve", &id, "--revision", "1"];
        let reject = ["reject", &id, "--revision", "1", "--reason", "No."];
        let (ann, ben) = (&desk.scene.ann, &desk.scene.ben);
        let runs = std::thread::scope(|scope| {
            let one = scope.spawn(|| desk.review(ann, &approve));
            let two = scope.spawn(|| desk.review(ben, &reject));
            [one.join().unwrap(), two.join().unwrap()]
        });
        let done = runs.iter().filter(|run| run.status == 0).count();
        assert_eq!(done, 1, "{} {}", runs[0], runs[1]);
        let expected = if runs[0].status == 0 {
            "approved"
        } else {
            "rejected"
        };
        assert_eq!(desk.state(&id), expected);
        assert_eq!(
            desk.scene.case(&id)["decisions"].as_array().unwrap().len(),
            1
        );
    }
}
