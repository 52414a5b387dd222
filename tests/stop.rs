//! A push that carries a secret does not arrive, wherever the secret is, and the developer is told why.

use std::path::{Path, PathBuf};

use crate::harness::{
    Options, Run, World, ZERO, assert_refused, assert_refused_by_hand, github_token, gits, head,
    incompressible, pack_of, prose,
};

/// The rule that knows the planted secrets.
const RULE: &str = "github-pat";

/// A work tree whose first commit is at the upstream already.
struct Scene {
    world: World,
    work: PathBuf,
    secret: String,
    before: String,
}

impl Scene {
    fn new(seed: u64) -> Self {
        Self::with(seed, Options::default())
    }

    fn with(seed: u64, options: Options) -> Self {
        let mut world = World::start(options);
        let secret = github_token(seed);
        world.forbid(&secret);
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "book", prose(seed, 100), "Begin");
        let url = world.proxied_url("one");
        world.git(&work, &["push", "-q", &url, "main"]).ok();
        let before = world.upstream_state("one");
        Self {
            world,
            work,
            secret,
            before,
        }
    }

    fn commit(&self, path: &str, content: impl AsRef<[u8]>) {
        self.world
            .commit_file(&self.work, path, content, &format!("Write {path}"));
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.world.git(&self.work, arguments).ok().stdout
    }

    fn push(&self, options: &[&str], refs: &[&str]) -> Run {
        push(&self.world, &self.work, options, refs)
    }

    /// Pushes, and checks that it is stopped as it should be.
    #[track_caller]
    fn assert_stopped(&self, options: &[&str], refs: &[&str]) -> Run {
        let run = self.push(options, refs);
        assert_refused(&run, RULE, &self.secret);
        self.assert_unchanged();
        run
    }

    #[track_caller]
    fn assert_unchanged(&self) {
        assert_eq!(
            self.world.upstream_state("one"),
            self.before,
            "the upstream is not what it was"
        );
        self.world.witness.assert_never_received(&self.secret);
    }
}

fn push(world: &World, work: &Path, options: &[&str], refs: &[&str]) -> Run {
    let url = world.proxied_url("one");
    let words: Vec<&str> = ["push"]
        .iter()
        .chain(options)
        .chain(&[url.as_str()])
        .chain(refs)
        .copied()
        .collect();
    world.git(work, &words)
}

/// A file that uses the secret.
fn settings(secret: &str) -> String {
    format!("host = \"forge.example\"\ntoken = \"{secret}\"\n")
}

#[test]
fn in_a_file() {
    let scene = Scene::new(1);
    scene.commit("config/dev.env", settings(&scene.secret));
    let run = scene.assert_stopped(&[], &["main"]);
    assert!(
        run.stderr.contains("config/dev.env:2"),
        "where it is, is not told: {run}"
    );
    let commit = scene.git(&["rev-parse", "--short=7", "HEAD"]);
    assert!(
        run.stderr.contains(commit.trim()),
        "the commit is not told: {run}"
    );
    assert!(
        run.stderr.contains("[remote rejected] main -> main"),
        "{run}"
    );
}

#[test]
fn with_every_git_and_every_way_to_send() {
    let scene = Scene::new(2);
    scene.commit("dev.env", settings(&scene.secret));
    scene.commit("noise", incompressible(2, 200_000));
    let url = scene.world.proxied_url("one");
    for git in gits() {
        for buffer in ["http.postBuffer=65536", "http.postBuffer=1048576"] {
            let words = ["-c", buffer, "push", &url, "main"];
            assert_refused(
                &scene.world.git_with(git, &scene.work, &words),
                RULE,
                &scene.secret,
            );
        }
    }
    scene.assert_unchanged();
}

