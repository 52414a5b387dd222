//! `exeat hook install` with real git, and the definition for pre-commit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{EXEAT, Git, Run, github_token, gits, run_program};

/// A repository and the one it pushes to.
struct Pair {
    git: Git,
    folder: TempDir,
    work: PathBuf,
}

impl Pair {
    fn new(git: &Git) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = Self {
            git: git.clone(),
            work: folder.path().join("it's work"),
            folder,
        };
        git.plain(pair.folder.path(), &["init", "-q", "--bare", "remote.git"]);
        git.plain(
            pair.folder.path(),
            &["init", "-q", "-b", "main", "it's work"],
        );
        pair.git(&["remote", "add", "origin", "../remote.git"]).ok();
        pair
    }

    fn git(&self, arguments: &[&str]) -> Run {
        let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        let mut command = self.git.command(&self.work);
        command
            .args(who)
            .args(arguments)
            .env("HOME", self.folder.path());
        run_program(&mut command)
    }

    fn exeat(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(EXEAT);
        command
            .args(arguments)
            .current_dir(&self.work)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        run_program(&mut command)
    }

    fn commit(&self, path: &str, content: &str) {
        fs::write(self.work.join(path), content).unwrap();
        self.git(&["add", "-A"]).ok();
        self.git(&["commit", "-q", "-m", &format!("Write {path}")])
            .ok();
    }

    fn hook(&self) -> PathBuf {
        self.work.join(".git/hooks/pre-push")
    }

    #[track_caller]
    fn stopped(&self, arguments: &[&str], secret: &str) {
        let run = self.git(&[&["push"], arguments].concat());
        assert_ne!(run.status, 0, "{run}");
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(
            told.contains("[github-pat") && told.contains("nothing was pushed"),
            "{run}"
        );
        assert!(!told.contains(&secret[4..14]), "{run}");
    }
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_bad_push_is_stopped_and_a_clean_one_is_not() {
    for git in gits() {
        let pair = Pair::new(git);
        let run = pair.exeat(&["hook", "install"]).ok();
        assert!(run.stdout.contains("scans before every push"), "{run}");
        pair.commit("a", "a\n");
        pair.git(&["push", "-q", "origin", "main"]).ok();
        let secret = github_token(961);
        pair.commit("b", &format!("{secret}\n"));
        pair.commit("b", "taken away\n");
        pair.stopped(&["origin", "main"], &secret);
        // A new branch, to an address too.
        pair.stopped(&["origin", "main:refs/heads/new"], &secret);
        pair.stopped(&["../remote.git", "main:refs/heads/new"], &secret);
        // A range beside it is clean.
        pair.git(&["push", "-q", "origin", "main~2:refs/heads/new"])
            .ok();
        // Deleting sends nothing.
        pair.git(&["push", "-q", "origin", "--delete", "new"]).ok();
        pair.git(&["push", "-q", "origin", ":refs/heads/absent"]);
        // Rewritten history: what is on the remote is not scanned again.
        pair.git(&["push", "-q", "--no-verify", "origin", "main"])
            .ok();
        pair.git(&["reset", "-q", "--hard", "main~1"]).ok();
        pair.commit("c", "c\n");
        pair.git(&["push", "-q", "--force", "origin", "main"]).ok();
        pair.commit("d", &github_token(962));
        pair.git(&["commit", "-q", "--amend", "-m", "Again"]).ok();
        pair.stopped(&["--force", "origin", "main"], &github_token(962));
        // Tags, and several refs at once.
        pair.git(&["reset", "-q", "--hard", "main~1"]).ok();
        pair.git(&["tag", "-a", "-m", &format!("x {secret}"), "v1"])
            .ok();
        pair.stopped(&["origin", "main", "v1"], &secret);
        pair.exeat(&["hook", "install", "--uninstall"]).ok();
        assert!(!pair.hook().exists());
        pair.git(&["push", "-q", "origin", "v1"]).ok();
    }
}

