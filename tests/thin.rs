//! Thin packs: clients are told not to send them; those that do all the same get their bases looked up.

mod hostile;

use std::path::{Path, PathBuf};

use exeat::demo::forge::Hash;

use crate::harness::{
    Answer, Options, Run, World, assert_refused_by_hand, github_token, head, prose,
};

const CAPABILITIES: &str = "report-status side-band-64k";

/// An upstream that has `main`, and a work tree with one commit more.
struct Scene {
    world: World,
    work: PathBuf,
    hash: Hash,
    old: String,
}

impl Scene {
    fn new(world: World, hash: Hash, content: &str) -> Self {
        world.new_repository_with("one", hash);
        let work = world.new_work_with("work", hash);
        world.commit_file(&work, "src/file", content, "Begin");
        let url = world.direct_url("one");
        world.git(&work, &["push", "-q", &url, "main"]).ok();
        let old = world.default_git().id(&work, "HEAD");
        Self {
            world,
            work,
            hash,
            old,
        }
    }

    /// The thin pack that brings `HEAD` to whoever has what the upstream has, as git writes it.
    fn thin_pack(&self, options: &[&str]) -> Vec<u8> {
        let arguments = [
            &["pack-objects", "--thin", "--revs", "--stdout", "-q"],
            options,
        ]
        .concat();
        let revisions = format!("HEAD\n^{}\n", self.old);
        let git = self.world.default_git();
        let pack = git.fed(&self.work, &arguments, revisions.as_bytes());
        assert!(!is_whole(&self.world, self.hash, &pack), "not a thin pack");
        pack
    }

    /// Pushes `HEAD` to `main` with this pack.
    fn push(&self, pack: &[u8]) -> Answer {
        let new = self.world.default_git().id(&self.work, "HEAD");
        let command = format!("{} {new} refs/heads/main", self.old);
        let format = match self.hash {
            Hash::Sha1 => "sha1",
            Hash::Sha256 => "sha256",
        };
        let capabilities = format!("{CAPABILITIES} object-format={format}");
        let body = [head(&[command], &capabilities), pack.to_vec()].concat();
        self.world.ask_push("one", &body)
    }

    /// Pushes a thin pack, which must arrive byte for byte.
    #[track_caller]
    fn assert_passes(&self, pack: &[u8]) {
        let answer = self.push(pack);
        assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
        let new = self.world.default_git().id(&self.work, "HEAD");
        assert!(self.world.upstream_state("one").contains(&new));
        let pushes = self.world.witness.pushes();
        let sent = &pushes.last().unwrap().body;
        assert!(sent.ends_with(pack), "the pack was changed on its way");
        // Behind the head there is the pack and nothing else.
        let starts = sent.windows(4).filter(|window| *window == b"PACK").count();
        assert_eq!(starts, 1);
    }
}

/// Whether git can read the pack without anything else.
fn is_whole(world: &World, hash: Hash, pack: &[u8]) -> bool {
    let scratch = world.new_work_with("scratch", hash);
    let file = scratch.join("pushed.pack");
    std::fs::write(&file, pack).unwrap();
    let run = world.git(&scratch, &["index-pack", "--strict", "pushed.pack"]);
    run.status == 0
}

fn audit(world: &World, words: &[&str]) -> Run {
    let config = world.config();
    let config = config.to_string_lossy();
    let words = [&["audit"], words, &["--config", &config]].concat();
    world.exeat(&words).ok()
}

/// The bases on record for the last push.
fn recorded_bases(world: &mut World) -> u64 {
    world.stop_server();
    let lines = audit(world, &["list", "--format", "jsonl"]).stdout;
    audit(world, &["verify"]);
    let bases = lines.lines().filter_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["coverage"]["bases"].as_u64()
    });
    bases.max().unwrap_or(0)
}

fn fetches(world: &World) -> usize {
    let requests = world.witness.requests();
    let asked = |target: &str| target.ends_with("git-upload-pack");
    requests
        .iter()
        .filter(|request| request.method() == "POST" && asked(request.target()))
        .count()
}

fn commit(scene: &Scene, content: &str) {
    let work: &Path = &scene.work;
    scene.world.commit_file(work, "src/file", content, "Go on");
}

