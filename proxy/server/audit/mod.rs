//! The audit: every decision and what became of it, in a chain that shows when it was changed.
//!
//! Order of writing: the decision is durable, then bytes go upstream, then the outcome is durable. A decision to forward
//! without an outcome is found at the next start and recorded as unknown. If a record cannot be written, the caller refuses
//! the push: no audit, no push.
//!
//! Records are leaves of an RFC 6962 tree (`tree`), not links of a hash chain: one hash then stands for everything before
//! it, single records can be proven, and a personal half can be erased (`erase`) while the tree still verifies (`verify`).
//! What no log can show by itself is a tail that was cut off together with its tree heads; for that, keep the size and root
//! that `exeat audit verify` prints somewhere else and hand them to it the next time.

mod chain;
mod erase;
mod read;
mod record;
#[cfg(test)]
pub(crate) mod samples;
mod seal;
pub mod tree;
mod verify;

use std::sync::Arc;

use crate::store::Trouble;

pub use self::chain::Audit;
pub use self::read::{Fate, fate, newest, of_push};
pub use self::record::{
    Actor, ActorKind, Commitments, Coverage, Decision, Deed, Digests, Ending, Erasure, Finding,
    Kind, Leaf, Outcome, Payload, Reason, Record, RefUpdate, Seq, Start, Target, VERSION, Verdict,
};
pub use self::verify::{Checkpoint, Fault, Problem, Report, verify};

/// A tree head: so many records, with this root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: tree::Hash,
}

/// Why a record could not be written or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nothing was written.
    #[error("the audit record could not be written: {0}")]
    Write(Arc<crate::store::Error>),
    #[error("the audit chain could not be read: {0}")]
    Read(Arc<crate::store::Error>),
    /// Found while opening; `exeat audit verify` says more.
    #[error("the audit chain is damaged at record {seq}: {what}; run: exeat audit verify")]
    Damaged { seq: Seq, what: &'static str },
    /// Nothing was written: what a deed was to change is no longer as its doer saw it.
    #[error("it has changed since it was looked at; look again")]
    Stale,
    #[error("push {0} has a decision already")]
    Decided(String),
    #[error("record {0} does not exist and cannot be erased")]
    NoSuchRecord(Seq),
    #[error("an erasure names no record")]
    NothingToErase,
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    #[error("the audit is closed")]
    Closed,
}

impl Error {
    /// What kind of trouble the database is in, where it is that.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Write(error) | Self::Read(error) => error.trouble(),
            Self::Damaged { .. } => Trouble::Damaged,
            _ => Trouble::Other,
        }
    }
}
