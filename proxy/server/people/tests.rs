//! Orders and what they leave behind: in the tables, and on record.

mod storm;

use super::rights::{Case, Matter, Right};
use super::*;
use crate::audit::{self, Actor, ActorKind, Audit, Kind, Record};
use crate::store::Store;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct House {
    _folder: tempfile::TempDir,
    store: Store,
    people: People,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let audit = Audit::open(store.clone()).await.unwrap();
        let people = People::new(&store, &audit);
        Self {
            _folder: folder,
            store,
            people,
        }
    }

    async fn add(&self, name: &str, roles: &[&str]) -> Person {
        let new = NewPerson {
            name: name.to_owned(),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            ..NewPerson::default()
        };
        self.people.add_person(&new, &actor()).await.unwrap()
    }

    async fn token(&self, person: &str, scopes: &[Scope], lifetime: &str) -> (Token, Secret) {
        let new = NewToken {
            person: person.to_owned(),
            scopes: Scopes::new(scopes),
            service: false,
            about: None,
            lifetime: lifetime.parse().unwrap(),
        };
        let made = self.people.create_token(&new, now(), &actor()).await;
        made.unwrap()
    }

    async fn records(&self) -> Vec<Record> {
        let mut snapshot = self.store.records().snapshot().await.unwrap();
        let report = audit::verify(&mut snapshot, None).await.unwrap();
        assert_eq!(report.problem, None);
        audit::newest(self.store.records(), 1000).await.unwrap()
    }
}

fn actor() -> Actor {
    Actor {
        kind: ActorKind::Operator,
        name: Some("root".to_owned()),
        verified: true,
        ..Actor::default()
    }
}

fn account(id: &str) -> Account {
    Account::new("github.com", id).unwrap()
}

