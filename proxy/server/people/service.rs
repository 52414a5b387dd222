//! The service that changes who there is: every change and its audit record are one.

use std::time::{SystemTime, UNIX_EPOCH};

use exeat_inspect::FingerprintKey;

use super::form;
use super::register::{self, Register};
use crate::audit::{self, Actor, Audit, Deed, Kind};
use crate::store::{self, Change, Store};

/// Longest note of an audit record, in characters.
const NOTE: usize = 400;

/// Persons, groups and tokens, for changing. Cheap to clone. Whether the one who acts may do so is the caller's to ask of
/// `rights`; here he is put on record.
#[derive(Debug, Clone)]
pub struct People {
    pub(super) store: Store,
    pub(super) audit: Audit,
    pub(super) key: FingerprintKey,
    register: Register,
    /// What must be so for anything to be done.
    guard: Change,
}

impl People {
    /// Over the data folder that this process holds.
    pub fn new(store: &Store, audit: &Audit) -> Self {
        Self {
            key: FingerprintKey::new(*store.fingerprint_key().expose()),
            register: Register::new(store.records()),
            store: store.clone(),
            audit: audit.clone(),
            guard: Change::none(),
        }
    }

    /// The same, where what is done is done together with `guard` or not at all.
    pub fn guarded(&self, guard: Change) -> Self {
        Self {
            guard,
            ..self.clone()
        }
    }

    /// The same, for reading.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// Puts a deed on record and does it.
    pub(super) async fn act(&self, act: Act<'_>, change: Change) -> Result<(), Error> {
        let deed = Deed {
            kind: act.kind,
            action: act.action,
            actor: act.actor.clone(),
            case: None,
            subject: Some(act.subject),
            before: act.before,
            after: act.after,
            note: Some(shortened(act.note)),
        };
        let change = self.guard.clone().and(change);
        self.audit.act(&deed, change).await?;
        Ok(())
    }
}

/// What a record says of a change.
pub(super) struct Act<'a> {
    pub(super) kind: Kind,
    pub(super) action: &'static str,
    pub(super) actor: &'a Actor,
    pub(super) subject: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) note: String,
}

fn shortened(note: String) -> String {
    match note.char_indices().nth(NOTE) {
        Some((end, _)) => format!("{}...", &note[..end]),
        None => note,
    }
}

/// How it stands after an order, and whether that changed anything. What was so already is not recorded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<T> {
    pub now: T,
    pub changed: bool,
}

/// The time as the tables have it: Unix milliseconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Why an order was not carried out, or a question not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Form(#[from] form::Error),
    #[error("there is no person named \"{0}\"")]
    NoPerson(String),
    #[error("there is no group named \"{0}\"")]
    NoGroup(String),
    #[error("there is no token with the id \"{0}\"")]
    NoToken(String),
    #[error("there is a person named \"{0}\" already")]
    PersonExists(String),
    #[error("there is a group named \"{0}\" already")]
    GroupExists(String),
    #[error("{account} belongs to {person}; unlink it there first")]
    AccountTaken { account: String, person: String },
    #[error("{0} is disabled, and would have no use of a token")]
    Disabled(String),
    #[error("a token needs at least one scope: push, read, decide or admin")]
    NoScope,
    #[error("service tokens never decide: leave out the scope decide, or give a person a token")]
    ServiceDecides,
    #[error("a person has at most {most} {what}")]
    TooMany { what: &'static str, most: usize },
    #[error("what is stored of {0} cannot be read: a newer Exeat may have written it")]
    Unreadable(String),
    #[error(transparent)]
    Audit(#[from] audit::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl From<register::Unreadable> for Error {
    fn from(unreadable: register::Unreadable) -> Self {
        Self::Unreadable(unreadable.0)
    }
}
