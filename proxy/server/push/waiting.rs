//! A push with `exeat.wait` stays open until somebody has decided, then goes in the same push.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Order, Pushes, admit,
    answer::Line,
    fault::Fault,
    id::PushId,
    message::{self, Told},
    panic::{self, Progress},
    quiet,
    release::Released,
};
use crate::{
    audit,
    door::Knock,
    review::{Filed, State},
};

/// How often it is looked whether the developer is still there.
const LOOK: Duration = Duration::from_secs(1);

/// The cases for which somebody keeps a push open. They outlive a change of the configuration.
#[derive(Default)]
pub struct Waiters(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    cases: HashMap<String, usize>,
    pushers: HashMap<String, usize>,
}

/// Somebody who waits, until it is dropped.
struct Seat {
    waiters: Arc<Waiters>,
    case: String,
    pusher: String,
}

impl Waiters {
    /// One more for a case, unless `most` wait already, or a quarter of them are this pusher's.
    fn enter(self: &Arc<Self>, case: &str, pusher: &str, most: usize) -> Option<Seat> {
        let mut seats = self.seats();
        let own = seats.pushers.get(pusher).copied().unwrap_or_default();
        if seats.pushers.values().sum::<usize>() >= most || own >= most.div_ceil(4) {
            return None;
        }
        *seats.cases.entry(case.to_owned()).or_default() += 1;
        *seats.pushers.entry(pusher.to_owned()).or_default() += 1;
        Some(Seat {
            waiters: Arc::clone(self),
            case: case.to_owned(),
            pusher: pusher.to_owned(),
        })
    }

    /// Whether somebody waits for this case, who is to send it.
    pub fn has(&self, case: &str) -> bool {
        self.seats().cases.contains_key(case)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.waiters.seats();
        one_less(&mut seats.cases, &self.case);
        one_less(&mut seats.pushers, &self.pusher);
    }
}

fn one_less(numbers: &mut HashMap<String, usize>, of: &str) {
    if let Some(number) = numbers.get_mut(of) {
        *number -= 1;
        if *number == 0 {
            numbers.remove(of);
        }
    }
}

/// Why the waiting ended without the push having gone.
enum Ended {
    /// The developer has gone; the case stays.
    Alone,
    /// It went, or was told what failed.
    Done,
    Told(Told),
}

impl Pushes {
    /// Keeps a held push open for as long as its developer wants and the limits let him.
    pub(super) async fn wait(&self, order: &Order, filed: &Filed, held: Told, line: &mut Line) {
        let outcome = audit::Outcome {
            ending: audit::Ending::NotSent,
            forwarded_bytes: 0,
            note: format!("{}; its pusher waits", held.reason),
        };
        self.note_outcome(order, &outcome).await;
        let Some(_seat) =
            self.waiters
                .enter(&filed.case.id, &quiet::pusher(order), self.limits.waiting)
        else {
            let told = message::too_many_wait(held);
            return line.refuse(&order.request, &told).await;
        };
        line.say(&held.text).await;
        line.say(&message::waits(filed)).await;
        self.metrics.pushes_waiting.inc();
        let ended = self.until_decided(order, filed.clone(), line).await;
        self.metrics.pushes_waiting.dec();
        if let Ended::Told(told) = ended {
            line.refuse(&order.request, &told).await;
        }
    }

    async fn until_decided(&self, order: &Order, mut filed: Filed, line: &mut Line) -> Ended {
        let mut changes = self.desk.changes();
        let mut heard = self.said(&filed).await;
        let deadline = Instant::now() + self.limits.wait_seconds;
        loop {
            match filed.case.state {
                State::Open | State::Forwarding => {}
                State::Approved => match self.go(order, &filed, line).await {
                    Released::Done => return Ended::Done,
                    Released::Gone => {}
                    Released::Returned => {
                        if let Ok(back) = self.desk.case(&filed.case.id).await {
                            line.say(&message::returned(&back)).await;
                        }
                    }
                },
                State::Rejected => return Ended::Told(self.rejected(order, &filed).await),
                State::Sent | State::Unknown => {
                    return Ended::Told(message::went_without(order, &filed));
                }
                State::Withdrawn | State::Expired | State::Superseded => {
                    return Ended::Told(message::over(order, &filed));
                }
            }
            if let Some(ended) = self
                .next_change(order, &filed, &mut changes, deadline, line)
                .await
            {
                return ended;
            }
            let (before, to_fix) = (filed.case.approvals(), filed.case.to_be_fixed());
            match self.desk.case(&filed.case.id).await {
                Ok(now) => filed = now,
                Err(error) => {
                    tracing::error!(%error, "a push that waits could not read its case");
                    return Ended::Told(message::unread(order, &filed));
                }
            }
            if filed.case.state != State::Open {
                continue;
            }
            let said = self.said(&filed).await;
            let new: Vec<_> = said.iter().filter(|one| !heard.contains(one)).collect();
            if !new.is_empty() {
                line.say(&message::news(&new)).await;
            }
            heard = said;
            if filed.case.approvals() > before {
                line.say(&message::waits(&filed)).await;
            }
            if filed.case.to_be_fixed() > to_fix && filed.case.state == State::Open {
                line.say(&message::must_be_fixed(&filed)).await;
            }
        }
    }