#[test]
fn row_03_a_clean_thin_pack_arrives_as_it_was_sent() {
    for hash in [Hash::Sha1, Hash::Sha256] {
        for options in [&["--delta-base-offset"][..], &[]] {
            let mut scene = Scene::new(World::start(Options::default()), hash, &prose(1, 400));
            for line in 0..3 {
                let content = format!("{}one more line {line}\n", prose(1, 400));
                commit(&scene, &content);
            }
            let pack = scene.thin_pack(options);
            assert!(pack.len() < 2_000, "{} bytes", pack.len());
            scene.assert_passes(&pack);
            // Without distances a base may be an object of the pack, which only the upstream's no tells.
            let questions = if options.is_empty() { 1..=2 } else { 1..=1 };
            assert!(questions.contains(&fetches(&scene.world)));
            let bases = recorded_bases(&mut scene.world);
            assert!((1..=4).contains(&bases), "{bases}");
        }
    }
}

/// The two halves stand apart in the base; the pack holds no byte of them.
#[test]
fn row_03_a_secret_that_exists_only_after_applying_a_delta_to_an_upstream_object() {
    for hash in [Hash::Sha1, Hash::Sha256] {
        let token = github_token(401);
        let mut world = World::start(Options::default());
        world.forbid(&token);
        let (start, end) = token.split_at(20);
        let apart = format!("{}{start}\n{end}\n{}", prose(2, 200), prose(3, 200));
        let scene = Scene::new(world, hash, &apart);
        commit(&scene, &apart.replace(&format!("{start}\n{end}"), &token));
        let before = scene.world.upstream_state("one");
        let answer = scene.push(&scene.thin_pack(&["--delta-base-offset"]));
        assert_refused_by_hand(&scene.world, &answer);
        let text = answer.report().text;
        assert!(text.contains("github-pat"), "{text}");
        assert!(text.contains("src/file:201"), "{text}");
        assert!(!text.contains(&token));
        assert_eq!(scene.world.upstream_state("one"), before);
    }
}

/// The secret is in no byte of the pack, only in the base and in what is built from it.
#[test]
fn an_old_secret_in_a_file_that_comes_as_a_thin_delta_is_told_and_passes() {
    let old = format!("{}{}\n", prose(1, 400), github_token(404));
    let scene = Scene::new(World::start(Options::default()), Hash::Sha1, &old);
    commit(&scene, &format!("{old}one more line\n"));
    let answer = scene.push(&scene.thin_pack(&["--delta-base-offset"]));
    let report = answer.report();
    assert_eq!(report.unpack, "ok", "{}", report.text);
    let said = "Already in this repository, not stopped:";
    assert!(report.text.contains(said), "{}", report.text);
    assert!(report.text.contains("src/file:401"), "{}", report.text);
}

#[test]
fn bases_are_shown_by_the_audit() {
    let mut scene = Scene::new(World::start(Options::default()), Hash::Sha1, &prose(1, 400));
    commit(&scene, &format!("{}one more line\n", prose(1, 400)));
    scene.assert_passes(&scene.thin_pack(&["--delta-base-offset"]));
    scene.world.stop_server();
    let shown = audit(&scene.world, &["list"]).stdout;
    assert!(shown.contains(", 1 delta base fetched"), "{shown}");
}

/// A pusher that must sign in gets its bases with its own credential, and never with another.
#[test]
fn bases_are_fetched_in_the_name_of_the_pusher() {
    let world = World::start(Options {
        credentials: Some(("ada", "correct horse 5")),
        ..Options::default()
    });
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "src/file", prose(1, 400), "Begin");
    let url = world.proxied_url("one");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    let old = world.default_git().id(&work, "HEAD");
    let scene = Scene {
        world,
        work,
        hash: Hash::Sha1,
        old,
    };
    commit(&scene, &format!("{}one more line\n", prose(1, 400)));
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    let new = scene.world.default_git().id(&scene.work, "HEAD");
    let command = format!("{} {new} refs/heads/main", scene.old);
    let body = [head(&[command], CAPABILITIES), pack].concat();
    // base64 of ada:correct horse 5
    let head = format!(
        "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nAuthorization: Basic {}\n\
         Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
        "YWRhOmNvcnJlY3QgaG9yc2UgNQ==",
        body.len()
    );
    let answer = scene.world.ask(&head, &body);
    assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
    let requests = scene.world.witness.requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|request| request.target().contains("upload-pack"))
        .collect();
    assert_eq!(asked.len(), 2, "what it can do, and the bases");
    for request in asked {
        assert_eq!(
            request.all("authorization"),
            ["Basic YWRhOmNvcnJlY3QgaG9yc2UgNQ=="]
        );
    }
}
