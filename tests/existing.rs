//! What a repository serves already does not stop a push; whatever is new on top of it does.

mod doubtful;

use std::path::PathBuf;

use exeat::demo::forge::Hash;

use crate::harness::{Options, Run, World, assert_refused, github_token, prose};

const PATH: &str = "deploy/env/dev.env";

/// An upstream whose `main` has a file with a secret, put there past the proxy, and a work tree of it.
struct Scene {
    world: World,
    work: PathBuf,
    secret: String,
}

impl Scene {
    fn new() -> Self {
        Self::with(Options::default(), Hash::Sha1)
    }

    fn with(options: Options, hash: Hash) -> Self {
        let world = World::start(options);
        world.new_repository_with("one", hash);
        let work = world.new_work_with("work", hash);
        let secret = github_token(501);
        world.commit_file(&work, "README", prose(9, 3), "Begin");
        world.commit_file(&work, PATH, file(&[&secret]), "Add settings");
        let url = world.direct_url("one");
        world.git(&work, &["push", "-q", &url, "main"]).ok();
        Self {
            world,
            work,
            secret,
        }
    }

    fn commit(&self, path: &str, content: &str) {
        let (world, work) = (&self.world, &self.work);
        world.commit_file(work, path, content, "Change settings");
    }

    fn push(&self, arguments: &[&str]) -> Run {
        let url = self.world.proxied_url("one");
        let arguments = [&["push", &url], arguments].concat();
        self.world.git(&self.work, &arguments)
    }

    /// The push goes, and says why.
    #[track_caller]
    fn assert_spared(&self, arguments: &[&str]) {
        let run = self.push(arguments).ok();
        let said = "Already in this repository, not stopped:";
        assert!(run.stderr.contains(said), "{run}");
        assert!(run.stderr.contains(PATH), "{run}");
        assert!(!run.stderr.contains(&self.secret), "{run}");
    }

    /// The push stays, and nothing of it arrives.
    #[track_caller]
    fn assert_stopped(&self, arguments: &[&str], secret: &str) -> Run {
        let before = self.world.upstream_state("one");
        let run = self.push(arguments);
        assert_refused(&run, "github-pat", secret);
        assert_eq!(self.world.upstream_state("one"), before);
        assert!(self.world.witness.pushes().is_empty());
        run
    }

    /// Requests to the upstream's upload-pack.
    fn questions(&self) -> Vec<String> {
        let requests = self.world.witness.requests().into_iter();
        requests
            .map(|request| request.first_line)
            .filter(|line| line.contains("upload-pack"))
            .collect()
    }
}

/// A settings file with these values, a line each.
fn file(values: &[&str]) -> String {
    let lines = values.iter().map(|value| format!("token = {value}\n"));
    prose(4, 40) + &lines.collect::<String>()
}

