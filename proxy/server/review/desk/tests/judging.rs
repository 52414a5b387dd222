//! Findings that are judged, and waivers that are made of them, against real tables.

use exeat_inspect::Cover;

use super::super::super::{
    Judgement,
    dossier::{Dossier, Entry, Unreadable},
    waiver,
};
use super::*;
use crate::{people::PersonId, store::WaiverFilter};

/// What every case of these tests shows: one finding that can be waived, one that cannot, and something that was not read.
pub fn body() -> String {
    dossier().text()
}

fn dossier() -> Dossier {
    let cover = Cover {
        key: "k".into(),
        rule: "r".into(),
        version: "v".into(),
        path: "a".into(),
    };
    let entry = |rule: &str, covers| {
        Entry {
            rule: rule.into(),
            covers,
            ..Entry::default()
        }
        .named()
    };
    Dossier {
        findings: vec![entry("r", vec![cover]), entry("s", Vec::new())],
        unreadable: vec![Unreadable::new("object", "too long")],
        ..Dossier::default()
    }
}

/// The ids of the three.
fn ids() -> [String; 3] {
    let Dossier {
        findings,
        unreadable,
        ..
    } = dossier();
    [
        findings[0].id.clone(),
        findings[1].id.clone(),
        unreadable[0].id.clone(),
    ]
}

fn saying(finding: &str, judgement: Judgement, days: Option<u32>) -> Saying<'_> {
    Saying {
        finding,
        revision: 1,
        judgement,
        words: "made up",
        days,
    }
}

fn all() -> WaiverFilter {
    WaiverFilter::default()
}

impl Model {
    pub(super) async fn judge(&mut self) {
        let Some(filed) = self.any().await else {
            return;
        };
        let person = PEOPLE[usize::try_from(self.pick(4)).unwrap()];
        let judgement = Judgement::ALL[usize::try_from(self.pick(4)).unwrap()];
        let finding = ids()[usize::try_from(self.pick(3)).unwrap()].clone();
        let stale = u64::from(self.pick(8) == 0);
        let saying = Saying {
            revision: filed.case.revision.saturating_sub(stale),
            ..saying(&finding, judgement, (self.pick(2) == 0).then_some(10))
        };
        let reviewer = reviewer(person);
        let judged = self
            .room
            .desk
            .judge(&filed.case.id, &saying, &reviewer, self.now)
            .await;
        let Ok((after, waiver)) = judged else { return };
        assert_eq!((filed.case.state, stale), (State::Open, 0));
        assert!(self.may.contains(person) && person != "dev");
        assert_eq!(after.case.approvals(), filed.case.approvals());
        let known = self.known.get_mut(&filed.case.id).unwrap();
        match judgement {
            Judgement::MustFix => known.must_fix.insert(finding.clone()),
            _ => known.must_fix.remove(&finding),
        };
        assert_eq!(after.case.to_be_fixed(), known.must_fix.len());
        if waiver.is_some() {
            assert!(judgement != Judgement::MustFix && finding == ids()[0]);
            assert!(!known.approved.contains(person));
            known.wrote.insert(person.to_owned());
        }
    }
}

