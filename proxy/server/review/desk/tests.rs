//! The desk against real tables: one effect whoever acts how often, and a model over seeds.

mod explaining;
mod forgetting;
mod judging;

use std::collections::{HashMap, HashSet};

use super::*;
use crate::audit::{samples, verify};
use crate::review::Basis;
use crate::review::Terms;

const TIMES: Times = Times {
    case: 10_000,
    grant: 2_000,
    contents: 50_000,
};

struct Room {
    folder: tempfile::TempDir,
    store: Store,
    audit: Audit,
    desk: Desk,
}

impl Room {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, audit, desk) = Self::within(folder.path()).await;
        store
            .execute("CREATE TABLE rights (person TEXT NOT NULL PRIMARY KEY, may BIGINT NOT NULL)")
            .await;
        for person in PEOPLE {
            let text = format!("INSERT INTO rights VALUES ('{person}', 1)");
            store.execute(text.leak()).await;
        }
        Self {
            folder,
            store,
            audit,
            desk,
        }
    }

    async fn within(folder: &std::path::Path) -> (Store, Audit, Desk) {
        let store = Store::open(folder).await.unwrap();
        let audit = Audit::open(store.clone()).await.unwrap();
        let desk = Desk::new(store.clone(), audit.clone(), TIMES);
        (store, audit, desk)
    }

    async fn restart(&mut self) {
        self.audit.close().await;
        self.store.close().await;
        (self.store, self.audit, self.desk) = Self::within(self.folder.path()).await;
    }
}

const PEOPLE: [&str; 4] = ["ann", "ben", "dev", "waiver"];

fn reviewer(person: &str) -> Reviewer {
    let guard = format!("UPDATE rights SET may = may WHERE person = '{person}' AND may = 1");
    Reviewer {
        person: person.into(),
        groups: Vec::new(),
        actor: samples::actor(),
        accounts: vec![("forge".into(), format!("account of {person}"))],
        guard: Change::of_test(guard.leak(), Some(1)),
    }
}

fn push(id: &str, binding: &str) -> NewCase {
    NewCase {
        id: id.into(),
        upstream: "forge".into(),
        repository: "org/repo".into(),
        binding: binding.into(),
        pusher: Pusher {
            person: Some("dev".into()),
            account: Some("account of dev".into()),
            credential: None,
        },
        terms: Terms::default(),
        basis: Basis::default(),
        refs: Vec::new(),
        accepted: false,
        waived_by: vec!["waiver".into()],
        digests: samples::digests(),
        body: judging::body(),
        actor: samples::actor(),
    }
}

async fn approve(desk: &Desk, id: &str, revision: u64, person: &str) -> Result<Filed, Error> {
    let reviewer = reviewer(person);
    desk.decide(id, revision, &reviewer, Verdict::Approve, "", 1)
        .await
}

