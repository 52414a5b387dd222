//! What is asked under a key, said in words, and who is managed by whom.

use super::*;

impl House {
    /// A POST with a key, as the listener would hand it on.
    async fn keyed(&self, path: &str, token: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, Some(body)).await
    }
}

#[tokio::test]
async fn what_is_asked_twice_under_a_key_is_done_once() {
    let house = House::open().await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    let other = house.person("other", &["reviewer"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    let path = "/api/v1/reviews/P-AAAA1111/decisions";
    let said = json!({"verdict": "approve", "revision": 1, "words": "Fine."});
    let first = house.keyed(path, &rev, "one", &said).await;
    assert_eq!(
        (first.0, &first.1["state"]),
        (StatusCode::OK, &json!("approved"))
    );
    let decisions = crate::audit::Kind::CaseDecision;
    for _ in 0..3 {
        assert_eq!(house.keyed(path, &rev, "one", &said).await, first);
    }
    assert_eq!(house.records(decisions).await, 1);
    let hash = house.store.keyed_hashes().await.pop().unwrap();
    let row = house.store.keyed(&hash).await.unwrap().unwrap();
    assert!(row.done, "that it was done is written with the deed");

    let reject = json!({"verdict": "reject", "revision": 2, "words": "No."});
    let (status, problem) = house.keyed(path, &rev, "one", &reject).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("other-request"))
    );
    // The key of one is not the key of another; and what was refused stays refused under its key.
    let stale = house.keyed(path, &other, "one", &said).await;
    assert_eq!(stale.0, StatusCode::CONFLICT);
    assert_eq!(house.keyed(path, &other, "one", &said).await, stale);
    // After a day it is a new key.
    house.now.fetch_add(25 * HOUR, Ordering::Relaxed);
    let again = house.keyed(path, &rev, "one", &said).await;
    assert_eq!(again.0, StatusCode::CONFLICT);
    for key in ["", &"k".repeat(129)] {
        let bad = house.keyed(path, &rev, key, &said).await;
        assert_eq!(bad.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn two_at_once_under_a_key_have_one_effect() {
    let house = House::open().await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    let path = "/api/v1/reviews/P-AAAA1111/comments";
    let said = json!({"words": "Why is this here?"});
    let asked = (0..8).map(|_| house.keyed(path, &rev, "same", &said));
    let answers = futures_util::future::join_all(asked).await;
    let done = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::CREATED);
    assert!(done.count() >= 1);
    for (status, answer) in &answers {
        let is_busy = answer["code"] == "in-progress";
        assert!(*status == StatusCode::CREATED || is_busy, "{answer}");
    }
    let (_, kept) = house.get(path, &rev).await;
    assert_eq!(kept["comments"].as_array().unwrap().len(), 1);
}

/// As a crash leaves it: begun and not done, or done and not answered.
#[tokio::test]
async fn what_a_crash_left_is_done_once() {
    let house = House::open().await;
    let op = house.person("op", &["operator"], &[Scope::Admin]).await;
    let body = json!({"name": "eve"});
    let path = "/api/v1/people";
    let first = house.keyed(path, &op, "k", &body).await;
    assert_eq!(first.0, StatusCode::CREATED);
    let hash = house.store.keyed_hashes().await.pop().unwrap();
    // Its answer was lost.
    house.store.unanswer_keyed(&hash, true).await;
    let (status, problem) = house.keyed(path, &op, "k", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("done-before"))
    );
    // It was begun only.
    house.store.unanswer_keyed(&hash, false).await;
    let (status, problem) = house.keyed(path, &op, "k", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("exists"))
    );
}

