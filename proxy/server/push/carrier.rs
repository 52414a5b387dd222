//! Approved pushes that go by themselves, with the organisation's credential, where the configuration has one for them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use exeat_gitwire::push_request;

use super::{
    Order, Pushes, answer,
    fault::Fault,
    id::PushId,
    kept::{Head, Unreadable},
    panic::{self, Progress},
    release::Released,
};
use crate::{
    door::{Errand, Knock},
    identity::{Actor, Credential, Known},
    people::PersonId,
    review::{Filed, State},
    store::CaseFilter,
    upstream::Upstreams,
};

/// Cases that one look takes up.
const MOST: u32 = 200;
/// How long to wait after each failure; after the last one the developer's own push is left to do it.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];

/// What was tried before: a forge that is down shall not be asked without a pause.
#[derive(Default)]
pub struct Tried(HashMap<String, (usize, Instant)>);

impl Tried {
    /// Whether a case may be tried at `now`.
    fn may(&self, case: &str, now: Instant) -> bool {
        self.0.get(case).is_none_or(|(_, next)| now >= *next)
    }

    fn failed(&mut self, case: &str, now: Instant) {
        let (tries, next) = self.0.entry(case.to_owned()).or_insert((0, now));
        let pause = PAUSES.get(*tries).copied();
        *tries += 1;
        // A week is longer than any approval is of use.
        *next = now + pause.unwrap_or(Duration::from_secs(7 * 24 * 3600));
    }

    fn keep(&mut self, cases: &[Filed]) {
        self.0
            .retain(|case, _| cases.iter().any(|filed| filed.case.id == *case));
    }
}

impl Pushes {
    /// Sends what is approved and may go by itself.
    pub async fn carry_approved(&self, upstreams: &Upstreams, tried: &mut Tried) {
        let filter = CaseFilter {
            state: Some(State::Approved.as_str().to_owned()),
            ..CaseFilter::default()
        };
        let cases = match self.desk.list(&filter, MOST).await {
            Ok(cases) => cases,
            Err(error) => return tracing::error!(%error, "approved pushes could not be read"),
        };
        tried.keep(&cases);
        for filed in cases {
            let case = &filed.case.id;
            if !filed.accepted || self.waiters.has(case) || !tried.may(case, Instant::now()) {
                continue;
            }
            let Some(credential) = organisation(self, upstreams, &filed) else {
                continue;
            };
            tried.failed(case, Instant::now());
            let carried = panic::caught(self.carry_one(upstreams, &filed, credential)).await;
            if let Err(fault) = carried.and_then(|carried| carried) {
                tracing::warn!(case, error = %fault, "an approved push could not be sent by itself");
            }
        }
    }

    async fn carry_one(
        &self,
        upstreams: &Upstreams,
        filed: &Filed,
        credential: Credential,
    ) -> Result<(), Fault> {
        let order = self.order_of(upstreams, filed, credential).await?;
        // Nobody listens: what is told is in the record.
        let (mut line, _) = answer::open(&order.request);
        match self.release(&order, filed, &mut line).await {
            Released::Done => {
                tracing::info!(case = filed.case.id, push = %order.id, "an approved push was sent by itself")
            }
            Released::Gone => {}
            Released::Returned => {
                tracing::info!(case = filed.case.id, "it went back to its reviewers")
            }
        }
        Ok(())
    }

    /// The push as it was kept, in the name of its pusher and with the organisation's credential.
    async fn order_of(
        &self,
        upstreams: &Upstreams,
        filed: &Filed,
        credential: Credential,
    ) -> Result<Order, Fault> {
        let opened = self.opened(&filed.case.id).await?;
        let head = Head::read(opened.head()).map_err(unreadable)?;
        let upstream = upstreams.by_name(&head.whereto.upstream);
        let knock = Knock {
            upstream: upstream.ok_or(Fault::Stopped)?,
            repository: head.repository().map_err(unreadable)?,
            errand: Errand::Push,
        };
        let known = self.pusher_of(filed).await?;
        Ok(Order {
            id: PushId::random().map_err(|_| Fault::Inside)?,
            past: self.past(&known, &knock).await,
            knock,
            actor: Actor::of_ourselves(Some(credential)),
            known,
            request: head.request(self.head_limits()).map_err(unreadable)?,
            wishes: head.wishes(),
            since: Instant::now(),
            progress: Progress::default(),
        })
    }

    /// Who pushed, as he is known now. Somebody who is disabled sends nothing.
    async fn pusher_of(&self, filed: &Filed) -> Result<Known, Fault> {
        let pusher = &filed.case.pusher;
        let mut known = Known {
            account: pusher.account.clone(),
            ..Known::default()
        };
        let Some(id) = pusher.person.as_deref().and_then(PersonId::read) else {
            return Ok(known);
        };
        let register = self.people.register();
        let person = register
            .person_of_id(&id)
            .await
            .map_err(|_| Fault::Inside)?;
        let person = person
            .filter(|person| !person.disabled)
            .ok_or(Fault::Stopped)?;
        known.groups = register.groups_of(&id).await.map_err(|_| Fault::Inside)?;
        known.person = Some(person);
        Ok(known)
    }

    fn head_limits(&self) -> push_request::Limits {
        super::receive::head_limits(&self.limits, self.limits.head_bytes)
    }
}

fn organisation(pushes: &Pushes, upstreams: &Upstreams, filed: &Filed) -> Option<Credential> {
    let upstream = upstreams.by_name(&filed.upstream)?;
    let organisation = upstream.organisation.as_ref()?;
    if !organisation.repositories.contains(&filed.repository) {
        return None;
    }
    Credential::of_organisation(&organisation.user, organisation.token.expose(), &pushes.key)
}

fn unreadable(_: Unreadable) -> Fault {
    Fault::Stopped
}

/// Looks whenever a case changes, and where something was tried before, when its pause is over.
pub async fn run<F: Future<Output = ()>>(
    desk: crate::review::Desk,
    stop: tokio_util::sync::CancellationToken,
    mut look: impl FnMut(Arc<tokio::sync::Mutex<Tried>>) -> F,
) {
    const LOOK: Duration = Duration::from_secs(15);
    let tried = Arc::new(tokio::sync::Mutex::new(Tried::default()));
    let mut changes = desk.changes();
    loop {
        look(Arc::clone(&tried)).await;
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}
