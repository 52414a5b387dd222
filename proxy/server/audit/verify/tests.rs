//! Each kind of tampering is found, at its position.

use super::super::samples::{decision, erasure, outcome};
use super::super::{Audit, Ending, Verdict};
use super::*;
use crate::store::Store;

/// Six records: two decisions to refuse, one to forward with its outcome, an erasure of record 2, a decision to hold.
async fn written() -> (tempfile::TempDir, Store, Head) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    audit
        .decide(&decision("p1", Verdict::Refuse))
        .await
        .unwrap();
    audit
        .decide(&decision("p2", Verdict::Refuse))
        .await
        .unwrap();
    audit
        .decide(&decision("p3", Verdict::Forward))
        .await
        .unwrap();
    audit
        .outcome("p3", &outcome(Ending::Accepted))
        .await
        .unwrap();
    audit.erase(&[2], &erasure()).await.unwrap();
    audit.decide(&decision("p4", Verdict::Hold)).await.unwrap();
    let head = audit.head();
    audit.close().await;
    (folder, store, head)
}

async fn problem(store: &Store, checkpoint: Option<Head>) -> Option<Problem> {
    let mut snapshot = store.records().snapshot().await.unwrap();
    let checkpoint = checkpoint.map(Checkpoint);
    verify(&mut snapshot, checkpoint).await.unwrap().problem
}

/// Does what somebody with the database file could do, and says what is found.
async fn tampered(statements: &[&'static str]) -> Option<(Seq, Fault)> {
    let (_folder, store, _) = written().await;
    assert_eq!(problem(&store, None).await, None);
    for statement in statements {
        store.execute(statement).await;
    }
    let problem = problem(&store, None).await;
    problem.map(|problem| (problem.seq, problem.fault))
}

#[tokio::test]
async fn an_untouched_chain_is_whole() {
    let (_folder, store, head) = written().await;
    let mut snapshot = store.records().snapshot().await.unwrap();
    let report = verify(&mut snapshot, None).await.unwrap();
    let expected = Report {
        head,
        erased: 1,
        problem: None,
        people: BTreeMap::new(),
    };
    assert_eq!(report, expected);
    assert_eq!(head.size, 6);

    let folder = tempfile::tempdir().unwrap();
    let empty = Store::open(folder.path()).await.unwrap();
    assert_eq!(problem(&empty, None).await, None);
}

#[tokio::test]
async fn a_changed_leaf_is_found() {
    let change = "UPDATE audit_leaf SET leaf = replace(leaf, 'refuse', 'forward') WHERE seq = 2";
    assert_eq!(tampered(&[change]).await, Some((2, Fault::Leaf)));
    let one_byte =
        "UPDATE audit_leaf SET leaf = replace(leaf, '\"blobs\":3', '\"blobs\":2') WHERE seq = 3";
    assert_eq!(tampered(&[one_byte]).await, Some((3, Fault::Leaf)));
    let not_text = "UPDATE audit_leaf SET leaf = x'ff00' WHERE seq = 4";
    assert_eq!(tampered(&[not_text]).await, Some((4, Fault::Leaf)));
    let hash = "UPDATE audit_leaf SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 1";
    assert_eq!(tampered(&[hash]).await, Some((1, Fault::Leaf)));
}

#[tokio::test]
async fn a_changed_payload_is_found() {
    let name =
        "UPDATE audit_payload SET payload = replace(payload, '\"ada\"', '\"eve\"') WHERE seq = 3";
    assert_eq!(tampered(&[name]).await, Some((3, Fault::Payload)));
    let salt = "UPDATE audit_payload SET salt = (SELECT salt FROM audit_payload WHERE seq = 1) WHERE seq = 6";
    assert_eq!(tampered(&[salt]).await, Some((6, Fault::Payload)));
    let half = "UPDATE audit_payload SET salt = substr(salt, 3) WHERE seq = 6";
    assert_eq!(tampered(&[half]).await, Some((6, Fault::Payload)));
    let part = "UPDATE audit_payload SET payload = '{}' WHERE seq = 6";
    assert_eq!(tampered(&[part]).await, Some((6, Fault::Payload)));
    let space = "UPDATE audit_payload SET payload = payload || ' ' WHERE seq = 1";
    assert_eq!(tampered(&[space]).await, Some((1, Fault::PayloadForm)));
    let key = "UPDATE audit_payload SET payload = replace(payload, '{\"actor\"', '{\"x\":1,\"actor\"') WHERE seq = 1";
    assert_eq!(tampered(&[key]).await, Some((1, Fault::PayloadForm)));
}

#[tokio::test]
async fn a_payload_that_nobody_erased_is_missed() {
    let dropped = "DELETE FROM audit_payload WHERE seq = 4";
    assert_eq!(tampered(&[dropped]).await, Some((4, Fault::PayloadMissing)));
    let back = "INSERT INTO audit_payload SELECT 2, salt, payload FROM audit_payload WHERE seq = 1";
    assert_eq!(tampered(&[back]).await, Some((2, Fault::Payload)));
}

#[tokio::test]
async fn an_erasure_that_was_undone_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    audit
        .decide(&decision("p1", Verdict::Refuse))
        .await
        .unwrap();
    store
        .execute("CREATE TABLE kept AS SELECT * FROM audit_payload")
        .await;
    audit.erase(&[1], &erasure()).await.unwrap();
    assert_eq!(problem(&store, None).await, None);
    store
        .execute("INSERT INTO audit_payload SELECT * FROM kept")
        .await;
    let problem = problem(&store, None).await.unwrap();
    assert_eq!((problem.seq, problem.fault), (1, Fault::PayloadKept));
}