#[test]
fn in_a_file_that_a_later_commit_removed() {
    let scene = Scene::new(3);
    scene.commit("dev.env", settings(&scene.secret));
    scene.git(&["rm", "-q", "dev.env"]);
    scene.git(&["commit", "-q", "-m", "Remove it again"]);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_commit_message() {
    let scene = Scene::new(4);
    let message = format!("Try with {}", scene.secret);
    scene.git(&["commit", "-q", "--allow-empty", "-m", &message]);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_the_authors_name() {
    let scene = Scene::new(5);
    let author = format!("{} <ada@example.com>", scene.secret);
    scene.git(&[
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "Empty",
        "--author",
        &author,
    ]);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_the_committers_mail() {
    let scene = Scene::new(6);
    let mail = format!("user.email={}@example.com", scene.secret);
    scene.git(&["-c", &mail, "commit", "-q", "--allow-empty", "-m", "Empty"]);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_commit_header_nobody_knows() {
    let scene = Scene::new(7);
    let commit = scene.git(&["cat-file", "commit", "HEAD"]);
    let commit = commit.replacen("\n\n", &format!("\nx-note {}\n\n", scene.secret), 1);
    let hash = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
    ];
    let id = scene
        .world
        .default_git()
        .fed(&scene.work, &hash, commit.as_bytes());
    let target = format!("{}:refs/heads/noted", String::from_utf8(id).unwrap().trim());
    scene.assert_stopped(&[], &[&target]);
}

#[test]
fn in_the_message_of_an_annotated_tag() {
    let scene = Scene::new(8);
    scene.git(&[
        "tag",
        "-a",
        "one",
        "-m",
        &format!("made with {}", scene.secret),
    ]);
    scene.assert_stopped(&[], &["refs/tags/one"]);
}

#[test]
fn in_a_tag_below_a_tag() {
    let scene = Scene::new(9);
    scene.git(&[
        "tag",
        "-a",
        "one",
        "-m",
        &format!("made with {}", scene.secret),
    ]);
    scene.git(&["tag", "-a", "two", "-m", "harmless", "one"]);
    scene.assert_stopped(&[], &["refs/tags/two"]);
}

#[test]
fn in_a_file_name() {
    let scene = Scene::new(10);
    scene.commit(&format!("docs/{}.txt", scene.secret), "harmless\n");
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_file_whose_folder_name_holds_it_too() {
    let scene = Scene::new(11);
    scene.commit(
        &format!("{}/dev.env", scene.secret),
        settings(&scene.secret),
    );
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_branch_name() {
    let scene = Scene::new(12);
    let target = format!("main:refs/heads/{}", scene.secret);
    scene.assert_stopped(&[], &[&target]);
}

#[test]
fn in_a_push_option() {
    let scene = Scene::new(13);
    scene.commit("a", "a\n");
    let option = format!("title={}", scene.secret);
    scene.assert_stopped(&["-o", &option], &["main"]);
}

#[test]
fn in_an_object_that_is_stored_as_a_delta() {
    let scene = Scene::new(14);
    let (first, second) = scene.secret.split_at(20);
    // Both halves are in the base, each in a line of its own long enough to be copied from; only the delta's
    // result holds them side by side.
    let base = prose(15, 2000);
    let head = format!("{}{first}", "a long and harmless beginning of a line ");
    let tail = format!("{second}{}", " a long and harmless end of a line");
    scene.commit("large", format!("{base}{head}\n{tail}\n"));
    scene.commit("large", format!("{base}{head}{tail}\n{head}\n{tail}\n"));
    scene.git(&["repack", "-adfq"]);
    let pack = std::fs::read_dir(scene.work.join(".git/objects/pack")).unwrap();
    let index = pack
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "idx"));
    let listed = scene.git(&["verify-pack", "-v", &index.unwrap().to_string_lossy()]);
    assert!(
        listed.contains("chain length = 1: 1 object"),
        "git made no delta: {listed}"
    );
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_an_object_no_ref_reaches() {
    let scene = Scene::new(16);
    let git = scene.world.default_git();
    let blob = git.fed(
        &scene.work,
        &["hash-object", "-w", "--stdin"],
        settings(&scene.secret).as_bytes(),
    );
    let blob = String::from_utf8(blob).unwrap().trim().to_owned();
    let old = git.id(&scene.work, "HEAD");
    scene.commit("a", "a\n");
    let new = git.id(&scene.work, "HEAD");
    let tree = git.id(&scene.work, "HEAD^{tree}");
    let file = git.id(&scene.work, "HEAD:a");
    let mut body = head(
        &[format!("{old} {new} refs/heads/main")],
        "report-status side-band-64k",
    );
    body.extend(pack_of(
        &scene.world,
        &scene.work,
        &[&new, &tree, &file, &blob],
    ));
    let base_pushes = scene.world.witness.pushes().len();
    let answer = scene.world.ask_push("one", &body);
    let report = answer.report();
    assert!(
        answer.status == 200
            && report.unpack != "ok"
            && report.text.contains("Nothing left the company"),
        "{report:?}"
    );
    assert_eq!(scene.world.witness.pushes().len(), base_pushes);
    scene.assert_unchanged();
}

#[test]
fn in_a_merge_that_adds_what_neither_side_had() {
    let scene = Scene::new(17);
    scene.git(&["checkout", "-q", "-b", "side"]);
    scene.commit("side", "side\n");
    scene.git(&["checkout", "-q", "main"]);
    scene.commit("main", "main\n");
    scene.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    scene.commit("side", settings(&scene.secret));
    assert_eq!(
        scene
            .git(&["rev-list", "--parents", "-1", "HEAD"])
            .split(' ')
            .count(),
        3,
        "not a merge"
    );
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_note() {
    let scene = Scene::new(18);
    scene.git(&["notes", "add", "-m", &settings(&scene.secret)]);
    scene.assert_stopped(&[], &["refs/notes/commits"]);
}

#[test]
fn at_the_end_of_a_large_file() {
    let scene = Scene::new(19);
    scene.commit("large.log", prose(19, 100_000) + &settings(&scene.secret));
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_binary_file() {
    let scene = Scene::new(20);
    let mut content = b"\x7fELF\0\0\0".to_vec();
    content.extend(incompressible(20, 50_000));
    content.extend(format!("\0{}\0", scene.secret).bytes());
    content.extend(incompressible(21, 50_000));
    scene.commit("tool", content);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_the_target_of_a_link() {
    let scene = Scene::new(22);
    std::os::unix::fs::symlink(
        format!("/home/ada/{}", scene.secret),
        scene.work.join("link"),
    )
    .unwrap();
    scene.git(&["add", "link"]);
    scene.git(&["commit", "-q", "-m", "A link"]);
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn in_a_first_push() {
    let mut world = World::start(Options::default());
    let secret = github_token(23);
    world.forbid(&secret);
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "dev.env", settings(&secret), "Begin");
    assert_refused(&push(&world, &work, &[], &["main"]), RULE, &secret);
    assert_eq!(world.upstream_state("one"), "---\n");
    // The developer does as told: writes the history anew without it, and pushes again.
    world.git(&work, &["rm", "-q", "--cached", "dev.env"]).ok();
    std::fs::write(work.join("dev.env.example"), "token = \"\"\n").unwrap();
    world.git(&work, &["add", "dev.env.example"]).ok();
    world
        .git(&work, &["commit", "-q", "--amend", "-m", "Begin"])
        .ok();
    push(&world, &work, &[], &["main"]).ok();
}

#[test]
fn one_bad_branch_stops_the_whole_push() {
    let scene = Scene::new(24);
    scene.git(&["checkout", "-q", "-b", "clean"]);
    scene.commit("clean", "clean\n");
    scene.git(&["checkout", "-q", "-b", "dirty"]);
    scene.commit("dev.env", settings(&scene.secret));
    scene.assert_stopped(&[], &["clean", "dirty"]);
    scene.assert_stopped(&["--atomic"], &["clean", "dirty"]);
}

#[test]
fn many_findings_are_summed_up() {
    let mut scene = Scene::new(25);
    for index in 0..40 {
        let secret = github_token(1000 + index);
        scene.world.forbid(&secret);
        scene.commit(
            &format!("a/rather/long/path/to/a/file/with/settings/number-{index}.env"),
            settings(&secret),
        );
    }
    scene.commit("dev.env", settings(&scene.secret));
    let run = scene.assert_stopped(&[], &["main"]);
    let lines = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("remote: "))
        .count();
    assert!(lines < 50, "{lines} lines are too many to read: {run}");
    assert!(
        run.stderr.contains("more"),
        "that there are more is not told: {run}"
    );
}

#[test]
fn a_file_name_cannot_write_to_the_terminal() {
    let scene = Scene::new(26);
    scene.commit(
        "red\u{1b}[31m\u{7}\u{202e}\u{9b}2J/dev.env",
        settings(&scene.secret),
    );
    scene.assert_stopped(&[], &["main"]);
}

#[test]
fn nothing_of_a_refused_push_stays_on_disk() {
    let scene = Scene::new(27);
    scene.commit("dev.env", settings(&scene.secret));
    scene.commit("noise", incompressible(27, 4 << 20));
    scene.assert_stopped(&[], &["main"]);
    let left: u64 = files(&scene.world.data())
        .iter()
        .map(|path| path.metadata().map_or(0, |file| file.len()))
        .sum();
    assert!(
        left < 2 << 20,
        "{left} bytes are left: {:?}",
        files(&scene.world.data())
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_client_that_asked_for_no_side_band_is_refused_all_the_same() {
    let scene = Scene::new(28);
    let git = scene.world.default_git();
    scene.commit("dev.env", settings(&scene.secret));
    let id = git.id(&scene.work, "HEAD");
    let objects = scene.git(&["rev-list", "--objects", "--no-object-names", "HEAD"]);
    let pack = pack_of(
        &scene.world,
        &scene.work,
        &objects.lines().collect::<Vec<_>>(),
    );
    for capabilities in [
        "report-status",
        "report-status-v2 side-band-64k",
        "report-status delete-refs ofs-delta",
    ] {
        let mut body = head(&[format!("{ZERO} {id} refs/heads/new")], capabilities);
        body.extend(&pack);
        let answer = scene.world.ask_push("one", &body);
        let report = answer.report();
        assert_eq!(answer.status, 200);
        assert!(
            !report.unpack.is_empty() && report.unpack != "ok",
            "{capabilities}: {report:?}"
        );
        assert!(
            report.refs[0].starts_with("ng refs/heads/new "),
            "{capabilities}: {report:?}"
        );
        assert!(!answer.text().contains(&scene.secret));
    }
    let mut body = head(&[format!("{ZERO} {id} refs/heads/new")], "agent=by-hand");
    body.extend(&pack);
    assert!(
        !scene
            .world
            .ask_push("one", &body)
            .text()
            .contains(&scene.secret)
    );
    scene.assert_unchanged();
}

#[test]
fn what_blocks_may_be_held_for_review() {
    let scene = Scene::with(
        29,
        Options {
            settings: "[policy]\nblock = \"hold\"\n",
            ..Options::default()
        },
    );
    scene.commit("dev.env", settings(&scene.secret));
    let run = scene.assert_stopped(&[], &["main"]);
    assert!(run.stderr.contains("needs review"), "{run}");
}

#[test]
fn what_blocks_may_be_a_warning_or_nothing() {
    for (settings_of_policy, warned) in [
        ("[policy]\nblock = \"warn\"\nreview = \"warn\"\n", true),
        (
            "[policy]\nblock = \"forward\"\nreview = \"forward\"\n",
            false,
        ),
    ] {
        let world = World::start(Options {
            settings: settings_of_policy,
            ..Options::default()
        });
        world.new_repository("one");
        let work = world.new_work("work");
        let secret = github_token(30);
        world.commit_file(&work, "dev.env", settings(&secret), "Begin");
        let run = push(&world, &work, &[], &["main"]).ok();
        assert_eq!(run.stderr.contains(RULE), warned, "{run}");
        assert!(!run.stderr.contains(&secret), "{run}");
        assert!(world.upstream_state("one").contains("refs/heads/main"));
    }
}

#[test]
fn bytes_that_are_no_pack_do_not_arrive() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let id = world.default_git().id(&work, "HEAD");
    let mut body = head(
        &[format!("{ZERO} {id} refs/heads/main")],
        "report-status side-band-64k",
    );
    body.extend(incompressible(31, 5000));
    assert_refused_by_hand(&world, &world.ask_push("one", &body));
}

#[test]
fn pushes_at_the_same_time_do_not_meet() {
    let mut world = World::start(Options {
        settings: "[policy]\nquiet_after = 0\n",
        ..Options::default()
    });
    let secrets: Vec<String> = (0..4).map(|index| github_token(700 + index)).collect();
    secrets.iter().for_each(|secret| world.forbid(secret));
    let lanes: Vec<_> = (0..8)
        .map(|lane| {
            let name = format!("lane-{lane}");
            world.new_repository(&name);
            let work = world.new_work(&format!("work-{lane}"));
            // Every other push carries a secret; all of them are about the same size.
            let secret = (lane % 2 == 1).then(|| &secrets[lane / 2]);
            let content = secret.map_or("harmless\n".into(), |secret| settings(secret));
            world.commit_file(&work, "dev.env", content, "Add settings");
            world.commit_file(
                &work,
                "noise",
                incompressible(lane as u64, 500_000),
                "Add noise",
            );
            (name, work, secret)
        })
        .collect();
    std::thread::scope(|scope| {
        for (name, work, secret) in &lanes {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..3 {
                    let url = world.proxied_url(name);
                    let run = world.git(work, &["push", &url, "+main"]);
                    match secret {
                        Some(secret) => assert_refused(&run, RULE, secret),
                        None => assert_eq!(run.status, 0, "{run}"),
                    }
                }
            });
        }
    });
    for (name, _, secret) in &lanes {
        assert_eq!(
            world.upstream_state(name).contains("refs/heads/main"),
            secret.is_none()
        );
    }
}
