//! Fetches stream through untouched, in every protocol git speaks.

use super::with_every_git;
use crate::harness::prose;

#[test]
fn every_protocol_version_clones_and_fetches() {
    with_every_git(|pair| {
        pair.commit("book", prose(3, 500));
        pair.run(&["tag", "-a", "one", "-m", "one"]);
        pair.push(&["--tags"], &["main"]);
        let url = pair.world.proxied_url(&pair.through);
        for version in ["0", "1", "2"] {
            let setting = format!("protocol.version={version}");
            let clone = pair
                .world
                .place(&format!("clone-{}-{version}", pair.git.version));
            let git = |arguments: &[&str]| {
                let arguments: Vec<_> = ["-c", &setting].iter().chain(arguments).copied().collect();
                pair.world
                    .git_with(pair.git, &clone, &arguments)
                    .ok()
                    .stdout
            };
            git(&["clone", "-q", &url, "."]);
            pair.commit("book", prose(3, 500) + "more in " + version);
            pair.push(&[], &["main"]);
            git(&["fetch", "-q", "origin"]);
            assert_eq!(
                git(&["rev-parse", "origin/main"]),
                pair.run(&["rev-parse", "main"]),
                "version {version}"
            );
            git(&["fsck", "--full"]);
        }
    });
}

#[test]
fn a_large_negotiation_is_sent_compressed() {
    with_every_git(|pair| {
        // Enough haves for a request above 1024 bytes, which git then compresses.
        pair.commit("a", "0\n");
        pair.push(&[], &["main"]);
        let clone = pair
            .world
            .place(&format!("negotiating-{}", pair.git.version));
        let url = pair.world.proxied_url(&pair.through);
        pair.world
            .git_with(pair.git, &clone, &["clone", "-q", &url, "."])
            .ok();
        for index in 0..60 {
            let message = format!("{index}");
            // git offers the newest first: in the second of the common base they would stay unsaid.
            let date = format!("@{} +0000", 2_100_000_000 + index);
            pair.world
                .git_where(
                    pair.git,
                    &clone,
                    &["commit", "-q", "--allow-empty", "-m", &message],
                    &[("GIT_COMMITTER_DATE", &date)],
                )
                .ok();
        }
        pair.commit("a", "1\n");
        pair.push(&[], &["main"]);
        pair.world
            .git_with(pair.git, &clone, &["fetch", "-q", "origin"])
            .ok();
        let requests = pair.world.witness.requests();
        let fetches: Vec<_> = requests
            .iter()
            .filter(|request| request.target().ends_with("/git-upload-pack"))
            .collect();
        assert!(
            fetches.iter().any(|fetch| fetch.body.len() > 1024),
            "no request was long enough"
        );
    });
}

#[test]
fn a_shallow_and_a_partial_clone() {
    with_every_git(|pair| {
        for index in 0..4 {
            pair.commit("a", format!("{index}\n"));
        }
        pair.push(&[], &["main"]);
        let url = pair.world.proxied_url(&pair.through);
        let shallow = pair.world.place(&format!("shallow-{}", pair.git.version));
        let git = |arguments: &[&str]| {
            pair.world
                .git_with(pair.git, &shallow, arguments)
                .ok()
                .stdout
        };
        git(&["clone", "-q", "--depth=1", &url, "."]);
        assert_eq!(git(&["rev-list", "--count", "HEAD"]).trim(), "1");
        git(&["fetch", "-q", "--unshallow"]);
        assert_eq!(git(&["rev-list", "--count", "HEAD"]).trim(), "4");
        let partial = pair.world.place(&format!("partial-{}", pair.git.version));
        let git = |arguments: &[&str]| {
            pair.world
                .git_with(pair.git, &partial, arguments)
                .ok()
                .stdout
        };
        git(&[
            "clone",
            "-q",
            "--filter=blob:none",
            "--no-checkout",
            &url,
            ".",
        ]);
        assert_eq!(
            git(&["show", "HEAD~2:a"]),
            "1\n",
            "the blob is fetched when it is asked for"
        );
    });
}

#[test]
fn a_dumb_fetch() {
    with_every_git(|pair| {
        pair.commit("book", prose(4, 200));
        pair.push(&[], &["main"]);
        let upstream = pair.world.upstream_path(&pair.through);
        pair.git.plain(&upstream, &["update-server-info"]);
        let url = pair.world.proxied_url(&pair.through);
        let dumb = |folder: &std::path::Path, arguments: &[&str]| {
            pair.world
                .git_where(pair.git, folder, arguments, &[("GIT_SMART_HTTP", "0")])
                .ok()
        };
        // Loose objects first, then a pack, which is found by objects/info/packs.
        let clone = pair.world.place(&format!("loose-{}", pair.git.version));
        dumb(&clone, &["clone", "-q", &url, "."]);
        pair.git.plain(&upstream, &["repack", "-adq"]);
        pair.git.plain(&upstream, &["update-server-info"]);
        let clone = pair.world.place(&format!("packed-{}", pair.git.version));
        dumb(&clone, &["clone", "-q", &url, "."]);
        assert_eq!(
            std::fs::read_to_string(clone.join("book")).unwrap(),
            prose(4, 200)
        );
        let requests = pair.world.witness.requests();
        assert!(
            requests
                .iter()
                .any(|request| request.target().ends_with(".pack")),
            "not fetched as a file"
        );
    });
}

#[test]
fn what_a_fetch_is_answered_carries_no_cookies() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main"]);
        let path = format!(
            "/forge.test/{}.git/info/refs?service=git-upload-pack",
            pair.through
        );
        let answer = pair.world.ask(
            &format!("GET {path} HTTP/1.1\nCookie: a=b\nX-Note: c\nUser-Agent: note"),
            b"",
        );
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.message.header("x-content-type-options"),
            Some("nosniff")
        );
        let asked = pair.world.witness.requests().pop().unwrap();
        assert!(
            asked.header("cookie").is_none() && asked.header("x-note").is_none(),
            "{:?}",
            asked.headers
        );
        assert_ne!(asked.header("user-agent"), Some("note"));
    });
}
