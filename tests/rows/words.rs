//! Rows 16 to 19: what leaves beside the pack, in ref names, push options, certificates and the words of clients about themselves.

use super::{CAPABILITIES, HEADS, Scene, forwarded, in_one_line, told};
use crate::harness::{World, ZERO, assert_refused, flush, github_token, head, packet};

const RULE: &str = "github-pat";

#[test]
fn row_16_a_secret_in_a_ref_name() {
    let mut scene = Scene::new();
    let token = github_token(1601);
    scene.world.forbid(&token);
    let url = scene.world.proxied_url("one");
    for name in [
        format!("refs/heads/{token}"),
        format!("refs/heads/fix/{token}/again"),
        format!("refs/tags/v1-{token}"),
        format!("refs/notes/{token}"),
        format!("refs/for/main%m={token}"),
        format!("refs/changes/01/{token}/1"),
        format!("refs/x/({token})"),
    ] {
        let push = ["push", &url, &format!("main:{name}")];
        assert_refused(&scene.world.git(&scene.work, &push), RULE, &token);
    }
    // Of a deletion the name leaves as well, and beside a harmless ref too.
    let gone = format!("{} {ZERO} refs/heads/{token}", scene.id);
    let delete = head(
        std::slice::from_ref(&gone),
        &format!("{CAPABILITIES} delete-refs"),
    );
    scene.refused(&[&delete], "Push stopped. Nothing left the company.");
    let both = head(&[scene.command.clone(), gone], CAPABILITIES);
    scene.refused(&[&both, &scene.pack], RULE);
    scene.assert_empty();
}

#[test]
fn row_16_ref_names_are_of_bounded_length_and_number() {
    let scene = Scene::with("[limits]\ncommands = 5\n");
    let name = |length: usize| {
        let mut name = String::from("refs/heads");
        while name.len() < length {
            name.push('/');
            name.push_str(&"x".repeat((length - name.len()).min(200)));
        }
        name
    };
    let long = format!("{ZERO} {} {}", scene.id, name(1025));
    scene.refused(
        &[&head(&[long], CAPABILITIES), &scene.pack],
        "a ref name exceeds the limit of 1024 bytes",
    );
    let command = |number: usize| format!("{ZERO} {} refs/heads/{number}", scene.id);
    let six: Vec<_> = (0..6).map(command).collect();
    scene.refused(
        &[&head(&six, CAPABILITIES), &scene.pack],
        "the push has more refs than the limit of 5",
    );
    scene.assert_empty();
    let mut five = six;
    five.truncate(4);
    five.push(format!("{ZERO} {} {}", scene.id, name(1024)));
    let body = [head(&five, CAPABILITIES), scene.pack.clone()].concat();
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
    let sent = &scene.world.witness.pushes()[0].body;
    assert_eq!(*sent, forwarded(&five, CAPABILITIES, &scene.pack));
}

#[test]
fn row_17_a_secret_in_a_push_option() {
    let mut scene = Scene::new();
    let token = github_token(1701);
    scene.world.forbid(&token);
    let url = scene.world.proxied_url("one");
    for option in [
        format!("merge_request.title=use {token}"),
        format!("description=\"{token}\""),
        format!("{token}=x"),
        token.clone(),
        format!("topic={token}"),
    ] {
        let push = ["push", "-o", "ci.skip", "-o", &option, &url, "main"];
        let run = scene.world.git(&scene.work, &push);
        assert_refused(&run, RULE, &token);
        assert!(told(&run.stderr).contains("push option 2"), "{run}");
    }
    // Nor in a push that only deletes.
    let gone = format!("{} {ZERO} refs/heads/gone", scene.id);
    let body = [
        head(&[gone], &format!("{CAPABILITIES} delete-refs push-options")),
        packet(&token),
        flush(),
    ];
    scene.refused(&[&body.concat()], RULE);
    scene.assert_empty();
}

