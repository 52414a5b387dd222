//! Who a request comes from, as far as sources that are trusted say so.

use super::Actor;
use crate::{audit, config::Source, people::Person};

/// What is known of a pusher. Nothing in it comes from a name or a mail address.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Never one who is disabled.
    pub person: Option<Person>,
    /// The forge's own id of the account, within the upstream of the request.
    pub account: Option<String>,
    /// The names of the groups that the person is in.
    pub groups: Vec<String>,
    /// What says that it is this person.
    pub by: Vec<Source>,
}

impl Known {
    /// `actor` as he is recorded: by the name that we have of him, where somebody is known, and not by the one he claims.
    pub fn recorded(&self, actor: &Actor) -> audit::Actor {
        let claimed = actor.recorded();
        let Some(person) = &self.person else {
            return audit::Actor {
                account: self.account.clone(),
                ..claimed
            };
        };
        audit::Actor {
            kind: audit::ActorKind::User,
            name: Some(person.name.clone()),
            verified: true,
            person: Some(person.id.as_str().to_owned()),
            account: self.account.clone(),
            ..claimed
        }
    }

    /// The id of the person, for the log: names are in the audit alone.
    pub fn person_id(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.id.as_str())
    }
}
