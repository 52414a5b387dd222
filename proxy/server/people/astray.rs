//! Whether persons, groups and tokens are what the audit says of them: who has the database file could give himself a role.

use std::collections::BTreeMap;
use std::fmt;

use super::state;
use crate::store::{self, Snapshot};

/// A person, group or token that is other than the audit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Astray {
    pub id: String,
    pub fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Changed,
    Unrecorded,
    Missing,
}

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Changed => "it is not as the last record about it says",
            Fault::Unrecorded => "no record says that it is there",
            Fault::Missing => "the records say that it is there, and it is not",
        };
        write!(f, "{}: {fault}", self.id)
    }
}

/// Compares what is stored with `recorded`, which has the last digest of each id in the same snapshot; `others` are ids and
/// digests of what is stored besides people. In the order of the ids.
///
/// Use and refusal of a token are not compared: they are noted without a record.
///
/// # Errors
/// When it cannot be read.
pub async fn astray(
    snapshot: &mut Snapshot,
    others: Vec<(String, String)>,
    recorded: &BTreeMap<String, String>,
) -> Result<Vec<Astray>, store::Error> {
    let mut unseen: BTreeMap<&str, &str> = recorded
        .iter()
        .map(|(id, digest)| (id.as_str(), digest.as_str()))
        .collect();
    let mut found = Vec::new();
    let mut compare = |id: &str, digest: String| {
        let fault = match unseen.remove(id) {
            Some(recorded) if recorded == digest => return,
            Some(_) => Fault::Changed,
            None => Fault::Unrecorded,
        };
        found.push(Astray {
            id: id.to_owned(),
            fault,
        });
    };
    for (id, digest) in others {
        compare(&id, digest);
    }
    let mut last = String::new();
    while let Some(row) = snapshot.person_after(&last).await? {
        compare(&row.id, state::of_person(&row));
        last = row.id;
    }
    last.clear();
    while let Some((row, members)) = snapshot.group_after(&last).await? {
        compare(
            &row.id,
            state::of_group(&row, members.iter().map(String::as_str)),
        );
        last = row.id;
    }
    last.clear();
    while let Some(row) = snapshot.token_after(&last).await? {
        compare(&row.id, state::of_token(&row));
        last = row.id;
    }
    found.extend(unseen.into_keys().map(|id| Astray {
        id: id.to_owned(),
        fault: Fault::Missing,
    }));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::audit::{self, Audit};
    use crate::store::Store;

    async fn found(store: &Store) -> Vec<(char, Fault)> {
        let mut snapshot = store.records().snapshot().await.unwrap();
        let report = audit::verify(&mut snapshot, None).await.unwrap();
        assert_eq!(report.problem, None);
        let found = astray(&mut snapshot, Vec::new(), &report.people)
            .await
            .unwrap();
        let initial = |one: Astray| (one.id.chars().next().unwrap(), one.fault);
        found.into_iter().map(initial).collect()
    }

    #[tokio::test]
    async fn what_was_changed_beside_the_audit_is_found() {
        for (statement, expected) in [
            ("SELECT 1", vec![]),
            ("UPDATE token SET used = 7, refused = 8", vec![]),
            (
                "UPDATE person SET disabled = 0",
                vec![('u', Fault::Changed)],
            ),
            (
                "UPDATE person SET name = 'eve'",
                vec![('u', Fault::Changed)],
            ),
            (
                "UPDATE person_role SET role = 'security'",
                vec![('u', Fault::Changed)],
            ),
            (
                "UPDATE person_account SET account = '8'",
                vec![('u', Fault::Changed)],
            ),
            (
                "UPDATE person_mail SET mail = 'eve@bank.example'",
                vec![('u', Fault::Changed)],
            ),
            (
                "DELETE FROM people_group_member",
                vec![('g', Fault::Changed)],
            ),
            ("DELETE FROM people_group", vec![('g', Fault::Missing)]),
            (
                "UPDATE token SET expires = expires + 1",
                vec![('t', Fault::Changed)],
            ),
            (
                "UPDATE token SET scopes = 'admin'",
                vec![('t', Fault::Changed)],
            ),
            (
                "UPDATE token SET hash = 'other'",
                vec![('t', Fault::Changed)],
            ),
            (
                "INSERT INTO token SELECT 't-new', 1, salt, person, 'hash', scopes, service, about, created, \
                 expires, revoked, used, refused FROM token",
                vec![('t', Fault::Unrecorded)],
            ),
            (
                "UPDATE person SET id = 'u-other'",
                vec![('u', Fault::Missing), ('u', Fault::Unrecorded)],
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).await.unwrap();
            let audit = Audit::open(store.clone()).await.unwrap();
            let people = People::new(&store, &audit);
            everything(&people).await;
            assert_eq!(found(&store).await, []);
            store.execute(statement).await;
            let mut found = found(&store).await;
            found.sort_by_key(|(_, fault)| format!("{fault:?}"));
            assert_eq!(found, expected, "{statement}");
            store.close().await;
        }
    }

    async fn everything(people: &People) {
        let actor = audit::samples::actor();
        let ada = NewPerson {
            name: "ada".into(),
            mails: vec!["ada@bank.example".into()],
            roles: vec!["reviewer".parse().unwrap()],
            display: None,
        };
        people.add_person(&ada, &actor).await.unwrap();
        let account = Account::new("github.com", "7").unwrap();
        people.link("ada", &account, None, &actor).await.unwrap();
        for group in ["core", "gone"] {
            people.add_group(group, None, &actor).await.unwrap();
            people.join(group, "ada", &actor).await.unwrap();
        }
        people.remove_group("gone", &actor).await.unwrap();
        let token = NewToken {
            person: "ada".into(),
            scopes: Scopes::new(&[Scope::Read]),
            service: false,
            about: None,
            lifetime: Lifetime::default(),
        };
        people.create_token(&token, 0, &actor).await.unwrap();
        people.disable("ada", &actor).await.unwrap();
    }
}