#[tokio::test]
async fn comments_are_read_by_who_sees_the_push_and_hold_no_secret() {
    let house = House::open().await;
    let dev = house.person("dev", &["developer"], &[Scope::Read]).await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    let aud = house.person("aud", &["auditor"], &ALL).await;
    let nobody = house.person("nobody", &[], &ALL).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    let path = "/api/v1/reviews/P-AAAA1111/comments";
    for (token, status) in [
        (&dev, StatusCode::CREATED),
        (&rev, StatusCode::CREATED),
        (&aud, StatusCode::FORBIDDEN),
        (&nobody, StatusCode::NOT_FOUND),
    ] {
        let said = house.post(path, token, json!({"words": " Is it? "})).await;
        assert_eq!(said.0, status, "{}", said.1);
    }
    let letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5";
    let sum = exeat_rules::validators::base62_checksum(letters.as_bytes());
    let sum: String = sum.into_iter().map(char::from).collect();
    let secret = format!("ghp{}{letters}{sum}", '_');
    let leak = format!("is it {secret}?");
    let decisions = "/api/v1/reviews/P-AAAA1111/decisions";
    for (path, body) in [
        (path, json!({"words": leak})),
        (
            decisions,
            json!({"verdict": "approve", "revision": 1, "words": leak}),
        ),
        (
            decisions,
            json!({"verdict": "reject", "revision": 1, "words": leak}),
        ),
    ] {
        let (status, problem) = house.post(path, &rev, body).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("secret"))
        );
        assert!(!problem.to_string().contains(&secret));
    }
    for words in ["", "  \n ", &"x".repeat(501), "a\u{7}b"] {
        let (status, _) = house.post(path, &rev, json!({"words": words})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{words:?}");
    }
    let (_, said) = house.get(path, &dev).await;
    let said: Vec<_> = said["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| (comment["by"].clone(), comment["words"].clone()))
        .collect();
    assert_eq!(said.len(), 2);
    assert!(said.contains(&(json!("dev"), json!("Is it?"))));
    // Reading alone allows no words, but about a push of one's own.
    let reading = house.token("rev", &[Scope::Read], false).await;
    let (status, _) = house.post(path, &reading, json!({"words": "x"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn operators_manage_people_and_nobody_else_does() {
    let house = House::open().await;
    let op = house
        .person("op", &["operator"], &[Scope::Admin, Scope::Read])
        .await;
    let rev = house
        .person(
            "rev",
            &["reviewer", "security"],
            &[Scope::Admin, Scope::Read],
        )
        .await;
    let aud = house
        .person("aud", &["auditor"], &[Scope::Admin, Scope::Read])
        .await;
    let narrow = house.token("op", &[Scope::Read], false).await;
    let orders = [
        (
            "people",
            json!({"name": "new", "roles": ["developer"], "mails": ["new@bank.example"]}),
        ),
        ("people/new/edit", json!({"display": "New"})),
        (
            "people/new/roles",
            json!({"add": ["reviewer:github.com/org/*"], "remove": ["developer"]}),
        ),
        (
            "people/new/link",
            json!({"upstream": "github.com", "account": "4242"}),
        ),
        (
            "people/new/unlink",
            json!({"upstream": "github.com", "account": "4242"}),
        ),
        ("people/new/disable", json!({})),
        ("people/new/enable", json!({})),
        ("groups", json!({"name": "core"})),
        ("groups/core/join", json!({"person": "new"})),
        ("groups/core/leave", json!({"person": "new"})),
        ("groups/core/remove", json!({})),
        (
            "tokens",
            json!({"person": "new", "scopes": ["read"], "expires": "1h"}),
        ),
    ];
    for (path, body) in &orders {
        let path = format!("/api/v1/{path}");
        for token in [&rev, &aud, &narrow] {
            let (status, problem) = house.post(&path, token, body.clone()).await;
            assert_eq!(
                (status, &problem["code"]),
                (StatusCode::FORBIDDEN, &json!("forbidden"))
            );
        }
        let (status, done) = house.post(&path, &op, body.clone()).await;
        assert!(status.is_success(), "{path}: {done}");
    }
    let (_, new) = house.get("/api/v1/people/new", &aud).await;
    assert_eq!(new["roles"], json!(["reviewer:github.com/org/*"]));
    assert_eq!(new["display"], "New");
    for path in [
        "people",
        "groups",
        "tokens",
        "tokens?person=new",
        "people?limit=2",
    ] {
        let path = format!("/api/v1/{path}");
        assert_eq!(house.get(&path, &op).await.0, StatusCode::OK);
        assert_eq!(house.get(&path, &rev).await.0, StatusCode::FORBIDDEN);
    }
    let (_, page) = house.get("/api/v1/people?limit=2", &op).await;
    assert_eq!(
        (page["people"].as_array().unwrap().len(), &page["next"]),
        (2, &json!("new"))
    );
    let (_, tokens) = house.get("/api/v1/tokens?person=new", &op).await;
    let id = tokens["tokens"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}/revoke");
    for changed in [true, false] {
        let (_, done) = house.post(&path, &op, json!({})).await;
        assert_eq!(done["changed"], changed);
    }
    for (path, body, status) in [
        ("people", json!({"name": "new"}), 409),
        ("people", json!({"name": "A B"}), 400),
        ("people", json!({"name": "x", "roles": ["king"]}), 400),
        ("people", json!({"nam": "x"}), 400),
        ("people/gone/disable", json!({}), 404),
        ("tokens", json!({"person": "new", "scopes": ["root"]}), 400),
        (
            "tokens",
            json!({"person": "new", "scopes": ["decide"], "service": true}),
            400,
        ),
        ("tokens/t-0000000000/revoke", json!({}), 404),
        ("groups/none/join", json!({"person": "new"}), 404),
    ] {
        let (got, problem) = house.post(&format!("/api/v1/{path}"), &op, body).await;
        assert_eq!(got.as_u16(), status, "{path}: {problem}");
    }
}

/// The text of a token is in one answer: also where it is asked for again under its key.
#[tokio::test]
async fn a_token_is_told_once() {
    let house = House::open().await;
    let op = house.person("op", &["operator"], &[Scope::Admin]).await;
    let body = json!({"person": "op", "scopes": ["read"]});
    let (status, made) = house.keyed("/api/v1/tokens", &op, "k", &body).await;
    assert_eq!(status, StatusCode::CREATED);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(house.get("/api/v1/session", secret).await.0, StatusCode::OK);
    let (status, again) = house.keyed("/api/v1/tokens", &op, "k", &body).await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("done-before"))
    );
    assert!(!again.to_string().contains(secret));
    let (_, tokens) = house.get("/api/v1/tokens?person=op", &op).await;
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 2);
}

/// The operator of this machine manages people and sees no push.
#[tokio::test]
async fn the_control_socket_manages_people_and_decides_nothing() {
    let house = House::open().await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    let console = Console::in_rooms(house.rooms.clone());
    let ask = async |method: Method, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {rev}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        console
            .answer_here(request, samples::actor())
            .await
            .status()
    };
    let added = ask(Method::POST, "/api/v1/people", json!({"name": "new"})).await;
    assert_eq!(added, StatusCode::CREATED);
    assert_eq!(
        ask(Method::GET, "/api/v1/people", json!(null)).await,
        StatusCode::OK
    );
    for (method, path, body) in [
        (
            Method::POST,
            "/api/v1/reviews/P-AAAA1111/decisions",
            approve(1),
        ),
        (
            Method::POST,
            "/api/v1/reviews/P-AAAA1111/comments",
            json!({"words": "x"}),
        ),
        (
            Method::POST,
            "/api/v1/reviews/P-AAAA1111/withdraw",
            json!({}),
        ),
        (Method::GET, "/api/v1/reviews", json!(null)),
        (Method::GET, "/api/v1/reviews/P-AAAA1111", json!(null)),
        (Method::GET, "/api/v1/session", json!(null)),
    ] {
        assert_eq!(
            ask(method, path, body).await,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn who_came_in_is_on_record_once_an_hour_and_so_is_who_was_turned_away() {
    let house = House::open().await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    let logins = crate::audit::Kind::Login;
    for _ in 0..3 {
        house.get("/api/v1/session", &rev).await;
    }
    assert_eq!(house.records(logins).await, 1);
    for token in ["nonsense", "exeat_000000000000000000000000000000000000"] {
        house.get("/api/v1/session", token).await;
    }
    assert_eq!(house.records(logins).await, 2);
    house.now.fetch_add(HOUR, Ordering::Relaxed);
    house.get("/api/v1/session", &rev).await;
    house.get("/api/v1/session", "nonsense").await;
    assert_eq!(house.records(logins).await, 4);
}

#[tokio::test]
async fn of_two_reviewers_at_once_one_decides() {
    let house = House::open().await;
    let one = house.person("one", &["reviewer"], &ALL).await;
    let two = house.person("two", &["reviewer"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    for round in 0..8 {
        let id = format!("P-ROUND{round:03}");
        house.held(&id, "org/repo", "dev").await;
        let reject = json!({"verdict": "reject", "revision": 1, "words": "No."});
        let (first, second) = tokio::join!(
            house.decide(&id, &one, approve(1)),
            house.decide(&id, &two, reject)
        );
        let done = [&first, &second].map(|(status, _)| *status == StatusCode::OK);
        assert_ne!(done[0], done[1], "{first:?} {second:?}");
        let (_, case) = house.get(&format!("/api/v1/reviews/{id}"), &one).await;
        let expected = if done[0] { "approved" } else { "rejected" };
        assert_eq!(case["state"], expected);
        assert_eq!(case["decisions"].as_array().unwrap().len(), 1);
    }
}
