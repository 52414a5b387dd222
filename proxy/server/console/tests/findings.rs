//! Single findings and waivers, as the users of the API meet them.

use exeat_inspect::Cover;

use super::*;
use crate::review::dossier::{Dossier, Entry, Unreadable};

const FINDING: &str = "f-one";
const BARE: &str = "f-two";
const UNREAD: &str = "n-one";

impl House {
    /// A held push with a finding that can be waived, one that cannot, and something that was not read.
    async fn found(&self, id: &str, repository: &str, pusher: &str) {
        let person = self.rooms.people().register().person(pusher).await;
        let cover = Cover {
            key: "key".into(),
            rule: "github-pat".into(),
            version: "v".into(),
            path: "a/b".into(),
        };
        let entry = |id: &str, covers| Entry {
            id: id.into(),
            rule: "github-pat".into(),
            path: Some("a/b".into()),
            masked: "ghp_****".into(),
            covers,
            ..Entry::default()
        };
        let body = Dossier {
            findings: vec![entry(FINDING, vec![cover]), entry(BARE, Vec::new())],
            unreadable: vec![Unreadable {
                id: UNREAD.into(),
                ..Unreadable::default()
            }],
            ..Dossier::default()
        };
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
            body: body.text(),
            actor: samples::actor(),
        };
        let held = self.rooms.desk().hold(&new, self.rooms.now()).await;
        held.unwrap();
    }

    async fn say(&self, id: &str, finding: &str, token: &str, said: Value) -> (StatusCode, Value) {
        let path = format!("/api/v1/reviews/{id}/findings/{finding}/decisions");
        self.ask(Method::POST, &path, token, Some(said)).await
    }
}

fn said(judgement: &str, revision: u64) -> Value {
    json!({"judgement": judgement, "revision": revision, "words": "made up for a test"})
}

fn waived(revision: u64) -> Value {
    let mut said = said("test-data", revision);
    said["waive"] = json!(true);
    said
}

#[tokio::test]
async fn findings_are_decided_by_security_and_by_nobody_else() {
    let house = House::open().await;
    let dev = house.person("dev", &["developer", "security"], &ALL).await;
    let sec = house.person("sec", &["security"], &ALL).await;
    let rev = house.person("rev", &["reviewer"], &ALL).await;
    let aud = house.person("aud", &["auditor"], &ALL).await;
    let ope = house.person("ope", &["operator", "security"], &ALL).await;
    let robot = house.token("sec", &[Scope::Read], true).await;
    house.found("P-AAAA1111", "org/repo", "dev").await;

    for (token, who) in [
        (&dev, "dev"),
        (&rev, "rev"),
        (&aud, "aud"),
        (&ope, "ope"),
        (&robot, "robot"),
    ] {
        let (status, problem) = house
            .say("P-AAAA1111", FINDING, token, said("test-data", 1))
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{who}: {problem}");
    }
    let (status, now) = house
        .say("P-AAAA1111", FINDING, &sec, said("must-fix", 1))
        .await;
    assert_eq!((status, &now["revision"]), (StatusCode::OK, &json!(2)));
    assert_eq!(now["decisions"][0]["by"], "sec");

    // No approval passes it, until somebody thinks again.
    let (status, problem) = house.decide("P-AAAA1111", &rev, approve(2)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("must-fix"))
    );
    let (status, problem) = house
        .say("P-AAAA1111", FINDING, &sec, said("test-data", 1))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("stale"))
    );
    let (status, _) = house
        .say("P-AAAA1111", FINDING, &sec, said("test-data", 2))
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, listed) = house
        .get("/api/v1/reviews/P-AAAA1111/findings/decisions", &dev)
        .await;
    let judgements: Vec<&Value> = listed["decisions"].as_array().unwrap().iter().collect();
    assert_eq!(
        (judgements.len(), &judgements[0]["judgement"]),
        (1, &json!("test-data"))
    );
    let (status, _) = house.decide("P-AAAA1111", &rev, approve(3)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(house.records(crate::audit::Kind::CaseDecision).await, 3);
}

#[tokio::test]
async fn waivers_are_made_listed_and_revoked() {
    let house = House::open().await;
    house.person("dev", &["developer"], &ALL).await;
    let sec = house.person("sec", &["security", "reviewer"], &ALL).await;
    let aud = house.person("aud", &["auditor"], &ALL).await;
    let far = house
        .person("far", &["reviewer:github.com/other/*"], &ALL)
        .await;
    house.found("P-AAAA1111", "org/repo", "dev").await;

    for (finding, said, status) in [
        (BARE, waived(1), StatusCode::CONFLICT),
        (UNREAD, waived(1), StatusCode::CONFLICT),
        ("f-none", waived(1), StatusCode::NOT_FOUND),
        (
            FINDING,
            json!({"judgement": "fine", "revision": 1}),
            StatusCode::BAD_REQUEST,
        ),
        (
            FINDING,
            json!({"judgement": "test-data", "revision": 1, "days": 3}),
            StatusCode::BAD_REQUEST,
        ),
        (
            FINDING,
            json!({"judgement": "test-data", "revision": 1, "waive": true}),
            StatusCode::BAD_REQUEST,
        ),
        (
            FINDING,
            json!({"judgement": "test-data", "revision": 1, "waive": true, "days": 367, "words": "x"}),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (answered, problem) = house.say("P-AAAA1111", finding, &sec, said).await;
        assert_eq!(answered, status, "{problem}");
    }
    let (status, now) = house.say("P-AAAA1111", FINDING, &sec, waived(1)).await;
    assert_eq!(status, StatusCode::OK, "{now}");
    let id = now["decisions"][0]["waiver"].as_str().unwrap().to_owned();
    // Who waived it does not approve it.
    let (status, _) = house.decide("P-AAAA1111", &sec, approve(2)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    let (_, page) = house.get("/api/v1/waivers?holding=true", &aud).await;
    let one = &page["waivers"][0];
    assert_eq!((&one["id"], &one["state"]), (&json!(id), &json!("holding")));
    assert_eq!(
        (&one["author"], &one["covers"][0]["path"]),
        (&json!("sec"), &json!("a/b"))
    );
    let path = format!("/api/v1/waivers/{id}");
    assert_eq!(house.get(&path, &far).await.0, StatusCode::NOT_FOUND);
    let revoke = format!("{path}/revoke");
    let why = || Some(json!({"words": "no longer"}));
    let (status, _) = house.ask(Method::POST, &revoke, &aud, why()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, one) = house.ask(Method::POST, &revoke, &sec, why()).await;
    assert_eq!((status, &one["state"]), (StatusCode::OK, &json!("revoked")));
    let (status, _) = house.ask(Method::POST, &revoke, &sec, why()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (_, page) = house.get("/api/v1/waivers?holding=true", &aud).await;
    assert_eq!(page["waivers"], json!([]));
    assert_eq!(house.get(&path, &aud).await.1["revoked_by"], "sec");
    assert_eq!(house.records(crate::audit::Kind::Waiver).await, 2);
}