#[tokio::test]
async fn swapped_records_are_found() {
    let leaves = [
        "UPDATE audit_leaf SET seq = 99 WHERE seq = 2",
        "UPDATE audit_leaf SET seq = 2 WHERE seq = 3",
        "UPDATE audit_leaf SET seq = 3 WHERE seq = 99",
    ];
    assert_eq!(tampered(&leaves).await, Some((2, Fault::Position)));
    let payloads = [
        "UPDATE audit_payload SET seq = 99 WHERE seq = 1",
        "UPDATE audit_payload SET seq = 1 WHERE seq = 3",
        "UPDATE audit_payload SET seq = 3 WHERE seq = 99",
    ];
    assert_eq!(tampered(&payloads).await, Some((1, Fault::Payload)));
}

#[tokio::test]
async fn dropped_records_are_found() {
    let last = "DELETE FROM audit_leaf WHERE seq = 6";
    assert_eq!(tampered(&[last]).await, Some((6, Fault::Missing)));
    let middle = "DELETE FROM audit_leaf WHERE seq = 3";
    assert_eq!(tampered(&[middle]).await, Some((3, Fault::Missing)));
    let first = "DELETE FROM audit_leaf WHERE seq = 1";
    assert_eq!(tampered(&[first]).await, Some((1, Fault::Missing)));
    let all = "DELETE FROM audit_leaf";
    assert_eq!(tampered(&[all]).await, Some((1, Fault::Missing)));
    let closed_up = [
        "DELETE FROM audit_leaf WHERE seq = 5",
        "UPDATE audit_leaf SET seq = 5 WHERE seq = 6",
    ];
    assert_eq!(tampered(&closed_up).await, Some((5, Fault::Position)));
}

#[tokio::test]
async fn tree_heads_are_recomputed() {
    let changed =
        "UPDATE audit_head SET root = (SELECT root FROM audit_head WHERE size = 1) WHERE size = 5";
    assert_eq!(tampered(&[changed]).await, Some((5, Fault::Head)));
    let dropped = "DELETE FROM audit_head WHERE size = 2";
    assert_eq!(tampered(&[dropped]).await, Some((2, Fault::NoHead)));
}

#[tokio::test]
async fn what_stands_outside_the_chain_is_found() {
    let head = "INSERT INTO audit_head SELECT 9, root FROM audit_head WHERE size = 1";
    assert_eq!(tampered(&[head]).await, Some((9, Fault::Stray)));
    let before =
        "INSERT INTO audit_payload SELECT 0, salt, payload FROM audit_payload WHERE seq = 1";
    assert_eq!(tampered(&[before]).await, Some((0, Fault::Stray)));
    let filed = "UPDATE audit_leaf SET push = 'other' WHERE seq = 4";
    assert_eq!(tampered(&[filed]).await, Some((4, Fault::Push)));
}

/// Somebody who rewrites a record, its hash and all heads after it, or cuts the tail off cleanly, is found by a head that
/// was noted elsewhere, and only so.
#[tokio::test]
async fn a_noted_head_shows_what_a_chain_cannot_show_itself() {
    let (_folder, store, head) = written().await;
    assert_eq!(problem(&store, Some(head)).await, None);
    let other = Head {
        size: 4,
        root: [7; 32],
    };
    let found = problem(&store, Some(other)).await.unwrap();
    assert_eq!(
        found.to_string(),
        "record 4: the root up to here is not the one that was noted"
    );
    for statement in [
        "DELETE FROM audit_leaf WHERE seq > 5",
        "DELETE FROM audit_payload WHERE seq > 5",
        "DELETE FROM audit_head WHERE size > 5",
    ] {
        store.execute(statement).await;
    }
    assert_eq!(problem(&store, None).await, None);
    let found = problem(&store, Some(head)).await.unwrap();
    assert_eq!(
        found.to_string(),
        "record 6: the chain ends before the size that was noted"
    );
}

#[test]
fn a_checkpoint_is_a_size_and_a_root() {
    let root = "ab".repeat(32);
    let Checkpoint(head) = format!("12:{root}").parse().unwrap();
    assert_eq!((head.size, head.root), (12, [0xab; 32]));
    for text in [
        "",
        "12",
        "12:ab",
        &format!("x:{root}"),
        &format!("12:{root}00"),
    ] {
        let error = text.parse::<Checkpoint>().unwrap_err();
        assert_eq!(error, "expected SIZE:ROOT, a number and 64 hex digits");
    }
}
