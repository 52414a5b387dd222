//! The API as its users meet it, over real tables.

mod asked;
mod drafts;
mod findings;

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::*;
use crate::{
    audit::{Audit, samples},
    people::{Account, Lifetime, NewPerson, NewToken, Scope, Scopes},
    review::{NewCase, Pusher, Times},
    store::Store,
};

struct House {
    _folder: tempfile::TempDir,
    store: Store,
    rooms: Rooms,
    router: Router,
    now: Arc<AtomicI64>,
}

static RULES: std::sync::LazyLock<Arc<exeat_rules::RuleSet>> = std::sync::LazyLock::new(|| {
    let compiled = exeat_rules::RuleSet::compile(&exeat_rules::builtin()).unwrap();
    Arc::new(compiled.rules)
});

static POOL: std::sync::LazyLock<Arc<exeat_inspect::Pool>> =
    std::sync::LazyLock::new(|| exeat_inspect::Pool::start(1).unwrap());

const HOUR: i64 = 3_600_000;
/// Some day.
const START: i64 = 1_700_000_000_000;

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let audit = Audit::open(store.clone()).await.unwrap();
        let people = People::new(&store, &audit);
        let times = Times {
            case: 24 * HOUR,
            grant: 2 * HOUR,
            contents: 90 * 86_400_000,
        };
        let desk = Desk::new(store.clone(), audit.clone(), times);
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        let config = drafts::config();
        let book = crate::policy_files::read(&config, &[]).unwrap().0;
        let key = exeat_inspect::FingerprintKey::new(*store.fingerprint_key().expose());
        let fittings = Fittings {
            drafts: Drafts::new(&store, &audit),
            bench: Bench::new(&config, &RULES, &book, &POOL, &key),
            people,
            desk,
            comments: Comments::new(store.clone(), audit.clone()),
            words: Words::new(Arc::clone(&RULES)),
            store: store.clone(),
            memory: Memory::default(),
            folding: vec![("github.com".into(), true)],
            names: None,
            patience: Duration::from_secs(60),
        };
        let rooms = Rooms::new(fittings, move || clock.load(Ordering::Relaxed));
        Self {
            router: api::router(rooms.clone()),
            _folder: folder,
            store,
            rooms,
            now,
        }
    }

    /// Adds a person with these roles; gives a token of these scopes.
    async fn person(&self, name: &str, roles: &[&str], scopes: &[Scope]) -> String {
        let people = self.rooms.people();
        let new = NewPerson {
            name: name.into(),
            display: None,
            mails: Vec::new(),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        };
        let person = people.add_person(&new, &samples::actor()).await;
        let number = person
            .unwrap()
            .id
            .as_str()
            .bytes()
            .fold(7, |sum: u64, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            });
        let account = Account::new("github.com", &number.to_string()).unwrap();
        people
            .link(name, &account, None, &samples::actor())
            .await
            .unwrap();
        self.token(name, scopes, false).await
    }

    async fn token(&self, name: &str, scopes: &[Scope], service: bool) -> String {
        let new = NewToken {
            person: name.into(),
            scopes: Scopes::new(scopes),
            service,
            about: None,
            lifetime: "30d".parse::<Lifetime>().unwrap(),
        };
        let actor = samples::actor();
        let made = self.rooms.people().create_token(&new, START, &actor);
        made.await.unwrap().1.expose().to_owned()
    }

    async fn held(&self, id: &str, repository: &str, pusher: &str) {
        let person = self.rooms.people().register().person(pusher).await;
        let new = NewCase {
            id: id.into(),
            upstream: "github.com".into(),
            repository: repository.into(),
            binding: format!("binding of {id}"),
            pusher: Pusher {
                person: person.ok().map(|person| person.id.as_str().to_owned()),
                ..Pusher::default()
            },
            terms: crate::review::Terms::default(),
            basis: crate::review::Basis::default(),
            refs: Vec::new(),
            accepted: false,
            waived_by: Vec::new(),
            digests: samples::digests(),
            body: json!({"findings": [{"rule": "github-pat", "masked": "ghp_****"}]}).to_string(),
            actor: samples::actor(),
        };
        self.rooms
            .desk()
            .hold(&new, self.rooms.now())
            .await
            .unwrap();
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answered = self.router.clone().oneshot(request.body(body).unwrap());
        let response = answered.await.unwrap();
        let status = response.status();
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
        assert_eq!(is_problem, !status.is_success(), "{path}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn get(&self, path: &str, token: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, token, None).await
    }

    async fn decide(&self, id: &str, token: &str, said: Value) -> (StatusCode, Value) {
        let path = format!("/api/v1/reviews/{id}/decisions");
        self.ask(Method::POST, &path, token, Some(said)).await
    }

    async fn records(&self, kind: crate::audit::Kind) -> usize {
        let records = crate::audit::newest(self.store.records(), 1_000).await;
        let records = records.unwrap();
        records
            .iter()
            .filter(|record| record.leaf.kind == kind)
            .count()
    }
}

