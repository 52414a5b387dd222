//! Requests that are refused by their first lines: methods, paths, services, credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::harness::{Answer, Client, Options, Stub, World, github_token};

fn world() -> World {
    let world = World::start(Options::default());
    world.new_repository("one");
    world
}

/// Refused in one of the two forms: a 4xx, or for git's own questions a 200 that says `ERR`.
#[track_caller]
fn assert_refused(answer: &Answer, asked: &str) {
    let said_so = answer.status == 200 && answer.text().contains("ERR ");
    assert!(
        said_so || (400..500).contains(&answer.status),
        "{asked}: {} {}",
        answer.status,
        answer.text()
    );
}

/// Refused, and the upstream was not asked.
#[track_caller]
fn assert_kept_out(world: &World, head: &str, body: &[u8]) -> Answer {
    let answer = world.ask(&format!("{head}\nContent-Length: {}", body.len()), body);
    assert_refused(&answer, head);
    let asked: Vec<_> = world
        .witness
        .requests()
        .into_iter()
        .map(|request| request.first_line)
        .collect();
    assert!(asked.is_empty(), "{head} reached the upstream: {asked:?}");
    answer
}

#[test]
fn webdav() {
    let world = world();
    for method in [
        "PROPFIND",
        "PUT",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "MKCOL",
        "DELETE",
        "COPY",
        "PROPPATCH",
    ] {
        for path in [
            "one.git/",
            "one.git/objects/aa/bb",
            "one.git/refs/heads/main",
            "one.git/info/refs",
        ] {
            assert_kept_out(
                &world,
                &format!("{method} /forge.test/{path} HTTP/1.1"),
                b"text",
            );
        }
    }
}

#[test]
fn other_methods_and_services() {
    let world = world();
    let archive = "POST /forge.test/one.git/git-upload-archive HTTP/1.1";
    assert_kept_out(&world, archive, b"0000");
    for head in [
        "GET /forge.test/one.git/info/refs?service=git-upload-archive HTTP/1.1",
        "GET /forge.test/one.git/info/refs?service=git-receive-pack&x=y HTTP/1.1",
        "GET /forge.test/one.git/info/refs?x=y&service=git-receive-pack HTTP/1.1",
        "GET /forge.test/one.git/git-receive-pack HTTP/1.1",
        "GET /forge.test/one.git/git-upload-pack HTTP/1.1",
        "OPTIONS /forge.test/one.git/info/refs HTTP/1.1",
        "TRACE /forge.test/one.git/info/refs HTTP/1.1",
        "POST /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1",
        "POST /forge.test/one.git/objects/info/packs HTTP/1.1",
    ] {
        assert_kept_out(&world, head, b"");
    }
}

#[test]
fn paths_nobody_knows() {
    let world = world();
    for path in [
        "/",
        "/robots.txt",
        "/forge.test",
        "/forge.test/",
        "/forge.test/one.git",
        "/forge.test/one.git/",
        "/forge.test/one.git/archive/main.zip",
        "/forge.test/one.git/raw/main/a",
        "/forge.test/one.git/config",
        "/forge.test/one.git/objects/info/secrets",
        "/forge.test/one.git/objects/aa/../../config",
        "/forge.test/api/v4/projects",
        "/forge.test/info/refs?service=git-upload-pack",
        "/other.test/one.git/info/refs?service=git-upload-pack",
        "/FORGE.test.evil.example/one.git/info/refs?service=git-upload-pack",
        "/one.git/info/refs?service=git-upload-pack",
    ] {
        assert_kept_out(&world, &format!("GET {path} HTTP/1.1"), b"");
    }
}

