//! The entries of a pack: 24 bytes each, in order of their offsets.

use super::Kind;

/// Entries per chunk. Chunks never move: a growing `Vec` would peak at twice its size.
const CHUNK: usize = 4096;

/// What is known about one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where its header starts in the pack.
    pub(super) offset: u64,
    stored: u32,
    resolved: u32,
    base: u32,
    /// Deltas down to the object that is stored whole.
    pub(super) depth: u16,
    /// The object's kind, once it has been resolved.
    pub(super) kind: Option<Kind>,
}

const _: () = assert!(size_of::<Entry>() == 24, "entries take 24 bytes each");

/// No object or delta may be larger, whatever its limit: sizes are kept in 32 bits.
pub(super) const LARGEST_OBJECT: u64 = u32::MAX as u64;

/// A size that is within [`LARGEST_OBJECT`].
fn size(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// No pack has so many entries: the count is a `u32` itself.
const NO_BASE: u32 = u32::MAX;

impl Entry {
    /// An entry that stores its object whole.
    pub(super) fn whole(offset: u64, bytes: u64, kind: Kind) -> Self {
        Self {
            offset,
            stored: size(bytes),
            resolved: size(bytes),
            base: NO_BASE,
            depth: 0,
            kind: Some(kind),
        }
    }

    /// A delta that is not resolved yet; `base` if it is known already.
    pub(super) fn delta(offset: u64, stored: u64, base: Option<u32>) -> Self {
        let base = base.unwrap_or(NO_BASE);
        Self {
            offset,
            stored: size(stored),
            resolved: 0,
            base,
            depth: 0,
            kind: None,
        }
    }

    /// Bytes its zlib stream inflates to: the object, or the delta.
    pub(super) fn stored(&self) -> u64 {
        self.stored.into()
    }

    /// Bytes of the resolved object; for a delta what its head declares, and zero before that was read.
    pub(super) fn resolved(&self) -> u64 {
        self.resolved.into()
    }

    pub(super) fn set_resolved_size(&mut self, bytes: u64) {
        self.resolved = size(bytes);
    }

    /// The index of the entry it is a delta on, once that is known.
    pub(super) fn base(&self) -> Option<u32> {
        (self.base != NO_BASE).then_some(self.base)
    }

    pub(super) fn set_base(&mut self, base: u32) {
        self.base = base;
    }
}

/// All entries so far, by index.
#[derive(Debug, Default)]
pub(super) struct Table {
    chunks: Vec<Vec<Entry>>,
}

impl Table {
    pub(super) fn len(&self) -> u32 {
        let Some((last, full)) = self.chunks.split_last() else {
            return 0;
        };
        (full.len() * CHUNK + last.len()) as u32
    }

    /// Appends the entry that starts behind all others.
    pub(super) fn push(&mut self, entry: Entry) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(entry);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn get(&self, index: u32) -> Option<&Entry> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Entry> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// The index of the entry that starts at `offset`.
    pub(super) fn find(&self, offset: u64) -> Option<u32> {
        let chunk_after = self
            .chunks
            .partition_point(|chunk| chunk.first().is_some_and(|entry| entry.offset <= offset));
        let chunk = chunk_after.checked_sub(1)?;
        let within = self
            .chunks
            .get(chunk)?
            .binary_search_by_key(&offset, |entry| entry.offset)
            .ok()?;
        Some((chunk * CHUNK + within) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_their_first_byte_only() {
        let mut table = Table::default();
        assert_eq!(table.find(12), None);
        for index in 0..3 * CHUNK as u64 + 5 {
            table.push(Entry::whole(12 + index * 10, index, Kind::Blob));
        }
        assert_eq!(table.len(), 3 * CHUNK as u32 + 5);
        for index in 0..table.len() {
            let offset = 12 + u64::from(index) * 10;
            assert_eq!(table.find(offset), Some(index));
            assert_eq!(table.find(offset + 1), None);
            assert_eq!(table.get(index).map(Entry::stored), Some(u64::from(index)));
        }
        assert_eq!(table.find(0), None);
        assert!(table.get(table.len()).is_none());
    }
}