#[test]
fn row_17_push_options_are_bounded_and_arrive_as_they_are() {
    let scene = Scene::with("[limits]\npush_options = 3\npush_option_bytes = 64\n");
    let asked = format!("{CAPABILITIES} push-options");
    let start = head(std::slice::from_ref(&scene.command), &asked);
    let options = |options: &[&[u8]]| {
        let mut lines: Vec<u8> = options.iter().flat_map(packet).collect();
        lines.extend(flush());
        lines
    };
    let long = [b'x'; 65];
    for (options, words) in [
        (
            options(&[b"a", b"b", b"c", b"d"]),
            "the push has more options than the limit of 3",
        ),
        (
            options(&[b"a", &long]),
            "push option 2 exceeds the limit of 64 bytes",
        ),
        (
            options(&[b"a\0b"]),
            "push option 1 contains a zero byte or a line end",
        ),
        (
            options(&[b"a\nb"]),
            "push option 1 contains a zero byte or a line end",
        ),
    ] {
        scene.refused(&[&start, &options, &scene.pack], words);
    }
    for ending in [&b"0001"[..], b"0002"] {
        scene.refused(
            &[&start, &packet("a"), ending, &scene.pack],
            "the list of push options ends with a delimiter",
        );
    }
    scene.assert_empty();
    let odd: [&[u8]; 3] = [b"topic=\xffgr\xc3\xb6ber unfug", b"", &long[..64]];
    let body = [start, options(&odd), scene.pack.clone()].concat();
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
    let expected = forwarded(std::slice::from_ref(&scene.command), &asked, b"");
    let expected = [expected, options(&odd), scene.pack.clone()].concat();
    assert_eq!(scene.world.witness.pushes()[0].body, expected);
}

