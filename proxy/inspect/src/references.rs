//! Which objects of a pack something else in the push refers to.
//!
//! Every object must be reached from a pushed ref; what nothing reaches is hidden cargo that a
//! forge would still serve by id. Walking from the refs would read every tree a second time.
//! Instead each object's references are noted as it passes. Ids are hashes of content, so
//! references cannot form a cycle: if every object of the pack is referred to by another object of
//! the pack or is itself the target of a command, then following referrers upwards from any
//! object ends at a command's target, and so every object is reached.
//!
//! Most pushes refer to so few objects that their ids are held in a table. A push may refer to millions,
//! most of them not even in it: then the table is written to disk, sorted, whenever it is full.
//!
//! A reference also says what kind of object it means, and that is noted with it: an object that is
//! something else is no object git could ever use there, whatever it holds.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    io,
};

use exeat_gitwire::pack::{Kind, Scratch};

use crate::runs::{Next, Runs};

/// Distinct ids noted at most; eight bytes each on disk.
const MOST: u64 = 8_000_000;
/// Ids in the table at most: it takes 2.4 MB for them, and 1.6 MB more while they are sorted.
const HELD: usize = 200_000;

/// The set of ids referred to, each kept as 62 bits of a hash keyed anew for every push, so that
/// nobody can prepare two ids that meet in it, and two bits for the kind that is meant.
pub struct References {
    key: RandomState,
    held: HashSet<u64, BuildHasherDefault<Identity>>,
    most_held: usize,
    spilled: Runs,
    /// Where there is room on disk.
    room: Option<io::Result<Scratch>>,
}

/// Why ids cannot be noted.
#[derive(Debug)]
pub enum Error {
    /// More ids than are kept for one push.
    TooMany,
    Disk(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl References {
    pub fn new() -> Self {
        Self {
            key: RandomState::new(),
            held: HashSet::default(),
            most_held: HELD,
            spilled: Runs::default(),
            room: None,
        }
    }

    /// Sets where ids go that are too many to be held; that there is no room matters only then.
    pub fn spill_to(&mut self, room: io::Result<Scratch>) {
        self.room = Some(room);
    }

    /// The hasher to be used off the lock, by workers.
    pub fn key(&self) -> RandomState {
        self.key.clone()
    }

    /// The form in which a reference to `id` as a `kind` is noted under `key`.
    pub fn shorten(key: &RandomState, kind: Kind, id: &[u8]) -> u64 {
        key.hash_one(id) & !3 | number(kind)
    }

    /// The kind that a shortened reference means.
    pub fn kind(shortened: u64) -> Kind {
        let is_it = |kind: &Kind| number(*kind) == shortened & 3;
        KINDS.into_iter().find(is_it).unwrap_or(Kind::Tag)
    }

    /// Notes ids shortened with this set's key.
    pub fn note(&mut self, shortened: impl IntoIterator<Item = u64>) -> Result<(), Error> {
        for number in shortened {
            self.held.insert(number);
            if self.held.len() >= self.most_held {
                self.spill()?;
            }
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), Error> {
        let file = match &self.room {
            Some(Ok(room)) => room.scratch()?,
            // It has to be told as it is, and is told once.
            Some(Err(_)) => match self.room.take() {
                Some(Err(error)) => return Err(error.into()),
                _ => return Err(Error::TooMany),
            },
            None => return Err(Error::TooMany),
        };
        let mut sorted: Vec<u64> = self.held.drain().collect();
        sorted.sort_unstable();
        match self.spilled.add(&sorted, file)? {
            Some(count) if count > MOST => Err(Error::TooMany),
            _ => Ok(()),
        }
    }

    /// The kinds that something refers to each of `ids` as.
    pub fn kinds<'i>(&self, ids: impl IntoIterator<Item = &'i [u8]>) -> io::Result<Vec<Kinds>> {
        let any = |id| Self::shorten(&self.key, Kind::Commit, id);
        let mut asked: Vec<(u64, u32)> = ids.into_iter().map(any).zip(0..).collect();
        let mut kinds: Vec<Kinds> = Vec::with_capacity(asked.len());
        for &(any, _) in &asked {
            let held = |kind: &Kind| self.held.contains(&(any | number(*kind)));
            let bits = KINDS.into_iter().filter(held);
            kinds.push(Kinds(bits.fold(0, |bits, kind| bits | 1 << number(kind))));
        }
        if self.spilled.is_empty() {
            return Ok(kinds);
        }
        asked.sort_unstable();
        let mut at = 0;
        self.spilled.each(&mut |next| {
            let Next::Number(noted) = next else {
                at = 0;
                return true;
            };
            let behind = asked.get(at..).unwrap_or_default();
            at += behind
                .iter()
                .take_while(|(any, _)| *any < noted & !3)
                .count();
            let same = asked.get(at..).unwrap_or_default().iter();
            for &(_, place) in same.take_while(|(any, _)| *any == noted & !3) {
                if let Some(Kinds(bits)) = kinds.get_mut(place as usize) {
                    *bits |= 1 << (noted & 3);
                }
            }
            at < asked.len()
        })?;
        Ok(kinds)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        let is_in = move |kind: &Kind| self.0 & (1 << number(*kind)) != 0;
        KINDS.into_iter().filter(is_in)
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
pub struct Identity(u64);

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

    fn kinds(references: &References, id: &[u8]) -> Vec<Kind> {
        let kinds = references.kinds([id]).unwrap();
        kinds[0].iter().collect()
    }

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
        assert_eq!(kinds(&references, b"one"), [Kind::Tree]);
        assert_eq!(kinds(&references, b"two"), [Kind::Blob, Kind::Tag]);
        assert_eq!(kinds(&references, b"three"), []);
    }

    #[test]
    fn knows_as_much_of_what_is_on_disk() {
        let mut references = References::new();
        references.most_held = 100;
        references.spill_to(Ok(Box::new(Vec::new())));
        let key = references.key();
        let id = |number: u32| number.to_le_bytes();
        for number in 0..5000u32 {
            let kind = KINDS[number as usize % 4];
            let blob = References::shorten(&key, Kind::Blob, &id(number % 1000));
            let other = References::shorten(&key, kind, &id(number));
            references.note([blob, other]).unwrap();
        }
        assert!(references.held.len() < 100);
        let ids: Vec<[u8; 4]> = (0..6000).map(id).collect();
        let found = references.kinds(ids.iter().map(<[u8; 4]>::as_slice));
        for (number, found) in found.unwrap().into_iter().enumerate() {
            let mut expected = Vec::new();
            if number < 1000 {
                expected.push(Kind::Blob);
            }
            if number < 5000 {
                expected.push(KINDS[number % 4]);
            }
            expected.sort_unstable_by_key(|kind| KINDS.iter().position(|other| other == kind));
            expected.dedup();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{number}");
        }
    }

    #[test]
    fn a_full_disk_is_told_when_it_is_needed() {
        let mut references = References::new();
        references.most_held = 10;
        references.spill_to(Err(io::ErrorKind::StorageFull.into()));
        references.note((0..9).map(|number| number * 4)).unwrap();
        let full = references.note([999]).unwrap_err();
        assert!(matches!(full, Error::Disk(error) if error.kind() == io::ErrorKind::StorageFull));
    }
}
