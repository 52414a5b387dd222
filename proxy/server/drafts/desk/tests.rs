//! Three people and a few drafts, at random and at once: what is in force was put there by two, and the audit knows.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use exeat_inspect::{FingerprintKey, Pool};

use super::*;
use crate::audit::samples;
use crate::config::Config;
use crate::people::{NewPerson, People};

static POOL: LazyLock<Arc<Pool>> = LazyLock::new(|| Pool::start(1).unwrap());

struct House {
    folder: tempfile::TempDir,
    store: Store,
    people: People,
    drafts: Drafts,
    bench: Bench,
    all: Vec<Drafter>,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let audit = Audit::open(store.clone()).await.unwrap();
        let people = People::new(&store, &audit);
        let mut all = Vec::new();
        for name in ["ann", "ben", "eve"] {
            let new = NewPerson {
                name: name.into(),
                display: None,
                mails: Vec::new(),
                roles: vec!["security".parse().unwrap()],
            };
            let person = people.add_person(&new, &samples::actor()).await.unwrap();
            all.push(Drafter {
                guard: Change::person_holds(person.id.as_str(), person.revision),
                person: person.id,
                actor: samples::actor(),
            });
        }
        Self {
            drafts: Drafts::new(&store, &audit),
            bench: bench(),
            folder,
            store,
            people,
            all,
        }
    }

    async fn assert_as_recorded(&self, expected: &[&str]) {
        let mut snapshot = self.store.records().snapshot().await.unwrap();
        let report = audit::verify(&mut snapshot, None).await.unwrap();
        assert_eq!(report.problem, None);
        let stored = stored(&mut snapshot).await.unwrap();
        let astray = people::astray(&mut snapshot, stored, &report.people).await;
        let astray: Vec<String> = astray.unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(astray, expected);
    }
}

fn bench() -> Bench {
    let (config, _) = Config::of_text("[policy]\ndrafts = true\n").unwrap();
    let (book, _) = crate::policy_files::read(&config, &[]).unwrap();
    let rules = exeat_rules::RuleSet::compile(&[]).unwrap().rules;
    Bench::new(&config, &rules, &book, &POOL, &FingerprintKey::new([7; 32]))
}

fn new(number: usize) -> NewDraft {
    NewDraft {
        kind: Kind::Policy,
        title: format!("Number {number}"),
        text: format!(
            "[[rule]]\nname = \"r{number}\"\nref = \"refs/heads/r{number}\"\ndo = \"deny\"\n"
        ),
    }
}

/// A walk that is the same for the same seed.
fn below(state: &mut u64, bound: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % bound as u64).unwrap()
}