#[test]
fn paths_that_try_to_leave() {
    let world = world();
    for repository in [
        "../one.git",
        "x/../one.git",
        "x/%2e%2e/one.git",
        "x/%2E./one.git",
        "%2e%2e/one.git",
        "./one.git",
        "%2e/one.git",
        "x%2fone.git",
        "x%2Fone.git",
        "x%5cone.git",
        "x\\one.git",
        "..\\one.git",
        "%252e%252e/one.git",
        "x%252fone.git",
        "/one.git",
        "x//one.git",
        "one.git/",
        "one.git;a=b",
        "one%3b.git",
        "one.git%00",
        "one.git%0d%0aX-Y:z",
        "one%0a.git",
        "one%7f.git",
        "%zz/one.git",
        "one%",
        "one.git/info/refs?x=/../y",
    ] {
        for rest in [
            "info/refs?service=git-receive-pack",
            "info/refs?service=git-upload-pack",
            "HEAD",
        ] {
            assert_kept_out(
                &world,
                &format!("GET /forge.test/{repository}/{rest} HTTP/1.1"),
                b"",
            );
        }
        let push = format!(
            "POST /forge.test/{repository}/git-receive-pack HTTP/1.1\nContent-Type: application/x-git-receive-pack-request"
        );
        assert_kept_out(&world, &push, b"0000");
    }
}

#[test]
fn a_whole_address_in_place_of_a_path() {
    let world = world();
    for target in [
        "http://evil.example/one.git/info/refs?service=git-upload-pack",
        "evil.example:443",
        "*",
    ] {
        for method in ["GET", "CONNECT", "OPTIONS"] {
            let mut client = Client::connect(world.address());
            client.say(&world.request(
                &format!("{method} {target} HTTP/1.1\nContent-Length: 0"),
                b"",
            ));
            if let Some(answer) = client.answer() {
                assert_refused(&answer, target);
            }
        }
    }
    assert!(world.witness.requests().is_empty());
}

#[test]
fn a_body_of_another_type_or_for_another_service() {
    let world = world();
    for (service, kind) in [
        ("git-receive-pack", "application/x-git-upload-pack-request"),
        ("git-upload-pack", "application/x-git-receive-pack-request"),
        ("git-receive-pack", "text/plain"),
        ("git-receive-pack", "application/x-www-form-urlencoded"),
    ] {
        let head = format!("POST /forge.test/one.git/{service} HTTP/1.1\nContent-Type: {kind}");
        let answer = assert_kept_out(&world, &head, b"0000");
        assert_eq!(answer.status, 415, "{service} {kind}");
    }
    assert_kept_out(
        &world,
        "POST /forge.test/one.git/git-receive-pack HTTP/1.1",
        b"0000",
    );
}

#[test]
fn an_lfs_upload_is_refused_with_a_sentence() {
    let world = world();
    let oid = "0".repeat(64);
    let body = format!(
        r#"{{"operation":"upload","transfers":["basic"],"objects":[{{"oid":"{oid}","size":3}}]}}"#
    );
    let kind = "application/vnd.git-lfs+json";
    let path = "/forge.test/one.git/info/lfs/objects/batch";
    let head = format!("POST {path} HTTP/1.1\nAccept: {kind}\nContent-Type: {kind}");
    let answer = assert_kept_out(&world, &head, body.as_bytes());
    assert_eq!(answer.status, 403);
    let said: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(
        said["message"]
            .as_str()
            .is_some_and(|message| message.len() > 20),
        "{said}"
    );
    for body in [
        r#"{"operation":"Upload"}"#,
        r#"{"operation":"download","operation":"upload","objects":[]}"#,
        "{",
        "[]",
    ] {
        assert_kept_out(&world, &head, body.as_bytes());
    }
    for other in ["locks", "locks/verify", "objects/verify"] {
        let head =
            format!("POST /forge.test/one.git/info/lfs/{other} HTTP/1.1\nContent-Type: {kind}");
        assert_kept_out(&world, &head, b"{}");
    }
    assert_kept_out(
        &world,
        &format!("PUT /forge.test/one.git/info/lfs/objects/{oid} HTTP/1.1"),
        b"abc",
    );
}

