//! What reviewers saw goes some time after the end, and nothing else.

use super::*;

#[tokio::test]
async fn what_was_seen_goes_some_time_after_the_end_and_the_decision_stays() {
    let room = Room::open().await;
    let desk = &room.desk;
    for (id, binding) in [("P-1", "b"), ("P-2", "c"), ("P-3", "d")] {
        desk.hold(&push(id, binding), 0).await.unwrap();
    }
    let reviewer = reviewer("ann");
    let no = desk.decide("P-1", 1, &reviewer, Verdict::Reject, "not this", 10);
    let over = no.await.unwrap();
    assert_eq!(over.case.closed, Some(10));
    approve(desk, "P-2", 1, "ann").await.unwrap();
    let kept = 10 + TIMES.contents;
    assert!(desk.forget(kept - 1).await.unwrap().is_empty());
    assert_eq!(desk.case("P-1").await.unwrap(), over);
    assert_eq!(desk.forget(kept).await.unwrap(), ["P-1"]);
    let forgotten = Filed {
        body: String::new(),
        ..over
    };
    assert_eq!(desk.case("P-1").await.unwrap(), forgotten);
    // Once, and never of one that waits or may go.
    assert!(desk.forget(Millis::MAX).await.unwrap().is_empty());
    for id in ["P-2", "P-3"] {
        let filed = desk.case(id).await.unwrap();
        assert!(!filed.body.is_empty() && filed.case.closed.is_none());
    }
    let mut snapshot = room.store.records().snapshot().await.unwrap();
    assert_eq!(verify(&mut snapshot, None).await.unwrap().problem, None);
}
