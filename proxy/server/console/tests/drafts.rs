//! Policies and rules that two people put into force.

use super::*;
use crate::config::Config;

/// Drafts of both kinds are on.
pub(super) fn config() -> Config {
    let (config, _) = Config::of_text("[policy]\ndrafts = true\n[rules]\ndrafts = true\n").unwrap();
    config
}

const ADMIN: [Scope; 1] = [Scope::Admin];
const DENY: &str = "[[rule]]\nname = \"no-mirror\"\nrepository = \"org/mirror\"\ndo = \"deny\"\n";

fn proposal(kind: &str, text: &str) -> Value {
    json!({"kind": kind, "title": "For a test", "text": text})
}

impl House {
    async fn order(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let path = format!("/api/v1/drafts{path}");
        self.ask(Method::POST, &path, token, Some(body)).await
    }

    async fn proposed(&self, token: &str, text: &str) -> String {
        let (status, draft) = self.order("", token, proposal("policy", text)).await;
        assert_eq!(status, StatusCode::CREATED, "{draft}");
        draft["id"].as_str().unwrap().to_owned()
    }

    /// Says yes to a revision.
    async fn approve(&self, id: &str, token: &str, revision: u64) -> (StatusCode, Value) {
        self.order(&format!("/{id}/decisions"), token, approve(revision))
            .await
    }
}

#[track_caller]
fn assert_code((status, problem): &(StatusCode, Value), expected: u16, code: &str) {
    let got = (status.as_u16(), problem["code"].as_str());
    assert_eq!(got, (expected, Some(code)), "{problem}");
}

#[tokio::test]
async fn a_draft_takes_two_people_into_force_and_out_of_it() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let ben = house.person("ben", &["security"], &ADMIN).await;
    let id = house.proposed(&ann, DENY).await;
    assert_code(&house.approve(&id, &ann, 1).await, 403, "forbidden");
    assert_code(&house.approve(&id, &ben, 2).await, 409, "stale");
    let (status, draft) = house.approve(&id, &ben, 1).await;
    assert_eq!(
        (status, &draft["state"]),
        (StatusCode::OK, &json!("in-force"))
    );
    assert_eq!(draft["steps"][0]["by"], "ben");
    assert_code(&house.approve(&id, &ben, 2).await, 409, "closed");
    // Its end takes two as well, whoever asks.
    let retire = json!({"revision": 2, "words": "It is gone."});
    let (status, draft) = house.order(&format!("/{id}/retire"), &ben, retire).await;
    assert_eq!(
        (status, &draft["state"]),
        (StatusCode::OK, &json!("retiring"))
    );
    assert_code(&house.approve(&id, &ben, 3).await, 403, "forbidden");
    let withdraw = json!({"revision": 3});
    let other = house
        .order(&format!("/{id}/withdraw"), &ann, withdraw)
        .await;
    assert_code(&other, 403, "forbidden");
    let (status, draft) = house.approve(&id, &ann, 3).await;
    assert_eq!(
        (status, &draft["state"]),
        (StatusCode::OK, &json!("retired"))
    );
    assert_eq!(house.records(crate::audit::Kind::Policy).await, 4);
    let (_, page) = house.get("/api/v1/drafts?state=retired", &ann).await;
    assert_eq!(page["drafts"][0]["id"], id.as_str());
    assert!(page["drafts"][0].get("text").is_none());
    let (_, shown) = house.get(&format!("/api/v1/drafts/{id}"), &ann).await;
    assert_eq!(shown["text"], DENY);
}

#[tokio::test]
async fn who_may_not_draft_does_not() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let reading = house
        .token("ann", &[Scope::Read, Scope::Decide], false)
        .await;
    let machine = house.token("ann", &ADMIN, true).await;
    let op = house.person("op", &["operator"], &ADMIN).await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    let auditor = house.person("aud", &["auditor"], &ALL).await;
    let id = house.proposed(&ann, DENY).await;
    for token in [&reading, &machine, &op, &rev, &auditor] {
        let tried = house.order("", token, proposal("policy", DENY)).await;
        assert_code(&tried, 403, "forbidden");
        assert_code(&house.approve(&id, token, 1).await, 403, "forbidden");
    }
    let path = format!("/api/v1/drafts/{id}");
    for (token, status) in [(&auditor, 200), (&op, 200), (&rev, 403), (&reading, 403)] {
        assert_eq!(house.get(&path, token).await.0.as_u16(), status);
    }
    assert_code(
        &house.get("/api/v1/drafts/d-none", &ann).await,
        404,
        "absent",
    );
}

