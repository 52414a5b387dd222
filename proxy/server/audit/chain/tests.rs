//! One chain, whoever writes and whatever happens in between.

use super::super::samples::{decision, deed, erasure, outcome, start};
use super::super::{Checkpoint, Ending, Error, Head, Kind, Verdict, newest, of_push, verify};
use super::*;

async fn open(folder: &std::path::Path) -> (Store, Audit) {
    let store = Store::open(folder).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    (store, audit)
}

async fn whole(store: &Store) -> Head {
    let mut snapshot = store.records().snapshot().await.unwrap();
    let report = verify(&mut snapshot, None).await.unwrap();
    assert_eq!(report.problem, None);
    report.head
}

#[tokio::test]
async fn a_record_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    assert_eq!(audit.start(&start()).await.unwrap(), 1);
    let decided = decision("p1", Verdict::Refuse);
    assert_eq!(audit.decide(&decided).await.unwrap(), 2);
    let ended = outcome(Ending::NotSent);
    assert_eq!(audit.outcome("p1", &ended).await.unwrap(), 3);

    let records = newest(store.records(), 10).await.unwrap();
    let kinds: Vec<Kind> = records.iter().map(|record| record.leaf.kind).collect();
    assert_eq!(kinds, [Kind::Start, Kind::Decision, Kind::Outcome]);
    let (leaf, payload) = (&records[1].leaf, records[1].payload.as_ref().unwrap());
    assert_eq!((leaf.seq, leaf.version), (2, 1));
    assert_eq!(leaf.push.as_deref(), Some("p1"));
    assert_eq!(leaf.request, decided.request);
    assert_eq!(leaf.verdict, Some(Verdict::Refuse));
    assert_eq!(leaf.reasons, decided.reasons);
    assert_eq!(leaf.coverage, Some(decided.coverage));
    assert_eq!(leaf.digests, Some(decided.digests));
    assert_eq!(payload.actor, Some(decided.actor));
    assert_eq!(payload.target, Some(decided.target));
    assert_eq!(payload.findings, decided.findings);
    let (leaf, payload) = (&records[2].leaf, records[2].payload.as_ref().unwrap());
    assert_eq!(leaf.outcome, Some(Ending::NotSent));
    assert_eq!(leaf.forwarded_bytes, Some(512));
    assert_eq!(payload.note, Some(ended.note));
    assert_eq!(leaf.time.len(), "2026-01-02T03:04:05.678Z".len());
    assert!(records[1].leaf.monotonic_ns < leaf.monotonic_ns);

    let of_push = of_push(store.records(), "p1", 10).await.unwrap();
    assert_eq!(of_push, records[1..]);
    assert_eq!(newest(store.records(), 1).await.unwrap(), records[2..]);
}

#[tokio::test]
async fn the_leaf_holds_nothing_personal() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    audit
        .decide(&decision("p1", Verdict::Refuse))
        .await
        .unwrap();
    audit
        .outcome("p1", &outcome(Ending::NotSent))
        .await
        .unwrap();
    audit.erase(&[1], &erasure()).await.unwrap();
    let mut snapshot = store.records().snapshot().await.unwrap();
    for row in snapshot.after(0, 10).await.unwrap() {
        let leaf = row.leaf.unwrap();
        for personal in [
            "\"ada\"",
            "192.0.2.7",
            "cccccccccccc",
            "org/repo",
            "refs/heads",
            "src/deploy.py",
            "AKIA",
            "ffffffffffff",
            "the upstream",
            "privacy office",
            "request 7",
        ] {
            assert!(!leaf.contains(personal), "{personal} in {leaf}");
        }
    }
}

#[tokio::test]
async fn the_chain_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    for number in 0..5 {
        let push = format!("p{number}");
        audit.decide(&decision(&push, Verdict::Hold)).await.unwrap();
    }
    let before = audit.head();
    assert_eq!(whole(&store).await, before);
    audit.close().await;
    store.close().await;

    let (store, audit) = open(folder.path()).await;
    assert_eq!(audit.head(), before);
    assert_eq!(
        audit
            .decide(&decision("p9", Verdict::Refuse))
            .await
            .unwrap(),
        6
    );
    let head = whole(&store).await;
    assert_eq!(head, audit.head());
    let mut snapshot = store.records().snapshot().await.unwrap();
    let report = verify(&mut snapshot, Some(Checkpoint(before)))
        .await
        .unwrap();
    assert_eq!(report.problem, None);
}

