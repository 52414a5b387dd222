//! What became of one try to tell somebody, and when the next one is.

use std::time::Duration;

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    /// It may work later. The words are ours: receivers' own may hold anything.
    Later {
        trouble: String,
        /// How long the receiver asks to be left alone.
        after: Option<Duration>,
    },
    /// It will not work.
    Never(String),
    /// Nobody is there any more who is to be told.
    Nobody,
}

impl Fate {
    pub(super) fn later(trouble: String) -> Self {
        Self::Later {
            trouble,
            after: None,
        }
    }
}

/// Longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How often something is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Until the second try; each later wait is twice as long.
    pub(super) first: Duration,
    /// From the first try to the last.
    pub(super) give_up: Duration,
}

impl Pace {
    /// How long to wait after `attempts` tries, the first of them `since` ago; none where that was the last. `chance`, from 0
    /// to 255, spreads tries that would be made at once: it takes up to a quarter off.
    pub(super) fn wait(
        &self,
        attempts: i64,
        since: Duration,
        asked: Option<Duration>,
        chance: u8,
    ) -> Option<Duration> {
        let left = self
            .give_up
            .checked_sub(since)
            .filter(|left| !left.is_zero())?;
        let doublings = u32::try_from(attempts.saturating_sub(1))
            .unwrap_or(0)
            .min(16);
        let wait = self.first.saturating_mul(1 << doublings).min(LONGEST);
        let wait = wait - wait / 1024 * u32::from(chance);
        let wait = wait.max(asked.unwrap_or_default().min(LONGEST));
        // The last try is made when the time is up, not before.
        Some(wait.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        first: Duration::from_secs(10),
        give_up: Duration::from_secs(86_400),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_grow_to_an_hour_and_end_after_a_day() {
        let wait = |attempts, chance| PACE.wait(attempts, seconds(0), None, chance).unwrap();
        assert_eq!(wait(1, 0), seconds(10));
        assert_eq!(wait(2, 0), seconds(20));
        assert_eq!(wait(5, 0), seconds(160));
        assert_eq!(wait(40, 0), seconds(3_600));
        assert!(wait(1, 255) > seconds(7) && wait(1, 255) < seconds(8));
        assert!(PACE.wait(9, seconds(86_400), None, 0).is_none());
        assert_eq!(PACE.wait(9, seconds(86_399), None, 0), Some(seconds(1)));
    }

    #[test]
    fn a_receiver_may_ask_for_an_hour_and_not_for_more() {
        let wait = |asked| PACE.wait(1, seconds(0), Some(seconds(asked)), 0).unwrap();
        assert_eq!(wait(1), seconds(10));
        assert_eq!(wait(120), seconds(120));
        assert_eq!(wait(1_000_000), seconds(3_600));
    }

    #[test]
    fn a_whole_day_takes_some_thirty_tries() {
        let (mut since, mut attempts) = (Duration::ZERO, 0);
        loop {
            attempts += 1;
            match PACE.wait(attempts, since, None, 0) {
                Some(wait) => since += wait,
                None => break,
            }
        }
        assert!((30..36).contains(&attempts), "{attempts}");
    }
}
