//! Puts on record who came in by a token, and who was turned away.

use super::service::{Act, Error, People};
use super::tokens::Bearer;
use crate::audit::{Actor, ActorKind, Kind};

impl People {
    /// Somebody came in; `source` is the address.
    pub async fn note_login(&self, bearer: &Bearer, source: Option<&str>) -> Result<(), Error> {
        let act = Act {
            kind: Kind::Login,
            action: "login",
            actor: &bearer.actor(source),
            subject: bearer.token.id.as_str().to_owned(),
            before: None,
            after: None,
            note: String::new(),
        };
        self.act(act, crate::store::Change::none()).await
    }

    /// Somebody presented what is no token of ours.
    pub async fn note_stranger(&self, source: Option<&str>) -> Result<(), Error> {
        let actor = Actor {
            kind: ActorKind::Anonymous,
            name: None,
            verified: false,
            credential: None,
            certificate: None,
            source: source.map(str::to_owned),
            person: None,
            account: None,
        };
        let act = Act {
            kind: Kind::Login,
            action: "refused: unknown",
            actor: &actor,
            subject: "token".to_owned(),
            before: None,
            after: None,
            note: String::new(),
        };
        self.act(act, crate::store::Change::none()).await
    }
}
