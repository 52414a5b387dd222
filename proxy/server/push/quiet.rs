//! Whose pushes are stopped again and again: such answers name no rules, files or lines, from which rules could be learnt.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Order;
use crate::config::Quiet;

/// Pushers remembered; beyond it whoever was stopped longest ago is forgotten.
const MOST: usize = 10_000;

/// The stops of all pushers lately, held and refused pushes alike. Like the places they outlive a change of the
/// configuration, not a restart. A push that goes takes nothing back: who tries rules out has both.
pub struct Stops(Mutex<Counted>);

struct Counted {
    quiet: Quiet,
    pushers: HashMap<String, VecDeque<Instant>>,
}

impl Stops {
    pub fn new(quiet: Quiet) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Counted {
            quiet,
            pushers: HashMap::new(),
        })))
    }

    /// From now on counts by this. Stops are remembered as long as either asked for.
    pub fn follow(&self, quiet: Quiet) {
        self.counted().quiet = quiet;
    }

    /// Notes a stop of `pusher` now, and says whether its answer is to be without details.
    pub fn note(&self, pusher: &str, now: Instant) -> bool {
        let counted = &mut *self.counted();
        let Quiet { after, within } = counted.quiet;
        if after == 0 {
            return false;
        }
        if !counted.pushers.contains_key(pusher) {
            make_room(&mut counted.pushers, within, now);
        }
        let stops = counted.pushers.entry(pusher.to_owned()).or_default();
        stops.retain(|&stop| now.duration_since(stop) < within);
        let is_quiet = stops.len() >= after;
        stops.push_back(now);
        // No more than decide.
        let surplus = stops.len().saturating_sub(after);
        stops.drain(..surplus);
        is_quiet
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets whose last stop was too long ago to count, and where that is nobody, whose was longest ago.
fn make_room(pushers: &mut HashMap<String, VecDeque<Instant>>, within: Duration, now: Instant) {
    if pushers.len() < MOST {
        return;
    }
    let last = |stops: &VecDeque<Instant>| stops.back().copied();
    pushers.retain(|_, stops| last(stops).is_some_and(|stop| now.duration_since(stop) < within));
    if pushers.len() < MOST {
        return;
    }
    let oldest = pushers.iter().min_by_key(|(_, stops)| last(stops));
    if let Some(oldest) = oldest.map(|(pusher, _)| pusher.clone()) {
        pushers.remove(&oldest);
    }
}

/// Who is counted: the person, else the account, else the credential; the address where there is none, which many may
/// share.
pub fn pusher(order: &Order) -> String {
    if let Some(person) = &order.known.person {
        return format!("person {}", person.id);
    }
    if let Some(account) = &order.known.account {
        return format!("account {} {account}", order.knock.upstream.name);
    }
    match &order.actor.credential {
        Some(credential) => format!("credential {}", credential.hash),
        None => format!("address {}", order.actor.source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn stops(after: usize) -> Arc<Stops> {
        Stops::new(Quiet {
            after,
            within: 10 * MINUTE,
        })
    }

    #[test]
    fn the_one_after_as_many_stops_is_quiet_until_they_are_long_ago() {
        let (stops, start) = (stops(3), Instant::now());
        let at = |minutes: u32| start + minutes * MINUTE;
        let noted = [0, 1, 2, 3, 9].map(|minutes| stops.note("ada", at(minutes)));
        assert_eq!(noted, [false, false, false, true, true]);
        assert!(!stops.note("bob", at(9)), "somebody else's are counted");
        // Those of minutes 3 and 9 are left; then that of minute 14 makes three again.
        assert!(stops.note("ada", at(11)), "2, 3 and 9 are lately");
        assert!(!stops.note("ada", at(19)), "only 11 is lately");
    }

    #[test]
    fn none_is_quiet_where_it_is_not_asked_for() {
        let (stops, now) = (stops(0), Instant::now());
        assert!((0..100).all(|_| !stops.note("ada", now)));
        assert!(stops.counted().pushers.is_empty());
    }

    #[test]
    fn what_was_counted_outlives_another_number() {
        let (stops, now) = (stops(3), Instant::now());
        for _ in 0..3 {
            stops.note("ada", now);
        }
        stops.follow(Quiet {
            after: 2,
            within: MINUTE,
        });
        assert!(stops.note("ada", now));
        stops.follow(Quiet {
            after: 4,
            within: MINUTE,
        });
        assert!(!stops.note("ada", now));
    }

    #[test]
    fn memory_is_bounded_and_the_latest_stay() {
        let (stops, start) = (stops(2), Instant::now());
        for number in 0..MOST + 10 {
            let number = u32::try_from(number).unwrap();
            let now = start + number * Duration::from_micros(1);
            stops.note(&number.to_string(), now);
        }
        for _ in 0..1000 {
            stops.note("again", start + MINUTE);
        }
        let counted = stops.counted();
        assert_eq!(counted.pushers.len(), MOST);
        assert!(counted.pushers["again"].len() <= 2);
        assert!(counted.pushers.contains_key(&(MOST + 9).to_string()));
        assert!(!counted.pushers.contains_key("0"));
    }
}
