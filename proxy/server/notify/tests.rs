//! The whole way from a deed at the desk to a receiver that hears of it, with receivers that are slow, down or gone.

mod mail;
mod receivers;

use std::sync::Arc;
use std::time::Duration;

use super::{Notifier, Receivers};
use crate::audit::{self, Actor, Audit, samples};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::people;
use crate::review::case::Ending;
use crate::review::{Basis, Desk, Held, NewCase, Pusher, Reviewer, Terms, Times, Verdict};
use crate::store::{Change, NoticeRow, Store};
use receivers::Hook;

/// A data folder with a desk, and what tells of it.
struct Room {
    folder: tempfile::TempDir,
    store: Store,
    audit: Audit,
    desk: Desk,
    metrics: Metrics,
    pusher: Pusher,
    notifier: Option<Notifier>,
}

impl Room {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, audit, desk) = within(folder.path()).await;
        Self {
            folder,
            store,
            audit,
            desk,
            metrics: Metrics::new(),
            pusher: Pusher {
                person: Some("u-0000000001".into()),
                account: Some("account-7".into()),
                credential: None,
            },
            notifier: None,
        }
    }

    /// Tells from here on whom `settings`, tables below `[notify]`, name.
    fn tell(&mut self, settings: &str) {
        let receivers = self.receivers(settings);
        self.notifier = Some(Notifier::start(
            self.store.clone(),
            self.audit.clone(),
            self.metrics.clone(),
            receivers,
            self.desk.changes(),
        ));
    }

    fn receivers(&self, settings: &str) -> Receivers {
        use std::os::unix::fs::PermissionsExt;
        let secret = self.folder.path().join("secret");
        std::fs::write(&secret, receivers::SECRET).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = self.folder.path().join("exeat.toml");
        std::fs::write(&path, settings).unwrap();
        let (config, _) = Config::load(Some(&path), std::iter::empty()).unwrap();
        Receivers::new(&config).unwrap()
    }

    /// As a process that ends and another one that begins.
    async fn restart(&mut self) {
        if let Some(notifier) = self.notifier.take() {
            notifier.stop().await;
        }
        self.audit.close().await;
        self.store.close().await;
        (self.store, self.audit, self.desk) = within(self.folder.path()).await;
    }

    async fn hold(&self, id: &str) {
        let new = NewCase {
            id: id.into(),
            upstream: "forge".into(),
            repository: "org/repo".into(),
            binding: format!("binding of {id}"),
            pusher: self.pusher.clone(),
            terms: Terms::default(),
            basis: Basis::default(),
            refs: Vec::new(),
            accepted: false,
            waived_by: Vec::new(),
            digests: samples::digests(),
            body: "{}".into(),
            actor: samples::actor(),
        };
        let held = self.desk.hold(&new, people::now()).await.unwrap();
        assert!(matches!(held, Held::Opened(_)));
    }

    async fn approve(&self, id: &str) {
        let reviewer = Reviewer {
            person: "u-0000000002".into(),
            groups: Vec::new(),
            actor: samples::actor(),
            accounts: Vec::new(),
            guard: Change::none(),
        };
        let revision = self.desk.case(id).await.unwrap().case.revision;
        let decided = self.desk.decide(
            id,
            revision,
            &reviewer,
            Verdict::Approve,
            "fine",
            people::now(),
        );
        decided.await.unwrap();
    }

    async fn send(&self, id: &str) {
        let binding = format!("binding of {id}");
        let now = people::now();
        let grant = self
            .desk
            .take(&binding, "P-0", &Actor::system(), now)
            .await
            .unwrap();
        let grant = grant.unwrap();
        let ended = self.desk.ended(&grant, Ending::Taken, now);
        ended.await.unwrap();
    }

    async fn notices(&self) -> Vec<NoticeRow> {
        self.store
            .records()
            .notices(None, (i64::MIN, ""), 1_000)
            .await
            .unwrap()
    }

    /// Waits until nothing waits.
    async fn settled(&self) -> Vec<NoticeRow> {
        self.until(|notices| notices.iter().all(|notice| notice.state != "waiting"))
            .await
    }

    async fn until(&self, is_so: impl Fn(&[NoticeRow]) -> bool) -> Vec<NoticeRow> {
        for _ in 0..3_000 {
            // In this order: an event goes in the transaction in which its notices come.
            let is_shared = self.store.events(1).await.unwrap().is_empty();
            let notices = self.notices().await;
            if is_shared && is_so(&notices) {
                return notices;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it does not come about: {:?}", self.notices().await);
    }

    async fn end(mut self) {
        if let Some(notifier) = self.notifier.take() {
            notifier.stop().await;
        }
        self.audit.close().await;
        let mut snapshot = self.store.records().snapshot().await.unwrap();
        let report = audit::verify(&mut snapshot, None).await.unwrap();
        assert!(report.problem.is_none(), "{:?}", report.problem);
        drop(snapshot);
        self.store.close().await;
    }
}

async fn within(folder: &std::path::Path) -> (Store, Audit, Desk) {
    let store = Store::open(folder).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    let times = Times {
        case: 86_400_000,
        grant: 86_400_000,
        contents: 86_400_000,
    };
    let desk = Desk::new(store.clone(), audit.clone(), times);
    (store, audit, desk)
}

fn states(notices: &[NoticeRow]) -> Vec<&str> {
    notices.iter().map(|notice| notice.state.as_str()).collect()
}

#[tokio::test]
async fn a_webhook_hears_of_a_push_from_hold_to_end_in_order() {
    let mut room = Room::open().await;
    let hook = Hook::start(|_| 204).await;
    room.tell(&hook.table("chat", ""));
    room.hold("P-1").await;
    room.approve("P-1").await;
    room.send("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["delivered"; 3]);
    let heard = hook.heard();
    let types: Vec<_> = heard.iter().map(|one| one.json["type"].clone()).collect();
    assert_eq!(types, ["case.opened", "case.approved", "case.sent"]);
    let ids: Vec<_> = heard.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["P-1-1", "P-1-2", "P-1-4"]);
    for one in &heard {
        assert!(one.is_signed, "{one:?}");
        // Nobody's words, nobody's ids: none of them can be in a time or in the id of a notice.
        let text = one.json.to_string();
        for word in ["fine", "u-00", "account-7", "binding"] {
            assert!(!text.contains(word), "{text}");
        }
    }
    room.end().await;
}

#[tokio::test]
async fn what_fails_is_tried_again_and_what_was_there_before_waits_for_it() {
    let mut room = Room::open().await;
    let hook = Hook::start(|tries| if tries <= 2 { 503 } else { 200 }).await;
    room.tell(&hook.table("chat", "retry_seconds = 1\n"));
    room.hold("P-1").await;
    room.approve("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["delivered"; 2]);
    let ids: Vec<_> = hook.heard().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["P-1-1", "P-1-1", "P-1-1", "P-1-2"]);
    let metrics = String::from_utf8(room.metrics.render().unwrap()).unwrap();
    assert!(metrics.contains("exeat_notices_delivered_total{channel=\"webhook\"} 2"));
    assert!(metrics.contains("exeat_notices_failed_total{channel=\"webhook\"} 2"));
    room.end().await;
}

#[tokio::test]
async fn what_cannot_be_delivered_is_given_up_on_record_and_may_be_tried_anew() {
    let mut room = Room::open().await;
    let hook = Hook::start(|tries| if tries <= 1 { 410 } else { 200 }).await;
    let table = hook.table("chat", "");
    room.tell(&table);
    room.hold("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["dead"]);
    assert_eq!(
        notices[0].trouble.as_deref(),
        Some("it answered 410: it is gone")
    );
    // What comes after it is told all the same.
    room.approve("P-1").await;
    assert_eq!(states(&room.settled().await), ["dead", "delivered"]);
    let record = room
        .store
        .records()
        .snapshot()
        .await
        .unwrap()
        .newest(10)
        .await
        .unwrap();
    let leaves: Vec<_> = record.into_iter().filter_map(|row| row.leaf).collect();
    let buried: Vec<_> = leaves
        .iter()
        .filter(|leaf| leaf.contains("\"dead-letter\""))
        .collect();
    assert_eq!(buried.len(), 1);
    assert!(buried[0].contains("\"kind\":\"notice\"") && buried[0].contains(&notices[0].id));
    assert!(!buried[0].contains("chat"));
    super::retry(
        &room.store,
        &room.audit,
        Actor::system(),
        Change::none(),
        &notices[0].id,
    )
    .await
    .unwrap();
    room.notifier.as_ref().unwrap().wake();
    room.until(|notices| states(notices) == ["delivered"; 2])
        .await;
    let again = super::retry(
        &room.store,
        &room.audit,
        Actor::system(),
        Change::none(),
        &notices[0].id,
    )
    .await;
    assert!(again.is_err(), "a notice that was delivered is sent again");
    room.end().await;
}

#[tokio::test]
async fn time_runs_out_for_a_receiver_that_is_down() {
    let mut room = Room::open().await;
    let table = Hook::nowhere().table("chat", "retry_seconds = 1\ngive_up_seconds = 1\n");
    room.tell(&table);
    room.hold("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["dead"]);
    assert_eq!(
        notices[0].trouble.as_deref(),
        Some("it refuses connections")
    );
    assert!(notices[0].attempts >= 2);
    room.end().await;
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let mut room = Room::open().await;
    let (slow, quick) = (Hook::silent().await, Hook::start(|_| 200).await);
    room.tell(&format!(
        "{}{}",
        slow.table("slow", ""),
        quick.more("quick")
    ));
    for number in 0..12 {
        room.hold(&format!("P-{number}")).await;
    }
    let delivered = |notices: &[NoticeRow]| {
        let mut quick = notices.iter().filter(|notice| notice.receiver == "quick");
        notices.len() == 24 && quick.all(|notice| notice.state == "delivered")
    };
    let notices = room.until(delivered).await;
    let waiting = notices.iter().filter(|notice| notice.state == "waiting");
    assert_eq!(waiting.count(), 12);
    let metrics = String::from_utf8(room.metrics.render().unwrap()).unwrap();
    assert!(
        metrics.contains("exeat_outbox_waiting{channel=\"webhook\"}"),
        "{metrics}"
    );
    room.end().await;
}

#[tokio::test]
async fn what_is_to_be_told_outlives_the_process() {
    let mut room = Room::open().await;
    // Nobody tells: the process ends between the deed and the first try.
    room.hold("P-1").await;
    room.restart().await;
    assert_eq!(room.store.events(10).await.unwrap().len(), 1);
    // It ends again while a receiver does not answer.
    let slow = Hook::silent().await;
    room.tell(&slow.table("chat", ""));
    slow.asked().await;
    room.restart().await;
    assert_eq!(states(&room.notices().await), ["waiting"]);
    let hook = Hook::start(|_| 200).await;
    room.tell(&hook.table("chat", ""));
    assert_eq!(states(&room.settled().await), ["delivered"]);
    assert_eq!(hook.heard()[0].id, "P-1-1");
    room.end().await;
}

#[tokio::test]
async fn receivers_change_while_it_runs() {
    let mut room = Room::open().await;
    let (first, second) = (Hook::start(|_| 503).await, Hook::start(|_| 200).await);
    room.tell(&first.table("chat", "retry_seconds = 1\n"));
    room.hold("P-1").await;
    first.asked().await;
    let receivers = room.receivers(&second.table("chat", "retry_seconds = 1\n"));
    room.notifier.as_ref().unwrap().follow(receivers);
    assert_eq!(states(&room.settled().await), ["delivered"]);
    assert_eq!(second.heard().len(), 1);
    // One that is taken out of the configuration is given up, visibly.
    let receivers = room.receivers(&second.table("other", ""));
    room.notifier.as_ref().unwrap().follow(receivers);
    room.approve("P-1").await;
    let notices = room.settled().await;
    assert_eq!(notices.last().unwrap().receiver, "other");
    room.end().await;
}

#[tokio::test]
async fn webhooks_hear_what_they_asked_for() {
    let mut room = Room::open().await;
    let hook = Hook::start(|_| 200).await;
    room.tell(
        &hook
            .table("chat", "")
            .replace("via =", "events = [\"approved\"]\nvia ="),
    );
    room.hold("P-1").await;
    room.approve("P-1").await;
    assert_eq!(room.settled().await.len(), 1);
    assert_eq!(hook.heard()[0].json["type"], "case.approved");
    room.end().await;
}

#[tokio::test]
async fn nothing_is_kept_where_nobody_is_told() {
    let mut room = Room::open().await;
    room.tell("");
    room.hold("P-1").await;
    room.approve("P-1").await;
    assert!(room.settled().await.is_empty());
    room.end().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut room = Room::open().await;
    let elsewhere = Hook::start(|_| 200).await;
    let hook = Hook::redirecting(&elsewhere).await;
    room.tell(&hook.table("chat", "retry_seconds = 1\ngive_up_seconds = 1\n"));
    room.hold("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["dead"]);
    let trouble = notices[0].trouble.as_deref();
    assert_eq!(trouble, Some("it answered 302; redirects are not followed"));
    assert!(elsewhere.heard().is_empty());
    room.end().await;
}

#[tokio::test]
async fn forty_pushes_at_once_are_each_told_once() {
    let mut room = Room::open().await;
    let hook = Hook::start(|tries| if tries % 7 == 0 { 500 } else { 200 }).await;
    room.tell(&hook.table("chat", "retry_seconds = 1\n"));
    let shared = Arc::new(room);
    let holds = (0..40).map(|number| {
        let room = Arc::clone(&shared);
        tokio::spawn(async move {
            room.hold(&format!("P-{number}")).await;
            room.approve(&format!("P-{number}")).await;
        })
    });
    for hold in holds.collect::<Vec<_>>() {
        hold.await.unwrap();
    }
    let Ok(room) = Arc::try_unwrap(shared) else {
        panic!("somebody has the room");
    };
    let notices = room.settled().await;
    assert_eq!(notices.len(), 80);
    assert!(notices.iter().all(|notice| notice.state == "delivered"));
    let taken = hook.heard().into_iter().filter(|one| one.status == 200);
    let mut ids: Vec<_> = taken.map(|one| one.id).collect();
    for number in 0..40 {
        let of = |id: &String| id.starts_with(&format!("P-{number}-"));
        let order: Vec<_> = ids.iter().filter(|id| of(id)).cloned().collect();
        assert_eq!(order, [format!("P-{number}-1"), format!("P-{number}-2")]);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 80);
    room.end().await;
}

#[tokio::test]
async fn what_does_not_fit_into_the_outbox_is_given_up_at_once_on_record() {
    let mut room = Room::open().await;
    room.store
        .execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
             INSERT INTO outbox_notice SELECT 'n-' || n, 'P-' || n, 1, 'opened', 0, '{}', 'webhook', 'chat', \
             'waiting', 0, 0, 9000000000000, NULL, NULL FROM numbers",
        )
        .await;
    let hook = Hook::start(|_| 200).await;
    room.tell(&hook.table("chat", ""));
    room.hold("P-0").await;
    let dead = loop {
        let dead = room
            .store
            .records()
            .notices(Some("dead"), (i64::MIN, ""), 10)
            .await
            .unwrap();
        if let Some(dead) = dead.into_iter().next() {
            break dead;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(dead.event.case, "P-0");
    assert_eq!(dead.trouble.as_deref(), Some("the outbox is full"));
    assert!(hook.heard().is_empty());
    room.end().await;
}

#[tokio::test]
async fn events_and_notices_that_cannot_be_read_hold_up_nothing() {
    let mut room = Room::open().await;
    room.store
        .execute(
            "INSERT INTO outbox_event VALUES ('P-8', 1, 'opened', 0, 'no JSON'), ('P-9', 1, 'exploded', 0, '{}'); \
             INSERT INTO outbox_notice VALUES \
             ('n-1', 'P-7', 1, 'opened', 0, '{}', 'webhook', 'chat', 'waiting', 0, 0, 0, NULL, NULL), \
             ('n-2', 'P-6', 1, 'opened', 0, '{}', 'pigeon', 'chat', 'waiting', 0, 0, 0, NULL, NULL)",
        )
        .await;
    let hook = Hook::start(|_| 200).await;
    room.tell(&hook.table("chat", ""));
    room.hold("P-1").await;
    let notices = room.settled().await;
    let of = |state: &str| {
        notices
            .iter()
            .filter(|notice| notice.state == state)
            .count()
    };
    assert_eq!((of("dead"), of("delivered")), (2, 1), "{notices:?}");
    assert_eq!(hook.heard().len(), 1);
    room.end().await;
}
