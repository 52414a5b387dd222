//! What a pusher says of a push that waits already, and what its clock says when somebody looks at it.

use super::super::dossier::Dossier;
use super::{Change, Deed, Desk, Error, Filed, Millis, State, TRIES, Written};
use crate::audit;

impl Desk {
    /// Puts the reason of its pusher on a case that waits and has none. Nothing where it has one, or waits no more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn explain(
        &self,
        id: &str,
        reason: &str,
        actor: &audit::Actor,
        now: Millis,
    ) -> Result<Option<Filed>, Error> {
        let written = Written {
            note: Some(reason.to_owned()),
            ..Written::of_case("reason", actor.clone())
        };
        for _ in 0..TRIES {
            let mut filed = self.case(id).await?;
            let mut dossier = Dossier::read(&filed.body).unwrap_or_default();
            if dossier.reason.is_some() || filed.case.state != State::Open {
                return Ok(None);
            }
            dossier.reason = Some(reason.to_owned());
            filed.body = dossier.text();
            let done = self.change(&filed, Deed::Explain, &written, Change::none(), now);
            match done.await {
                Err(Error::Audit(audit::Error::Stale)) => {}
                done => return done.map(Some),
            }
        }
        Err(Error::Busy)
    }

    /// A case as it is at this moment: one whose time, or that of its approval, is over ends now.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn on_time(&self, filed: Filed, now: Millis) -> Result<Filed, Error> {
        let may_end = matches!(filed.case.state, State::Open | State::Approved);
        if !may_end || !filed.case.is_late(now) {
            return Ok(filed);
        }
        let id = &filed.case.id;
        let written = Written::of_case("expire", audit::Actor::system());
        match self.insist(id, &Deed::LookAtClock, &written, now).await {
            // Somebody used it or took it back at this very moment.
            Err(Error::Refused(_)) => self.case(id).await,
            done => done,
        }
    }
}

/// The reason that a body holds, for the record.
pub(super) fn reason_of(body: &str) -> Option<String> {
    Dossier::read(body).and_then(|dossier| dossier.reason)
}