fn refused(error: Error) -> Refused {
    match error {
        Error::Refused(refused) => refused,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_id_that_is_taken_takes_nothing_from_who_has_it() {
    let room = Room::open().await;
    let desk = &room.desk;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let before = desk.case("P-1").await.unwrap();
    let again = desk.hold(&push("P-1", "c"), 0).await;
    assert!(matches!(again, Err(Error::Busy)), "{again:?}");
    assert_eq!(desk.case("P-1").await.unwrap(), before);
    assert!(desk.live("c").await.unwrap().is_none());
    desk.withdraw("P-1", &samples::actor(), &Change::none(), 1)
        .await
        .unwrap();
    let over = desk.hold(&push("P-1", "c"), 2).await;
    assert!(matches!(over, Err(Error::Busy)), "{over:?}");
}

#[tokio::test]
async fn a_push_is_held_once_approved_and_used_once() {
    let room = Room::open().await;
    let desk = &room.desk;
    let mut changes = desk.changes();
    assert!(matches!(
        desk.hold(&push("P-1", "b"), 0).await.unwrap(),
        Held::Opened(_)
    ));
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let Held::Already(again) = desk.hold(&push("P-2", "b"), 0).await.unwrap() else {
        panic!("a second case for the same push");
    };
    assert_eq!(again.case.id, "P-1");
    assert!(
        desk.take("b", "P-9", &samples::actor(), 1)
            .await
            .unwrap()
            .is_none()
    );
    let own = approve(desk, "P-1", 1, "dev").await.unwrap_err();
    assert_eq!(refused(own), Refused::Own);
    let approved = approve(desk, "P-1", 1, "ann").await.unwrap();
    assert_eq!(approved.case.state, State::Approved);
    assert!(changes.has_changed().unwrap());
    let grant = desk
        .take("b", "P-9", &samples::actor(), 1)
        .await
        .unwrap()
        .unwrap();
    assert!(
        desk.take("b", "P-9", &samples::actor(), 1)
            .await
            .unwrap()
            .is_none()
    );
    let sent = desk.ended(&grant, Ending::Taken, 2).await.unwrap();
    assert_eq!(sent.case.state, State::Sent);
    assert!(desk.live("b").await.unwrap().is_none());
    // The same push may wait anew: it is another case.
    assert!(matches!(
        desk.hold(&push("P-3", "b"), 3).await.unwrap(),
        Held::Opened(_)
    ));
}

#[tokio::test]
async fn who_is_the_pusher_by_an_account_does_not_decide() {
    let room = Room::open().await;
    let mut unknown = push("P-1", "b");
    unknown.pusher.person = None;
    room.desk.hold(&unknown, 0).await.unwrap();
    let own = approve(&room.desk, "P-1", 1, "dev").await.unwrap_err();
    assert_eq!(refused(own), Refused::Own);
}

#[tokio::test]
async fn rights_that_went_meanwhile_count_for_nothing() {
    let room = Room::open().await;
    room.desk.hold(&push("P-1", "b"), 0).await.unwrap();
    room.store
        .execute("UPDATE rights SET may = 0 WHERE person = 'ann'")
        .await;
    let error = approve(&room.desk, "P-1", 1, "ann").await.unwrap_err();
    assert!(matches!(error, Error::Rights), "{error}");
    assert_eq!(room.desk.case("P-1").await.unwrap().case.state, State::Open);
}

#[tokio::test]
async fn of_two_who_act_at_once_one_is_told_to_look_again() {
    let room = Room::open().await;
    room.desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let reject = reviewer("ben");
    let (one, other) = tokio::join!(
        approve(&room.desk, "P-1", 1, "ann"),
        room.desk
            .decide("P-1", 1, &reject, Verdict::Reject, "no", 1)
    );
    assert!(one.is_ok() != other.is_ok());
    let loser = one.and(other).unwrap_err();
    match refused(loser) {
        Refused::Stale { seen: 1, now: 2 } | Refused::Closed(_) | Refused::NotOpen(_) => {}
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let room = Room::open().await;
    for number in 0..7 {
        let new = push(&format!("P-{number}"), &format!("b{number}"));
        room.desk.hold(&new, number / 3).await.unwrap();
    }
    room.desk
        .withdraw("P-4", &samples::actor(), &Change::none(), 3)
        .await
        .unwrap();
    let mut filter = CaseFilter {
        state: Some("open".into()),
        ..CaseFilter::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = room.desk.list(&filter, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.case.created, last.case.id.clone()));
        seen.extend(page.into_iter().map(|filed| filed.case.id));
    }
    assert_eq!(seen, ["P-0", "P-1", "P-2", "P-3", "P-5", "P-6"]);
}

/// What the record says of the push decides, whoever asks: the push that fell, the keeper, or the next start.
#[tokio::test]
async fn what_fell_on_its_way_ends_as_its_record_says() {
    let room = Room::open().await;
    let desk = &room.desk;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    approve(desk, "P-1", 1, "ann").await.unwrap();
    let taken = async || desk.take("b", "P-9", &samples::actor(), 1).await.unwrap();
    assert!(taken().await.is_some());
    // Nothing is decided yet: the keeper leaves it, and a push of another name has nothing to say.
    for which in [Fallen::Ended, Fallen::One("P-8")] {
        assert!(desk.mend(which, 2).await.unwrap().is_empty());
    }
    let mended = desk.mend(Fallen::One("P-9"), 2).await.unwrap();
    assert_eq!(mended[0].case.state, State::Approved);
    assert!(taken().await.is_some());
    let decision = samples::decision("P-9", audit::Verdict::Forward);
    room.audit.decide(&decision).await.unwrap();
    assert!(desk.mend(Fallen::Ended, 2).await.unwrap().is_empty());
    let outcome = audit::Outcome {
        ending: audit::Ending::Accepted,
        forwarded_bytes: 1,
        note: String::new(),
    };
    room.audit.outcome("P-9", &outcome).await.unwrap();
    let mended = desk.mend(Fallen::Ended, 2).await.unwrap();
    assert_eq!(mended[0].case.state, State::Sent);
    assert!(desk.mend(Fallen::All, 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_on_its_way_at_a_crash_is_unknown() {
    let mut room = Room::open().await;
    room.desk.hold(&push("P-1", "b"), 0).await.unwrap();
    approve(&room.desk, "P-1", 1, "ann").await.unwrap();
    let grant = room
        .desk
        .take("b", "P-9", &samples::actor(), 1)
        .await
        .unwrap();
    assert!(grant.is_some());
    room.restart().await;
    let left = room.desk.on_the_way().await.unwrap();
    let used: Vec<_> = left
        .iter()
        .map(|filed| filed.case.used_by.as_deref())
        .collect();
    assert_eq!(used, [Some("P-9")]);
    let recovered = room.desk.went("P-1", Ending::Unknown, 2).await;
    assert_eq!(recovered.unwrap().case.state, State::Unknown);
    assert!(room.desk.on_the_way().await.unwrap().is_empty());
    let case = room.desk.case("P-1").await.unwrap().case;
    assert_eq!(case.state, State::Unknown);
    assert!(
        room.desk
            .take("b", "P-9", &samples::actor(), 2)
            .await
            .unwrap()
            .is_none()
    );
}

/// What a simple mind knows of a case: who said yes since it was opened or given back, and how often it went.
#[derive(Default)]
struct Known {
    approved: HashSet<String>,
    rejected: bool,
    /// Uses that were given out and not ended.
    going: u32,
    /// Findings that must be fixed, and who has waived one.
    must_fix: HashSet<String>,
    wrote: HashSet<String>,
    /// Uses after which the upstream has it, or may have it.
    taken: u32,
    over: bool,
    needed: u32,
    expires: Millis,
    approved_at: Millis,
}

struct Model {
    room: Room,
    random: u64,
    now: Millis,
    known: HashMap<String, Known>,
    grants: Vec<Grant>,
    may: HashSet<&'static str>,
    bindings: u32,
}

impl Model {
    fn pick(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn binding(&mut self) -> String {
        let number = self.pick(2);
        format!("b{number}")
    }

    /// A case, most often one that is not over.
    async fn any(&mut self) -> Option<Filed> {
        let all = self.room.desk.list(&CaseFilter::default(), 1_000).await;
        let mut all = all.unwrap();
        if self.pick(8) > 0 {
            all.retain(|filed| !filed.case.state.is_final());
        }
        if all.is_empty() {
            return None;
        }
        let number = self.pick(all.len() as u64);
        Some(all.swap_remove(usize::try_from(number).unwrap()))
    }

    async fn step(&mut self) {
        self.now += i64::try_from(self.pick(300)).unwrap();
        match self.pick(14) {
            0 | 1 => self.hold().await,
            2..=4 => self.decide().await,
            5 | 6 => self.take().await,
            7 | 8 => self.end().await,
            9 => self.clear_away().await,
            10 => self.rights().await,
            11 | 12 => self.judge().await,
            _ if self.pick(4) == 0 => self.restart().await,
            _ => self.give_back().await,
        }
        self.look().await;
    }

    async fn hold(&mut self) {
        let binding = self.binding();
        let twice = self.pick(3) == 0;
        self.bindings += 1;
        let id = format!("P-{}", self.bindings);
        let mut new = push(&id, &binding);
        new.terms.approvers = u32::try_from(self.pick(2) + 1).unwrap();
        let desk = &self.room.desk;
        let held = match twice {
            false => vec![desk.hold(&new, self.now).await.unwrap()],
            true => {
                let mut other = new.clone();
                other.id.push('x');
                let (one, other) =
                    tokio::join!(desk.hold(&new, self.now), desk.hold(&other, self.now));
                vec![one.unwrap(), other.unwrap()]
            }
        };
        let opened = held.iter().filter_map(|held| match held {
            Held::Opened(filed) => Some(filed),
            Held::Already(_) => None,
        });
        let opened: Vec<_> = opened.collect();
        assert!(opened.len() <= 1, "the same push waits twice");
        for filed in opened {
            let known = Known {
                needed: new.terms.approvers,
                expires: self.now + TIMES.case,
                ..Known::default()
            };
            self.known.insert(filed.case.id.clone(), known);
        }
    }

    async fn decide(&mut self) {
        let Some(filed) = self.any().await else {
            return;
        };
        let id = filed.case.id.clone();
        let verdicts = [Verdict::Approve, Verdict::Approve, Verdict::Reject];
        let number = 1 + usize::try_from(self.pick(2)).unwrap();
        let mut tries = Vec::new();
        for _ in 0..number {
            let person = PEOPLE[usize::try_from(self.pick(4)).unwrap()];
            let verdict = verdicts[usize::try_from(self.pick(3)).unwrap()];
            let stale = u64::from(self.pick(8) == 0);
            tries.push((person, verdict, filed.case.revision.saturating_sub(stale)));
        }
        let desk = self.room.desk.clone();
        let now = self.now;
        let deciding = tries.iter().map(|&(person, verdict, revision)| {
            let (desk, id) = (desk.clone(), id.clone());
            async move {
                let reviewer = reviewer(person);
                desk.decide(&id, revision, &reviewer, verdict, "because", now)
                    .await
            }
        });
        let decided = futures_util::future::join_all(deciding).await;
        let done = decided.iter().filter(|done| done.is_ok()).count();
        assert!(done <= 1, "two decided on the same revision");
        for ((person, verdict, revision), decided) in tries.iter().zip(decided) {
            let Ok(after) = decided else { continue };
            assert_eq!(filed.case.state, State::Open);
            assert!(self.may.contains(person) && *person != "dev");
            assert_eq!(*revision, filed.case.revision);
            let known = self.known.get_mut(&id).unwrap();
            match verdict {
                Verdict::Reject => known.rejected = true,
                Verdict::Approve => {
                    assert_ne!(*person, "waiver");
                    assert!(known.must_fix.is_empty() && !known.wrote.contains(*person));
                    assert!(
                        known.approved.insert((*person).to_owned()),
                        "twice the same"
                    );
                }
            }
            if after.case.state == State::Approved {
                known.approved_at = now;
            }
        }
    }

    async fn take(&mut self) {
        let binding = self.binding();
        let before = self.room.desk.live(&binding).await.unwrap();
        let actor = samples::actor();
        let desk = self.room.desk.clone();
        let withdraw = self.pick(4) == 0;
        let taking = || desk.take(&binding, "P-9", &actor, self.now);
        let (one, other, withdrawn) = match (&before, withdraw) {
            (Some(filed), true) => {
                let guard = Change::none();
                let leaving = desk.withdraw(&filed.case.id, &actor, &guard, self.now);
                let (one, left) = tokio::join!(taking(), leaving);
                (one.unwrap(), None, left.is_ok())
            }
            _ => {
                let (one, other) = tokio::join!(taking(), taking());
                (one.unwrap(), other.unwrap(), false)
            }
        };
        let grants: Vec<Grant> = one.into_iter().chain(other).collect();
        assert!(grants.len() <= 1, "an approval was used twice at once");
        assert!(!withdrawn || grants.is_empty(), "sent and taken back");
        if withdrawn {
            let id = before.unwrap().case.id;
            self.known.get_mut(&id).unwrap().over = true;
            return;
        }
        for grant in grants {
            let known = self.known.get_mut(&grant.case).unwrap();
            assert!(!known.rejected && !known.over && known.taken == 0);
            assert!(known.approved.len() as u32 >= known.needed);
            assert!(self.now < known.expires && self.now < known.approved_at + TIMES.grant);
            assert_eq!(known.going, 0, "on its way twice");
            known.going += 1;
            self.grants.push(grant);
        }
    }

    async fn end(&mut self) {
        let Some(grant) = self.grants.pop() else {
            return;
        };
        let endings = [Ending::Taken, Ending::NotTaken, Ending::Unknown];
        let ending = endings[usize::try_from(self.pick(3)).unwrap()];
        let ended = self.room.desk.ended(&grant, ending, self.now).await;
        ended.unwrap();
        let known = self.known.get_mut(&grant.case).unwrap();
        known.going -= 1;
        known.taken += u32::from(ending != Ending::NotTaken);
        // What has ended cannot end again.
        assert!(
            self.room
                .desk
                .ended(&grant, Ending::Taken, self.now)
                .await
                .is_err()
        );
    }

    async fn clear_away(&mut self) {
        for id in self.room.desk.expire(self.now).await.unwrap() {
            let known = self.known.get_mut(&id).unwrap();
            assert_eq!(known.going, 0);
            known.over = true;
        }
    }

    async fn rights(&mut self) {
        let person = PEOPLE[usize::try_from(self.pick(4)).unwrap()];
        let may = !self.may.remove(person);
        if may {
            self.may.insert(person);
        }
        let text = format!(
            "UPDATE rights SET may = {} WHERE person = '{person}'",
            u8::from(may)
        );
        self.room.store.execute(text.leak()).await;
    }

    async fn restart(&mut self) {
        self.room.restart().await;
        let left = self.room.desk.on_the_way().await.unwrap();
        let left: HashSet<String> = left.into_iter().map(|filed| filed.case.id).collect();
        let going: HashSet<String> = self.grants.drain(..).map(|grant| grant.case).collect();
        assert_eq!(left, going);
        for id in left {
            // What the record says of the push that used it.
            let ending = [Ending::Taken, Ending::NotTaken, Ending::Unknown]
                [usize::try_from(self.pick(3)).unwrap()];
            let desk = &self.room.desk;
            desk.went(&id, ending, self.now).await.unwrap();
            let known = self.known.get_mut(&id).unwrap();
            known.going -= 1;
            known.taken += u32::from(ending != Ending::NotTaken);
        }
    }

    async fn give_back(&mut self) {
        let Some(filed) = self.any().await else {
            return;
        };
        let mut worse = push("anew", &filed.binding);
        worse.terms = filed.case.terms.clone();
        worse.digests.policy = samples::digest('9');
        let returned = self.room.desk.give_back(&filed.case.id, &worse, self.now);
        let returned = returned.await;
        assert_eq!(returned.is_ok(), filed.case.state == State::Approved);
        if returned.is_ok() {
            self.known.get_mut(&filed.case.id).unwrap().approved.clear();
        }
    }

    /// What stands in the tables is what the simple mind knows.
    async fn look(&mut self) {
        let all = self
            .room
            .desk
            .list(&CaseFilter::default(), 1_000)
            .await
            .unwrap();
        assert_eq!(all.len(), self.known.len());
        let mut live = HashSet::new();
        for Filed { case, binding, .. } in &all {
            let known = &self.known[&case.id];
            assert_eq!(case.approvals() as usize, known.approved.len(), "{case:?}");
            assert_eq!(
                case.state == State::Forwarding,
                known.going == 1,
                "{case:?}"
            );
            let sent = matches!(case.state, State::Sent | State::Unknown);
            assert_eq!(sent, known.taken == 1, "{case:?}");
            assert_eq!(case.state == State::Rejected, known.rejected, "{case:?}");
            if !case.state.is_final() {
                assert!(live.insert(binding.clone()), "{binding} waits twice");
            }
        }
    }
}

#[tokio::test]
async fn one_effect_whatever_happens() {
    let (seeds, steps): (u64, u32) = match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => (1_000, 400),
        None => (8, 200),
    };
    for seed in 1..=seeds {
        let mut model = Model {
            room: Room::open().await,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            now: 0,
            known: HashMap::new(),
            grants: Vec::new(),
            may: PEOPLE.into(),
            bindings: 0,
        };
        for _ in 0..steps {
            model.step().await;
        }
        let mut snapshot = model.room.store.records().snapshot().await.unwrap();
        let report = verify(&mut snapshot, None).await.unwrap();
        assert_eq!(report.problem, None, "seed {seed}");
        let changes: u64 = {
            let all = model
                .room
                .desk
                .list(&CaseFilter::default(), 1_000)
                .await
                .unwrap();
            all.iter().map(|filed| filed.case.revision).sum()
        };
        assert_eq!(
            report.head.size, changes,
            "every change has its record: seed {seed}"
        );
    }
}
