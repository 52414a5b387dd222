//! Push options for Exeat itself: heeded, never sent on; those of others arrive, or the push is refused.

use std::path::PathBuf;

use crate::harness::{
    Git, Message, Options, Run, World, ZERO, assert_refused, flush, github_token, gits, head,
    pack_of, packet, remote_lines,
};

/// Fails unless the hook of the upstream saw exactly these options.
#[track_caller]
fn assert_seen(world: &World, repository: &str, options: &[&str]) {
    let seen = world.upstream_path(repository).join("seen");
    let seen = std::fs::read_to_string(seen).expect("the hook ran");
    let mut expected = vec![format!("GIT_PUSH_OPTION_COUNT={}", options.len())];
    for (index, option) in options.iter().enumerate() {
        expected.push(format!("GIT_PUSH_OPTION_{index}={option}"));
    }
    expected.sort();
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen, expected);
}

/// One git, and a repository at the upstream that takes push options or not.
struct Scene<'w> {
    world: &'w World,
    git: &'w Git,
    repository: String,
    work: PathBuf,
}

impl<'w> Scene<'w> {
    fn new(world: &'w World, git: &'w Git, takes_options: bool) -> Self {
        let repository = format!("{}-{takes_options}", git.version);
        let scene = Self {
            work: world.new_work(&format!("work-{repository}")),
            world,
            git,
            repository,
        };
        scene.new_repository(&scene.repository, takes_options);
        world.commit_file(&scene.work, "a", "a\n", "Begin");
        scene
    }

    fn new_repository(&self, name: &str, takes_options: bool) {
        self.world.new_repository(name);
        let path = self.world.upstream_path(name);
        let value = takes_options.to_string();
        let config = ["config", "receive.advertisePushOptions", &value];
        self.git.plain(&path, &config);
        let hook = path.join("hooks/pre-receive");
        std::fs::create_dir_all(path.join("hooks")).unwrap();
        let script = "#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION | sort >seen\nexit 0\n";
        std::fs::write(&hook, script).unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }

    /// Pushes `main` with these options to a ref.
    fn push(&self, options: &[&str], to: &str) -> Run {
        let url = self.world.proxied_url(&self.repository);
        let refs = format!("main:refs/heads/{to}");
        let options = options.iter().flat_map(|&option| ["-o", option]);
        let words = std::iter::once("push").chain(options);
        let words: Vec<&str> = words.chain([url.as_str(), refs.as_str()]).collect();
        self.world.git_with(self.git, &self.work, &words)
    }

    /// Fails unless such a push is refused with these words, and nothing of it is sent.
    #[track_caller]
    fn assert_refused(&self, options: &[&str], words: &str) {
        let before = self.world.witness.pushes().len();
        let run = self.push(options, "refused");
        assert_refused(&run, "E-1010", "none is in it");
        let told = remote_lines(&run.stderr).join(" ");
        assert!(told.contains(words), "{words}: {run}");
        assert_eq!(self.world.witness.pushes().len(), before);
    }
}

fn with_every_git(takes_options: bool, test: impl Fn(&Scene<'_>)) {
    let world = World::start(Options::default());
    for git in gits() {
        test(&Scene::new(&world, git, takes_options));
    }
}

/// The lines of a push up to the flush, as text, and the rest.
fn first_section(body: &[u8]) -> (Vec<String>, &[u8]) {
    let (mut lines, mut rest) = (Vec::new(), body);
    loop {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..4]).unwrap(), 16).unwrap();
        let line = &rest[4.min(length)..length.max(4)];
        rest = &rest[length.max(4)..];
        if length == 0 {
            return (lines, rest);
        }
        lines.push(line.escape_ascii().to_string());
    }
}

#[test]
fn options_for_exeat_are_heeded_and_never_sent() {
    for takes_options in [true, false] {
        with_every_git(takes_options, |scene| {
            scene
                .push(&["exeat.reason=a sample, für Tests", "Exeat.Wait"], "one")
                .ok();
            assert_seen(scene.world, &scene.repository, &[]);
        });
    }
}

#[test]
fn what_is_sent_is_a_push_without_options() {
    with_every_git(false, |scene| {
        scene.push(&["exeat.reason=why"], "one").ok();
        // The same push by the same git, without a word, through Exeat and straight to the witness.
        let world = scene.world;
        let other = format!("{}-plain", scene.repository);
        scene.new_repository(&other, false);
        let refs = ["main:refs/heads/one"];
        let url = world.proxied_url(&other);
        let plain = [&["push", &url][..], &refs].concat();
        world.git_with(scene.git, &scene.work, &plain).ok();
        let straight = format!("{}-straight", scene.repository);
        scene.new_repository(&straight, false);
        let url = format!("{}/{straight}.git", world.witness.url());
        let direct = ["-c", "http.sslVerify=false", "push", &url];
        let direct = [&direct[..], &refs].concat();
        world.git_with(scene.git, &scene.work, &direct).ok();
        let pushes = world.witness.pushes();
        let [with, without, direct] = [&scene.repository, &other, &straight].map(|name| {
            let target = format!("/{name}.git/");
            let of_it = |push: &&Message| push.target().starts_with(&target);
            pushes.iter().find(of_it).expect("a push to it")
        });
        assert_eq!(
            with.body.escape_ascii().to_string(),
            without.body.escape_ascii().to_string()
        );
        let (ours, our_pack) = first_section(&with.body);
        let (gits, gits_pack) = first_section(&direct.body);
        assert_eq!(our_pack, gits_pack);
        let without_agent = |lines: &[String]| -> Vec<String> {
            let line = |line: &String| line.split(" agent=").next().unwrap_or_default().to_owned();
            lines.iter().map(line).collect()
        };
        assert!(ours[0].contains(" agent=exeat/"), "{}", ours[0]);
        assert_eq!(without_agent(&ours), without_agent(&gits));
    });
}

