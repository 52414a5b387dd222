//! Makes the two halves of a record, and the commitments that bind one to the other.

use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::record::{
    Actor, Commitments, Coverage, Decision, Deed, Digests, Ending, Erasure, Kind, Leaf, Outcome,
    Payload, Reason, Seq, Start, VERSION, Verdict,
};

/// The bytes that keep a commitment from being guessed.
pub(super) type Salt = [u8; 32];

/// A record before it has its place in the chain.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) action: &'static str,
    pub(super) push: Option<String>,
    pub(super) request: Option<String>,
    pub(super) verdict: Option<Verdict>,
    pub(super) reasons: Vec<Reason>,
    pub(super) coverage: Option<Coverage>,
    pub(super) digests: Option<Digests>,
    pub(super) outcome: Option<Ending>,
    pub(super) forwarded_bytes: Option<u64>,
    pub(super) binary: Option<String>,
    pub(super) erased: Vec<Seq>,
    pub(super) subject: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) payload: Payload,
}

/// When and by whom a record is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) wall: OffsetDateTime,
    pub(super) run: &'a str,
    pub(super) monotonic_ns: u64,
}

impl Entry {
    fn new(kind: Kind, action: &'static str) -> Self {
        Self {
            kind,
            action,
            push: None,
            request: None,
            verdict: None,
            reasons: Vec::new(),
            coverage: None,
            digests: None,
            outcome: None,
            forwarded_bytes: None,
            binary: None,
            erased: Vec::new(),
            subject: None,
            before: None,
            after: None,
            payload: Payload::default(),
        }
    }

    pub(super) fn decision(decision: &Decision) -> Self {
        Self {
            push: Some(decision.push.clone()),
            request: decision.request.clone(),
            subject: decision.case.clone(),
            verdict: Some(decision.verdict),
            reasons: decision.reasons.clone(),
            coverage: Some(decision.coverage),
            digests: Some(decision.digests.clone()),
            payload: Payload {
                actor: Some(decision.actor.clone()),
                target: Some(decision.target.clone()),
                findings: decision.findings.clone(),
                note: None,
            },
            ..Self::new(Kind::Decision, "push")
        }
    }

    pub(super) fn outcome(push: &str, outcome: &Outcome) -> Self {
        Self {
            push: Some(push.to_owned()),
            outcome: Some(outcome.ending),
            forwarded_bytes: Some(outcome.forwarded_bytes),
            payload: Payload {
                note: Some(outcome.note.clone()),
                ..Payload::default()
            },
            ..Self::new(Kind::Outcome, "push")
        }
    }

    pub(super) fn unknown_outcome(push: &str) -> Self {
        Self {
            push: Some(push.to_owned()),
            outcome: Some(Ending::Unknown),
            ..Self::new(Kind::UnknownOutcome, "push")
        }
    }

    pub(super) fn start(start: &Start) -> Self {
        Self {
            binary: Some(start.version.clone()),
            ..Self::by_system(Kind::Start, "serve", &start.digests)
        }
    }

    pub(super) fn reload(digests: &Digests) -> Self {
        Self::by_system(Kind::Reload, "reload", digests)
    }

    fn by_system(kind: Kind, action: &'static str, digests: &Digests) -> Self {
        Self {
            digests: Some(digests.clone()),
            payload: Payload {
                actor: Some(Actor::system()),
                ..Payload::default()
            },
            ..Self::new(kind, action)
        }
    }

    pub(super) fn erasure(seqs: Vec<Seq>, erasure: &Erasure) -> Self {
        Self {
            erased: seqs,
            payload: Payload {
                actor: Some(erasure.actor.clone()),
                note: Some(erasure.reason.clone()),
                ..Payload::default()
            },
            ..Self::new(Kind::Erasure, "erase")
        }
    }

    pub(super) fn deed(deed: &Deed) -> Self {
        debug_assert!(deed.kind.is_deed(), "{:?}", deed.kind);
        Self {
            push: deed.case.clone(),
            subject: deed.subject.clone(),
            before: deed.before.clone(),
            after: deed.after.clone(),
            payload: Payload {
                actor: Some(deed.actor.clone()),
                note: deed.note.clone(),
                ..Payload::default()
            },
            ..Self::new(deed.kind, deed.action)
        }
    }

    /// Whether this record opens (`true`) or closes (`false`) the time in which its push is under way.
    pub(super) fn under_way(&self) -> Option<bool> {
        match (self.kind, self.verdict) {
            (Kind::Decision, Some(Verdict::Forward)) => Some(true),
            (Kind::Decision, Some(Verdict::Hold | Verdict::Refuse) | None) => None,
            (Kind::Outcome | Kind::UnknownOutcome, _) => Some(false),
            (Kind::Start | Kind::Reload | Kind::Erasure, _) => None,
            (kind, _) => {
                debug_assert!(kind.is_deed());
                None
            }
        }
    }

    pub(super) fn seal(self, seq: Seq, moment: Moment<'_>, salt: &Salt) -> (Leaf, Payload) {
        let leaf = Leaf {
            version: VERSION,
            seq,
            time: timestamp(moment.wall),
            run: moment.run.to_owned(),
            monotonic_ns: moment.monotonic_ns,
            kind: self.kind,
            action: self.action.to_owned(),
            push: self.push,
            request: self.request,
            verdict: self.verdict,
            reasons: self.reasons,
            coverage: self.coverage,
            digests: self.digests,
            outcome: self.outcome,
            forwarded_bytes: self.forwarded_bytes,
            binary: self.binary,
            erased: self.erased,
            subject: self.subject,
            before: self.before,
            after: self.after,
            commitments: commitments(salt, &self.payload),
        };
        (leaf, self.payload)
    }
}

/// The commitments to a payload's parts; see `record` for their form.
pub(super) fn commitments(salt: &Salt, payload: &Payload) -> Commitments {
    let findings = (!payload.findings.is_empty()).then_some(&payload.findings);
    Commitments {
        actor: payload
            .actor
            .as_ref()
            .map(|part| commitment(salt, "actor", part)),
        target: payload
            .target
            .as_ref()
            .map(|part| commitment(salt, "target", part)),
        findings: findings.map(|part| commitment(salt, "findings", part)),
        note: payload
            .note
            .as_ref()
            .map(|part| commitment(salt, "note", part)),
    }
}

fn commitment(salt: &Salt, name: &str, part: &impl Serialize) -> String {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(name);
    hasher.update([0]);
    hasher.update(canonical(part));
    hex::encode(hasher.finalize())
}

/// The canonical bytes of a leaf, a payload or a part of it.
pub(super) fn canonical(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("because structs of strings and numbers always serialise")
}

fn timestamp(wall: OffsetDateTime) -> String {
    let utc = wall.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.millisecond()
    )
}