#[test]
fn row_18_certificates_are_neither_offered_nor_taken() {
    let mut scene = Scene::new();
    let token = github_token(1801);
    scene.world.forbid(&token);
    let upstream = scene.world.upstream_path("one");
    let nonces = ["config", "receive.certNonceSeed", "a seed for nonces"];
    scene.world.default_git().plain(&upstream, &nonces);
    let discovery = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
    let offer = scene.world.ask(discovery, b"").text();
    assert!(offer.contains("report-status"), "{offer}");
    assert!(!offer.contains("push-cert"), "{offer}");

    let lines = |between: &[Vec<u8>]| {
        let start = [
            packet(format!("push-cert\0 {CAPABILITIES}\n")),
            packet("certificate version 0.1\n"),
            packet(format!("pusher {token} 1700000000 +0000\n")),
            packet(format!("pushee https://{token}.example/\n")),
            packet("nonce 1700000000-0123456789012345678901234567890123456789\n"),
            packet(format!("push-option {token}\n")),
            packet("\n"),
            packet(format!("{}\n", scene.command)),
            packet(format!("-----BEGIN SSH SIGNATURE-----\n{token}\n")),
            packet("push-cert-end\n"),
        ];
        [start.concat(), between.concat(), flush()].concat()
    };
    let words = "a push certificate cannot be forwarded by a proxy";
    let plain = packet(format!("{}\0 {CAPABILITIES}", scene.command));
    let asked = format!("{CAPABILITIES} push-cert=1700000000-{token}");
    let late = [&plain, &lines(&[])[..]].concat();
    for head in [
        lines(&[]),
        lines(std::slice::from_ref(&plain)),
        late,
        head(std::slice::from_ref(&scene.command), &asked),
        [packet("push-cert-end\n"), flush()].concat(),
        [packet("push-cert"), flush()].concat(),
    ] {
        let answer = scene.refused(&[&head, &scene.pack], words);
        assert!(!answer.text().contains(&token), "{}", answer.text());
    }
    scene.assert_empty();
    // git itself finds that nothing is offered.
    let url = scene.world.proxied_url("one");
    let run = scene
        .world
        .git(&scene.work, &["push", "--signed=yes", &url, "main"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(run.stderr.contains("does not support --signed"), "{run}");
    let push = ["push", "--signed=if-asked", &url, "main"];
    scene.world.git(&scene.work, &push).ok();
}

/// A word that clients put wherever they can; it must not arrive.
const WORD: &str = "x-word-of-a-client";

/// The names of the headers of every request that the upstream received.
fn headers_received(world: &World) -> Vec<String> {
    let requests = world.witness.requests();
    assert!(!requests.is_empty());
    let names = requests
        .iter()
        .flat_map(|request| &request.headers)
        .map(|(name, _)| name.to_ascii_lowercase());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn row_19_what_clients_say_of_themselves_stays_here() {
    let mut scene = Scene::new();
    scene.world.forbid(WORD);
    let words = format!(
        "User-Agent: {WORD}\nAccept-Language: {WORD}\nCookie: a={WORD}\nX-Extra: {WORD}\nReferer: https://{WORD}/\n\
         Origin: https://{WORD}\nFrom: {WORD}\nVia: 1.1 {WORD}\nForwarded: for={WORD}\nX-Forwarded-For: {WORD}\n\
         Accept: {WORD}/x, */*\nPragma: {WORD}\nCache-Control: {WORD}\nDate: {WORD}\nIf-None-Match: \"{WORD}\"\n\
         Range: {WORD}=0-1\nTraceparent: {WORD}\nContent-Language: {WORD}\nContent-Disposition: {WORD}\n\
         Git-Protocol: {WORD}=1:version=2:{WORD}"
    );
    for service in ["git-receive-pack", "git-upload-pack"] {
        let discovery = format!("GET /forge.test/one.git/info/refs?service={service} HTTP/1.1");
        let answer = scene.world.ask(&format!("{discovery}\n{words}"), b"");
        assert_eq!(answer.status, 200);
    }
    let asked = format!(
        "{CAPABILITIES} agent=git/2.47.3-{WORD} session-id={WORD} {WORD} {WORD}=x object-format=sha1 no-thin"
    );
    let body = [
        head(std::slice::from_ref(&scene.command), &asked),
        scene.pack.clone(),
    ]
    .concat();
    let post = format!(
        "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n{words}\nContent-Length: {}\n\
         Content-Type: application/x-git-receive-pack-request",
        body.len()
    );
    assert_eq!(scene.world.ask(&post, &body).report().unpack, "ok");
    let known = format!("{CAPABILITIES} object-format=sha1");
    let sent = &scene.world.witness.pushes()[0];
    let command = std::slice::from_ref(&scene.command);
    assert_eq!(sent.body, forwarded(command, &known, &scene.pack));
    let allowed = [
        "accept",
        "content-length",
        "content-type",
        "git-protocol",
        "host",
        "user-agent",
    ];
    for name in headers_received(&scene.world) {
        assert!(allowed.contains(&name.as_str()), "{name} was sent on");
    }
    for request in scene.world.witness.requests() {
        let protocol = request.header("git-protocol");
        assert!(matches!(protocol, None | Some("version=2")), "{protocol:?}");
        let agent = request.header("user-agent").unwrap_or_default();
        assert!(agent.contains("exeat"), "{agent}");
    }
}

#[test]
fn row_19_what_git_is_told_to_say_stays_here() {
    let mut scene = Scene::new();
    scene.world.forbid(WORD);
    let url = scene.world.proxied_url("one");
    let header = format!("http.extraHeader=X-Extra: {WORD}");
    let agent = format!("http.userAgent={WORD}");
    let push = ["-c", &header, "-c", &agent, "push", &url, "main"];
    let git = scene.world.default_git();
    let variables = [("GIT_USER_AGENT", WORD), ("LANGUAGE", WORD)];
    for arguments in [&push[..], &["-c", &header, "ls-remote", &url]] {
        let run = scene
            .world
            .git_where(&git, &scene.work, arguments, &variables);
        let run = run.ok();
        assert!(!in_one_line(&run.stderr).contains("error"), "{run}");
    }
    let sent = scene.world.witness.pushes();
    assert!(sent[0].body.ends_with(&scene.pack[scene.pack.len() - 20..]));
    assert!(scene.world.upstream_state("one").contains(HEADS));
}
