//! Policies and rules that two people put into force, while it runs.

use std::process::Command;

use serde_json::Value;

use crate::console::House;
use crate::faults::{await_until, metric};
use crate::harness::{EXEAT, Options, Run, World, clean, prose, run_program};

const SETTINGS: &str = "[console]\naddress = \"127.0.0.1:0\"\ntls = { certificate = \"server.pem\", key = \"server.key\" }\n\
                        [policy]\ndrafts = true\nfiles = [\"policy.toml\"]\n[rules]\ndrafts = true\nwatch = false\n";

/// What the operators' file lets through.
const FILE: &str = "[[rule]]\nname = \"lenient\"\nrepository = \"two\"\ndo = \"allow\"\n";
const DENY: &str = "[[rule]]\nname = \"no-releases\"\nref = \"refs/heads/release/**\"\ndo = \"deny\"\n\
                    message = \"Releases are made by CI.\"\n";

/// A house with two people of security.
struct Scene {
    house: House,
    ann: String,
    ben: String,
    work: std::path::PathBuf,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::start(Options::default());
        world.stop_server();
        let config = std::fs::read_to_string(world.config()).unwrap() + SETTINGS;
        std::fs::write(world.config(), config).unwrap();
        std::fs::write(world.config().with_file_name("policy.toml"), FILE).unwrap();
        let mut house = House { world };
        let ann = house.person("ann", &["security"], &["admin"]);
        let ben = house.person("ben", &["security"], &["admin"]);
        house.world.start_server();
        let work = house.world.new_work("work");
        house
            .world
            .commit_file(&work, "book", prose(960, 50), "Begin");
        house.world.new_repository("one");
        house.world.new_repository("two");
        Self {
            house,
            ann,
            ben,
            work,
        }
    }

    /// `exeat draft` in the name of a token.
    fn draft(&self, token: &str, words: &[&str]) -> Run {
        let server = format!("https://{}", self.house.address());
        let ca = self.house.world.certificate_authority();
        let mut command = Command::new(EXEAT);
        clean(&mut command);
        command
            .arg("draft")
            .args(words)
            .args(["--ca", &ca.to_string_lossy()])
            .env("EXEAT_SERVER", server)
            .env("EXEAT_TOKEN", token);
        run_program(&mut command)
    }

    fn propose(&self, kind: &str, text: &str) -> Run {
        let file = self.house.world.place("drafts").join("proposal.toml");
        std::fs::write(&file, text).unwrap();
        let file = file.to_string_lossy();
        self.draft(&self.ann, &["propose", kind, &file, "--title", "For CI"])
    }

    #[track_caller]
    fn proposed(&self, kind: &str, text: &str) -> String {
        let run = self.propose(kind, text).ok();
        run.stdout.split(' ').next().unwrap().to_owned()
    }

    /// Says yes as ben and waits until it counts, or does not any more.
    #[track_caller]
    fn approve(&self, id: &str, revision: &str, effective: bool) {
        self.draft(&self.ben, &["approve", id, "--revision", revision])
            .ok();
        await_until("it does not count", || self.is_effective(id) == effective);
    }

    fn is_effective(&self, id: &str) -> bool {
        let shown = self.draft(&self.ben, &["show", id, "--json"]).ok();
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        shown["effective"] == true
    }

    fn push(&self, repository: &str, to: &str) -> Run {
        let url = self.house.world.proxied_url(repository);
        self.house.world.git(&self.work, &["push", &url, to])
    }

    #[track_caller]
    fn is_denied(&self, repository: &str, to: &str) {
        let run = self.push(repository, to);
        assert_ne!(run.status, 0, "{run}");
        assert!(run.stderr.contains("policy rule no-releases"), "{run}");
    }
}