#[test]
fn options_of_the_upstream_pass_where_it_takes_them() {
    with_every_git(true, |scene| {
        scene.push(&["ci.skip"], "one").ok();
        assert_seen(scene.world, &scene.repository, &["ci.skip"]);
        let mixed = ["exeat.wait", "a=b c", "exeat.reason=x", "topic=exeat.wait"];
        scene.push(&mixed, "two").ok();
        let left = ["a=b c", "topic=exeat.wait"];
        assert_seen(scene.world, &scene.repository, &left);
        scene.push(&[], "three").ok();
        assert_seen(scene.world, &scene.repository, &[]);
        scene.world.witness.assert_never_received("exeat.reason");
    });
}

#[test]
fn options_of_an_upstream_that_takes_none_are_not_lost_in_silence() {
    with_every_git(false, |scene| {
        let words = "Forge.test takes no push options, so push option 2 (ci.skip) would be lost";
        scene.assert_refused(&["exeat.wait", "ci.skip"], words);
        scene.push(&["exeat.wait"], "one").ok();
        assert_seen(scene.world, &scene.repository, &[]);
    });
}

#[test]
fn whether_the_upstream_takes_options_is_asked_where_it_is_not_known() {
    let world = World::start(Options::default());
    let git = world.default_git();
    let scene = Scene::new(&world, &git, false);
    let names = ["HEAD", "HEAD^{tree}", "HEAD:a"];
    let objects = names.map(|name| git.id(&scene.work, name));
    let pack = pack_of(&world, &scene.work, &objects.each_ref().map(String::as_str));
    let command = format!("{ZERO} {} refs/heads/main", objects[0]);
    let push = |option: &str| {
        let capabilities = "report-status side-band-64k push-options";
        let head = head(std::slice::from_ref(&command), capabilities);
        let body = [head, packet(option), flush(), pack.clone()].concat();
        world.ask_push(&scene.repository, &body).report()
    };
    let refused = push("ci.skip");
    assert!(
        refused.text.contains("takes no push options"),
        "{refused:?}"
    );
    assert!(refused.unpack.contains("E-1010") && refused.refs[0].starts_with("ng "));
    assert_eq!(push("exeat.wait").unpack, "ok");
    assert_seen(&world, &scene.repository, &[]);
}

#[test]
fn what_exeat_does_not_understand_is_refused_before_anything_is_sent() {
    let long = format!("exeat.reason={}", "x".repeat(501));
    with_every_git(true, |scene| {
        for (options, words) in [
            (
                &["exeat.raeson=a sample"][..],
                "Push option 1 (exeat.raeson) is none that Exeat knows; did you mean exeat.reason?",
            ),
            (&["x", "EXEAT.wiat"], "did you mean exeat.wait?"),
            (&["exaet.reason=x"], "did you mean exeat.reason?"),
            (&["exeat.reason= "], "Push option exeat.reason has no text"),
            (&["exeat.wait", "exeat.wait"], "is given twice"),
            (&["exeat.wait=yes"], "takes no value"),
            (&[&long], "more than 500 characters"),
            (&["exeat.reason=a\u{202e}b"], "do not print"),
        ] {
            scene.assert_refused(options, words);
        }
    });
}

#[test]
fn a_secret_in_an_option_for_exeat_stops_the_push() {
    let mut world = World::start(Options::default());
    let token = github_token(5001);
    world.forbid(&token);
    let git = world.default_git();
    for takes_options in [true, false] {
        let scene = Scene::new(&world, &git, takes_options);
        let reason = format!("exeat.reason=it is only {token}, an old one");
        let run = scene.push(&["exeat.wait", &reason], "one");
        assert_refused(&run, "github", &token);
        assert!(run.stderr.contains("push option 2"), "{run}");
        // Nor is it repeated where the option is not understood at all.
        for option in [format!("exeat.{token}"), format!("exeat-{token}=x")] {
            let run = scene.push(&[&option], "one");
            assert_refused(&run, "E-1010", &token);
        }
        assert_eq!(scene.world.upstream_state(&scene.repository), "---\n");
    }
    let listed = world.exeat(&[
        "audit",
        "list",
        "--config",
        &world.config().to_string_lossy(),
    ]);
    assert!(listed.stdout.contains("E-1010 push-option"), "{listed}");
}
