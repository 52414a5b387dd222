//! What the upstream says is what the developer hears: credentials, refusals, words.

use exeat::demo::forge::Hash;

use super::{Pair, with_every_git, with_every_git_and};
use crate::harness::{Options, Run, Stub, World, ZERO, flush, gits, incompressible, packet};

fn with_a_password() -> Options {
    Options {
        credentials: Some(("ada", "correct-horse-battery")),
        ..Options::default()
    }
}

#[test]
fn credentials_are_asked_for_and_used() {
    with_every_git_and(with_a_password(), Hash::Sha1, |pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main"]);
        pair.commit("noise", incompressible(5, 300_000));
        // The probe is where a chunked push meets the 401.
        let [through, direct] = pair.try_push(&["http.postBuffer=65536"], &[], &["main"]);
        direct.ok();
        through.ok();
        pair.assert_same();
        let clone = pair
            .world
            .clone_work(&pair.through, &format!("clone-{}", pair.git.version));
        assert!(clone.join("noise").exists());
    });
}

#[test]
fn without_credentials_the_401_is_what_git_sees() {
    with_every_git_and(with_a_password(), Hash::Sha1, |pair| {
        pair.commit("a", "a\n");
        for run in pair.try_push(&["credential.helper="], &[], &["main"]) {
            assert_ne!(run.status, 0);
            assert!(run.stderr.contains("could not read Username"), "{run}");
        }
        let path = format!(
            "/forge.test/{}.git/info/refs?service=git-receive-pack",
            pair.through
        );
        let answer = pair.world.ask(&format!("GET {path} HTTP/1.1"), b"");
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.message.all("www-authenticate"),
            ["Basic realm=\"forge\", charset=\"UTF-8\""]
        );
    });
}

#[test]
fn a_wrong_password_stays_wrong() {
    with_every_git_and(with_a_password(), Hash::Sha1, |pair| {
        pair.commit("a", "a\n");
        let helper = "credential.helper=!f() { echo username=ada; echo password=guess; }; f";
        for run in pair.try_push(&["credential.helper=", helper], &[], &["main"]) {
            assert_ne!(run.status, 0);
            assert!(run.stderr.contains("Authentication failed"), "{run}");
        }
    });
}

#[test]
fn a_repository_that_is_not_there() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        let url = pair.world.proxied_url("nowhere");
        let run = pair
            .world
            .git_with(pair.git, &pair.work, &["push", &url, "main"]);
        assert_ne!(run.status, 0);
        assert!(run.stderr.contains("not found"), "{run}");
    });
}

#[test]
fn what_the_upstream_refuses_is_relayed() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main"]);
        for repository in [&pair.through, &pair.direct] {
            let upstream = pair.world.upstream_path(repository);
            pair.git.plain(
                &upstream,
                &["config", "receive.denyNonFastForwards", "true"],
            );
        }
        pair.run(&["commit", "-q", "--amend", "-m", "said differently"]);
        for run in pair.try_push(&[], &[], &["+main", "main:refs/heads/new"]) {
            assert_eq!(run.status, 1, "{run}");
            assert!(
                run.stderr
                    .contains("[remote rejected] main -> main (non-fast-forward)"),
                "{run}"
            );
            assert!(run.stderr.contains("[new branch]"), "{run}");
        }
        pair.assert_same();
        for run in pair.try_push(&[], &["--atomic"], &["+main", "main:refs/heads/newer"]) {
            assert_eq!(run.status, 1, "{run}");
            assert!(!run.stderr.contains("[new branch]"), "{run}");
        }
        pair.assert_same();
    });
}