const ALL: [Scope; 2] = [Scope::Read, Scope::Decide];

fn approve(revision: u64) -> Value {
    json!({"verdict": "approve", "revision": revision})
}

#[tokio::test]
async fn a_reviewer_sees_and_decides_and_the_pusher_does_not() {
    let house = House::open().await;
    let dev = house.person("dev", &["developer", "reviewer"], &ALL).await;
    let rev = house
        .person("rev", &["reviewer:github.com/org/*"], &ALL)
        .await;
    house.held("P-AAAA1111", "org/repo", "dev").await;

    let (status, who) = house.get("/api/v1/session", &rev).await;
    assert_eq!(
        (status, &who["name"], &who["decides"]),
        (StatusCode::OK, &json!("rev"), &json!(true))
    );

    let (_, page) = house.get("/api/v1/reviews?state=open", &rev).await;
    let listed = &page["reviews"][0];
    assert_eq!(listed["id"], "P-AAAA1111");
    assert_eq!(
        listed["pusher"],
        json!({"person": "dev", "account": null, "you": false})
    );
    assert_eq!(
        (&listed["yours_to_decide"], listed.get("contents")),
        (&json!(true), None)
    );

    let views = crate::audit::Kind::View;
    assert_eq!(house.records(views).await, 0);
    let (_, shown) = house.get("/api/v1/reviews/P-AAAA1111", &rev).await;
    assert_eq!(shown["contents"]["findings"][0]["rule"], "github-pat");
    assert_eq!(house.records(views).await, 1);

    // Who pushed sees where it stands, and decides nothing.
    let (status, own) = house.get("/api/v1/reviews/P-AAAA1111", &dev).await;
    assert_eq!(
        (status, &own["pusher"]["you"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(own["yours_to_decide"], false);
    let (status, problem) = house.decide("P-AAAA1111", &dev, approve(1)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("forbidden"))
    );
    assert_eq!(problem["detail"], "nobody decides on a push of their own");

    let (status, decided) = house.decide("P-AAAA1111", &rev, approve(1)).await;
    assert_eq!(
        (status, &decided["state"]),
        (StatusCode::OK, &json!("approved")),
        "{decided}"
    );
    assert_eq!(decided["decisions"][0]["by"], "rev");
    let (status, again) = house.decide("P-AAAA1111", &rev, approve(1)).await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("closed"))
    );
}