    async fn next_change(
        &self,
        order: &Order,
        filed: &Filed,
        changes: &mut tokio::sync::watch::Receiver<u64>,
        deadline: Instant,
        line: &Line,
    ) -> Option<Ended> {
        loop {
            tokio::select! {
                _ = changes.changed() => return None,
                () = tokio::time::sleep_until(deadline) => {
                    return Some(Ended::Told(message::waited_enough(order, filed)));
                }
                () = self.stopping.cancelled() => {
                    return Some(Ended::Told(message::stops(order, filed)));
                }
                () = tokio::time::sleep(LOOK) => {
                    if line.is_gone() {
                        tracing::info!("who waited has gone; the push is held all the same");
                        return Some(Ended::Alone);
                    }
                }
            }
        }
    }

    /// Whether the same pusher may still push there, and the upstream still takes it from him: hours may have passed.
    async fn admitted_still(&self, order: &Order, filed: &Filed) -> Result<(), Fault> {
        if !self.pusher(order).is(&filed.case.pusher) {
            return Err(Fault::NoLonger("its pusher is known as somebody else now"));
        }
        if admit::accepted(self, &order.knock, &order.actor)
            .await
            .is_none()
        {
            return Err(Fault::NoLonger(
                "the forge no longer takes it from its pusher",
            ));
        }
        Ok(())
    }

    /// Sends it on as a push of its own: what was held has its end on record already.
    async fn go(&self, order: &Order, filed: &Filed, line: &mut Line) -> Released {
        let Ok(id) = PushId::random() else {
            return Released::Gone;
        };
        // Rules, policy and ways to upstreams may have changed since it came.
        let Some((pushes, upstreams)) = self.latest.get() else {
            return Released::Gone;
        };
        let Some(upstream) = upstreams.by_name(&order.knock.upstream.name) else {
            return Released::Gone;
        };
        let knock = Knock {
            upstream,
            ..order.knock.clone()
        };
        let known = pushes.recognition.of(&knock.upstream, &order.actor).await;
        let mut anew = Order {
            id,
            past: order.past,
            knock,
            actor: order.actor.clone(),
            known: order.known.clone(),
            request: order.request.clone(),
            wishes: order.wishes.clone(),
            by_itself: false,
            since: order.since,
            progress: Progress::default(),
        };
        let admitted = match known {
            Ok(known) => {
                anew.past = pushes.past(&known, &anew.knock).await;
                anew.known = known;
                pushes.admitted_still(&anew, filed).await
            }
            Err(_) => Err(Fault::NoLonger("its pusher is no longer known here")),
        };
        if let Err(fault) = admitted {
            pushes.refuse_unjudged(&anew, &fault, line).await;
            return Released::Done;
        }
        let released = panic::caught(pushes.release(&anew, filed, line)).await;
        match released {
            Ok(released) => released,
            Err(_) => {
                pushes.refuse_fallen(&anew, line).await;
                pushes.mend(&anew).await;
                Released::Done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_are_counted_and_their_cases_known() {
        let waiters = Arc::new(Waiters::default());
        let one = waiters.enter("P-1", "dev", 8).unwrap();
        let again = waiters.enter("P-1", "dev", 8).unwrap();
        assert!(
            waiters.enter("P-2", "dev", 8).is_none(),
            "more than a quarter"
        );
        let other = waiters.enter("P-2", "ops", 3).unwrap();
        assert!(waiters.enter("P-3", "sec", 3).is_none(), "all are taken");
        drop((one, other));
        assert!(waiters.has("P-1") && !waiters.has("P-2"));
        drop(again);
        assert!(!waiters.has("P-1"));
        assert!(waiters.enter("P-2", "dev", 1).is_some());
    }
}