#[tokio::test]
async fn whatever_three_people_do_at_once_it_takes_two() {
    let mut moved = 0;
    for seed in 1..=3_u64 {
        let house = House::open().await;
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut known: BTreeMap<String, Draft> = BTreeMap::new();
        for turn in 0..50 {
            if turn % 10 == 0 {
                let by = &house.all[below(&mut random, 3)];
                let proposed = house.drafts.propose(&new(turn), by, &house.bench, 1).await;
                let (draft, _) = proposed.unwrap();
                known.insert(draft.id.clone(), draft);
            }
            let id = known
                .keys()
                .nth(below(&mut random, known.len()))
                .unwrap()
                .clone();
            let before = known[&id].clone();
            let mut pick = || {
                let by = house.all[below(&mut random, 3)].clone();
                (Deed::ALL[below(&mut random, 4)], by)
            };
            let (one, two) = (pick(), pick());
            let act = |(deed, by): (Deed, Drafter)| {
                let (id, drafts, bench) = (id.clone(), house.drafts.clone(), house.bench.clone());
                let revision = before.revision;
                async move {
                    drafts
                        .act_on(&id, (deed, revision, "so"), &by, &bench, 2)
                        .await
                }
            };
            let (first, second) = tokio::join!(act(one.clone()), act(two.clone()));
            let done: Vec<(Draft, &Drafter)> = [(first, &one.1), (second, &two.1)]
                .into_iter()
                .filter_map(|(acted, by)| Some((acted.ok()?, by)))
                .collect();
            assert!(done.len() <= 1, "both were done");
            let now = house.drafts.draft(&id).await.unwrap();
            match done.first() {
                None => assert_eq!(now, before),
                Some((after, by)) => {
                    assert_eq!(now, *after);
                    if before.state.is_in_force() != now.state.is_in_force() {
                        moved += 1;
                        assert_ne!(before.asker(), Some(by.person.as_str()));
                    }
                }
            }
            known.insert(id, now);
        }
        let config = Config::of_text("[policy]\ndrafts = true\n").unwrap().0;
        let decides = house.drafts.in_force(&config).await.unwrap().policy;
        let decides: Vec<String> = decides.into_iter().map(|text| text.id).collect();
        let mut expected: Vec<&Draft> = known.values().collect();
        expected.retain(|draft| draft.state.is_in_force());
        assert_eq!(decides.len(), expected.len());
        assert!(expected.iter().all(|draft| decides.contains(&draft.id)));
        let off = house.drafts.in_force(&Config::defaults().unwrap()).await;
        assert_eq!(off.unwrap(), Texts::default());
        house.assert_as_recorded(&[]).await;
        // A restart finds it as it was.
        house.store.close().await;
        let again = Store::open(house.folder.path()).await.unwrap();
        let texts = Texts::in_force(again.records(), &config)
            .await
            .unwrap()
            .policy;
        assert_eq!(texts.len(), decides.len());
    }
    assert!(moved > 3, "{moved}");
}

#[tokio::test]
async fn what_is_changed_beside_the_audit_decides_nothing_and_is_found() {
    let house = House::open().await;
    let (ann, ben) = (&house.all[0], &house.all[1]);
    let (draft, _) = house
        .drafts
        .propose(&new(1), ann, &house.bench, 1)
        .await
        .unwrap();
    let id = draft.id.as_str();
    house
        .store
        .execute("UPDATE draft SET body = '[[rule]]'")
        .await;
    let approve = (Deed::Approve, 1, "");
    let approved = house.drafts.act_on(id, approve, ben, &house.bench, 2).await;
    assert!(matches!(approved, Err(Error::Texts(_))), "{approved:?}");
    house.assert_as_recorded(&[id]).await;
    house
        .store
        .execute("UPDATE draft SET state = 'in-force'")
        .await;
    let (config, _) = Config::of_text("[policy]\ndrafts = true\n").unwrap();
    assert!(
        Texts::in_force(house.store.records(), &config)
            .await
            .is_err()
    );
    house.assert_as_recorded(&[id]).await;
}

#[tokio::test]
async fn rights_that_end_meanwhile_end_the_deed() {
    let house = House::open().await;
    let (ann, ben) = (&house.all[0], &house.all[1]);
    let (draft, _) = house
        .drafts
        .propose(&new(1), ann, &house.bench, 1)
        .await
        .unwrap();
    // Ben's rights were looked at before.
    house
        .people
        .disable("ben", &samples::actor())
        .await
        .unwrap();
    let approve = (Deed::Approve, 1, "");
    let approved = house
        .drafts
        .act_on(&draft.id, approve, ben, &house.bench, 2)
        .await;
    assert!(matches!(approved, Err(Error::Rights)), "{approved:?}");
    assert!(
        house
            .drafts
            .propose(&new(2), ben, &house.bench, 1)
            .await
            .is_err()
    );
    assert_eq!(house.drafts.draft(&draft.id).await.unwrap(), draft);
}

#[tokio::test]
async fn drafts_that_are_off_are_not_taken() {
    let house = House::open().await;
    let rules = NewDraft {
        kind: Kind::Rules,
        ..new(1)
    };
    let proposed = house
        .drafts
        .propose(&rules, &house.all[0], &house.bench, 1)
        .await;
    let error = proposed.unwrap_err().to_string();
    assert!(
        error.ends_with("an operator sets rules.drafts = true"),
        "{error}"
    );
}
