//! A panic in one push is a fault of that push: caught, counted, told, and nobody else's.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU8, Ordering},
};

use futures_util::FutureExt;

use super::fault::Fault;

/// Runs `future` to its end, or to its panic. What it borrowed is whole either way: a push's values are read after
/// a panic only to refuse it, and locks are taken over where they are poisoned.
///
/// # Errors
/// `Fault::Inside` where it panicked.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Fault> {
    let caught = AssertUnwindSafe(future).catch_unwind().await;
    caught.map_err(|_| Fault::Inside)
}

/// How far a push has come, for whoever must tell what became of it when it fell.
#[derive(Debug, Default)]
pub struct Progress(AtomicU8);

/// In this order; a push never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// No decision is on record.
    Undecided = 0,
    /// A decision to stop is.
    Stopped = 1,
    /// A decision to forward is, and nothing was sent.
    Cleared = 2,
    /// Bytes may have reached the upstream.
    Sending = 3,
    /// The outcome is on record.
    Concluded = 4,
}

impl Progress {
    pub fn reach(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, Ordering::AcqRel);
    }

    pub fn stage(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Undecided,
            1 => Stage::Stopped,
            2 => Stage::Cleared,
            3 => Stage::Sending,
            _ => Stage::Concluded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_never_goes_back() {
        let progress = Progress::default();
        assert_eq!(progress.stage(), Stage::Undecided);
        for (reached, stage) in [
            (Stage::Cleared, Stage::Cleared),
            (Stage::Concluded, Stage::Concluded),
            (Stage::Sending, Stage::Concluded),
        ] {
            progress.reach(reached);
            assert_eq!(progress.stage(), stage);
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_fault() {
        assert!(matches!(caught(async { 1 }).await, Ok(1)));
        let fell = caught(async { panic!("a panic made by a test") }).await;
        assert!(matches!(fell, Err::<(), _>(Fault::Inside)));
    }
}