#[test]
fn a_hook_that_was_there_runs_first_and_comes_back() {
    let pair = Pair::new(&Git::first());
    fs::create_dir_all(pair.hook().parent().unwrap()).unwrap();
    executable(
        &pair.hook(),
        "#!/bin/sh\necho \"$1\" > args; cat > refs\n[ ! -e no ]\n",
    );
    let run = pair.exeat(&["hook", "install", "--fail-on", "block"]).ok();
    assert!(run.stdout.contains("runs first"), "{run}");
    // Twice is once.
    pair.exeat(&["hook", "install"]).ok();
    pair.commit("a", "a\n");
    pair.git(&["push", "-q", "origin", "main"]).ok();
    assert_eq!(
        fs::read_to_string(pair.work.join("args")).unwrap(),
        "origin\n"
    );
    let refs = fs::read_to_string(pair.work.join("refs")).unwrap();
    assert!(
        refs.starts_with("refs/heads/main ") && refs.lines().count() == 1,
        "{refs}"
    );
    fs::write(pair.work.join("no"), "").unwrap();
    pair.commit("b", "b\n");
    assert_ne!(pair.git(&["push", "-q", "origin", "main"]).status, 0);
    pair.exeat(&["hook", "install", "--uninstall"]).ok();
    assert!(fs::read_to_string(pair.hook()).unwrap().contains("echo"));
    let run = pair.exeat(&["hook", "install", "--uninstall"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn hooks_of_all_repositories_are_left_alone() {
    let pair = Pair::new(&Git::first());
    let shared = pair.folder.path().join("shared");
    pair.git(&["config", "core.hooksPath", shared.to_str().unwrap()])
        .ok();
    let run = pair.exeat(&["hook", "install"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.stderr.contains("core.hooksPath") && !shared.exists(),
        "{run}"
    );
    // One inside the work tree is the repository's own.
    pair.git(&["config", "core.hooksPath", ".hooks"]).ok();
    pair.exeat(&["hook", "install"]).ok();
    assert!(pair.work.join(".hooks/pre-push").exists());
    let mut outside = Command::new(EXEAT);
    outside
        .args(["hook", "install"])
        .current_dir(pair.folder.path());
    assert_eq!(run_program(&mut outside).status, 2);
}

#[test]
fn a_known_finding_does_not_stop_a_push() {
    let pair = Pair::new(&Git::first());
    pair.commit("a", &github_token(963));
    pair.exeat(&["scan", "--history", "--write-baseline", "known.jsonl"])
        .ok();
    pair.exeat(&["hook", "install"]).ok();
    pair.stopped(&["origin", "main"], &github_token(963));
    pair.exeat(&["hook", "install", "--baseline", "known.jsonl"])
        .ok();
    pair.git(&["push", "-q", "origin", "main"]).ok();
}

#[test]
fn pre_commit_runs_the_definition() {
    let Some(python) = crate::clients::python() else {
        return;
    };
    let program = python.parent().unwrap().join("pre-commit");
    if !program.exists() {
        println!("skipped: there is no {}", program.display());
        return;
    }
    let pair = Pair::new(&Git::first());
    let hooks = pair.folder.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    fs::copy(definition, hooks.join(".pre-commit-hooks.yaml")).unwrap();
    let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    pair.git.plain(&hooks, &["init", "-q"]);
    pair.git.plain(&hooks, &["add", "-A"]);
    pair.git.plain(
        &hooks,
        &[&who[..], &["commit", "-q", "-m", "Hooks"]].concat(),
    );
    let head = pair.git.plain(&hooks, &["rev-parse", "HEAD"]);
    let config = format!(
        "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: exeat\n",
        hooks.display(),
        head.trim()
    );
    pair.commit(".pre-commit-config.yaml", &config);
    let run = || {
        let path = std::env::var("PATH").unwrap();
        let ours = Path::new(EXEAT).parent().unwrap().display();
        let mut command = Command::new(&program);
        command
            .arg("run")
            .current_dir(&pair.work)
            .env("PATH", format!("{ours}:{path}"))
            .env("HOME", pair.folder.path())
            .env("PRE_COMMIT_HOME", pair.folder.path().join("cache"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        run_program(&mut command)
    };
    fs::write(pair.work.join("a"), "clean\n").unwrap();
    pair.git(&["add", "a"]).ok();
    run().ok();
    let secret = github_token(964);
    fs::write(pair.work.join("a"), &secret).unwrap();
    pair.git(&["add", "a"]).ok();
    let bad = run();
    assert_eq!(bad.status, 1, "{bad}");
    assert!(
        bad.stdout.contains("a:1:1: ") && !bad.stdout.contains(&secret[4..14]),
        "{bad}"
    );
}