fn why(result: Result<Bearer, Refused>) -> Why {
    match result {
        Err(Refused::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_is_there_by_default() {
    let house = House::open().await;
    let register = house.people.register();
    assert_eq!(register.all_persons().await.unwrap(), []);
    assert_eq!(register.all_groups().await.unwrap(), []);
    assert_eq!(register.all_tokens(None).await.unwrap(), []);
}

#[tokio::test]
async fn a_person_reads_back_as_ordered() {
    let house = House::open().await;
    let new = NewPerson {
        name: "ada".into(),
        display: Some("Ada Lovelace".into()),
        mails: vec![
            "ada@Bank.example".into(),
            "ada@bank.EXAMPLE".into(),
            "a@b".into(),
        ],
        roles: vec![
            "reviewer:github.com/org/*".parse().unwrap(),
            Role::Developer.name().parse().unwrap(),
        ],
    };
    let made = house.people.add_person(&new, &actor()).await.unwrap();
    assert_eq!(made.mails, ["a@b", "ada@Bank.example"]);
    let register = house.people.register();
    assert_eq!(register.person("ada").await.unwrap(), made);
    assert_eq!(
        register.person_of_id(&made.id).await.unwrap(),
        Some(made.clone())
    );

    let error = house.people.add_person(&new, &actor()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is a person named \"ada\" already");
    let wrong = NewPerson {
        name: "Ada".into(),
        ..NewPerson::default()
    };
    let error = house.people.add_person(&wrong, &actor()).await.unwrap_err();
    assert!(
        error.to_string().starts_with("\"Ada\" is no name"),
        "{error}"
    );

    let edit = Edit {
        display: Some(String::new()),
        add_mails: vec!["new@bank.example".into()],
        remove_mails: vec!["ada@BANK.example".into()],
    };
    let done = house
        .people
        .edit_person("ada", &edit, &actor())
        .await
        .unwrap();
    assert!(done.changed);
    assert_eq!(
        (done.now.display.as_deref(), done.now.mails.len()),
        (None, 2)
    );
    let again = house
        .people
        .edit_person("ada", &edit, &actor())
        .await
        .unwrap();
    assert!(!again.changed);

    let [give, take] = ["auditor", "developer"].map(|role| vec![role.parse().unwrap()]);
    let done = house
        .people
        .change_roles("ada", &give, &take, &actor())
        .await
        .unwrap();
    let roles: Vec<String> = done.now.roles.iter().map(ToString::to_string).collect();
    assert_eq!(roles, ["auditor", "reviewer:github.com/org/*"]);
    assert_eq!(register.person("ada").await.unwrap(), done.now);
}

#[tokio::test]
async fn an_account_has_one_owner() {
    let house = House::open().await;
    let ada = house.add("ada", &[]).await;
    house.add("bob", &[]).await;
    let people = &house.people;
    let linked = people
        .link("ada", &account("7"), Some("lovelace"), &actor())
        .await
        .unwrap();
    assert!(linked.changed);
    assert_eq!(linked.now.accounts[0].login.as_deref(), Some("lovelace"));
    let found = people.register().owner_of(&account("7")).await.unwrap();
    assert_eq!(found.map(|person| person.id), Some(ada.id));
    assert!(
        !people
            .link("ada", &account("7"), None, &actor())
            .await
            .unwrap()
            .changed
    );

    people.disable("ada", &actor()).await.unwrap();
    let register = people.register();
    assert_eq!(register.known_by(&account("7")).await.unwrap(), None);
    assert!(register.owner_of(&account("7")).await.unwrap().is_some());
    people.enable("ada", &actor()).await.unwrap();
    let known = register.known_by(&account("7")).await.unwrap();
    assert_eq!(known.map(|person| person.name).as_deref(), Some("ada"));

    let error = people
        .link("bob", &account("7"), None, &actor())
        .await
        .unwrap_err();
    let text = "7 on github.com belongs to ada; unlink it there first";
    assert_eq!(error.to_string(), text);
    let elsewhere = Account::new("gitlab.com", "7").unwrap();
    people
        .link("bob", &elsewhere, None, &actor())
        .await
        .unwrap();

    assert!(
        people
            .unlink("ada", &account("7"), &actor())
            .await
            .unwrap()
            .changed
    );
    assert!(
        !people
            .unlink("ada", &account("7"), &actor())
            .await
            .unwrap()
            .changed
    );
    assert_eq!(
        people.register().owner_of(&account("7")).await.unwrap(),
        None
    );
    people
        .link("bob", &account("7"), None, &actor())
        .await
        .unwrap();
}

/// However many try at once to have the account, one has it, and the record says whom.
#[tokio::test]
async fn of_two_orders_at_once_the_later_is_told() {
    let house = House::open().await;
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    for name in &names {
        house.add(name, &[]).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for name in names.clone() {
        let people = house.people.clone();
        tasks.spawn(async move {
            match people.link(&name, &account("7"), None, &actor()).await {
                Ok(_) => 1,
                Err(Error::AccountTaken { .. } | Error::Audit(audit::Error::Stale)) => 0,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let linked: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(linked, 1);
    let links = house.records().await.into_iter();
    assert_eq!(
        links.filter(|record| record.leaf.action == "link").count(),
        1
    );

    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let people = house.people.clone();
        let role = [Role::ALL[number % 7].name().parse::<RoleGrant>().unwrap()];
        tasks.spawn(async move {
            people
                .change_roles("p0", &role, &[], &actor())
                .await
                .is_ok()
        });
    }
    let given = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|done| *done)
        .count();
    let person = house.people.register().person("p0").await.unwrap();
    assert!((1..=7).contains(&person.roles.len()) && given >= person.roles.len());
}

#[tokio::test]
async fn groups_have_members() {
    let house = House::open().await;
    let ada = house.add("ada", &[]).await;
    house.add("bob", &[]).await;
    let people = &house.people;
    people
        .add_group("core", Some("The core team"), &actor())
        .await
        .unwrap();
    let error = people.add_group("core", None, &actor()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is a group named \"core\" already");
    people.join("core", "bob", &actor()).await.unwrap();
    let done = people.join("core", "ada", &actor()).await.unwrap();
    assert_eq!(
        (done.changed, done.now.members),
        (true, vec!["ada".into(), "bob".into()])
    );
    assert!(!people.join("core", "ada", &actor()).await.unwrap().changed);
    assert_eq!(
        people.register().groups_of(&ada.id).await.unwrap(),
        ["core"]
    );
    let done = people.leave("core", "bob", &actor()).await.unwrap();
    assert_eq!(done.now.members, ["ada"]);
    assert!(!people.leave("core", "bob", &actor()).await.unwrap().changed);
    for (group, person, text) in [
        ("core", "eve", "there is no person named \"eve\""),
        ("none", "ada", "there is no group named \"none\""),
    ] {
        let error = people.join(group, person, &actor()).await.unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    people.remove_group("core", &actor()).await.unwrap();
    assert_eq!(people.register().groups_of(&ada.id).await.unwrap(), [""; 0]);
    assert!(people.remove_group("core", &actor()).await.is_err());
}

#[tokio::test]
async fn a_token_holds_until_it_ends() {
    let house = House::open().await;
    let people = &house.people;
    house.add("ada", &["developer"]).await;
    let (token, secret) = house.token("ada", &[Scope::Push, Scope::Read], "90d").await;
    assert_eq!(token.expires - token.created, 90 * DAY);
    let bearer = people.verify(secret.expose(), now(), None).await.unwrap();
    assert_eq!(
        (bearer.token.id, bearer.person.name),
        (token.id.clone(), "ada".into())
    );

    let start = token.created;
    let at = async |time: i64| people.verify(secret.expose(), time, None).await;
    assert!(at(token.expires - 1).await.is_ok());
    assert_eq!(why(at(token.expires).await), Why::Expired);

    people.disable("ada", &actor()).await.unwrap();
    assert_eq!(why(at(start).await), Why::Disabled);
    people.enable("ada", &actor()).await.unwrap();
    assert!(at(start).await.is_ok());

    assert!(
        people
            .revoke_token(token.id.as_str(), now(), &actor())
            .await
            .unwrap()
            .changed
    );
    assert!(
        !people
            .revoke_token(token.id.as_str(), now(), &actor())
            .await
            .unwrap()
            .changed
    );
    assert_eq!(why(at(start).await), Why::Revoked);

    let other = Secret::random().unwrap();
    let unknown = people.verify(other.expose(), now(), None).await;
    assert_eq!(why(unknown), Why::Unknown);
    assert_eq!(why(people.verify("exeat_", now(), None).await), Why::Form);
}

#[tokio::test]
async fn whoever_presents_a_token_is_not_told_why_it_does_not_hold() {
    let texts: std::collections::BTreeSet<String> = [
        Why::Form,
        Why::Unknown,
        Why::Expired,
        Why::Revoked,
        Why::Disabled,
    ]
    .map(|why| Refused::Invalid(why).to_string())
    .into();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn a_refused_token_is_on_record_once_an_hour() {
    let house = House::open().await;
    house.add("ada", &[]).await;
    let (token, secret) = house.token("ada", &[Scope::Read], "1h").await;
    let refusals = async || {
        let records = house.records().await.into_iter();
        let refusals = records.filter(|record| record.leaf.action.starts_with("refused"));
        refusals.collect::<Vec<Record>>()
    };
    for round in 0..3_i64 {
        for minute in 0..5 {
            let time = token.expires + round * HOUR + minute * 60_000;
            let refused = house
                .people
                .verify(secret.expose(), time, Some("192.0.2.7"))
                .await;
            assert_eq!(why(refused), Why::Expired);
            // The record is written behind the answer.
            while i64::try_from(refusals().await.len()).unwrap() <= round {
                tokio::task::yield_now().await;
            }
        }
    }
    let refusals = refusals().await;
    assert_eq!(refusals.len(), 3);
    let leaf = &refusals[0].leaf;
    assert_eq!(
        (leaf.kind, leaf.action.as_str()),
        (Kind::Login, "refused: expired")
    );
    assert_eq!(leaf.subject.as_deref(), Some(token.id.as_str()));
    let actor = refusals[0]
        .payload
        .as_ref()
        .unwrap()
        .actor
        .as_ref()
        .unwrap();
    assert_eq!(actor.source.as_deref(), Some("192.0.2.7"));
}

#[tokio::test]
async fn use_is_noted_to_the_hour() {
    let house = House::open().await;
    house.add("ada", &[]).await;
    let (token, secret) = house.token("ada", &[Scope::Read], "90d").await;
    let start = token.created;
    let used = async |time: i64| {
        house
            .people
            .verify(secret.expose(), time, None)
            .await
            .unwrap();
        let token = house
            .people
            .register()
            .token(token.id.as_str())
            .await
            .unwrap();
        token.used.unwrap() - start
    };
    assert_eq!(used(start).await, 0);
    assert_eq!(used(start + HOUR - 1).await, 0);
    assert_eq!(used(start + HOUR).await, HOUR);
    assert_eq!(used(start + HOUR + 5).await, HOUR);
    let of_use = house.records().await.len();
    used(start + 5 * HOUR).await;
    assert_eq!(house.records().await.len(), of_use, "use is no deed");
}

#[tokio::test]
async fn tokens_that_may_not_be_are_not_made() {
    let house = House::open().await;
    house.add("ada", &["service"]).await;
    let order = |scopes: &[Scope], service| NewToken {
        person: "ada".into(),
        scopes: Scopes::new(scopes),
        service,
        about: None,
        lifetime: Lifetime::default(),
    };
    let refused = async |order: NewToken| {
        let made = house.people.create_token(&order, now(), &actor()).await;
        made.unwrap_err().to_string()
    };
    assert!(
        refused(order(&[], false))
            .await
            .starts_with("a token needs at least one scope")
    );
    let deciding = order(&[Scope::Read, Scope::Decide], true);
    assert!(
        refused(deciding)
            .await
            .starts_with("service tokens never decide")
    );
    house.people.disable("ada", &actor()).await.unwrap();
    assert!(
        refused(order(&[Scope::Read], false))
            .await
            .starts_with("ada is disabled")
    );
}

#[tokio::test]
async fn a_token_narrows_what_its_owner_may() {
    let house = House::open().await;
    house.add("ada", &["reviewer:github.com/org/*"]).await;
    let case = Matter::Case(Case {
        upstream: "github.com",
        repository: "org/repo",
        folds: true,
        own: false,
    });
    for (scopes, sees, decides) in [
        (vec![Scope::Read, Scope::Decide], true, true),
        (vec![Scope::Read], true, false),
        (vec![Scope::Push, Scope::Admin], false, false),
    ] {
        let (_, secret) = house.token("ada", &scopes, "1d").await;
        let bearer = house
            .people
            .verify(secret.expose(), now(), None)
            .await
            .unwrap();
        let may = |right| bearer.powers().may(right, &case);
        assert_eq!(
            (may(Right::SeeContext), may(Right::DecideCase)),
            (sees, decides)
        );
        assert!(!bearer.powers().may(Right::ManagePeople, &Matter::House));
    }
}

/// Every change is on record with its digests, which follow on one another; names are in the half that can be erased, and
/// the text of a token is nowhere.
#[tokio::test]
async fn the_record_tells_all_of_it() {
    let house = House::open().await;
    let people = &house.people;
    let ada = house.add("lulu", &["operator"]).await;
    let edit = Edit {
        add_mails: vec!["lulu@bank.example".into()],
        ..Edit::default()
    };
    people.edit_person("lulu", &edit, &actor()).await.unwrap();
    people
        .link("lulu", &account("58323100777"), Some("lovelace"), &actor())
        .await
        .unwrap();
    people.disable("lulu", &actor()).await.unwrap();
    people.disable("lulu", &actor()).await.unwrap();
    people.enable("lulu", &actor()).await.unwrap();
    people.add_group("unit", None, &actor()).await.unwrap();
    people.join("unit", "lulu", &actor()).await.unwrap();
    people.remove_group("unit", &actor()).await.unwrap();
    let (token, secret) = house.token("lulu", &[Scope::Admin], "90d").await;
    people
        .revoke_token(token.id.as_str(), now(), &actor())
        .await
        .unwrap();

    let records = house.records().await;
    let told: Vec<String> = records
        .iter()
        .map(|record| format!("{:?} {}", record.leaf.kind, record.leaf.action))
        .collect();
    let expected = [
        "Person add",
        "Person edit",
        "Person link",
        "Person disable",
        "Person enable",
        "Group add",
        "Group join",
        "Group remove",
        "Token create",
        "Token revoke",
    ];
    assert_eq!(told, expected);
    let mut last: std::collections::BTreeMap<&str, Option<&str>> = Default::default();
    for record in &records {
        let leaf = &record.leaf;
        let subject = leaf.subject.as_deref().unwrap();
        let before = last.insert(subject, leaf.after.as_deref()).flatten();
        assert_eq!(leaf.before.as_deref(), before, "{}", leaf.action);
        assert_ne!(leaf.before, leaf.after);
        let text = serde_json::to_string(leaf).unwrap();
        // Names that no hex and no id of ours can hold by chance.
        for personal in [
            "lulu",
            "bank.example",
            "lovelace",
            "58323100777",
            "unit",
            "root",
        ] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        let all = serde_json::to_string(record).unwrap();
        assert!(!all.contains(secret.expose()));
    }
    assert_eq!(records[0].leaf.subject.as_deref(), Some(ada.id.as_str()));
    let note = records[2].payload.as_ref().unwrap().note.as_deref();
    assert_eq!(note, Some("lulu: 58323100777 on github.com (lovelace)"));
}

#[tokio::test]
async fn many_are_listed_whole() {
    let house = House::open().await;
    for number in 0..405 {
        house.add(&format!("p{number:03}"), &[]).await;
    }
    let all = house.people.register().all_persons().await.unwrap();
    let names: Vec<&str> = all.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names.len(), 405);
    assert!(names.is_sorted());
}

/// A role that this binary does not know, written by a newer one, gives no rights by being left out of account.
#[tokio::test]
async fn what_is_not_understood_is_not_ignored() {
    let house = House::open().await;
    house.add("ada", &["operator"]).await;
    house
        .store
        .execute("UPDATE person_role SET role = 'deputy'")
        .await;
    let error = house.people.register().person("ada").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "what is stored of ada cannot be read: a newer Exeat may have written it"
    );
}

/// Between the question and the deed a right may end; then the deed is not done.
#[tokio::test]
async fn what_a_token_gave_is_asked_again_with_the_deed() {
    let house = House::open().await;
    let people = &house.people;
    house.add("ada", &["reviewer"]).await;
    let (token, secret) = house.token("ada", &[Scope::Decide], "1d").await;
    let verified = async || people.verify(secret.expose(), now(), None).await.unwrap();
    let deed = |bearer: &Bearer| audit::Deed {
        kind: Kind::CaseDecision,
        action: "approve",
        actor: bearer.actor(Some("192.0.2.7")),
        case: None,
        subject: None,
        before: None,
        after: None,
        note: None,
    };
    let act = async |bearer: &Bearer, time: i64| {
        let acted = people.audit.act(&deed(bearer), bearer.guard(time)).await;
        match acted {
            Ok(_) => true,
            Err(audit::Error::Stale) => false,
            Err(error) => panic!("{error}"),
        }
    };
    let bearer = verified().await;
    assert!(act(&bearer, now()).await);
    assert!(!act(&bearer, token.expires).await);
    assert!(act(&bearer, now()).await, "asking changed nothing");

    let auditor = ["auditor".parse().unwrap()];
    people
        .change_roles("ada", &auditor, &[], &actor())
        .await
        .unwrap();
    assert!(!act(&bearer, now()).await);
    let bearer = verified().await;
    people.disable("ada", &actor()).await.unwrap();
    assert!(!act(&bearer, now()).await);
    people.enable("ada", &actor()).await.unwrap();
    let bearer = verified().await;
    assert!(act(&bearer, now()).await);
    people
        .revoke_token(token.id.as_str(), now(), &actor())
        .await
        .unwrap();
    assert!(!act(&bearer, now()).await);

    let records = house.records().await.into_iter();
    let approvals: Vec<Record> = records
        .filter(|record| record.leaf.action == "approve")
        .collect();
    assert_eq!(approvals.len(), 3);
    let actor = approvals[0]
        .payload
        .as_ref()
        .unwrap()
        .actor
        .clone()
        .unwrap();
    assert_eq!((actor.name.as_deref(), actor.verified), (Some("ada"), true));
    assert!(!actor.credential.unwrap().contains(secret.expose()));
}
