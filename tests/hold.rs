//! Held pushes: kept, decided, sent once by whoever pushed them, and by nobody else.

mod anew;
mod authors;
mod beyond;
mod falls;
mod licences;
mod organisation;
mod script;
mod voices;
mod wait;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::console::House;
use crate::harness::{Options, Run, World, canaries, github_token};

/// What the proxy runs with: findings that ask to be blocked are held.
const SETTINGS: &str = "[console]\naddress = \"127.0.0.1:0\"\ntls = { certificate = \"server.pem\", key = \"server.key\" }\n\
                        [policy]\nblock = \"hold\"\n";

/// The settings with a key in a file that only we can read.
pub(crate) fn settings() -> String {
    static KEY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).mode(0o600);
        let mut file = file.open(folder.path().join("key")).unwrap();
        let text = hex::encode(canaries::key::<32>("quarantine"));
        file.write_all(text.as_bytes()).unwrap();
        folder
    });
    // One file for all tests, a canary of each.
    let _: [u8; 32] = canaries::key("quarantine");
    let key = KEY.path().join("key");
    format!("{SETTINGS}[quarantine]\nkey = \"file:{}\"\n", key.display())
}

/// A world whose pushes are held, with two reviewers.
pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) ann: String,
    pub(crate) ben: String,
    pub(crate) work: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    pub(crate) fn with(more: &str) -> Self {
        let world = World::start(Options {
            settings: format!("{}{more}", settings()).leak(),
            ..Options::default()
        });
        world.new_repository("one");
        Self::within(House { world })
    }

    fn within(mut house: House) -> Self {
        house.world.stop_server();
        let ann = house.person("ann", &["reviewer"], &["read", "decide"]);
        let ben = house.person("ben", &["reviewer"], &["read", "decide"]);
        house.world.start_server();
        let work = house.world.new_work("one");
        Self {
            house,
            ann,
            ben,
            work,
        }
    }

    /// A commit that is to be held.
    pub(crate) fn commit(&self, seed: u64) {
        let line = format!("token = {}\n", github_token(seed));
        let name = format!("file-{seed}.txt");
        self.house
            .world
            .commit_file(&self.work, &name, line, "a file");
    }

    pub(crate) fn push(&self, more: &[&str]) -> Run {
        let url = self.house.world.proxied_url("one");
        let mut words = vec!["push"];
        words.extend(more);
        words.extend([url.as_str(), "HEAD:refs/heads/main"]);
        self.house.world.git(&self.work, &words)
    }

    pub(crate) fn case(&self, id: &str) -> Value {
        let (status, case) = self.house.get(&format!("/api/v1/reviews/{id}"), &self.ann);
        assert_eq!(status, 200, "{case}");
        case
    }

    pub(crate) fn say(&self, id: &str, token: &str, verdict: &str, words: &str) -> (u16, Value) {
        let revision = &self.case(id)["revision"];
        let said = json!({ "verdict": verdict, "revision": revision, "words": words });
        let path = format!("/api/v1/reviews/{id}/decisions");
        self.house.post(&path, token, &said)
    }

    #[track_caller]
    pub(crate) fn approve(&self, id: &str) {
        for token in [&self.ann, &self.ben] {
            let (status, answer) = self.say(id, token, "approve", "");
            assert_eq!(status, 200, "{answer}");
        }
    }

    pub(crate) fn kept(&self) -> Vec<String> {
        let folder = self.data().join("quarantine");
        let Ok(files) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.house.world.data().to_owned()
    }

    pub(crate) fn head(&self) -> String {
        let world = &self.house.world;
        world
            .git(&self.work, &["rev-parse", "HEAD"])
            .ok()
            .stdout
            .trim()
            .to_owned()
    }

    /// What the upstream's branch is at; empty where there is none.
    pub(crate) fn upstream(&self) -> String {
        let path = self.house.world.upstream_path("one");
        let shown = self
            .house
            .world
            .git(&path, &["rev-parse", "-q", "--verify", "refs/heads/main"]);
        shown.stdout.trim().to_owned()
    }
}

/// The id of the case that a held developer reads.
#[track_caller]
pub(crate) fn case_id(run: &Run) -> String {
    let text = &run.stderr;
    let at = text.find("P-").unwrap_or_else(|| panic!("no id: {run}"));
    let id = text[at..].split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    id.into_iter().next().unwrap().to_owned()
}

/// Waits until something is so; fails after a long while.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("never: {what}");
}

#[test]
fn a_held_push_goes_when_it_is_pushed_again_after_two_have_approved() {
    let scene = Scene::new();
    scene.commit(1);
    let held = scene.push(&["-o", "exeat.reason=a sample, never valid"]);
    assert_eq!(held.status, 1, "{held}");
    for words in [
        "Push held for review. Nothing left the company.",
        "0 of 2 approvals",
        "Reviewers of forge.test/one decide",
    ] {
        assert!(held.stderr.contains(words), "{words}: {held}");
    }
    let id = case_id(&held);
    assert_eq!(scene.kept(), [format!("{id}.pack")]);
    let case = scene.case(&id);
    assert_eq!(
        (case["state"].as_str(), case["needed"].as_u64()),
        (Some("open"), Some(2)),
        "{case}"
    );
    // Again before anybody has decided: the same case, and no second pack.
    let again = scene.push(&[]);
    assert!(
        again.stderr.contains("held for review still") && again.stderr.contains(&id),
        "{again}"
    );
    assert_eq!(scene.kept().len(), 1);
    assert_eq!(scene.upstream(), "");
    scene.approve(&id);
    let sent = scene.push(&[]).ok();
    assert!(sent.stderr.contains(&format!("Approved as {id}")), "{sent}");
    assert_eq!(scene.upstream(), scene.head());
    assert_eq!(scene.case(&id)["state"], "sent");
    until("the pack is gone", || scene.kept().is_empty());
    scene.house.exeat("audit verify").ok();
    let listed = scene.house.exeat("audit list").ok().stdout;
    assert!(listed.contains(&id), "{listed}");
}