#[tokio::test]
async fn a_decision_without_an_outcome_is_recorded_as_unknown_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    audit
        .decide(&decision("ended", Verdict::Forward))
        .await
        .unwrap();
    audit
        .decide(&decision("cut", Verdict::Forward))
        .await
        .unwrap();
    audit
        .decide(&decision("refused", Verdict::Refuse))
        .await
        .unwrap();
    audit
        .decide(&decision("held", Verdict::Hold))
        .await
        .unwrap();
    audit
        .outcome("ended", &outcome(Ending::Accepted))
        .await
        .unwrap();
    assert!(
        audit.recover().await.unwrap().is_empty(),
        "nothing is left from before"
    );
    audit.close().await;
    store.close().await;

    let (store, audit) = open(folder.path()).await;
    audit
        .decide(&decision("new", Verdict::Forward))
        .await
        .unwrap();
    assert_eq!(audit.recover().await.unwrap(), ["cut"]);
    assert!(audit.recover().await.unwrap().is_empty());
    let records = of_push(store.records(), "cut", 10).await.unwrap();
    let kinds: Vec<Kind> = records.iter().map(|record| record.leaf.kind).collect();
    assert_eq!(kinds, [Kind::Decision, Kind::UnknownOutcome]);
    assert_eq!(records[1].leaf.outcome, Some(Ending::Unknown));
    let new = of_push(store.records(), "new", 10).await.unwrap();
    assert_eq!(new.len(), 1, "a push of this process is still under way");
    whole(&store).await;
    audit.close().await;
    store.close().await;

    let (_, audit) = open(folder.path()).await;
    assert_eq!(audit.recover().await.unwrap(), ["new"]);
}

/// The files as a killed process leaves them: nothing closed, the write-ahead log not folded in.
#[tokio::test]
async fn a_decision_is_on_disk_when_decide_returns() {
    let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_store, audit) = open(folder.path()).await;
    audit
        .decide(&decision("cut", Verdict::Forward))
        .await
        .unwrap();
    for file in ["exeat.db", "exeat.db-wal"] {
        std::fs::copy(folder.path().join(file), image.path().join(file)).unwrap();
    }
    let (store, after) = open(image.path()).await;
    assert_eq!(after.head(), audit.head());
    assert_eq!(after.recover().await.unwrap(), ["cut"]);
    whole(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_keep_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let audit = audit.clone();
        tasks.spawn(async move {
            let push = format!("p{number}");
            let decided = audit
                .decide(&decision(&push, Verdict::Forward))
                .await
                .unwrap();
            let ended = audit
                .outcome(&push, &outcome(Ending::Accepted))
                .await
                .unwrap();
            assert!(decided < ended);
            [decided, ended]
        });
    }
    let mut seqs: Vec<Seq> = tasks.join_all().await.concat();
    seqs.sort_unstable();
    assert!(seqs.into_iter().eq(1..=400));
    assert_eq!(whole(&store).await, audit.head());
    assert_eq!(audit.head().size, 400);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_chain_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    for number in 0..50 {
        let push = format!("p{number}");
        let decided = decision(&push, Verdict::Forward);
        let waiting = audit.decide(&decided);
        // Polled a few times at most, then dropped: before, while or after it is written.
        let _ = tokio::time::timeout(std::time::Duration::from_micros(number * 20), waiting).await;
    }
    audit
        .decide(&decision("last", Verdict::Hold))
        .await
        .unwrap();
    assert_eq!(whole(&store).await, audit.head());
}

#[tokio::test]
async fn a_push_is_decided_once_while_it_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    audit
        .decide(&decision("p", Verdict::Forward))
        .await
        .unwrap();
    let error = audit
        .decide(&decision("p", Verdict::Forward))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "push p has a decision already");
    assert_eq!(
        audit
            .outcome("p", &outcome(Ending::Accepted))
            .await
            .unwrap(),
        2
    );
    whole(&store).await;
}

#[tokio::test]
async fn what_cannot_be_written_is_an_error_and_the_chain_goes_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    audit.decide(&decision("p1", Verdict::Hold)).await.unwrap();
    let run = |statement: &'static str| store.execute(statement);
    run("CREATE TRIGGER full BEFORE INSERT ON audit_head BEGIN SELECT RAISE(FAIL, 'disk full'); END").await;
    let error = audit
        .decide(&decision("p2", Verdict::Forward))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Write(_)));
    assert!(
        error
            .to_string()
            .starts_with("the audit record could not be written: "),
        "{error}"
    );
    assert_eq!(audit.head().size, 1);
    run("DROP TRIGGER full").await;
    assert_eq!(
        audit
            .decide(&decision("p2", Verdict::Forward))
            .await
            .unwrap(),
        2
    );
    assert_eq!(whole(&store).await, audit.head());

    store.close().await;
    assert!(
        audit
            .decide(&decision("p3", Verdict::Forward))
            .await
            .is_err()
    );
    audit.close().await;
    let error = audit
        .decide(&decision("p3", Verdict::Forward))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the audit is closed");
}

