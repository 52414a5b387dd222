//! Who is here: a place for each connection, and who has to go when a newcomer finds none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long a newcomer waits for the place of the connection that was asked to go: at once, but on a machine out of breath.
const PATIENCE: Duration = Duration::from_secs(5);

/// All connections of a listener.
pub struct Crowd {
    places: Arc<Semaphore>,
    idle: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// Whom to ask to go, longest idle first.
    by_age: BTreeMap<u64, Arc<Notify>>,
}

impl Crowd {
    /// Room for so many at once.
    pub fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
        }
    }

    /// A place for a newcomer. Where there is none, the connection that has been idle longest is asked to go; `None`
    /// where all are busy.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let (_, oldest) = self.waiting().by_age.pop_first()?;
        oldest.notify_one();
        let place = Arc::clone(&self.places).acquire_owned();
        tokio::time::timeout(PATIENCE, place).await.ok()?.ok()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one connection is idle, as the crowd knows it. A new connection is, until it asks something.
pub struct Idle {
    crowd: Arc<Crowd>,
    /// Told to a connection that has to go.
    displaced: Arc<Notify>,
    age: Option<u64>,
}

impl Idle {
    pub fn new(crowd: Arc<Crowd>, displaced: Arc<Notify>) -> Self {
        let mut idle = Self {
            crowd,
            displaced,
            age: None,
        };
        idle.begin();
        idle
    }

    /// Told when the connection has to go.
    pub fn displaced(&self) -> Arc<Notify> {
        Arc::clone(&self.displaced)
    }

    /// From now on the connection may be asked to go.
    pub fn begin(&mut self) {
        let mut waiting = self.crowd.waiting();
        let age = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(age, Arc::clone(&self.displaced));
        if let Some(before) = self.age.replace(age) {
            waiting.by_age.remove(&before);
        }
    }

    /// The connection is busy.
    pub fn end(&mut self) {
        if let Some(age) = self.age.take() {
            self.crowd.waiting().by_age.remove(&age);
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_idle_goes_first_and_the_busy_stay() {
        let crowd = Arc::new(Crowd::new(2));
        let mut places = vec![crowd.place().await.unwrap(), crowd.place().await.unwrap()];
        let told: [Arc<Notify>; 2] = Default::default();
        let mut idle = told.clone().map(|told| Idle::new(Arc::clone(&crowd), told));
        idle[0].end();
        idle[0].begin();
        let leaving = async {
            told[1].notified().await;
            drop(places.pop());
        };
        let (newcomer, ()) = tokio::join!(crowd.place(), leaving);
        assert!(newcomer.is_some());
        idle[0].end();
        assert!(crowd.place().await.is_none(), "all are busy");
    }
}
