//! Objects from outside a pack: where a thin pack's delta bases come from, and how they are taken in.
//!
//! A thin pack leaves out bases that the receiver has. Whoever reads it asks for them by id through
//! [`Bases`]; the answer is a pack of its own, read by the same reader within the same limits, and an
//! object in it is taken for a base only if its content has the id that was asked for.

use std::collections::HashMap;

use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::{
    Error, Kind, Limits, Object, ObjectHasher, Pack, Piece, Reader, Sink, SinkClosed, Spool,
    large::Content, object_id, table::Entry,
};

/// Bases that one pack may leave out. git names at most a few per changed folder.
pub const MOST_BASES: usize = 256;

/// Who can be asked for objects that a pack lacks.
pub trait Bases<S> {
    /// Asks for these objects, at most [`MOST_BASES`]; more may come than were asked for, or fewer.
    fn fetch(&mut self, ids: &[ObjectId]) -> Result<Vec<Fetched<S>>, Unavailable>;
}

/// Why objects cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unavailable {
    /// Which of them, if that is known.
    pub id: Option<ObjectId>,
    /// In words that continue "the pack needs object X as a delta base, and".
    pub why: String,
}

/// A pack that was fetched, its objects by their ids.
#[derive(Debug)]
pub struct Fetched<S> {
    pack: Pack<S>,
    by_id: HashMap<ObjectId, u32>,
}

/// Kind and content of an object.
pub type Found = (Kind, Arc<Vec<u8>>);

impl<S: Spool> Fetched<S> {
    /// The object with this id, if it came. The id has been computed from its content.
    pub fn read(&mut self, id: &ObjectId) -> Result<Option<Found>, Error> {
        match self.by_id.get(id) {
            Some(&index) => self.pack.read(index).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the object came.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Gives up what is held of its objects in memory: of many answers one at a time shall hold some.
    pub fn rest(&mut self) {
        self.pack.rest();
    }

    /// The pack itself.
    pub fn pack(&self) -> &Pack<S> {
        &self.pack
    }
}

/// Reads a pack that is to be kept for its objects alone.
pub struct Fetching<S: Spool> {
    reader: Reader<S>,
    named: Named,
}

impl<S: Spool> Fetching<S> {
    /// A reader of one answer; its pack goes to `spool`.
    pub fn new(hash: HashKind, limits: Limits, spool: S) -> Self {
        Self {
            reader: Reader::new(hash, limits, spool),
            named: Named {
                hash,
                ids: Vec::new(),
                large: None,
            },
        }
    }

    /// Takes the next bytes of the pack, cut anywhere.
    ///
    /// # Errors
    /// When they are no pack or exceed a limit; it is then over.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.reader.feed(chunk, &mut self.named)
    }

    /// Ends the pack.
    ///
    /// # Errors
    /// When it is cut short or lacks a base itself.
    pub fn finish(mut self) -> Result<Fetched<S>, Error> {
        let mut pack = self.reader.finish(&mut self.named)?;
        pack.rest();
        let named = (0..).zip(self.named.ids);
        let by_id = named.filter_map(|(index, id)| Some((id?, index)));
        Ok(Fetched {
            by_id: by_id.collect(),
            pack,
        })
    }
}

/// Computes ids as objects come. An object whose id cannot be computed has none, so nobody finds it.
struct Named {
    hash: HashKind,
    ids: Vec<Option<ObjectId>>,
    /// Of the blob whose pieces come.
    large: Option<ObjectHasher>,
}

impl Named {
    fn note(&mut self, index: u32, id: Option<ObjectId>) {
        let index = index as usize;
        if self.ids.len() <= index {
            self.ids.resize(index + 1, None);
        }
        if let Some(place) = self.ids.get_mut(index) {
            *place = id;
        }
    }
}

impl Sink for Named {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        let id = object_id(self.hash, object.kind, &object.data).ok();
        self.note(object.index, id);
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed> {
        let begin = || ObjectHasher::new(self.hash, Kind::Blob, piece.size);
        let hasher = self.large.get_or_insert_with(begin);
        hasher.update(piece.bytes);
        if piece.is_last()
            && let Some(hasher) = self.large.take()
        {
            self.note(piece.index, hasher.finish().ok());
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        self.ids.get(index as usize).copied().flatten()
    }
}

/// The bases of one pack that were fetched; they are numbered from zero, apart from its entries.
pub(super) struct External<S> {
    fetched: Vec<Fetched<S>>,
    /// Where each stands: in which answer, and there.
    places: Vec<(usize, u32)>,
    entries: Vec<Entry>,
}

impl<S> Default for External<S> {
    fn default() -> Self {
        Self {
            fetched: Vec::new(),
            places: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<S> External<S> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is known about base `number`: it reads like an entry that is stored whole.
    pub(super) fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, fetched: Fetched<S>) {
        self.fetched.push(fetched);
    }

    /// Makes the object `id` a base, if it came; returns its number and its size in bytes.
    pub(super) fn add(&mut self, id: &ObjectId) -> Option<(u32, u64)> {
        let (answer, index) = self
            .fetched
            .iter()
            .enumerate()
            .find_map(|(answer, fetched)| Some((answer, *fetched.by_id.get(id)?)))?;
        let pack = &self.fetched.get(answer)?.pack;
        let size = pack.size(index)?;
        let entry = Entry::whole(0, size, pack.kind(index)?);
        let number = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(entry);
        self.places.push((answer, index));
        Some((number, size))
    }
}

impl<S: Spool> External<S> {
    /// The content of base `number`; `None` if there is no such base. Nothing of it stays in the answer it is
    /// from: there may be many, and whoever asks holds it.
    pub(super) fn read(&mut self, number: u32) -> Result<Option<Content>, Error> {
        let Some(&(answer, index)) = self.places.get(number as usize) else {
            return Ok(None);
        };
        match self.fetched.get_mut(answer) {
            Some(fetched) => {
                let content = fetched.pack.content(index);
                fetched.rest();
                content.map(Some)
            }
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::testing::deflate;

    /// A pack of one blob that a cache would keep whatever else it holds.
    fn answer(content: &[u8]) -> Fetched<Vec<u8>> {
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
        let size = content.len();
        pack.push(0x80 | 3 << 4 | (size & 15) as u8);
        pack.extend([
            (size >> 4 & 0x7f) as u8 | 0x80,
            (size >> 11 & 0x7f) as u8 | 0x80,
        ]);
        pack.push((size >> 18) as u8);
        pack.extend(deflate(content));
        let mut hasher = gix_hash::hasher(HashKind::Sha1);
        hasher.update(&pack);
        pack.extend(hasher.try_finalize().unwrap().as_slice());
        let mut fetching = Fetching::new(HashKind::Sha1, Limits::default(), Vec::new());
        fetching.feed(&pack).unwrap();
        fetching.finish().unwrap()
    }

    #[test]
    fn answers_hold_nothing_of_the_bases_that_were_read() {
        let mut external = External::default();
        for number in 0..10 {
            let content = vec![number; 3 << 20];
            let id = object_id(HashKind::Sha1, Kind::Blob, &content).unwrap();
            external.keep(answer(&content));
            let (number, size) = external.add(&id).unwrap();
            assert_eq!(size, 3 << 20);
            match external.read(number).unwrap() {
                Some(Content::Whole(data)) => {
                    assert_eq!(*data, content);
                    assert_eq!(Arc::strong_count(&data), 1, "nobody else holds it");
                }
                _ => panic!("it came whole"),
            }
        }
    }
}