#[test]
fn an_lfs_download_passes() {
    let answer_of_upstream = r#"{"transfer":"basic","objects":[]}"#;
    let stub = Stub::start(move |_| {
        let kind = "application/vnd.git-lfs+json";
        let length = answer_of_upstream.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n"
        );
        format!("{head}Set-Cookie: a=b\r\n\r\n{answer_of_upstream}").into_bytes()
    });
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    let body = format!(
        r#"{{"operation":"download","objects":[{{"oid":"{}","size":3}}]}}"#,
        "0".repeat(64)
    );
    let kind = "application/vnd.git-lfs+json";
    let head = format!(
        "POST /forge.test/one.git/info/lfs/objects/batch HTTP/1.1\nAccept: {kind}\nContent-Type: {kind}\nContent-Length: {}",
        body.len()
    );
    let answer = world.ask(&head, body.as_bytes());
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, answer_of_upstream)
    );
    assert!(answer.message.header("set-cookie").is_none());
    let asked = world.witness.requests().pop().unwrap();
    assert!(
        asked.target().ends_with("/one.git/info/lfs/objects/batch"),
        "{}",
        asked.first_line
    );
}

#[test]
fn an_upstreams_challenges_are_relayed_one_by_one_but_for_those_that_bind_a_connection() {
    let stub = Stub::start(|_| {
        let challenges = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Bearer realm=\"b\"\r\n\
                          WWW-Authenticate: Basic realm=\"forge\"\r\n";
        format!("HTTP/1.1 401 Unauthorized\r\n{challenges}Content-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    });
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    for service in ["git-receive-pack", "git-upload-pack"] {
        let answer = world.ask(
            &format!("GET /forge.test/one.git/info/refs?service={service} HTTP/1.1"),
            b"",
        );
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.message.all("www-authenticate"),
            ["Bearer realm=\"b\"", "Basic realm=\"forge\""]
        );
    }
}

#[test]
fn an_upstream_cannot_lead_the_client_away() {
    let stub = Stub::start(|_| {
        b"HTTP/1.1 301 Moved\r\nLocation: https://evil.example/one.git/info/refs?service=git-receive-pack\r\n\
          Refresh: 0; url=https://evil.example\r\nAlt-Svc: h3=\"evil.example:443\"\r\nSet-Cookie: a=b\r\n\
          Content-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec()
    });
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    for service in ["git-receive-pack", "git-upload-pack"] {
        let answer = world.ask(
            &format!("GET /forge.test/one.git/info/refs?service={service} HTTP/1.1"),
            b"",
        );
        let headers = format!("{:?}", answer.message.headers);
        assert!(
            !headers.contains("evil.example") && !headers.contains("a=b"),
            "{headers}"
        );
    }
}

#[test]
fn a_credential_of_another_forge_is_not_sent() {
    let mut world = world();
    let token = github_token(201);
    world.forbid(&token);
    let basic = BASE64.encode(format!("ada:{token}"));
    world.forbid(&basic);
    let user = BASE64.encode(format!("{token}:x-oauth-basic"));
    world.forbid(&user);
    for credential in [
        format!("Basic {basic}"),
        format!("Basic {user}"),
        format!("Bearer {token}"),
        format!("token {token}"),
    ] {
        for service in ["git-receive-pack", "git-upload-pack"] {
            let head = format!(
                "GET /forge.test/one.git/info/refs?service={service} HTTP/1.1\nAuthorization: {credential}"
            );
            let answer = world.ask(&head, b"");
            assert!(!answer.text().contains(&token), "{}", answer.text());
        }
        let head = format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nAuthorization: {credential}\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: 4"
        );
        world.ask(&head, b"0000");
    }
    world.witness.assert_never_received(&token);
}

#[test]
fn a_repository_that_is_not_allowed() {
    let options = Options {
        upstream: "allow = [\"team/*\"]",
        ..Options::default()
    };
    let world = World::start(options);
    world.new_repository("one");
    world.new_repository("team/one");
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let run = world.git(&work, &["push", &world.proxied_url("one"), "main"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(
        run.stderr.contains("remote error:"),
        "the reason is not shown: {run}"
    );
    assert_eq!(world.upstream_state("one"), "---\n");
    world
        .git(&work, &["push", &world.proxied_url("team/one"), "main"])
        .ok();
}
