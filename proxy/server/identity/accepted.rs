//! Which credential an upstream has lately accepted for which repository's receive-pack.
//!
//! A body beyond a few kilobytes is read only from somebody the forge itself would let push. The object
//! format that the forge named then is the only one a push may have, and its push options reach the forge only
//! if that takes any.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use exeat_gitwire::advertise::Offer;

/// How long an acceptance holds. git discovers refs right before it pushes.
const FRESH: Duration = Duration::from_secs(600);
/// Entries kept; beyond it all stale ones go, and then all.
const MOST: usize = 10_000;

type Key = (String, String, String);

/// Acceptances by upstream, repository and keyed hash of the credential.
#[derive(Default)]
pub struct Accepted {
    seen: Mutex<HashMap<Key, (Instant, Offer)>>,
}

impl Accepted {
    pub fn note(&self, upstream: &str, repository: &str, credential_hash: &str, offer: Offer) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, (since, _)| since.elapsed() < FRESH);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        let noted = (Instant::now(), offer);
        seen.insert(key(upstream, repository, credential_hash), noted);
    }

    /// What the upstream offered, where the acceptance holds.
    pub fn holds(&self, upstream: &str, repository: &str, credential_hash: &str) -> Option<Offer> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&key(upstream, repository, credential_hash))
            .filter(|(since, _)| since.elapsed() < FRESH)
            .map(|(_, offer)| *offer)
    }
}

fn key(upstream: &str, repository: &str, credential_hash: &str) -> Key {
    (
        upstream.to_owned(),
        repository.to_owned(),
        credential_hash.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use exeat_gitwire::{HashKind, advertise::Offer};

    use super::Accepted;

    const OFFER: Offer = Offer {
        format: HashKind::Sha1,
        push_options: true,
    };

    #[test]
    fn holds_for_exactly_what_was_noted() {
        let accepted = Accepted::default();
        let other = Offer {
            format: HashKind::Sha256,
            push_options: false,
        };
        accepted.note("forge", "org/repo", "hash", other);
        let holds = |upstream, repository, hash| accepted.holds(upstream, repository, hash);
        assert_eq!(holds("forge", "org/repo", "hash"), Some(other));
        assert_eq!(holds("forge", "org/repo", "other"), None);
        assert_eq!(holds("forge", "org/other", "hash"), None);
        assert_eq!(holds("other", "org/repo", "hash"), None);
        accepted.note("forge", "org/repo", "hash", OFFER);
        let holds = |upstream, repository, hash| accepted.holds(upstream, repository, hash);
        assert_eq!(holds("forge", "org/repo", "hash"), Some(OFFER));
    }

    #[test]
    fn stays_bounded() {
        let accepted = Accepted::default();
        for number in 0..super::MOST + 10 {
            accepted.note("forge", &number.to_string(), "hash", OFFER);
        }
        assert!(accepted.seen.lock().unwrap().len() <= super::MOST);
    }
}