#[test]
fn a_clean_push_asks_nothing_more_than_before() {
    let scene = Scene::new();
    scene.commit("README", &prose(10, 3));
    let run = scene.push(&["main"]).ok();
    assert!(!run.stderr.contains("Already"), "{run}");
    let asked: Vec<String> = scene
        .world
        .witness
        .requests()
        .into_iter()
        .map(|request| request.first_line)
        .collect();
    let expected = [
        "GET /one.git/info/refs?service=git-receive-pack HTTP/1.1",
        "POST /one.git/git-receive-pack HTTP/1.1",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn an_old_secret_in_a_changed_file_is_told_and_passes() {
    for hash in [Hash::Sha1, Hash::Sha256] {
        let mut scene = Scene::with(Options::default(), hash);
        scene.commit(PATH, &(file(&[&scene.secret]) + "colour = green\n"));
        scene.assert_spared(&["main"]);
        // The offer, the refs, the commit with its trees, the file.
        assert_eq!(scene.questions().len(), 4, "{:?}", scene.questions());
        let telemetry = scene.world.telemetry("/metrics");
        assert!(telemetry.contains("exeat_existing_findings_total 1"));
        assert!(telemetry.contains("exeat_findings_total{action=\"block\"} 0"));
        scene.world.stop_server();
        let config = scene.world.config();
        let audit = |format| {
            let words = ["audit", "list", "--format", format, "--config"];
            let config = config.to_string_lossy();
            let words = [&words[..], &[&*config]].concat();
            scene.world.exeat(&words).ok().stdout
        };
        let records = audit("jsonl");
        assert!(records.contains("\"existing\":true"), "{records}");
        assert!(records.contains("\"cause\":\"existing\""), "{records}");
        assert!(!records.contains(&scene.secret));
        let text = audit("text");
        assert!(text.contains("already in this repository"), "{text}");
    }
}

#[test]
fn a_new_branch_is_compared_with_head() {
    let scene = Scene::new();
    scene.commit(PATH, &(prose(5, 2) + &file(&[&scene.secret])));
    scene.assert_spared(&["main:refs/heads/topic/one"]);
}

/// Two versions of the file in one push, the secret further down in the second.
#[test]
fn each_version_of_a_file_is_compared() {
    let scene = Scene::new();
    scene.commit(PATH, &(prose(5, 2) + &file(&[&scene.secret])));
    scene.commit(PATH, &(prose(6, 20) + &file(&[&scene.secret])));
    scene.assert_spared(&["main"]);
}

#[test]
fn a_new_secret_beside_an_old_one_stops_the_push() {
    let mut scene = Scene::new();
    let new = github_token(502);
    scene.world.forbid(&new);
    scene.commit(PATH, &file(&[&scene.secret, &new]));
    let run = scene.assert_stopped(&["main"], &new);
    assert!(run.stderr.contains("Already in this repository"), "{run}");
    assert!(run.stderr.contains(&format!("{PATH}:42")), "{run}");
    assert!(run.stderr.contains("stopped: 1 finding,"), "{run}");
}

#[test]
fn the_same_secret_at_another_path_stops_the_push() {
    let scene = Scene::new();
    let content = file(&[&scene.secret]) + "colour = green\n";
    scene.commit("deploy/env/live.env", &content);
    scene.assert_stopped(&["main"], &scene.secret);
}

/// One version of a file that stands at an old path and at a new one.
#[test]
fn a_copy_of_a_file_at_another_path_stops_the_push() {
    let scene = Scene::new();
    let content = file(&[&scene.secret]) + "colour = green\n";
    scene.commit(PATH, &content);
    scene.commit("copy.env", &content);
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn one_more_copy_in_the_same_file_stops_the_push() {
    let scene = Scene::new();
    scene.commit(PATH, &file(&[&scene.secret, &scene.secret]));
    let run = scene.assert_stopped(&["main"], &scene.secret);
    assert!(run.stderr.contains("stopped: 1 finding,"), "{run}");
}

#[test]
fn an_old_secret_in_a_commit_message_stops_the_push() {
    let scene = Scene::new();
    std::fs::write(scene.work.join(PATH), file(&[&scene.secret]) + "x\n").unwrap();
    let message = format!("Use {}", scene.secret);
    let commit = ["commit", "-q", "-a", "-m", &message];
    scene.world.git(&scene.work, &commit).ok();
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn the_policy_decides_what_becomes_of_it() {
    for (settings, words) in [
        ("[policy]\nexisting = \"refuse\"", "Push stopped."),
        ("[policy]\nexisting = \"hold\"", "needs review"),
        ("[policy]\nexisting = \"warn\"", "with warnings"),
    ] {
        let options = Options {
            settings,
            ..Options::default()
        };
        let scene = Scene::with(options, Hash::Sha1);
        scene.commit(PATH, &(file(&[&scene.secret]) + "colour = green\n"));
        let run = scene.push(&["main"]);
        assert!(run.stderr.contains(words), "{settings}: {run}");
        assert_eq!(run.status == 0, settings.contains("warn"), "{run}");
        // Nothing becomes milder by asking, so nobody is asked.
        assert_eq!(scene.questions().is_empty(), settings.contains("refuse"));
    }
}