#[tokio::test]
async fn a_waiver_is_made_with_its_judgement_or_not_at_all() {
    let room = Room::open().await;
    let desk = &room.desk;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let [finding, bare, unread] = &ids();
    let refused = [
        (saying(bare, Judgement::TestData, Some(90)), "no path"),
        (
            saying(unread, Judgement::TestData, Some(90)),
            "cannot be waived",
        ),
        (saying("f-nothing", Judgement::TestData, None), "no finding"),
        (
            saying(finding, Judgement::MustFix, Some(90)),
            "cannot be waived",
        ),
        (saying(finding, Judgement::TestData, Some(367)), "366"),
        (saying(finding, Judgement::TestData, Some(0)), "366"),
        (
            Saying {
                revision: 2,
                ..saying(finding, Judgement::TestData, Some(90))
            },
            "look again",
        ),
    ];
    for (saying, why) in refused {
        let error = desk.judge("P-1", &saying, &reviewer("ann"), 1).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let own = saying(finding, Judgement::TestData, Some(90));
    assert!(desk.judge("P-1", &own, &reviewer("dev"), 1).await.is_err());
    room.store
        .execute("UPDATE rights SET may = 0 WHERE person = 'ben'")
        .await;
    let rights = desk.judge("P-1", &own, &reviewer("ben"), 1).await;
    assert!(matches!(rights, Err(waiver::Error::Desk(Error::Rights))));
    assert!(desk.waivers(&all(), 10).await.unwrap().is_empty());
    assert_eq!(desk.case("P-1").await.unwrap().case.revision, 1);

    let (after, made) = desk.judge("P-1", &own, &reviewer("ann"), 1).await.unwrap();
    let made = made.unwrap();
    assert_eq!(after.case.judged[0].waiver.as_ref(), Some(&made.id));
    assert_eq!(after.case.waived_by, ["waiver", "ann"]);
    assert_eq!(desk.case("P-1").await.unwrap(), after);
    assert_eq!(
        desk.waivers(&all(), 10).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(made.expires, 1 + 90 * 24 * 60 * 60 * 1000);
    assert_eq!((&*made.upstream, &*made.repository), ("forge", "org/repo"));
    // What was not read, and what cannot be waived, is judged for this push.
    for (number, finding) in [bare, unread].into_iter().enumerate() {
        let saying = Saying {
            revision: 2 + number as u64,
            ..saying(finding, Judgement::AcceptedRisk, None)
        };
        let (_, none) = desk
            .judge("P-1", &saying, &reviewer("ann"), 1)
            .await
            .unwrap();
        assert!(none.is_none());
    }
    let approve = approve(desk, "P-1", 4, "ann").await.unwrap_err();
    assert_eq!(super::refused(approve), Refused::OwnWaiver);
}

#[tokio::test]
async fn a_waiver_holds_where_it_was_made_until_it_is_revoked() {
    let room = Room::open().await;
    let desk = &room.desk;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let [finding, ..] = &ids();
    let saying = saying(finding, Judgement::TestData, Some(1));
    let (_, made) = desk
        .judge("P-1", &saying, &reviewer("ann"), 5)
        .await
        .unwrap();
    let made = made.unwrap();
    let pusher = PersonId::read("u-0000000000");
    let holds = async |upstream: &str, repository: &str, now| {
        let in_force = desk
            .in_force(upstream, repository, pusher.as_ref(), now)
            .await;
        format!("{:?}", in_force.unwrap()).contains(&made.id)
    };
    assert!(holds("forge", "org/repo", 5).await);
    assert!(!holds("forge", "org/other", 5).await);
    assert!(!holds("other", "org/repo", 5).await);
    let day = 24 * 60 * 60 * 1000;
    assert!(holds("forge", "org/repo", 4 + day).await);
    assert!(!holds("forge", "org/repo", 5 + day).await);
    let revoked = desk
        .revoke(&made.id, &reviewer("ben"), "no longer", 9)
        .await
        .unwrap();
    assert_eq!(
        (revoked.revoked, revoked.revoked_by.as_deref()),
        (Some(9), Some("ben"))
    );
    assert!(!holds("forge", "org/repo", 9).await);
    let again = desk.revoke(&made.id, &reviewer("ben"), "", 9).await;
    assert!(matches!(again, Err(waiver::Error::Revoked(_))));
    let absent = desk.revoke("w-nothing", &reviewer("ben"), "", 9).await;
    assert!(matches!(absent, Err(waiver::Error::Absent(_))));
    let mut snapshot = room.store.records().snapshot().await.unwrap();
    let report = verify(&mut snapshot, None).await.unwrap();
    assert_eq!((report.problem, report.head.size), (None, 3));
}
