//! What went through this proxy before: of this person, and to this repository.

use super::{Order, Pushes};
use crate::{audit::Ending, door::Knock, identity::Known, people, policy::Event, store};

/// None where the policy does not ask, where nobody is known, or where it could not be looked up: judged both ways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    pub first_push: Option<bool>,
    pub new_project: Option<bool>,
}

impl Pushes {
    /// What the policy asks of the past of a push to where `knock` leads.
    pub(super) async fn past(&self, known: &Known, knock: &Knock) -> Past {
        let records = self.store.records();
        let mut past = Past::default();
        if let (true, Some(person)) = (self.policy.asks(Event::FirstPush), known.person_id()) {
            past.first_push = unless(records.has_pushed(person).await);
        }
        if self.policy.asks(Event::NewProject) {
            let repository = knock.repository.comparable(knock.upstream.forge);
            let pushed = records.is_pushed_to(&knock.upstream.name, &repository);
            past.new_project = unless(pushed.await);
        }
        past
    }

    /// Remembers a push that went to where `knock` leads.
    pub(super) async fn remember(&self, order: &Order, knock: &Knock, ending: Ending) {
        match ending {
            Ending::Accepted | Ending::Partial | Ending::AcceptedConfirmed => {}
            Ending::Rejected | Ending::NotSent | Ending::NotTaken | Ending::Unknown => return,
        }
        let repository = knock.repository.comparable(knock.upstream.forge);
        let person = order.known.person_id();
        let noted =
            self.store
                .note_pushed(&knock.upstream.name, &repository, person, people::now());
        if let Err(error) = noted.await {
            tracing::warn!(%error, "a push that went is not remembered: it counts as a first one again");
        }
    }
}

fn unless(happened: Result<bool, store::Error>) -> Option<bool> {
    let happened = happened.inspect_err(
        |error| tracing::warn!(%error, "what was pushed before could not be looked up"),
    );
    happened.ok().map(|happened| !happened)
}
