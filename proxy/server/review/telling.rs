//! What of a case's changes is told, written down in the transaction of the deed itself.

use super::Filed;
use super::Millis;
use super::case::{Case, State};
use crate::notify::{Facts, Kind};
use crate::store::{self, Change, EventRow};

/// Notes that a case was opened.
pub(super) fn opened(filed: &Filed, now: Millis) -> Change {
    happened(Kind::Opened, filed, now)
}

/// Notes what became of `before`, if that is told.
pub(super) fn changed(before: &Case, after: &Filed, now: Millis) -> Change {
    match kind(before, &after.case) {
        Some(kind) => happened(kind, after, now),
        None => Change::none(),
    }
}

fn kind(before: &Case, after: &Case) -> Option<Kind> {
    match (before.state, after.state) {
        (State::Open, State::Open) if after.approvals() > before.approvals() => Some(Kind::Decided),
        (State::Forwarding, State::Approved) => Some(Kind::NotTaken),
        (before, after) if before == after => None,
        (_, State::Approved) => Some(Kind::Approved),
        (_, State::Open) => Some(Kind::Returned),
        // It is over in a moment, and how it ends is told.
        (_, State::Forwarding) => None,
        (_, State::Sent) => Some(Kind::Sent),
        (_, State::Unknown) => Some(Kind::Unknown),
        (_, State::Rejected) => Some(Kind::Rejected),
        (_, State::Withdrawn) => Some(Kind::Withdrawn),
        (_, State::Expired) => Some(Kind::Expired),
        (_, State::Superseded) => Some(Kind::Superseded),
    }
}

fn happened(kind: Kind, filed: &Filed, now: Millis) -> Change {
    let case = &filed.case;
    let facts = Facts {
        state: case.state.as_str().to_owned(),
        upstream: filed.upstream.clone(),
        repository: filed.repository.clone(),
        approvals: case.approvals(),
        needed: case.terms.approvers,
        opened: case.created,
        expires: case.grant_expires.unwrap_or(case.expires),
        person: case.pusher.person.clone(),
        account: case.pusher.account.clone(),
    };
    store::outbox::happened(&EventRow {
        case: case.id.clone(),
        revision: i64::try_from(case.revision).unwrap_or(i64::MAX),
        kind: kind.word().to_owned(),
        at: now,
        facts: serde_json::to_string(&facts).expect("because strings and numbers always serialise"),
    })
}
