//! Reasons that come later, and cases that are looked at when their time is over.

use super::*;
use crate::review::dossier::Dossier;

#[tokio::test]
async fn a_reason_comes_once_and_only_to_what_waits() {
    let room = Room::open().await;
    let desk = &room.desk;
    let of = |filed: &Filed| Dossier::read(&filed.body).unwrap().reason;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let actor = samples::actor();
    let with = desk.explain("P-1", "gr\u{fc}n", &actor, 1).await.unwrap();
    let with = with.expect("it had none");
    assert_eq!(of(&with).as_deref(), Some("gr\u{fc}n"));
    assert_eq!(with.case.revision, 2);
    assert_eq!(desk.case("P-1").await.unwrap(), with);
    let again = desk.explain("P-1", "other", &actor, 1).await.unwrap();
    assert!(again.is_none());
    desk.hold(&push("P-2", "c"), 0).await.unwrap();
    approve(desk, "P-2", 1, "ann").await.unwrap();
    let approved = desk.explain("P-2", "late", &actor, 1).await.unwrap();
    assert!(approved.is_none());
    let mut snapshot = room.store.records().snapshot().await.unwrap();
    assert_eq!(verify(&mut snapshot, None).await.unwrap().problem, None);
}

#[tokio::test]
async fn what_has_run_out_ends_when_it_is_looked_at() {
    let room = Room::open().await;
    let desk = &room.desk;
    desk.hold(&push("P-1", "b"), 0).await.unwrap();
    let approved = approve(desk, "P-1", 1, "ann").await.unwrap();
    let ends = approved.case.grant_expires.unwrap();
    let before = desk.on_time(approved.clone(), ends - 1).await.unwrap();
    assert_eq!(before, approved);
    let ended = desk.on_time(approved.clone(), ends).await.unwrap();
    assert_eq!(ended.case.state, State::Expired);
    assert_eq!(desk.case("P-1").await.unwrap(), ended);
    // One that somebody else has ended meanwhile is told as it is.
    assert_eq!(desk.on_time(approved, ends).await.unwrap(), ended);
}