#[tokio::test]
async fn what_one_may_not_see_is_not_there() {
    let house = House::open().await;
    let elsewhere = house
        .person("else", &["reviewer:github.com/other/*"], &ALL)
        .await;
    let nobody = house.person("nobody", &[], &ALL).await;
    let operator = house.person("op", &["operator", "reviewer"], &ALL).await;
    let auditor = house.person("aud", &["auditor"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    for token in [&elsewhere, &nobody] {
        let (status, problem) = house.get("/api/v1/reviews/P-AAAA1111", token).await;
        let absent = house.get("/api/v1/reviews/P-ZZZZ9999", token).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(
            (status, problem),
            absent,
            "the answer tells that it is there"
        );
        let (_, page) = house.get("/api/v1/reviews", token).await;
        assert_eq!(page, json!({"reviews": [], "next": null}));
        assert_eq!(
            house.decide("P-AAAA1111", token, approve(1)).await.0,
            StatusCode::NOT_FOUND
        );
    }
    for (token, sees) in [(&operator, false), (&auditor, true)] {
        let (status, shown) = house.get("/api/v1/reviews/P-AAAA1111", token).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(shown.get("contents").is_some(), sees);
        assert_eq!(shown["yours_to_decide"], false);
        assert_eq!(
            house.decide("P-AAAA1111", token, approve(1)).await.0,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn a_token_gives_no_more_than_its_scopes_and_its_time() {
    let house = House::open().await;
    let full = house.person("rev", &["reviewer"], &ALL).await;
    let reading = house.token("rev", &[Scope::Read], false).await;
    let pushing = house.token("rev", &[Scope::Push], false).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    assert_eq!(
        house.decide("P-AAAA1111", &reading, approve(1)).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        house.get("/api/v1/reviews", &pushing).await.0,
        StatusCode::FORBIDDEN
    );
    for token in ["", "nonsense", "exeat_000000000000000000000000000000000000"] {
        let (status, problem) = house.get("/api/v1/reviews", token).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNAUTHORIZED, &json!("no-token"))
        );
    }
    house
        .rooms
        .people()
        .disable("rev", &samples::actor())
        .await
        .unwrap();
    assert_eq!(
        house.decide("P-AAAA1111", &full, approve(1)).await.0,
        StatusCode::UNAUTHORIZED
    );
    house
        .rooms
        .people()
        .enable("rev", &samples::actor())
        .await
        .unwrap();
    house.now.fetch_add(31 * 24 * HOUR, Ordering::Relaxed);
    assert_eq!(
        house.get("/api/v1/session", &full).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn bad_requests_are_named() {
    let house = House::open().await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    for said in [
        json!({}),
        json!({"verdict": "maybe", "revision": 1}),
        json!({"verdict": "approve", "revision": -1}),
        json!({"verdict": "approve", "revision": 1, "other": 1}),
        json!({"verdict": "reject", "revision": 1}),
        json!({"verdict": "approve", "revision": 1, "words": "x".repeat(501)}),
    ] {
        let (status, problem) = house.decide("P-AAAA1111", &rev, said.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("bad-request")),
            "{said}"
        );
    }
    let (status, stale) = house.decide("P-AAAA1111", &rev, approve(7)).await;
    assert_eq!(
        (status, &stale["code"]),
        (StatusCode::CONFLICT, &json!("stale"))
    );
    for path in [
        "/api/v1/reviews?state=odd",
        "/api/v1/reviews?limit=x",
        "/api/v1/reviews?odd=1",
        "/api/v1/reviews?cursor=x",
    ] {
        assert_eq!(
            house.get(path, &rev).await.0,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
    assert_eq!(house.get("/api/v2", &rev).await.0, StatusCode::NOT_FOUND);
    let wrong = house
        .ask(Method::DELETE, "/api/v1/reviews", &rev, None)
        .await;
    assert_eq!(wrong.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn pages_go_on_where_they_ended_past_what_is_hidden() {
    let house = House::open().await;
    let rev = house
        .person("rev", &["reviewer:github.com/org/*"], &ALL)
        .await;
    house.person("dev", &["developer"], &[Scope::Read]).await;
    for number in 0..12 {
        let repository = ["org/repo", "other/repo"][number % 2];
        house.now.fetch_add(1, Ordering::Relaxed);
        house
            .held(&format!("P-{number:02}"), repository, "dev")
            .await;
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/reviews?limit=4".to_owned());
    loop {
        let (_, page) = house.get(&path, &rev).await;
        let reviews = page["reviews"].as_array().unwrap();
        assert!(reviews.len() <= 4);
        seen.extend(
            reviews
                .iter()
                .map(|review| review["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/reviews?limit=4&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["P-00", "P-02", "P-04", "P-06", "P-08", "P-10"]);
}

#[tokio::test]
async fn who_pushed_takes_it_back() {
    let house = House::open().await;
    let dev = house.person("dev", &["developer"], &[Scope::Read]).await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    house.held("P-AAAA1111", "org/repo", "dev").await;
    let path = "/api/v1/reviews/P-AAAA1111/withdraw";
    assert_eq!(
        house.ask(Method::POST, path, &rev, None).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, gone) = house.ask(Method::POST, path, &dev, None).await;
    assert_eq!(
        (status, &gone["state"]),
        (StatusCode::OK, &json!("withdrawn"))
    );
    assert_eq!(
        house.ask(Method::POST, path, &dev, None).await.0,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn an_approval_that_has_run_out_is_told_so_at_once() {
    let house = House::open().await;
    let ann = house.person("ann", &["reviewer"], &ALL).await;
    house.held("P-1", "org/one", "nobody").await;
    assert_eq!(
        house.decide("P-1", &ann, approve(1)).await.0,
        StatusCode::OK
    );
    house.now.fetch_add(2 * HOUR, Ordering::Relaxed);
    let (_, listed) = house.get("/api/v1/reviews?state=approved", &ann).await;
    assert_eq!(listed["reviews"], json!([]));
    let (_, shown) = house.get("/api/v1/reviews/P-1", &ann).await;
    assert_eq!(shown["state"], "expired");
}

/// The document is part of the repository; EXEAT_BLESS=1 writes it anew.
#[test]
fn the_document_is_the_one_that_is_checked_in() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy/handbook/openapi.json");
    let document = document();
    if std::env::var_os("EXEAT_BLESS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == document,
        "{} is out of date: run this test with EXEAT_BLESS=1",
        path.display()
    );
    for path in [
        "/api/v1/session",
        "/api/v1/reviews",
        "/api/v1/reviews/{id}/decisions",
        "/api/v1/notices/{id}/retry",
    ] {
        assert!(document.contains(&format!("\"{path}\"")), "{path}");
    }
}
