//! Clients that are not git: libgit2, and dulwich with a Python of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use git2::{CertificateCheckStatus, PushOptions, RemoteCallbacks, Repository};

use crate::harness::{Options, Run, World, github_token, incompressible, run_program};

/// A world with an empty repository and a work tree that holds this content.
fn scene(seed: u64) -> (World, PathBuf, String) {
    let mut world = World::start(Options::default());
    let secret = github_token(seed);
    world.forbid(&secret);
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "noise", incompressible(seed, 200_000), "Begin");
    (world, work, secret)
}

#[test]
fn libgit2_pushes_what_is_clean() {
    let (world, work, _) = scene(401);
    let said = push_with_libgit2(&world, &work);
    assert!(said.error.is_none(), "{said:?}");
    assert_eq!(said.statuses, ["refs/heads/main None"]);
    assert_same(&world, &work);
}

#[test]
fn libgit2_is_told_that_a_secret_was_stopped() {
    let (world, work, secret) = scene(402);
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    let said = push_with_libgit2(&world, &work);
    assert!(said.error.is_some(), "{said:?}");
    assert!(said.text.contains("Nothing left the company"), "{said:?}");
    assert!(!format!("{said:?}").contains(&secret), "{said:?}");
    assert_eq!(world.upstream_state("one"), "---\n");
}

#[test]
fn libgit2_clones_and_fetches() {
    let (world, work, _) = scene(403);
    let said = push_with_libgit2(&world, &work);
    assert!(said.error.is_none(), "{said:?}");
    let mut options = git2::FetchOptions::new();
    options.remote_callbacks(callbacks());
    let clone = world.place("clone");
    let url = world.proxied_url("one");
    git2::build::RepoBuilder::new()
        .fetch_options(options)
        .clone(&url, &clone)
        .unwrap();
    assert_eq!(
        std::fs::read(clone.join("noise")).unwrap(),
        incompressible(403, 200_000)
    );
}

/// What a program that pushes with libgit2 gets to know.
#[derive(Debug, Default)]
struct Said {
    statuses: Vec<String>,
    text: String,
    error: Option<String>,
}

fn push_with_libgit2(world: &World, work: &Path) -> Said {
    let (mut statuses, mut text) = (Vec::new(), Vec::new());
    let repository = Repository::open(work).unwrap();
    let mut remote = repository
        .remote_anonymous(&world.proxied_url("one"))
        .unwrap();
    let mut callbacks = callbacks();
    callbacks.push_update_reference(|name, status| {
        statuses.push(format!("{name} {status:?}"));
        Ok(())
    });
    callbacks.sideband_progress(|bytes| {
        text.extend(bytes);
        true
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks);
    let pushed = remote.push(&["refs/heads/main:refs/heads/main"], Some(&mut options));
    drop(options);
    Said {
        statuses,
        text: String::from_utf8_lossy(&text).into_owned(),
        error: pushed.err().map(|error| error.to_string()),
    }
}

/// libgit2 takes its authorities process-wide and by an unsafe call, so that here the certificate itself is compared.
fn callbacks<'a>() -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.certificate_check(|certificate, host| {
        let is_ours = host == "127.0.0.1" && certificate.as_x509().is_some();
        Ok(if is_ours {
            CertificateCheckStatus::CertificateOk
        } else {
            CertificateCheckStatus::CertificatePassthrough
        })
    });
    callbacks
}

#[test]
fn dulwich_pushes_what_is_clean() {
    let Some(python) = python() else { return };
    let (world, work, _) = scene(404);
    push_with_dulwich(&python, &world, &work).ok();
    assert_same(&world, &work);
}

#[test]
fn dulwich_is_told_that_a_secret_was_stopped() {
    let Some(python) = python() else { return };
    let (world, work, secret) = scene(405);
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    let run = push_with_dulwich(&python, &world, &work);
    assert_ne!(run.status, 0, "{run}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("Nothing left the company"), "{run}");
    assert!(!said.contains(&secret), "{run}");
    assert_eq!(world.upstream_state("one"), "---\n");
}

/// The Python that `tests/run` sets up; without it these tests are passed over, but never where all are required.
pub(crate) fn python() -> Option<PathBuf> {
    let given = std::env::var_os("EXEAT_TEST_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-python/bin/python")
    });
    if python.exists() {
        return Some(python);
    }
    let required = ["CI", "EXEAT_TEST_REQUIRE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    assert!(
        !required,
        "{} is not there: tests/run sets it up",
        python.display()
    );
    eprintln!(
        "skipped: {} is not there; tests/run sets it up",
        python.display()
    );
    None
}

fn push_with_dulwich(python: &Path, world: &World, work: &Path) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/dulwich_push.py");
    let mut command = Command::new(python);
    command
        .env_clear()
        .env("HOME", world.place("home"))
        .arg(script);
    command
        .arg(work)
        .arg(world.proxied_url("one"))
        .arg(world.certificate_authority());
    run_program(&mut command)
}

#[track_caller]
fn assert_same(world: &World, work: &Path) {
    world.new_repository("direct");
    world
        .git(work, &["push", "-q", &world.direct_url("direct"), "main"])
        .ok();
    assert_eq!(world.upstream_state("one"), world.upstream_state("direct"));
}
