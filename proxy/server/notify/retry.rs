//! Lets a notice that was given up be tried anew, on record.

use crate::audit::{self, Actor, Audit, Deed};
use crate::people;
use crate::store::{self, Change, Store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no notice {0}; see: exeat notify list")]
    Absent(String),
    #[error("the notice {id} is {state}: only what was given up is tried anew")]
    Alive { id: String, state: String },
    #[error("it has changed meanwhile; look again")]
    Stale,
    #[error(transparent)]
    Audit(#[from] audit::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Lets the notice of this id wait again, with all the time it had at first, together with `guard` or not at all.
///
/// # Errors
/// When there is none, or it was not given up.
pub async fn retry(
    store: &Store,
    audit: &Audit,
    actor: Actor,
    guard: Change,
    id: &str,
) -> Result<(), Error> {
    let absent = || Error::Absent(id.escape_default().to_string());
    let row = store.records().notice(id).await?.ok_or_else(absent)?;
    if row.state != "dead" {
        return Err(Error::Alive {
            state: row.state,
            id: row.id,
        });
    }
    let deed = Deed {
        kind: audit::Kind::Notice,
        action: "retry",
        actor,
        case: Some(row.event.case.clone()),
        subject: Some(row.id.clone()),
        before: None,
        after: None,
        note: Some(format!(
            "{} {}, {}",
            row.channel, row.receiver, row.event.kind
        )),
    };
    let change = guard.and(store::outbox::revive(&row.id, people::now()));
    match audit.act(&deed, change).await {
        Ok(_) => Ok(()),
        Err(audit::Error::Stale) => Err(Error::Stale),
        Err(error) => Err(error.into()),
    }
}
