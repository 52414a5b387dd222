//! Which objects of a pack something else in the push refers to.
//!
//! Every object must be reached from a pushed ref; what nothing reaches is hidden cargo that a
//! forge would still serve by id. Walking from the refs would read every tree a second time.
//! Instead each object's references are noted as it passes. Ids are hashes of content, so
//! references cannot form a cycle: if every object of the pack is referred to by another object of
//! the pack or is itself the target of a command, then following referrers upwards from any
//! object ends at a command's target, and so every object is reached.
//!
//! A reference also says what kind of object it means, and that is noted with it: an object that is
//! something else is no object git could ever use there, whatever it holds.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use exeat_gitwire::pack::Kind;

/// Distinct ids noted at most; eight bytes each and the table's slack.
const MOST: usize = 8_000_000;

/// The set of ids referred to, each kept as 62 bits of a hash keyed anew for every push, so that
/// nobody can prepare two ids that meet in it, and two bits for the kind that is meant.
pub struct References {
    key: RandomState,
    seen: HashSet<u64, BuildHasherDefault<Identity>>,
}

/// More ids than are kept for one push.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl References {
    pub fn new() -> Self {
        Self {
            key: RandomState::new(),
            seen: HashSet::default(),
        }
    }

    /// The hasher to be used off the lock, by workers.
    pub fn key(&self) -> RandomState {
        self.key.clone()
    }

    /// The form in which a reference to `id` as a `kind` is noted under `key`.
    pub fn shorten(key: &RandomState, kind: Kind, id: &[u8]) -> u64 {
        key.hash_one(id) & !3 | number(kind)
    }

    /// Notes ids shortened with this set's key.
    pub fn note(&mut self, shortened: impl IntoIterator<Item = u64>) -> Result<(), TooMany> {
        self.seen.extend(shortened);
        if self.seen.len() > MOST {
            return Err(TooMany);
        }
        Ok(())
    }

    /// The kinds that something refers to `id` as.
    pub fn kinds(&self, id: &[u8]) -> impl Iterator<Item = Kind> + use<'_> {
        let any = Self::shorten(&self.key, Kind::Commit, id);
        KINDS
            .into_iter()
            .filter(move |&kind| self.seen.contains(&(any & !3 | number(kind))))
    }
}

const KINDS: [Kind; 4] = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag];

fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Commit => 0,
        Kind::Tree => 1,
        Kind::Blob => 2,
        Kind::Tag => 3,
    }
}

impl Default for References {
    fn default() -> Self {
        Self::new()
    }
}

/// The entries are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_noted_and_as_what() {
        let mut references = References::new();
        let key = references.key();
        let note = [
            (Kind::Tree, b"one"),
            (Kind::Blob, b"two"),
            (Kind::Tag, b"two"),
        ];
        references
            .note(note.map(|(kind, id)| References::shorten(&key, kind, id)))
            .unwrap();
        let kinds = |id: &[u8]| references.kinds(id).collect::<Vec<_>>();
        assert_eq!(kinds(b"one"), [Kind::Tree]);
        assert_eq!(kinds(b"two"), [Kind::Blob, Kind::Tag]);
        assert_eq!(kinds(b"three"), []);
    }
}