#[tokio::test]
async fn erased_records_keep_their_place_and_lose_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    for push in ["p1", "p2", "p3"] {
        audit
            .decide(&decision(push, Verdict::Refuse))
            .await
            .unwrap();
    }
    let before = audit.head();
    assert_eq!(audit.erase(&[3, 1, 1], &erasure()).await.unwrap(), 4);
    let records = newest(store.records(), 10).await.unwrap();
    assert_eq!(records[0].payload, None);
    assert!(records[1].payload.is_some());
    assert_eq!(records[2].payload, None);
    assert_eq!(records[3].leaf.erased, [1, 3]);
    assert_eq!(records[3].leaf.kind, Kind::Erasure);
    let mut snapshot = store.records().snapshot().await.unwrap();
    let report = verify(&mut snapshot, Some(Checkpoint(before)))
        .await
        .unwrap();
    assert_eq!((report.problem, report.erased), (None, 2));
    drop(snapshot);

    // The erasure itself can be erased; twice is no error.
    audit.erase(&[4], &erasure()).await.unwrap();
    audit.erase(&[1], &erasure()).await.unwrap();
    whole(&store).await;
    let error = audit.erase(&[7], &erasure()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "record 7 does not exist and cannot be erased"
    );
    let error = audit.erase(&[], &erasure()).await.unwrap_err();
    assert_eq!(error.to_string(), "an erasure names no record");
}

#[tokio::test]
async fn what_was_erased_is_nowhere_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    let mut decided = decision("p1", Verdict::Refuse);
    decided.actor.name = Some("someone-to-be-forgotten".to_owned());
    audit.decide(&decided).await.unwrap();
    assert!(on_disk(folder.path(), "someone-to-be-forgotten"));
    audit.erase(&[1], &erasure()).await.unwrap();
    assert!(!on_disk(folder.path(), "someone-to-be-forgotten"));
    whole(&store).await;
}

fn on_disk(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn a_damaged_end_is_not_built_upon() {
    for (statement, expected) in [
        (
            "DELETE FROM audit_leaf WHERE seq = 3",
            "the audit chain is damaged at record 3: the last tree head is not that of the last record; run: exeat audit verify",
        ),
        (
            "DELETE FROM audit_leaf WHERE seq = 2",
            "the audit chain is damaged at record 2: the record is missing; run: exeat audit verify",
        ),
        (
            "UPDATE audit_leaf SET hash = (SELECT hash FROM audit_leaf WHERE seq = 1) WHERE seq = 2",
            "the audit chain is damaged at record 3: the tree head does not match the records; run: exeat audit verify",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (store, audit) = open(folder.path()).await;
        for push in ["p1", "p2", "p3"] {
            audit
                .decide(&decision(push, Verdict::Refuse))
                .await
                .unwrap();
        }
        audit.close().await;
        store.execute(statement).await;
        let error = Audit::open(store.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

async fn people(store: &Store) -> i64 {
    let mut snapshot = store.records().snapshot().await.unwrap();
    snapshot.count_of_test("t").await
}

#[tokio::test]
async fn a_deed_and_its_record_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    store.execute("CREATE TABLE t (id TEXT PRIMARY KEY)").await;
    let add = || Change::of_test("INSERT INTO t VALUES ('a')", Some(1));
    assert_eq!(audit.act(&deed("add"), add()).await.unwrap(), 1);
    assert_eq!(people(&store).await, 1);

    // Done already, to something that is gone, and half of it: nothing is done, and nothing recorded.
    let remove = || Change::of_test("DELETE FROM t WHERE id = 'b'", Some(1));
    let half = Change::of_test("DELETE FROM t", Some(1)).and(remove());
    for stale in [add(), remove(), half] {
        let error = audit.act(&deed("add"), stale).await.unwrap_err();
        assert!(matches!(error, Error::Stale), "{error}");
    }
    assert_eq!((people(&store).await, audit.head().size), (1, 1));

    let broken = Change::of_test("DELETE FROM nowhere", None);
    let error = audit.act(&deed("add"), broken).await.unwrap_err();
    assert!(matches!(error, Error::Write(_)), "{error}");
    assert_eq!(audit.start(&start()).await.unwrap(), 2);
    let record = &newest(store.records(), 10).await.unwrap()[0];
    assert_eq!(record.leaf.kind, Kind::Person);
    assert_eq!(record.leaf.action, "add");
    assert_eq!(record.leaf.subject.as_deref(), Some("u-7k2m9q4x1c"));
    let payload = record.payload.as_ref().unwrap();
    assert_eq!(payload.note.as_deref(), Some("adds grace"));
    whole(&store).await;
}

#[tokio::test]
async fn a_stale_deed_takes_no_other_record_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, audit) = open(folder.path()).await;
    store.execute("CREATE TABLE t (id TEXT PRIMARY KEY)").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60 {
        let audit = audit.clone();
        tasks.spawn(async move {
            if number % 3 != 0 {
                let push = format!("p{number}");
                audit
                    .decide(&decision(&push, Verdict::Refuse))
                    .await
                    .unwrap();
                return 1;
            }
            let change = Change::of_test("INSERT INTO t VALUES ('only one')", Some(1));
            match audit.act(&deed("add"), change).await {
                Ok(_) => 1,
                Err(Error::Stale) => 0,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let written: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!((written, people(&store).await), (41, 1));
    assert_eq!(whole(&store).await.size, 41);
}
