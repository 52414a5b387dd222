//! What the console is asked by those who should not, or not so.

use serde_json::json;

use super::{House, assert_problem, told};
use crate::harness::Client;

#[test]
fn it_answers_to_its_own_names_and_to_pages_of_its_own() {
    let mut house = House::open();
    house.world.stop_server();
    let token = house.person("ada", &["auditor"], &["read"]);
    house.world.start_server();
    let (status, session) = house.get("/api/v1/session", &token);
    assert_eq!((status, &session["name"]), (200, &json!("ada")));

    let head = format!("GET /api/v1/session HTTP/1.1\nAuthorization: Bearer {token}");
    let port = house.address().port();
    let near = told(&house.ask_of(&format!("localhost:{port}"), &head, ""));
    assert_eq!(near.0, 200);
    for host in ["evil.example", "127.0.0.1", "forge.test", "127.0.0.1:1"] {
        assert_problem(&told(&house.ask_of(host, &head, "")), 421, "other-host");
    }
    for origin in ["https://evil.example", "null", "http://localhost"] {
        let head = format!("{head}\nOrigin: {origin}");
        assert_problem(&told(&house.ask(&head, "")), 403, "other-origin");
        // A preflight gets nothing that a browser could take for leave.
        let preflight = format!(
            "OPTIONS /api/v1/session HTTP/1.1\nOrigin: {origin}\nAccess-Control-Request-Method: POST\n\
             Access-Control-Request-Headers: authorization"
        );
        assert_problem(&told(&house.ask(&preflight, "")), 403, "other-origin");
    }
    let own = format!("{head}\nOrigin: https://{}", house.address());
    assert_eq!(told(&house.ask(&own, "")).0, 200);

    // A cookie is nobody's sign; neither is a token in the address.
    for head in [
        format!("GET /api/v1/session HTTP/1.1\nCookie: token={token}; session={token}"),
        "GET /api/v1/session HTTP/1.1".to_owned(),
        format!("GET /api/v1/session?access_token={token} HTTP/1.1"),
        format!("GET /api/v1/session HTTP/1.1\nExeat-Token: {token}"),
        format!("GET /api/v1/session HTTP/1.1\nAuthorization: Basic {token}"),
        format!(
            "GET /api/v1/session HTTP/1.1\nAuthorization: Bearer {token}\nAuthorization: Bearer {token}"
        ),
    ] {
        assert_problem(&told(&house.ask(&head, "")), 401, "no-token");
    }
}

#[test]
fn git_finds_nothing_there_and_people_find_nothing_at_gits_door() {
    let house = House::open();
    house.world.new_repository("org/repo");
    for head in [
        "GET /forge.test/org/repo.git/info/refs?service=git-receive-pack HTTP/1.1",
        "GET /forge.test/org/repo.git/HEAD HTTP/1.1",
        "POST /forge.test/org/repo.git/git-receive-pack HTTP/1.1",
        "POST /forge.test/org/repo.git/git-upload-pack HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /api/v2/session HTTP/1.1",
        "GET /api/v1/../v1/session HTTP/1.1",
        "GET /metrics HTTP/1.1",
    ] {
        assert_problem(&told(&house.ask(head, "")), 404, "absent");
    }
    // Methods that browsers and proxies know, and paths that are none.
    let address = house.address();
    for (line, status) in [
        ("TRACE /api/v1/session HTTP/1.1".to_owned(), 405),
        ("DELETE /api/v1/people/ada HTTP/1.1".to_owned(), 405),
        ("OPTIONS /api/v1/session HTTP/1.1".to_owned(), 405),
        ("OPTIONS * HTTP/1.1".to_owned(), 404),
        (format!("CONNECT {address} HTTP/1.1"), 404),
        (format!("GET https://{address}/nothing HTTP/1.1"), 404),
        (
            "GET https://evil.example/api/v1/session HTTP/1.1".to_owned(),
            400,
        ),
        (
            "GET /api/v1/reviews/%2e%2e%2fsession HTTP/1.1".to_owned(),
            401,
        ),
    ] {
        assert_eq!(house.ask(&line, "").status, status, "{line}");
    }
    let work = house.world.new_work("work");
    house.world.commit_file(&work, "a.txt", "a\n", "A");
    let url = format!("https://{}/forge.test/org/repo.git", house.address());
    let run = house.world.git(&work, &["push", &url, "main"]);
    assert_ne!(run.status, 0);
    assert!(run.stderr.contains("not found"), "{run}");

    for path in [
        "/api/v1/session",
        "/api/v1/reviews",
        "/forge.test/api/v1/session",
    ] {
        let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer x");
        let answer = house.world.ask(&head, b"");
        assert!(matches!(answer.status, 403 | 404), "{answer:?}");
        assert!(!answer.text().contains("no-token"), "{answer:?}");
    }
    assert!(house.world.witness.pushes().is_empty());
}

#[test]
fn bodies_are_short_and_do_not_dawdle() {
    let house = House::open();
    let head = "POST /api/v1/reviews/P-AAAA1111/decisions HTTP/1.1\nContent-Type: application/json";
    for length in [64 * 1024 + 1, 900_000] {
        let long = "x".repeat(length);
        assert_problem(&told(&house.ask(head, &long)), 413, "too-long");
    }
    let nobody = house.post("/api/v1/reviews/P-AAAA1111/withdraw", "x", &json!({}));
    assert_problem(&nobody, 401, "no-token");
    let address = house.address();
    let ask = |rest: &str| {
        let head = head.replace('\n', "\r\n");
        let mut client = Client::connect(address);
        client.say(format!("{head}\r\nHost: {address}\r\n{rest}").as_bytes());
        client.answer().map(|answer| told(&answer))
    };
    let declared = ask("Content-Length: 99999999999\r\n\r\n").unwrap();
    assert_problem(&declared, 413, "too-long");
    assert_problem(&ask("Content-Length: 100\r\n\r\n{").unwrap(), 408, "slow");
    let chunk = "1000\r\n".to_owned() + &"x".repeat(0x1000) + "\r\n";
    let chunked = format!(
        "Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(20)
    );
    assert_problem(&ask(&chunked).unwrap(), 413, "too-long");

    // What could be read in two ways is not read at all, as at git's door.
    let mut client = Client::connect(address);
    client.say(
        format!("GET /api/v1/session HTTP/1.1\r\nHost: {address}\r\nHost: {address}\r\n\r\n")
            .as_bytes(),
    );
    assert_eq!(client.answer().unwrap().status, 400);
    // Whoever says nothing is not waited for.
    assert!(Client::connect(address).answer().is_none());
}
