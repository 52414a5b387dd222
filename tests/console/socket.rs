//! The control socket: whoever runs the server manages people beside it, and decides nothing.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::House;

/// One request by hand: status and body.
fn ask(house: &House, head: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(house.world.data().join("control.sock")).unwrap();
    let length = body.len();
    let head = head.replace('\n', "\r\n");
    let request = format!(
        "{head}\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn whoever_runs_the_server_manages_people_beside_it() {
    let mut house = House::open();
    let socket = house.world.data().join("control.sock");
    let metadata = std::fs::symlink_metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

    let op = house.person("op", &["operator"], &["admin"]);
    for words in [
        "user add bob --role developer --role reviewer:forge.test/org/* --mail bob@bank.example",
        "user role bob --remove developer --add auditor",
        "user edit bob --display Bob",
        "user link bob --upstream forge.test --account 7 --login bobby",
        "user link bob --upstream forge.test --account 8",
        "user unlink bob --upstream forge.test --account 8",
        "group add core --about Core",
        "group join core bob op",
        "group leave core op",
        "user disable bob",
        "user enable bob",
    ] {
        house.exeat(words).ok();
    }
    let again = house.exeat("user enable bob").ok();
    assert_eq!(again.stdout, "bob is so already; nothing changed\n");
    let shown = house.exeat("user show bob --format jsonl").ok().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let expected = json!(["auditor", "reviewer:forge.test/org/*"]);
    assert_eq!(
        (&shown["roles"], &shown["display"]),
        (&expected, &json!("Bob"))
    );
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(shown["groups"], json!(["core"]));
    for (words, expected) in [
        ("user add bob", "there is a person named \"bob\" already"),
        ("user add Bob", "\"Bob\" is no name"),
        ("user disable eve", "there is no person named \"eve\""),
        ("user disable ../eve", "there is no person named \"../eve\""),
        ("group add core", "there is a group named \"core\" already"),
        ("group join none bob", "there is no group named \"none\""),
        ("token revoke t-0000000000", "there is no token with the id"),
        (
            "token create --user bob --scope decide --service",
            "service tokens never decide",
        ),
    ] {
        let run = house.exeat(words);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(expected), "{run}");
    }

    // The same over the listener, by a person's token; and a token that is revoked here ends there at once.
    let order = json!({"name": "eve", "roles": ["developer"]});
    assert_eq!(house.post("/api/v1/people", &op, &order).0, 201);
    let list = house
        .exeat("token list --user op --format jsonl")
        .ok()
        .stdout;
    let listed: Value = serde_json::from_str(list.trim()).unwrap();
    house
        .exeat(&format!("token revoke {}", listed["id"].as_str().unwrap()))
        .ok();
    assert_eq!(house.get("/api/v1/people", &op).0, 401);
    house.exeat("group remove core").ok();

    // No token makes the socket a place to decide at.
    let rev = house.person("rev", &["reviewer"], &["read", "decide"]);
    for head in [
        "GET /api/v1/reviews",
        "GET /api/v1/session",
        "POST /api/v1/reviews/P-A/decisions",
    ] {
        let head = format!("{head} HTTP/1.1\nAuthorization: Bearer {rev}");
        let (status, problem) = ask(&house, &head, "{}");
        assert_eq!(
            (status, &problem["code"]),
            (403, &json!("forbidden")),
            "{head}"
        );
    }
    let (status, _) = ask(&house, "GET /forge.test/a.git/info/refs HTTP/1.1", "");
    assert_eq!(status, 404);

    house.world.stop_server();
    assert!(!socket.exists(), "it is taken away at the end");
    house.exeat("audit verify").ok();
    let records = house
        .exeat("audit list --limit 200 --format jsonl")
        .ok()
        .stdout;
    let by_operator = |action: &str| {
        records.lines().any(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let actor = &record["payload"]["actor"];
            record["action"] == action
                && actor["kind"] == "operator"
                && actor["name"]
                    .as_str()
                    .is_some_and(|name| name.contains("uid "))
        })
    };
    for action in [
        "add", "roles", "link", "disable", "create", "revoke", "join",
    ] {
        assert!(by_operator(action), "{action} is not on record:\n{records}");
    }
}
