//! The ids of a pack's objects: by entry, and back.

use exeat_gitwire::{HashKind, ObjectId};

use crate::pack::Error;

/// Ids per chunk. Chunks never move: a growing `Vec` would peak at three times its size.
const CHUNK: usize = 4096;

/// The ids of a pack's objects by entry index, packed without padding.
pub struct Ids {
    hash: HashKind,
    /// Of [`CHUNK`] ids each; empty where none of them is known.
    chunks: Vec<Vec<u8>>,
}

impl Ids {
    pub fn new(hash: HashKind) -> Self {
        Self {
            hash,
            chunks: Vec::new(),
        }
    }

    /// The chunk of entry `index`, and where in it its id begins.
    fn place(&self, index: u32) -> (usize, usize) {
        let index = index as usize;
        (index / CHUNK, index % CHUNK * self.hash.len_in_bytes())
    }

    pub fn set(&mut self, index: u32, id: &ObjectId) {
        let (number, start) = self.place(index);
        let width = self.hash.len_in_bytes();
        if self.chunks.len() <= number {
            self.chunks.resize_with(number + 1, Vec::new);
        }
        let Some(chunk) = self.chunks.get_mut(number) else {
            return;
        };
        if chunk.is_empty() && (number > 0 || start > 0) {
            chunk.reserve_exact(CHUNK * width);
        }
        if chunk.len() < start + width {
            chunk.resize(start + width, 0);
        }
        if let Some(place) = chunk.get_mut(start..start + width) {
            place.copy_from_slice(id.as_slice());
        }
    }

    /// The raw id of entry `index`; `None` where none has been computed.
    pub fn raw(&self, index: u32) -> Option<&[u8]> {
        let (chunk, start) = self.place(index);
        let raw = self
            .chunks
            .get(chunk)?
            .get(start..start + self.hash.len_in_bytes())?;
        // No object hashes to all zeros: git itself uses that id for "none".
        raw.iter().any(|&byte| byte != 0).then_some(raw)
    }

    pub fn get(&self, index: u32) -> Option<ObjectId> {
        self.raw(index).and_then(|raw| ObjectId::try_from(raw).ok())
    }

    /// The way back, for a pack of `length` objects.
    ///
    /// # Errors
    /// When an object has no id, or two have the same.
    pub fn entries(&self, length: u32) -> Result<Entries<'_>, Error> {
        if (0..length).any(|index| self.raw(index).is_none()) {
            return Err(Error::WorkerFailed);
        }
        let id = |index: u32| self.raw(index).unwrap_or_default();
        let bits = (length.max(2).ilog2() as usize).min(FAN_OUT);
        let mut entries = Entries {
            ids: self,
            by_id: vec![0; length as usize],
            starts: vec![0; (1 << bits) + 1],
        };
        entries.sort(length);
        for pair in entries.by_id.windows(2) {
            if let [left, right] = *pair
                && id(left) == id(right)
            {
                let id = self.get(left).ok_or(Error::WorkerFailed)?;
                return Err(Error::Duplicate { id });
            }
        }
        Ok(entries)
    }
}

/// Ids that are put together for their digest.
const HASHED_AT_ONCE: usize = 1024;
/// Bits at the start of an id that tell at most in which bucket it is: 65,536 of them.
const FAN_OUT: usize = 16;

/// The entries of a pack, found by id. Each object has an id, and no two have the same.
pub struct Entries<'a> {
    ids: &'a Ids,
    by_id: Vec<u32>,
    /// Where in `by_id` the ids of each bucket begin, and behind the last where they end.
    starts: Vec<u32>,
}

