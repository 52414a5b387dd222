//! Approved pushes that go by themselves, with the organisation's credential, where the configuration has one for them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use exeat_gitwire::push_request;
use tokio_util::sync::CancellationToken;

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
    review::{self, Desk, Filed, State},
    store::CaseFilter,
    upstream::Upstreams,
};

/// Cases that are read at once.
const PAGE: u32 = 200;
/// How long after its next try a case is remembered.
const OLD: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked without a change.
const LOOK: Duration = Duration::from_secs(15);
/// How long to wait after each failure; after the last one the developer's own push is left to do it.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];

/// What was tried before, and what is on its way: a forge that is down shall not be asked without a pause, and one that is
/// slow holds up nobody else's.
#[derive(Default)]
pub struct Tried(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    /// Failures, and when to try again.
    cases: HashMap<String, (usize, Instant)>,
    /// Upstreams that are being sent to.
    busy: HashSet<String>,
}

impl Tried {
    /// Whether a case may be sent at `now`; it counts as tried then, and its upstream as busy until `end`.
    fn begin(&self, case: &str, upstream: &str, now: Instant) -> bool {
        let mut attempts = self.attempts();
        let waits = attempts
            .cases
            .get(case)
            .is_some_and(|(_, next)| now < *next);
        if waits || !attempts.busy.insert(upstream.to_owned()) {
            return false;
        }
        let (tries, next) = attempts.cases.entry(case.to_owned()).or_insert((0, now));
        let pause = PAUSES.get(*tries).copied();
        *tries += 1;
        // A week is longer than any approval is of use.
        *next = now + pause.unwrap_or(Duration::from_secs(7 * 24 * 3600));
        true
    }

    fn end(&self, upstream: &str) {
        self.attempts().busy.remove(upstream);
    }

    /// Forgets what was to be tried again long ago and was not: it went, or is over.
    fn forget_old(&self, now: Instant) {
        let mut attempts = self.attempts();
        attempts.cases.retain(|_, (_, next)| now < *next + OLD);
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pushes {
    /// Begins to send what is approved and may go by itself: at most one for each upstream at a time.
    pub async fn carry_approved(self: &Arc<Self>, upstreams: &Arc<Upstreams>, tried: &Arc<Tried>) {
        if let Err(error) = self.look_at_approved(upstreams, tried).await {
            tracing::error!(%error, "approved pushes could not be read");
        }
    }

    async fn look_at_approved(
        self: &Arc<Self>,
        upstreams: &Arc<Upstreams>,
        tried: &Arc<Tried>,
    ) -> Result<(), review::Error> {
        let mut filter = CaseFilter {
            state: Some(State::Approved.as_str().to_owned()),
            ..CaseFilter::default()
        };
        loop {
            let page = self.desk.ids(&filter, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            filter.after = page.last().cloned();
            for (_, case) in page {
                match self.desk.case(&case).await {
                    Ok(filed) => self.set_out(upstreams, tried, filed),
                    Err(error @ (review::Error::Damaged(_) | review::Error::Absent(_))) => {
                        tracing::error!(%error, "an approved push is left out");
                    }
                    Err(error) => return Err(error),
                }
            }
            if is_last {
                break;
            }
        }
        tried.forget_old(Instant::now());
        Ok(())
    }

    /// Sends one, if it may go by itself now.
    fn set_out(self: &Arc<Self>, upstreams: &Arc<Upstreams>, tried: &Arc<Tried>, filed: Filed) {
        let is_approved = filed.case.state == State::Approved && filed.accepted;
        if !is_approved || self.waiters.has(&filed.case.id) || self.stopping.is_cancelled() {
            return;
        }
        let Some(credential) = organisation(self, upstreams, &filed) else {
            return;
        };
        if !tried.begin(&filed.case.id, &filed.upstream, Instant::now()) {
            return;
        }
        let (pushes, upstreams) = (Arc::clone(self), Arc::clone(upstreams));
        let tried = Arc::clone(tried);
        self.concluding.spawn(async move {
            let carrying = panic::caught(pushes.carry_one(&upstreams, &filed, credential));
            if let Err(fault) = carrying.await.and_then(|carried| carried) {
                let case = filed.case.id.as_str();
                tracing::warn!(case, error = %fault, "an approved push could not be sent by itself");
            }
            tried.end(&filed.upstream);
            pushes.desk.wake();
        });
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
        let released = panic::caught(self.release(&order, filed, &mut line)).await;
        match released {
            Ok(Released::Done) => {
                tracing::info!(case = filed.case.id, push = %order.id, "an approved push was carried out by itself");
            }
            Ok(Released::Gone) => {}
            Ok(Released::Returned) => {
                tracing::info!(case = filed.case.id, "it went back to its reviewers");
            }
            Err(fault) => {
                self.refuse_fallen(&order, &mut line).await;
                self.mend(&order).await;
                return Err(fault);
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
            by_itself: true,
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
    desk: Desk,
    stop: CancellationToken,
    mut look: impl FnMut(Arc<Tried>) -> F,
) {
    let tried = Arc::new(Tried::default());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_tried_again_after_growing_pauses_and_one_at_a_time() {
        let tried = Tried::default();
        let now = Instant::now();
        assert!(tried.begin("P-1", "forge", now));
        assert!(!tried.begin("P-2", "forge", now), "the upstream is busy");
        assert!(tried.begin("P-3", "other", now));
        tried.end("forge");
        assert!(!tried.begin("P-1", "forge", now), "not at once");
        assert!(tried.begin("P-2", "forge", now));
        tried.end("forge");
        let mut later = now;
        for pause in PAUSES {
            later += pause;
            tried.forget_old(later);
            assert!(!tried.begin("P-1", "forge", later - Duration::from_secs(1)));
            assert!(tried.begin("P-1", "forge", later));
            tried.end("forge");
        }
        assert!(!tried.begin("P-1", "forge", later + OLD));
    }
}