#[test]
fn what_the_upstream_says_is_relayed_without_its_control_characters() {
    with_every_git(|pair| {
        let hooks = pair.world.upstream_path(&pair.through).join("hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        let hook = hooks.join("pre-receive");
        std::fs::write(
            &hook,
            "#!/bin/sh\nprintf 'open a pull request\\033[31m here\\033]0;title\\007\\n' >&2\n",
        )
        .unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        pair.commit("a", "a\n");
        let through = pair.push(&[], &["main"]);
        assert!(
            through.stderr.contains("remote: open a pull request"),
            "{through}"
        );
        assert!(
            !through.stderr.contains('\u{1b}') && !through.stderr.contains('\u{7}'),
            "{through}"
        );
    });
}

#[test]
fn a_quiet_clean_push_prints_nothing_of_ours() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        let through = pair.push(&["-q"], &["main"]);
        assert_eq!(through.stderr, "");
    });
}

#[test]
fn a_stale_old_id_is_the_upstreams_to_judge() {
    let world = World::start(Options::default());
    let pair = Pair::new(&world, gits().last().unwrap(), Hash::Sha1);
    pair.commit("a", "a\n");
    pair.push(&[], &["main"]);
    pair.commit("b", "b\n");
    for run in pair.try_push(
        &[],
        &["--force-with-lease=main:1111111111111111111111111111111111111111"],
        &["main"],
    ) {
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stderr.contains("stale info"), "{run}");
    }
    pair.assert_same();
}

#[test]
fn a_host_of_its_own() {
    let world = World::start(Options {
        upstream: "host = \"localhost\"",
        ..Options::default()
    });
    let pair = Pair::new(&world, gits().last().unwrap(), Hash::Sha1);
    pair.commit("a", "a\n");
    let port = world.address().port();
    let url = format!("https://localhost:{port}/{}.git", pair.through);
    pair.run(&["push", &url, "main"]);
    pair.run(&["push", &world.direct_url(&pair.direct), "main"]);
    pair.assert_same();
    // By the other name, the first segment still says which upstream is meant.
    pair.run(&[
        "push",
        &world.proxied_url(&pair.through),
        "main:refs/heads/two",
    ]);
}

/// What an upstream without any ref answers to the question for its refs.
fn empty_advertisement() -> Vec<u8> {
    let capabilities = "report-status delete-refs side-band-64k ofs-delta agent=stub";
    let line = format!("{ZERO} capabilities^{{}}\0{capabilities}\n");
    let body = [
        packet("# service=git-receive-pack\n"),
        flush(),
        packet(line),
        flush(),
    ]
    .concat();
    let kind = "application/x-git-receive-pack-advertisement";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n",
        body.len()
    );
    [
        format!("{head}Connection: close\r\n\r\n").into_bytes(),
        body,
    ]
    .concat()
}

fn push_to(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Run {
    let stub = Stub::start(answer);
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let run = world.git(&work, &["push", &world.proxied_url("one"), "main"]);
    assert_ne!(run.status, 0, "{run}");
    run
}

#[test]
fn an_upstream_that_does_not_answer_at_all() {
    let run = push_to(|_| Vec::new());
    assert!(
        run.stderr.contains("forge.test"),
        "who did not answer is not told: {run}"
    );
}

#[test]
fn an_upstream_that_goes_away_with_the_push() {
    let run = push_to(|line| {
        if line.starts_with("GET") {
            empty_advertisement()
        } else {
            Vec::new()
        }
    });
    // It may have taken the push or not, so it is asked.
    assert!(run.stderr.contains("has not taken it"), "{run}");
    assert!(!run.stderr.contains("Nothing left"), "{run}");
}

#[test]
fn an_upstream_that_fails_with_a_page() {
    let page = "<html>so sorry</html>";
    let run = push_to(move |line| {
        if line.starts_with("GET") {
            return empty_advertisement();
        }
        let head = format!(
            "HTTP/1.1 503 No\r\nContent-Type: text/html\r\nContent-Length: {}\r\n",
            page.len()
        );
        format!("{head}Connection: close\r\n\r\n{page}").into_bytes()
    });
    assert!(run.stderr.contains("503"), "{run}");
}
