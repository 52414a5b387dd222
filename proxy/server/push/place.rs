//! The places of `limits.pushes`: one for each push that may be held in memory and inspected at the same time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::Metrics;

/// How long a push waits for its place when all are taken.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// All places. They outlive a change of the configuration, which may make them more or fewer.
#[derive(Debug)]
pub struct Places {
    seats: Seats,
    patience: Duration,
    metrics: Metrics,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    /// The user's own share, given back with the place, and what keeps it counted.
    share: Option<(OwnedSemaphorePermit, Arc<Seats>)>,
    metrics: Metrics,
}

/// A number of permits that can be changed while some are taken.
#[derive(Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    number: Mutex<usize>,
}

impl Place {
    /// Keeps a user's share for as long as the place.
    pub(super) fn with_share(mut self, share: OwnedSemaphorePermit, seats: Arc<Seats>) -> Self {
        self.share = Some((share, seats));
        self
    }
}

impl Places {
    pub fn new(number: usize, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self {
            seats: Seats::new(number),
            patience: PATIENCE,
            metrics: metrics.clone(),
        })
    }

    /// A place, or none after a short wait.
    pub async fn take(&self) -> Option<Place> {
        let permit = tokio::time::timeout(self.patience, self.seats.take())
            .await
            .ok()??;
        self.metrics.places_taken.inc();
        Some(Place {
            _permit: permit,
            share: None,
            metrics: self.metrics.clone(),
        })
    }

    /// Makes them `number`. Pushes under way keep theirs; what is too many goes as they end.
    pub fn set_number(&self, number: usize) {
        self.seats.set_number(number);
    }
}

impl Seats {
    pub fn new(number: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(number)),
            number: Mutex::new(number),
        }
    }

    /// Waits for one.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    pub fn set_number(&self, number: usize) {
        let mut known = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, number);
        self.free.add_permits(number.saturating_sub(before));
        let surplus = before.saturating_sub(number);
        let gone = self.free.forget_permits(surplus);
        if gone == surplus {
            return;
        }
        let free = Arc::clone(&self.free);
        tokio::spawn(async move {
            for _ in gone..surplus {
                if let Ok(permit) = Arc::clone(&free).acquire_owned().await {
                    permit.forget();
                }
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.places_taken.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_become_more_and_fewer_while_some_are_taken() {
        let metrics = Metrics::new();
        let mut places = Places::new(1, &metrics);
        Arc::get_mut(&mut places).unwrap().patience = Duration::from_millis(10);
        let first = places.take().await.unwrap();
        assert!(places.take().await.is_none());
        places.set_number(2);
        let second = places.take().await.unwrap();
        assert_eq!(metrics.places_taken.get(), 2);
        places.set_number(1);
        tokio::task::yield_now().await;
        drop(first);
        assert!(
            places.take().await.is_none(),
            "there is one place, and it is taken"
        );
        drop(second);
        assert!(places.take().await.is_some());
        assert_eq!(metrics.places_taken.get(), 0);
    }
}
