//! What was seen lately, so that it is put on record once an hour and not with every request. In memory, bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

const HOUR: i64 = 3_600_000;

/// Things with the time they were last told.
pub(super) struct Lately<T> {
    most: usize,
    seen: Mutex<HashMap<T, i64>>,
}

impl<T: Eq + Hash> Lately<T> {
    /// Holds `most` at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    /// Whether this is to be told at `now`: it was not within the hour. Where more than fits was seen within the hour, it is not
    /// known, and `otherwise` is the answer.
    pub(super) fn is_new(&self, what: T, now: i64, otherwise: bool) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&what).is_some_and(|then| now < then + HOUR) {
            return false;
        }
        if seen.len() >= self.most {
            seen.retain(|_, then| now < *then + HOUR);
        }
        if seen.len() >= self.most {
            return otherwise;
        }
        seen.insert(what, now);
        true
    }

    /// As if it had not been seen: it could not be told.
    pub(super) fn forget(&self, what: &T) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_an_hour_and_memory_is_bounded() {
        let lately = Lately::new(2);
        assert!(lately.is_new("a", 0, true));
        assert!(!lately.is_new("a", HOUR - 1, true));
        assert!(lately.is_new("b", HOUR - 1, true));
        assert!(!lately.is_new("c", HOUR - 1, false));
        assert!(lately.is_new("c", HOUR - 1, true));
        assert!(lately.is_new("a", HOUR, true), "its hour is over");
        lately.forget(&"a");
        assert!(lately.is_new("c", HOUR, false));
    }
}
