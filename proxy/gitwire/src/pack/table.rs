//! The entries of a pack: 20 bytes each, in order of their offsets.

use super::Kind;

/// Entries per chunk. Chunks never move: a growing `Vec` would peak at twice its size.
const CHUNK: usize = 4096;

/// What is known about one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where its header starts in the pack: the low 32 bits, and the next eight.
    offset_low: u32,
    offset_high: u8,
    state: State,
    /// Deltas down to the object that is stored whole.
    depth: u16,
    stored: u32,
    resolved: u32,
    /// The entry it is a delta on; of one that waits for an id, the id's tag.
    base: u32,
}

/// How far an entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Resolved(Kind),
    /// A delta on another entry.
    WaitsForEntry,
    /// A delta on an object named by its id.
    WaitsForId,
}

const _: () = assert!(size_of::<Entry>() == 20, "entries take 20 bytes each");

/// No object or delta may be larger, whatever its limit: sizes are kept in 32 bits.
pub(super) const LARGEST_OBJECT: u64 = u32::MAX as u64;

/// No pack may be larger, whatever its limit: offsets are kept in 40 bits.
pub(super) const LARGEST_PACK: u64 = (1 << 40) - 1;

/// A size that is within [`LARGEST_OBJECT`].
fn size(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// No pack has so many entries: the count is a `u32` itself.
const NO_BASE: u32 = u32::MAX;

impl Entry {
    fn new(offset: u64, stored: u64, state: State, base: u32) -> Self {
        Self {
            offset_low: offset as u32,
            offset_high: (offset >> 32) as u8,
            state,
            depth: 0,
            stored: size(stored),
            resolved: 0,
            base,
        }
    }

    /// An entry that stores its object whole; `offset` is within [`LARGEST_PACK`].
    pub(super) fn whole(offset: u64, bytes: u64, kind: Kind) -> Self {
        let entry = Self::new(offset, bytes, State::Resolved(kind), NO_BASE);
        Self {
            resolved: entry.stored,
            ..entry
        }
    }

    /// A delta on entry `base` that is not resolved yet.
    pub(super) fn delta_on_entry(offset: u64, stored: u64, base: u32) -> Self {
        Self::new(offset, stored, State::WaitsForEntry, base)
    }

    /// A delta on an object whose id has this tag, which is not resolved yet.
    pub(super) fn delta_on_id(offset: u64, stored: u64, tag: u32) -> Self {
        Self::new(offset, stored, State::WaitsForId, tag)
    }

    /// Where its header starts in the pack.
    pub(super) fn offset(&self) -> u64 {
        u64::from(self.offset_high) << 32 | u64::from(self.offset_low)
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

    /// The object's kind, once it has been resolved.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.state {
            State::Resolved(kind) => Some(kind),
            State::WaitsForEntry | State::WaitsForId => None,
        }
    }

    /// Deltas down to the object that is stored whole.
    pub(super) fn depth(&self) -> u16 {
        self.depth
    }

    /// The index of the entry it is a delta on, once that is known.
    pub(super) fn base(&self) -> Option<u32> {
        let is_known = self.state != State::WaitsForId && self.base != NO_BASE;
        is_known.then_some(self.base)
    }

    /// The tag of the id it waits for.
    pub(super) fn tag(&self) -> Option<u32> {
        (self.state == State::WaitsForId).then_some(self.base)
    }

    /// Notes that it has been resolved on entry `base`.
    pub(super) fn resolve(&mut self, base: u32, kind: Kind, depth: u16) {
        self.base = base;
        self.state = State::Resolved(kind);
        self.depth = depth;
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

    /// The deltas that are not resolved yet, by index.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let entries = (0..).zip(self.chunks.iter().flatten());
        entries.filter(|(_, entry)| entry.kind().is_none())
    }

    /// The index of the entry that starts at `offset`.
    pub(super) fn find(&self, offset: u64) -> Option<u32> {
        let chunk_after = self
            .chunks
            .partition_point(|chunk| chunk.first().is_some_and(|entry| entry.offset() <= offset));
        let chunk = chunk_after.checked_sub(1)?;
        let within = self
            .chunks
            .get(chunk)?
            .binary_search_by_key(&offset, |entry| entry.offset())
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

    #[test]
    fn offsets_beyond_four_gigabytes_are_kept() {
        let mut table = Table::default();
        let offsets = [12, u32::MAX.into(), 1 << 32, (7 << 32) + 5, LARGEST_PACK];
        for offset in offsets {
            table.push(Entry::delta_on_id(offset, 1, 7));
        }
        for (index, offset) in (0..).zip(offsets) {
            assert_eq!(table.get(index).map(Entry::offset), Some(offset));
            assert_eq!(table.find(offset), Some(index));
        }
        assert_eq!(table.find(5), None);
    }

    #[test]
    fn a_tag_is_never_taken_for_a_base() {
        let mut entry = Entry::delta_on_id(12, 1, 7);
        assert_eq!(
            (entry.tag(), entry.base(), entry.kind()),
            (Some(7), None, None)
        );
        entry.resolve(3, Kind::Tree, 2);
        assert_eq!((entry.tag(), entry.base()), (None, Some(3)));
        let entry = Entry::delta_on_entry(12, 1, 7);
        assert_eq!(
            (entry.tag(), entry.base(), entry.kind()),
            (None, Some(7), None)
        );
    }
}