#[test]
fn two_people_put_a_policy_into_force_and_one_does_not() {
    let mut scene = Scene::new();
    // Longer than any other request may be.
    let reasons = "# Because.\n".repeat(20_000);
    let id = scene.proposed("policy", &format!("{DENY}{reasons}"));
    let waiting = scene.draft(&scene.ben, &["show", &id]).ok().stdout;
    for words in ["in force   no\n", "waits for  somebody else"] {
        assert!(waiting.contains(words), "{waiting}");
    }
    let machine = scene.house.token("ann", &["admin"], " --service");
    for token in [&scene.ann, &machine] {
        let alone = scene.draft(token, &["approve", &id, "--revision", "1"]);
        assert_eq!(alone.status, 1, "{alone}");
    }
    scene.push("one", "main:release/0").ok();
    let alone = scene.draft(&scene.ann, &["approve", &id, "--revision", "1"]);
    assert_eq!(alone.status, 1, "{alone}");
    assert!(alone.stderr.contains("it takes a second person"), "{alone}");
    scene.push("one", "main:release/1").ok();

    let none = scene.draft(&scene.ben, &["list", "--state", "in-force"]);
    assert!(none.ok().stdout.starts_with("No draft is like that"));
    scene.approve(&id, "1", true);
    let shown = scene.draft(&scene.ben, &["show", &id]).ok().stdout;
    assert!(shown.contains("in force   yes: "), "{shown}");
    scene.is_denied("one", "main:release/2");
    // What the operators' file lets through is stopped as well: a draft makes nothing milder, and nothing takes it back.
    scene.is_denied("two", "main:release/2");
    scene.push("two", "main").ok();
    // What is explained beside the server is what it does.
    let explained = scene
        .house
        .exeat("policy explain --upstream forge.test --repo one --ref refs/heads/release/2");
    let explained = explained.ok().stdout;
    let place = format!("rule no-releases, draft {id}:4");
    assert!(
        explained.starts_with("verdict      refuse") && explained.contains(&place),
        "{explained}"
    );
    let listed = scene.draft(&scene.ben, &["list"]).ok().stdout;
    assert!(
        listed.contains(&id) && listed.contains("in-force"),
        "{listed}"
    );

    scene.house.world.stop_server();
    scene.house.world.start_server();
    assert!(scene.is_effective(&id));
    scene.is_denied("one", "main:release/3");

    // Its end takes two as well.
    let why = ["retire", &id, "--revision", "2", "--reason", "CI is gone."];
    scene.draft(&scene.ann, &why).ok();
    let alone = scene.draft(&scene.ann, &["approve", &id, "--revision", "3"]);
    assert_eq!(alone.status, 1, "{alone}");
    scene.is_denied("one", "main:release/4");
    scene.approve(&id, "3", false);
    scene.push("one", "main:release/4").ok();
    scene.house.world.stop_server();
    scene.house.exeat("audit verify").ok();
    scene.house.world.start_server();
}

#[test]
fn a_draft_lets_nothing_through() {
    let scene = Scene::new();
    let id = scene.proposed(
        "policy",
        "[[rule]]\nname = \"all\"\ndo = \"allow\"\nblock = \"forward\"\n",
    );
    scene.approve(&id, "1", true);
    let world = &scene.house.world;
    let secret = crate::harness::github_token(961);
    let line = format!("token = \"{secret}\"\n");
    world.commit_file(&scene.work, "dev.env", line, "Add settings");
    let run = scene.push("one", "main");
    assert_ne!(run.status, 0, "{run}");
    assert!(run.stderr.contains("github-pat"), "{run}");
}

#[test]
fn a_draft_that_clashes_with_changed_files_is_not_dropped() {
    let scene = Scene::new();
    let id = scene.proposed("policy", DENY);
    scene.approve(&id, "1", true);
    let world = &scene.house.world;
    let file = world.config().with_file_name("policy.toml");
    std::fs::write(&file, format!("{FILE}{DENY}")).unwrap();
    let failed = "exeat_reloads_total{result=\"failed\"}";
    world.server().hang_up();
    await_until("it is taken", || metric(world, failed) > 0);
    scene.is_denied("one", "main:release/1");
    let ready = world.telemetry("/health/ready");
    assert!(ready.contains("cannot be used"), "{ready}");
    std::fs::write(&file, FILE).unwrap();
    world.server().hang_up();
    await_until("it is not taken", || {
        world.telemetry("/health/ready").ends_with("ready\n")
    });
    scene.is_denied("one", "main:release/1");
}

/// It dies between the approval, which is durable, and the moment from which pushes are decided by it.
#[test]
fn what_was_approved_when_it_fell_decides_after_the_restart() {
    let mut scene = Scene::new();
    scene.house.world.stop_server();
    // The records: of the start, a login and the proposal, a login and the approval, and then the new policy.
    let trap = [("EXEAT_CRASHPOINT", "audit-append:6=kill")];
    scene.house.world.set_variables(&trap);
    scene.house.world.start_server();
    let id = scene.proposed("policy", DENY);
    // Whether the answer comes before the end is open.
    scene.draft(&scene.ben, &["approve", &id, "--revision", "1"]);
    scene.house.world.await_death();
    scene.house.world.set_variables(&[]);
    scene.house.world.start_server();
    assert!(scene.is_effective(&id));
    scene.is_denied("one", "main:release/1");
    scene.house.world.stop_server();
    scene.house.exeat("audit verify").ok();
    scene.house.world.start_server();
}

#[test]
fn two_people_put_a_rule_into_force() {
    let scene = Scene::new();
    let world = &scene.house.world;
    let word = "halcyonic-4711";
    world.commit_file(&scene.work, "plan", format!("{word}\n"), "Plan");
    let rule = format!(
        "[[rules]]\nid = \"project-name\"\ndescription = \"the name of a project\"\n\
         regex = '''halcyonic-[0-9]{{4}}'''\nkeywords = [\"halcyonic-\"]\nexamples = [\"{word}\"]\n"
    );
    let id = scene.proposed("rules", &rule);
    scene.push("one", "main:before").ok();
    scene.approve(&id, "1", true);
    let again = format!("Again {word}\n");
    world.commit_file(&scene.work, "more", again, "More");
    let run = scene.push("one", "main:after");
    assert_ne!(run.status, 0, "{run}");
    assert!(run.stderr.contains("project-name"), "{run}");
    let explained = scene.house.exeat("rules explain project-name").ok();
    let place = format!("draft {id}:1");
    assert!(explained.stdout.contains(&place), "{explained}");
}
