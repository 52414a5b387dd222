//! Equal pushes that come at the same time go to the desk one after another: the second finds the case of the first.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// The bindings that somebody asks the desk about at this moment. One process has the data folder, so this is all of them.
#[derive(Default)]
pub(super) struct Turns {
    taken: Mutex<HashSet<String>>,
    freed: Notify,
}

/// The right to be the only one with a binding at the desk, until it is dropped.
#[must_use]
pub struct Turn {
    turns: Arc<Turns>,
    binding: String,
}

impl Turns {
    /// Waits until nobody else has the turn of this binding.
    pub(super) async fn of(self: &Arc<Self>, binding: &str) -> Turn {
        let mut waits = false;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on no drop is missed.
            freed.as_mut().enable();
            if self.taken().insert(binding.to_owned()) {
                return Turn {
                    turns: Arc::clone(self),
                    binding: binding.to_owned(),
                };
            }
            if !waits {
                tracing::info!("the same push is at the desk already; this one waits for it");
                waits = true;
            }
            freed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.binding);
        self.turns.freed.notify_waiters();
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turn({})", self.binding)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    #[tokio::test]
    async fn one_after_another_and_others_beside_them() {
        let turns = Arc::new(Turns::default());
        let first = turns.of("a").await;
        let other = turns.of("b").await;
        let mut second = pin!(turns.of("a"));
        let mut third = pin!(turns.of("a"));
        std::future::poll_fn(|context| {
            assert!(second.as_mut().poll(context).is_pending());
            assert!(third.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(other);
        drop(first);
        drop(second.await);
        drop(third.await);
        assert!(turns.taken().is_empty());
    }

    #[tokio::test]
    async fn at_most_one_has_it_whoever_comes_when() {
        let turns = Arc::new(Turns::default());
        let inside = Arc::new(Mutex::new(0));
        let each = (0..50).map(|_| {
            let (turns, inside) = (Arc::clone(&turns), Arc::clone(&inside));
            tokio::spawn(async move {
                let _turn = turns.of("a").await;
                *inside.lock().unwrap() += 1;
                tokio::task::yield_now().await;
                let mut inside = inside.lock().unwrap();
                assert_eq!(*inside, 1);
                *inside -= 1;
            })
        });
        for one in each.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
}
