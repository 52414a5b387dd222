//! What reviewers saw of a push is taken out some time after the push is over. Who decided what stays, here and on record.

use super::{Desk, Error, Millis, SWEEP};
use crate::audit;
use crate::store;

impl Desk {
    /// Takes out what is shown of cases that have been over for as long as it is kept; tells of which.
    ///
    /// # Errors
    /// When the desk cannot be read or written.
    pub async fn forget(&self, now: Millis) -> Result<Vec<String>, Error> {
        let until = now.saturating_sub(self.times().contents);
        let mut forgotten = Vec::new();
        for id in self.0.store.cases_to_forget(until, SWEEP).await? {
            let deed = audit::Deed {
                kind: audit::Kind::Case,
                action: "forget",
                actor: audit::Actor::system(),
                case: Some(id.clone()),
                subject: None,
                before: None,
                after: None,
                note: None,
            };
            let change = store::cases::forget(&id, until);
            match self.0.audit.act(&deed, change).await {
                Ok(_) => forgotten.push(id),
                // It is out already.
                Err(audit::Error::Stale) => {}
                Err(error) => return Err(Error::Audit(error)),
            }
        }
        Ok(forgotten)
    }
}
