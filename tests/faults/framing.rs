//! What a forge says of the form of its answers does not reach clients: they get the form in which it was read.

use super::forge::{Asked, Forge, Then};
use super::upstream::Scene;
use crate::harness::Options;

/// By the repository's name: an answer that two readers could end at different places, or that is no answer at all.
fn oddly(asked: &mut Asked<'_>) -> Then {
    if asked.is_push() {
        asked.read(asked.length());
    }
    asked.say(match asked.repository().as_str() {
        "switching" => &b"HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"[..],
        "nothing" => b"HTTP/1.1 204 None\r\nContent-Length: 30\r\n\r\n",
        "both" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "more" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "two" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nabcde",
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    });
    Then::Keep
}

#[test]
fn the_framing_of_a_forge_is_not_passed_on() {
    let forge = Forge::start(oddly);
    let scene = Scene::new(Options {
        behind: Some(forge.address),
        ..Options::default()
    });
    for (repository, status, length, body) in [
        ("switching", 502, Some(""), None),
        ("nothing", 204, None, Some("")),
        ("both", 200, None, Some("abc")),
        ("more", 200, Some("2"), Some("ab")),
        ("two", 502, Some(""), None),
    ] {
        for head in [
            format!("GET /forge.test/{repository}.git/HEAD HTTP/1.1"),
            format!(
                "POST /forge.test/{repository}.git/git-upload-pack HTTP/1.1\n\
                 Content-Type: application/x-git-upload-pack-request\nContent-Length: 4"
            ),
        ] {
            let sent: &[u8] = if head.starts_with("POST") {
                b"0000"
            } else {
                b""
            };
            let answer = scene.world.ask(&head, sent);
            assert_eq!(answer.status, status, "{head}: {answer:?}");
            // Of our own refusals the length is our own.
            if length != Some("") {
                assert_eq!(answer.message.header("content-length"), length, "{head}");
            }
            if let Some(body) = body {
                assert_eq!(answer.text(), body, "{head}");
            }
            // Whoever asks next gets an answer of its own.
            let next = scene
                .world
                .ask("GET /forge.test/next.git/HEAD HTTP/1.1", b"");
            assert_eq!(next.text(), "ok", "behind {head}");
        }
    }
    let discovery = "GET /forge.test/switching.git/info/refs?service=git-receive-pack HTTP/1.1";
    let answer = scene.world.ask(discovery, b"");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("ERR "), "{}", answer.text());
    assert!(
        answer.text().contains("another protocol"),
        "{}",
        answer.text()
    );
}