#[test]
fn an_approval_is_for_this_push_alone() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    scene.commit(2);
    let other = scene.push(&[]);
    let second = case_id(&other);
    assert!(other.status == 1 && second != id, "{other}");
    assert_eq!(scene.upstream(), "");
    // What is newer takes the place of what was approved.
    let first = scene.case(&id);
    assert_eq!(first["state"], "superseded");
    assert_eq!(first["superseded_by"], second.as_str());
    // The same commit elsewhere, or with another option, is another push.
    let world = &scene.house.world;
    let url = world.proxied_url("one");
    let mut seed = 10;
    for words in [
        vec!["push", url.as_str(), "HEAD:refs/heads/other"],
        vec![
            "push",
            url.as_str(),
            "HEAD:refs/heads/main",
            "HEAD:refs/heads/more",
        ],
    ] {
        scene.approve(&case_id(&scene.push(&[])));
        let run = world.git(&scene.work, &words);
        assert_eq!(run.status, 1, "{run}");
        let elsewhere = case_id(&run);
        assert_eq!(scene.case(&elsewhere)["state"], "open");
        let listed = scene.house.get("/api/v1/reviews?state=open", &scene.ann).1;
        assert!(listed.to_string().contains(&elsewhere));
        scene.say(&elsewhere, &scene.ann, "reject", "not there");
        seed += 1;
        scene.commit(seed);
    }
    assert_eq!(scene.upstream(), "");
}

#[test]
fn a_no_is_told_with_its_reason_and_stays_one() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    let (status, problem) = scene.say(&id, &scene.ann, "reject", " ");
    assert!(status >= 400, "{problem}");
    let words = "it is a customer's key; take it out";
    assert_eq!(scene.say(&id, &scene.ann, "reject", words).0, 200);
    for _ in 0..2 {
        let told = scene.push(&[]);
        assert_eq!(told.status, 1);
        for words in [
            "Push rejected by a reviewer",
            "ann wrote",
            "it is a customer's key",
        ] {
            assert!(told.stderr.contains(words), "{told}");
        }
    }
    until("the pack is gone", || scene.kept().is_empty());
    // Another push is looked at anew.
    scene.commit(2);
    assert!(scene.push(&[]).stderr.contains("Push held for review"));
}

#[test]
fn without_a_key_nothing_is_held() {
    let world = World::start(Options {
        settings: "[policy]\nblock = \"hold\"\n",
        ..Options::default()
    });
    world.new_repository("one");
    let work = world.new_work("one");
    let token = github_token(3);
    world.commit_file(&work, "a.txt", format!("{token}\n"), "a file");
    let url = world.proxied_url("one");
    let refused = world.git(&work, &["push", &url, "HEAD:refs/heads/main"]);
    assert!(
        refused.status == 1 && refused.stderr.contains("it needs review"),
        "{refused}"
    );
    assert!(!world.data().join("quarantine").exists());
}

#[test]
fn a_clean_push_ends_what_waited_for_the_same_branch() {
    let scene = Scene::new();
    let world = &scene.house.world;
    world.commit_file(&scene.work, "first.txt", "first\n", "first");
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    world.git(&scene.work, &["reset", "--hard", "HEAD~1"]).ok();
    world.commit_file(&scene.work, "clean.txt", "nothing here\n", "clean");
    scene.push(&[]).ok();
    until("it has made way", || {
        scene.case(&id)["state"] == "superseded"
    });
    until("the pack is gone", || scene.kept().is_empty());
}

#[test]
fn a_damaged_pack_is_not_sent_and_the_approval_stays() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = wait::Waiting::begin(&scene);
    let id = waiting.case();
    let path = scene.data().join("quarantine").join(format!("{id}.pack"));
    flip(&path);
    scene.approve(&id);
    let told = waiting.ended();
    assert!(told.contains("E-5017"), "{told}");
    assert_eq!(scene.upstream(), "");
    assert_eq!(scene.case(&id)["state"], "approved");
    // Whoever has the commits can still push them.
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn one_pusher_has_only_so_many_that_wait() {
    let scene = Scene::with("[limits]\nheld_per_user = 1\n");
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    let world = &scene.house.world;
    let url = world.proxied_url("one");
    let more = world.git(&scene.work, &["push", &url, "HEAD:refs/heads/other"]);
    assert!(more.status == 1 && more.stderr.contains("E-5018"), "{more}");
    assert_eq!(scene.kept(), [format!("{id}.pack")]);
    // When one is decided there is room again.
    assert_eq!(scene.say(&id, &scene.ann, "reject", "not this one").0, 200);
    let more = world.git(&scene.work, &["push", &url, "HEAD:refs/heads/other"]);
    assert!(more.stderr.contains("Push held for review"), "{more}");
}
