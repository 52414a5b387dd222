//! The block a developer runs once: from an empty home to a push that takes the way through the proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{EXEAT, Options, Run, World, assert_refused, github_token, gits, run_program};

mod real;

const CREDENTIALS: (&str, &str) = ("ada", "correct-horse-battery");

/// A developer's machine of which nothing is known: an empty home, and the binary in `PATH`.
struct Machine {
    world: World,
    home: PathBuf,
    path: String,
    work: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let world = World::start(Options {
            credentials: Some(CREDENTIALS),
            ..Options::default()
        });
        world.new_repository("org/one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let home = world.place("empty-home");
        let folder = Path::new(EXEAT).parent().unwrap().display().to_string();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        Self {
            world,
            home,
            path,
            work,
        }
    }

    fn variables(&self) -> [(&str, String); 3] {
        let config = self.home.join(".gitconfig").display().to_string();
        [
            ("HOME", self.home.display().to_string()),
            ("GIT_CONFIG_GLOBAL", config),
            ("PATH", self.path.clone()),
        ]
    }

    fn git(&self, git: &crate::harness::Git, arguments: &[&str]) -> Run {
        let variables = self.variables();
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.world.git_where(git, &self.work, arguments, &variables)
    }

    fn setup(&self, more: &[&str]) -> Run {
        let proxy = format!("https://{}", self.world.address());
        let ca = self.world.certificate_authority();
        let mut command = Command::new(EXEAT);
        command
            .args(["setup", "--proxy", &proxy, "--forge", "forge.test", "--ca"])
            .arg(ca)
            .args(more);
        command.env_clear().envs(self.variables());
        run_program(&mut command).ok()
    }

    /// The credential of the real forge, where a developer keeps it.
    fn keep_credential(&self) {
        let (user, password) = CREDENTIALS;
        let helper = format!(
            "!f() {{ test \"$1\" = get && echo username={user} && echo password={password}; }}; f"
        );
        self.git(
            &gits()[0],
            &[
                "config",
                "--global",
                "credential.https://forge.test.helper",
                &helper,
            ],
        )
        .ok();
    }

    fn assert_pushes_go_through(&self) {
        for (git, form) in gits().iter().zip(
            [
                "https://forge.test/org/one.git",
                "git@forge.test:org/one.git",
            ]
            .iter()
            .cycle(),
        ) {
            let branch = format!("main:refs/heads/with-{}", git.version);
            self.git(git, &["push", form, &branch]).ok();
        }
        let form = "ssh://git@forge.test/org/one.git";
        self.git(&gits()[0], &["push", form, "main:refs/heads/over-ssh"])
            .ok();
        let state = self.world.upstream_state("org/one");
        assert_eq!(
            state.matches("refs/heads/").count(),
            gits().len() + 1,
            "{state}"
        );
        assert!(
            !self.world.witness.pushes().is_empty(),
            "nothing came through the proxy"
        );
    }
}

#[test]
fn the_printed_block_works_when_it_is_pasted() {
    let machine = Machine::new();
    let block = machine.setup(&[]).stdout;
    assert!(!block.contains("sslVerify"), "{block}");
    let mut shell = Command::new("sh");
    shell
        .args(["-e", "-c", &block])
        .env_clear()
        .envs(machine.variables());
    run_program(&mut shell).ok();
    machine.keep_credential();
    machine.assert_pushes_go_through();
}

#[test]
fn applying_it_does_the_same_and_twice_is_as_good_as_once() {
    let machine = Machine::new();
    machine.setup(&["--apply"]);
    let once = std::fs::read_to_string(machine.home.join(".gitconfig")).unwrap();
    machine.setup(&["--apply"]);
    let twice = std::fs::read_to_string(machine.home.join(".gitconfig")).unwrap();
    assert_eq!(once, twice);
    machine.keep_credential();
    machine.assert_pushes_go_through();
}

#[test]
fn a_secret_is_stopped_on_this_way_as_well() {
    let mut machine = Machine::new();
    machine.setup(&["--apply"]);
    machine.keep_credential();
    let secret = github_token(601);
    machine.world.forbid(&secret);
    machine
        .world
        .commit_file(&machine.work, "dev.env", &secret, "Add settings");
    let run = machine.git(
        &gits()[0],
        &["push", "https://forge.test/org/one.git", "main"],
    );
    assert_refused(&run, "github-pat", &secret);
    assert_eq!(machine.world.upstream_state("org/one"), "---\n");
}
