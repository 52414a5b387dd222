//! Which credential an upstream has lately accepted for which repository's receive-pack.
//!
//! A body beyond a few kilobytes is read only from somebody the forge itself would let push. The object
//! format that the forge named then is the only one a push may have.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use exeat_gitwire::HashKind;

/// How long an acceptance holds. git discovers refs right before it pushes.
const FRESH: Duration = Duration::from_secs(600);
/// Entries kept; beyond it all stale ones go, and then all.
const MOST: usize = 10_000;

type Key = (String, String, String);

/// Acceptances by upstream, repository and keyed hash of the credential.
#[derive(Default)]
pub struct Accepted {
    seen: Mutex<HashMap<Key, (Instant, HashKind)>>,
}

impl Accepted {
    pub fn note(&self, upstream: &str, repository: &str, credential_hash: &str, format: HashKind) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, (since, _)| since.elapsed() < FRESH);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        let noted = (Instant::now(), format);
        seen.insert(key(upstream, repository, credential_hash), noted);
    }

    /// The repository's object format, where the acceptance holds.
    pub fn holds(
        &self,
        upstream: &str,
        repository: &str,
        credential_hash: &str,
    ) -> Option<HashKind> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&key(upstream, repository, credential_hash))
            .filter(|(since, _)| since.elapsed() < FRESH)
            .map(|(_, format)| *format)
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
    use exeat_gitwire::HashKind;

    use super::Accepted;

    #[test]
    fn holds_for_exactly_what_was_noted() {
        let accepted = Accepted::default();
        accepted.note("forge", "org/repo", "hash", HashKind::Sha256);
        let holds = |upstream, repository, hash| accepted.holds(upstream, repository, hash);
        assert_eq!(holds("forge", "org/repo", "hash"), Some(HashKind::Sha256));
        assert_eq!(holds("forge", "org/repo", "other"), None);
        assert_eq!(holds("forge", "org/other", "hash"), None);
        assert_eq!(holds("other", "org/repo", "hash"), None);
        accepted.note("forge", "org/repo", "hash", HashKind::Sha1);
        let holds = |upstream, repository, hash| accepted.holds(upstream, repository, hash);
        assert_eq!(holds("forge", "org/repo", "hash"), Some(HashKind::Sha1));
    }

    #[test]
    fn stays_bounded() {
        let accepted = Accepted::default();
        for number in 0..super::MOST + 10 {
            accepted.note("forge", &number.to_string(), "hash", HashKind::Sha1);
        }
        assert!(accepted.seen.lock().unwrap().len() <= super::MOST);
    }
}