impl Entries<'_> {
    /// The bucket of an id: by its first bits, so that buckets are in the order of ids.
    fn bucket(&self, raw: &[u8]) -> usize {
        let bits = (self.starts.len() - 1).ilog2();
        let first = raw
            .first_chunk()
            .map_or(0, |bytes| u16::from_be_bytes(*bytes));
        usize::from(first) >> (FAN_OUT as u32 - bits)
    }

    /// Sorts by buckets first: ids are spread evenly over them, unless somebody took pains.
    fn sort(&mut self, length: u32) {
        let bucket =
            |entries: &Self, index| entries.bucket(entries.ids.raw(index).unwrap_or_default());
        for index in 0..length {
            let bucket = bucket(self, index);
            if let Some(count) = self.starts.get_mut(bucket) {
                *count += 1;
            }
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        // From the end of each bucket down to its start.
        for index in (0..length).rev() {
            let bucket = bucket(self, index);
            if let Some(place) = self.starts.get_mut(bucket) {
                *place -= 1;
                if let Some(slot) = self.by_id.get_mut(*place as usize) {
                    *slot = index;
                }
            }
        }
        let ids = self.ids;
        for ends in self.starts.windows(2) {
            if let [start, end] = *ends
                && let Some(bucket) = self.by_id.get_mut(start as usize..end as usize)
                && bucket.len() > 1
            {
                bucket.sort_unstable_by(|&left, &right| ids.raw(left).cmp(&ids.raw(right)));
            }
        }
    }

    /// The entry whose raw id this is.
    pub fn find(&self, raw: &[u8]) -> Option<u32> {
        let bucket = self.bucket(raw);
        let start = *self.starts.get(bucket)? as usize;
        let end = *self.starts.get(bucket + 1)? as usize;
        let bucket = self.by_id.get(start..end)?;
        let place = bucket
            .binary_search_by(|&index| self.ids.raw(index).unwrap_or_default().cmp(raw))
            .ok()?;
        bucket.get(place).copied()
    }

    /// Hex BLAKE3 over the raw ids in their order: the same for the same objects, in whatever order and form they came.
    pub fn digest(&self) -> String {
        let mut hash = blake3::Hasher::new();
        // Many at once: it takes long strides.
        let mut bytes = Vec::new();
        for indices in self.by_id.chunks(HASHED_AT_ONCE) {
            bytes.clear();
            for &index in indices {
                bytes.extend_from_slice(self.ids.raw(index).unwrap_or_default());
            }
            hash.update(&bytes);
        }
        hash.finalize().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[byte; 20])
    }

    #[test]
    fn entries_are_found_by_id() {
        let mut ids = Ids::new(HashKind::Sha1);
        for (index, byte) in [(2, 7), (0, 9), (1, 8)] {
            ids.set(index, &id(byte));
        }
        let entries = ids.entries(3).unwrap();
        assert_eq!(entries.find(&[9; 20]), Some(0));
        assert_eq!(entries.find(&[7; 20]), Some(2));
        assert_eq!(entries.find(&[6; 20]), None);
    }

    #[test]
    fn entries_are_found_whatever_their_number_and_their_first_bytes() {
        for (count, step) in [
            (1_u32, 1_u32),
            (2, 1),
            (3, 7),
            (1000, 1),
            (5000, 13_007_543),
        ] {
            let mut ids = Ids::new(HashKind::Sha1);
            let id = |index: u32| {
                let mut bytes = [0; 20];
                bytes[..4]
                    .copy_from_slice(&(index.wrapping_mul(step) % 4_000_000_000).to_be_bytes());
                bytes[16..].copy_from_slice(&(index + 1).to_be_bytes());
                ObjectId::from_bytes_or_panic(&bytes)
            };
            (0..count).for_each(|index| ids.set(index, &id(index)));
            let entries = ids.entries(count).unwrap();
            for index in 0..count {
                assert_eq!(entries.find(id(index).as_slice()), Some(index));
            }
            assert_eq!(entries.find(&[255; 20]), None);
            let in_order: Vec<_> = entries.by_id.iter().map(|&index| id(index)).collect();
            assert!(in_order.is_sorted());
            let all: Vec<u8> = in_order
                .iter()
                .flat_map(|id| id.as_slice().to_vec())
                .collect();
            assert_eq!(entries.digest(), blake3::hash(&all).to_string());
        }
    }

    #[test]
    fn the_digest_is_of_the_set() {
        let digest = |bytes: &[u8]| {
            let mut ids = Ids::new(HashKind::Sha1);
            for (index, byte) in bytes.iter().enumerate() {
                ids.set(u32::try_from(index).unwrap(), &id(*byte));
            }
            let entries = ids.entries(u32::try_from(bytes.len()).unwrap());
            entries.unwrap().digest()
        };
        assert_eq!(digest(&[1, 2, 3]), digest(&[3, 1, 2]));
        assert_ne!(digest(&[1, 2, 3]), digest(&[1, 2]));
        assert_ne!(digest(&[1, 2, 3]), digest(&[1, 2, 4]));
    }

    #[test]
    fn a_missing_or_doubled_id_is_an_error() {
        let mut ids = Ids::new(HashKind::Sha1);
        assert!(matches!(ids.entries(1), Err(Error::WorkerFailed)));
        ids.set(1, &id(1));
        assert!(matches!(ids.entries(2), Err(Error::WorkerFailed)));
        ids.set(0, &id(1));
        assert!(matches!(ids.entries(2), Err(Error::Duplicate { .. })));
        assert!(matches!(ids.entries(3), Err(Error::WorkerFailed)));
    }
}
