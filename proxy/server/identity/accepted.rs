//! Which credential an upstream has lately accepted for which repository's receive-pack.
//!
//! A body beyond a few kilobytes is read only from somebody the forge itself would let push.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long an acceptance holds. git discovers refs right before it pushes.
const FRESH: Duration = Duration::from_secs(600);
/// Entries kept; beyond it all stale ones go, and then all.
const MOST: usize = 10_000;

/// Acceptances by upstream, repository and keyed hash of the credential.
#[derive(Default)]
pub struct Accepted {
    seen: Mutex<HashMap<(String, String, String), Instant>>,
}

impl Accepted {
    pub fn note(&self, upstream: &str, repository: &str, credential_hash: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, since| since.elapsed() < FRESH);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        seen.insert(key(upstream, repository, credential_hash), Instant::now());
    }

    pub fn holds(&self, upstream: &str, repository: &str, credential_hash: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&key(upstream, repository, credential_hash))
            .is_some_and(|since| since.elapsed() < FRESH)
    }
}

fn key(upstream: &str, repository: &str, credential_hash: &str) -> (String, String, String) {
    (
        upstream.to_owned(),
        repository.to_owned(),
        credential_hash.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::Accepted;

    #[test]
    fn holds_for_exactly_what_was_noted() {
        let accepted = Accepted::default();
        accepted.note("forge", "org/repo", "hash");
        assert!(accepted.holds("forge", "org/repo", "hash"));
        assert!(!accepted.holds("forge", "org/repo", "other"));
        assert!(!accepted.holds("forge", "org/other", "hash"));
        assert!(!accepted.holds("other", "org/repo", "hash"));
    }

    #[test]
    fn stays_bounded() {
        let accepted = Accepted::default();
        for number in 0..super::MOST + 10 {
            accepted.note("forge", &number.to_string(), "hash");
        }
        assert!(accepted.seen.lock().unwrap().len() <= super::MOST);
    }
}
