//! Row 32: a request that two servers could read in two ways is refused and reaches nobody.

use super::{DISCOVERY, PUSH, PUSH_TYPE, Scene};
use crate::harness::{Client, chunked, github_token};

/// Refused with 400 and a sentence, the connection ended, the upstream not asked.
#[track_caller]
fn assert_refused(scene: &Scene, request: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(&request[..request.len().min(400)]).into_owned();
    let mut client = Client::connect(scene.world.address());
    client.say(request);
    let answer = client.answer().expect(&shown);
    assert_eq!(answer.status, status, "{shown}: {}", answer.text());
    assert_eq!(
        answer.message.header("connection"),
        Some("close"),
        "{shown}"
    );
    let kind = answer.message.header("content-type");
    assert_eq!(kind, Some("text/plain; charset=utf-8"), "{shown}");
    assert!(
        answer.text().starts_with("Nothing was sent on: "),
        "{}",
        answer.text()
    );
    assert!(client.answer().is_none(), "{shown}: the connection goes on");
    // Whether a credential may push is asked before a body is read, and says nothing of the body.
    let asked = scene.world.witness.requests();
    let passed_on = asked.iter().any(|request| request.method() != "GET");
    assert!(!passed_on, "{shown} reached the upstream");
}

/// A push with these fields in place of its own framing.
fn push_with(scene: &Scene, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{PUSH}\r\nHost: {}\r\n{PUSH_TYPE}\r\n{fields}\r\n\r\n",
        scene.world.address()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn row_32_two_framings_or_lengths() {
    let scene = Scene::new("");
    let length = scene.body.len();
    let chunks = chunked(&scene.body, 100);
    for fields in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        "Transfer-Encoding: chunked\r\nContent-Length: 0".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding: gzip, chunked".to_owned(),
        "Transfer-Encoding: identity".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: \"chunked\"".to_owned(),
        "Transfer-Encoding:\x0bchunked".to_owned(),
        "Transfer_Encoding: chunked".to_owned(),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding\r\n : chunked".to_owned(),
        "X: y\r\n Transfer-Encoding: chunked".to_owned(),
    ] {
        assert_refused(&scene, &push_with(&scene, &fields, &chunks), 400);
    }
    for fields in [
        format!("Content-Length: {length}\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 4"),
        format!("Content-Length: {length}, {length}"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        format!("Content-Length: 0{length}"),
        format!("Content-Length: {length} 0"),
        format!("Content-Length: {length:#x}"),
        format!("Content-Length : {length}"),
        format!("Content_Length: {length}"),
        format!("Content-Length:\r\n {length}"),
        format!("X: \0\r\nContent-Length: {length}"),
        format!("X: y\nContent-Length: {length}"),
        format!("X: y\rContent-Length: {length}"),
    ] {
        assert_refused(&scene, &push_with(&scene, &fields, &scene.body), 400);
    }
    scene.assert_push_passes();
}

#[test]
fn row_32_chunks_of_another_form() {
    let scene = Scene::new("");
    let whole = chunked(&scene.body, scene.body.len());
    let size = format!("{:x}\r\n", scene.body.len());
    let data = &whole[size.len()..];
    let said = |size: String| [size.as_bytes(), data].concat();
    let length = scene.body.len();
    let trailer = [&whole[..whole.len() - 2], b"X-Word: word\r\n\r\n"].concat();
    let no_end = [&whole[..whole.len() - 7], b"\n0\r\n\r\n"].concat();
    for chunks in [
        said(format!("{length:x};word=word\r\n")),
        said(format!("{length:x} \r\n")),
        said(format!("{length:x}\n")),
        said(format!("+{length:x}\r\n")),
        said(format!("0x{length:x}\r\n")),
        said(format!("{length:09x}\r\n")),
        said(format!("fffffffff{length:x}\r\n")),
        said(format!("{:x}\r\n", length - 1)),
        trailer,
        no_end,
    ] {
        let request = push_with(&scene, "Transfer-Encoding: chunked", &chunks);
        assert_refused(&scene, &request, 400);
    }
    let request = push_with(&scene, "Transfer-Encoding: chunked", &whole);
    let answer = Client::ask(scene.world.address(), &request);
    assert_eq!(answer.report().unpack, "ok");
}

#[test]
fn row_32_hosts_and_lines() {
    let scene = Scene::new("");
    let host = scene.world.address();
    let path = "/forge.test/one.git/info/refs?service=git-receive-pack";
    for request in [
        format!("{DISCOVERY}\r\n\r\n"),
        format!("{DISCOVERY}\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
        format!("{DISCOVERY}\r\nHost: {host}\r\nhost: evil.example\r\n\r\n"),
        format!("GET http://evil.example{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET http://a@{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {path}#x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {path} HTTP/1.2\r\nHost: {host}\r\n\r\n"),
        format!("GET {path}  HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {path}\r\nHost: {host}\r\n\r\n"),
        format!("GET {path} \r\n\r\n"),
        format!("\r\n{DISCOVERY}\r\nHost: {host}\r\n\r\n"),
        format!("{DISCOVERY}\nHost: {host}\n\n"),
        format!("{DISCOVERY}\r\nHost: {host}\r\nX: a\x7fb\r\n\r\n"),
        format!("{DISCOVERY}\r\nHost: {host}\r\nX\r\n\r\n"),
        format!("{DISCOVERY}\r\nHost: {host}\r\n\tX: y\r\n\r\n"),
    ] {
        assert_refused(&scene, request.as_bytes(), 400);
        assert_eq!(scene.asked(), [""; 0], "{request}");
    }
    let long = format!(
        "{DISCOVERY}\r\nHost: {host}\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    assert_refused(&scene, long.as_bytes(), 431);
    let many = format!(
        "{DISCOVERY}\r\nHost: {host}\r\n{}\r\n",
        "X: y\r\n".repeat(100)
    );
    assert_refused(&scene, many.as_bytes(), 431);
    let same = format!("GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(Client::ask(host, same.as_bytes()).status, 200);
}

#[test]
fn row_32_a_request_within_a_body_is_nobodys_request() {
    let mut scene = Scene::new("");
    let token = github_token(932);
    scene.world.forbid(&token);
    let host = scene.world.address();
    let hidden = format!(
        "{PUSH}\r\nHost: {host}\r\nX: {token}\r\n{PUSH_TYPE}\r\nContent-Length: 4\r\n\r\n0000"
    );
    let length = hidden.len();
    let counted =
        format!("{DISCOVERY}\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{hidden}");
    assert_eq!(Client::ask(host, counted.as_bytes()).status, 200);
    let chunked = format!(
        "{DISCOVERY}\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
    );
    assert_eq!(Client::ask(host, chunked.as_bytes()).status, 200);
    let asked = scene.world.witness.requests();
    assert!(asked.iter().all(|request| request.method() == "GET"));
    assert!(asked.iter().all(|request| request.body.is_empty()));
}

#[test]
fn row_32_what_was_asked_before_is_answered_before() {
    let scene = Scene::new("");
    let host = scene.world.address();
    let good = format!("{DISCOVERY}\r\nHost: {host}\r\n\r\n");
    let bad = format!("{DISCOVERY}\r\nHost: {host}\r\nHost: {host}\r\n\r\n");
    let mut client = Client::connect(host);
    client.say(format!("{good}{good}{bad}{good}").as_bytes());
    let statuses: Vec<_> =
        std::iter::from_fn(|| client.answer().map(|answer| answer.status)).collect();
    assert_eq!(statuses, [200, 200, 400]);
    assert_eq!(scene.asked().len(), 2);
    let push = push_with(
        &scene,
        &format!("Content-Length: {}", scene.body.len()),
        &scene.body,
    );
    let mut client = Client::connect(host);
    client.say(&[push.as_slice(), bad.as_bytes()].concat());
    assert_eq!(client.answer().unwrap().report().unpack, "ok");
    assert_eq!(client.answer().unwrap().status, 400);
}

#[test]
fn row_32_heads_and_bodies_may_come_byte_by_byte() {
    let scene = Scene::new("");
    let chunks = chunked(&scene.body, 50);
    let request = push_with(&scene, "Transfer-Encoding: chunked", &chunks);
    let mut client = Client::connect(scene.world.address());
    for byte in request {
        client.say(&[byte]);
    }
    assert_eq!(client.answer().unwrap().report().unpack, "ok");
}

#[test]
fn row_32_http_1_0_still_passes() {
    let scene = Scene::new("");
    let host = scene.world.address();
    let discovery = DISCOVERY.replace("1.1", "1.0");
    let answer = Client::ask(host, format!("{discovery}\r\n\r\n").as_bytes());
    assert_eq!(answer.status, 200);
    let old = PUSH.replace("1.1", "1.0");
    let length = scene.body.len();
    let head = format!("{old}\r\n{PUSH_TYPE}\r\nContent-Length: {length}\r\n\r\n");
    let answer = Client::ask(host, &[head.as_bytes(), &scene.body].concat());
    assert_eq!(answer.report().unpack, "ok");
}