/// Whoever asked must still be somebody who may ask.
#[tokio::test]
async fn what_somebody_asked_for_who_is_gone_is_not_approved() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let ben = house.person("ben", &["security"], &ADMIN).await;
    let id = house.proposed(&ann, DENY).await;
    let people = house.rooms.people();
    people.disable("ann", &samples::actor()).await.unwrap();
    assert_code(&house.approve(&id, &ben, 1).await, 409, "asker");
    people.enable("ann", &samples::actor()).await.unwrap();
    assert_eq!(house.approve(&id, &ben, 1).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_wrong_is_refused_as_a_file_would_be() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let ben = house.person("ben", &["security"], &ADMIN).await;
    let tried = house
        .order(
            "",
            &ann,
            proposal("policy", "[[rule]]\nname = \"a\"\nrepo = \"x\"\n"),
        )
        .await;
    assert_code(&tried, 422, "unfit");
    let detail = tried.1["detail"].as_str().unwrap();
    assert!(detail.contains(":3: rule a: repo: unknown key"), "{detail}");
    let empty = house
        .order("", &ann, proposal("policy", "# nothing\n"))
        .await;
    assert_code(&empty, 422, "unfit");
    let control = house.order("", &ann, proposal("policy", "\u{1b}[2J")).await;
    assert_code(&control, 400, "bad-request");
    let unknown = house.order("", &ann, proposal("files", DENY)).await;
    assert_code(&unknown, 400, "bad-request");
    let long = "#".repeat(300 * 1024);
    let long = house.order("", &ann, proposal("policy", &long)).await;
    assert_code(&long, 400, "bad-request");
    let letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5";
    let sum = exeat_rules::validators::base62_checksum(letters.as_bytes());
    let sum: String = sum.into_iter().map(char::from).collect();
    let secret = format!("# ghp{}{letters}{sum}\n{DENY}", '_');
    assert_code(
        &house.order("", &ann, proposal("policy", &secret)).await,
        422,
        "secret",
    );
    // Of two that clash the second is not put into force.
    let one = house.proposed(&ann, DENY).await;
    let two = house.proposed(&ann, DENY).await;
    assert_eq!(house.approve(&one, &ben, 1).await.0, StatusCode::OK);
    assert_code(&house.approve(&two, &ben, 1).await, 422, "unfit");
    assert_code(
        &house.order("", &ann, proposal("policy", DENY)).await,
        422,
        "unfit",
    );
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_does() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let ben = house.person("ben", &["security"], &ADMIN).await;
    let eve = house.person("eve", &["security"], &ADMIN).await;
    for number in 0..5 {
        let text = DENY.replace("no-mirror", &format!("no-mirror-{number}"));
        let id = house.proposed(&ann, &text).await;
        let decline = json!({"verdict": "decline", "revision": 1, "words": "No."});
        let path = format!("/{id}/decisions");
        let (one, two, three) = tokio::join!(
            house.approve(&id, &ben, 1),
            house.order(&path, &eve, decline),
            house.approve(&id, &eve, 1),
        );
        let all = [one, two, three];
        let done = all.iter().filter(|(status, _)| status.is_success());
        assert_eq!(done.count(), 1, "{all:?}");
    }
}

#[tokio::test]
async fn rules_only_add_and_prove_what_they_find() {
    let house = House::open().await;
    let ann = house.person("ann", &["security"], &ADMIN).await;
    let ben = house.person("ben", &["security"], &ADMIN).await;
    let rule = |more: &str| {
        format!(
            "[[rules]]\nid = \"house-word\"\ndescription = \"a word\"\nregex = '''halcyonic-[0-9]{{4}}'''\n\
             keywords = [\"halcyonic-\"]\n{more}"
        )
    };
    for (text, words) in [
        (rule(""), "has no example"),
        (rule("examples = [\"nothing\"]\n"), "it is not found"),
        (
            format!("[extend]\nuseDefault = true\n{}", rule("")),
            "only adds rules",
        ),
        (
            format!("[[allowlists]]\nregexes = ['x']\n{}", rule("")),
            "only adds rules",
        ),
        ("title = \"t\"\n".to_owned(), "it has no rule"),
        ("[[rules]\n".to_owned(), "not TOML"),
        (
            rule("examples = [\"halcyonic-1234\"]\n").replace("house-word", "github-pat-classic"),
            "github-pat-classic",
        ),
    ] {
        let tried = house.order("", &ann, proposal("rules", &text)).await;
        assert_code(&tried, 422, "unfit");
        let detail = tried.1["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{words}: {detail}");
    }
    let good = rule("examples = [\"halcyonic-1234\"]\n");
    let (status, draft) = house.order("", &ann, proposal("rules", &good)).await;
    assert_eq!(status, StatusCode::CREATED, "{draft}");
    let id = draft["id"].as_str().unwrap();
    assert_eq!(house.approve(id, &ben, 1).await.0, StatusCode::OK);
}
