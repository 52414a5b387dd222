//! A case with all that is kept of it, as a row and back.

use serde::{Deserialize, Serialize};

use super::case::{Case, Decision, Pusher, State};
use super::desk::Error;
use super::{Basis, Judged, Millis, Terms};
use crate::audit::{self, Digests};
use crate::store::CaseRow;

/// A push to be held.
#[derive(Clone, Debug)]
pub struct NewCase {
    pub id: String,
    pub upstream: String,
    pub repository: String,
    /// Of `Bound`.
    pub binding: String,
    pub pusher: Pusher,
    pub terms: Terms,
    pub basis: Basis,
    /// Keyed hashes of the names of its refs.
    pub refs: Vec<String>,
    /// Whether the upstream had accepted the pusher's own credential for the repository.
    pub accepted: bool,
    pub waived_by: Vec<String>,
    pub digests: Digests,
    /// What reviewers see, as JSON.
    pub body: String,
    /// Who pushed, for the record.
    pub actor: audit::Actor,
}

/// A case with all that is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Filed {
    pub case: Case,
    pub upstream: String,
    pub repository: String,
    pub binding: String,
    pub basis: Basis,
    /// Keyed hashes of the names of its refs.
    pub refs: Vec<String>,
    /// Whether the upstream had accepted the pusher's own credential for the repository.
    pub accepted: bool,
    pub digests: Digests,
    /// What reviewers see, as JSON. Empty some time after the case is over.
    pub body: String,
}

/// What the column `terms` holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    terms: Terms,
    #[serde(default)]
    basis: Basis,
    #[serde(default)]
    refs: Vec<String>,
    #[serde(default)]
    accepted: bool,
    #[serde(default)]
    judged: Vec<Judged>,
}

impl NewCase {
    pub(super) fn filed(&self, now: Millis, lasts: Millis) -> Filed {
        Filed {
            case: Case {
                id: self.id.clone(),
                revision: 1,
                state: State::Open,
                pusher: self.pusher.clone(),
                terms: self.terms.clone(),
                decisions: Vec::new(),
                judged: Vec::new(),
                waived_by: self.waived_by.clone(),
                created: now,
                expires: now.saturating_add(lasts),
                grant_expires: None,
                used_by: None,
                superseded_by: None,
                closed: None,
            },
            upstream: self.upstream.clone(),
            repository: self.repository.clone(),
            binding: self.binding.clone(),
            basis: self.basis.clone(),
            refs: self.refs.clone(),
            accepted: self.accepted,
            digests: self.digests.clone(),
            body: self.body.clone(),
        }
    }
}

impl Filed {
    /// Whether its approval is good for the same push judged again: nothing new stands against it, what is asked now was
    /// fulfilled, and nobody approved who could not now.
    pub fn covers(&self, anew: &NewCase) -> bool {
        let decisions = &self.case.decisions;
        let is_barred = |decision: &Decision| {
            let own = anew.terms.four_eyes && anew.pusher.person.as_ref() == Some(&decision.by);
            own || anew.waived_by.contains(&decision.by)
        };
        anew.basis.is_within(&self.basis)
            && anew.terms.are_met(decisions)
            && !decisions.iter().any(is_barred)
    }

    pub(super) fn read(row: CaseRow) -> Result<Self, Error> {
        let damaged = || Error::Damaged(row.id.clone());
        let state = State::from_word(&row.state).ok_or_else(damaged)?;
        let decisions = serde_json::from_str(&row.decisions).map_err(|_| damaged())?;
        let waived_by = serde_json::from_str(&row.waived_by).map_err(|_| damaged())?;
        let revision = u64::try_from(row.revision).map_err(|_| damaged())?;
        let kept: Kept = serde_json::from_str(&row.terms).map_err(|_| damaged())?;
        Ok(Self {
            case: Case {
                id: row.id,
                revision,
                state,
                pusher: Pusher {
                    person: row.pusher_person,
                    account: row.pusher_account,
                    credential: row.pusher_credential,
                },
                terms: kept.terms,
                decisions,
                judged: kept.judged,
                waived_by,
                created: row.created,
                expires: row.expires,
                grant_expires: row.grant_expires,
                used_by: row.used_by,
                superseded_by: row.superseded_by,
                closed: row.closed,
            },
            upstream: row.upstream,
            repository: row.repository,
            binding: row.binding,
            basis: kept.basis,
            refs: kept.refs,
            accepted: kept.accepted,
            digests: Digests {
                rules: row.rules,
                policy: row.policy,
                config: row.config,
            },
            body: row.body,
        })
    }

    pub(super) fn row(&self) -> CaseRow {
        let case = &self.case;
        CaseRow {
            id: case.id.clone(),
            revision: signed(case.revision),
            state: case.state.as_str().to_owned(),
            upstream: self.upstream.clone(),
            repository: self.repository.clone(),
            binding: self.binding.clone(),
            pusher_person: case.pusher.person.clone(),
            pusher_account: case.pusher.account.clone(),
            pusher_credential: case.pusher.credential.clone(),
            needed: i64::from(case.terms.approvers),
            terms: json(&Kept {
                terms: case.terms.clone(),
                basis: self.basis.clone(),
                refs: self.refs.clone(),
                accepted: self.accepted,
                judged: case.judged.clone(),
            }),
            used_by: case.used_by.clone(),
            decisions: json(&case.decisions),
            waived_by: json(&case.waived_by),
            created: case.created,
            expires: case.expires,
            grant_expires: case.grant_expires,
            superseded_by: case.superseded_by.clone(),
            closed: case.closed,
            rules: self.digests.rules.clone(),
            policy: self.digests.policy.clone(),
            config: self.digests.config.clone(),
            body: self.body.clone(),
        }
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("because lists of strings and numbers always serialise")
}

/// Revisions count changes; none reaches 2^63.
pub(super) fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// The refs that the column `terms` names; none where it cannot be read.
pub(super) fn refs_of(terms: &str) -> Option<Vec<String>> {
    let kept: Kept = serde_json::from_str(terms).ok()?;
    Some(kept.refs)
}
