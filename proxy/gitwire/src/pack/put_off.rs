//! Deltas whose bases have left the cache, gathered until there are enough to resolve them together, family by family.
//!
//! Rebuilding the base of each as it comes would cost more than the delta does, and the next delta on the same base may come
//! when it has left the cache once more. Most deltas are short, so they are held as they were inflated.

use super::large::Stored;

/// Deltas that are put off at most.
const MOST: usize = 1 << 16;
/// Bytes of deltas that are held, and of a delta that is.
const MOST_HELD: usize = 3 << 20;
const LONGEST_HELD: usize = 1 << 10;
/// So many are worth it at least, whatever is to come.
const FEW: usize = 1024;

/// What was put off.
#[derive(Default)]
pub(super) struct PutOff {
    /// In order of the pack.
    deltas: Vec<Delta>,
    held: Vec<u8>,
}

struct Delta {
    index: u32,
    base: u32,
    /// Where in what is held it begins; it ends where the next one begins.
    start: u32,
}

impl PutOff {
    /// Puts off delta `index` on entry `base`.
    pub(super) fn add(&mut self, index: u32, base: u32, stored: &Stored) {
        let bytes = match stored {
            Stored::Whole(bytes) if bytes.len() <= LONGEST_HELD => bytes.as_slice(),
            _ => &[],
        };
        if self.held.is_empty() {
            self.held.reserve_exact(MOST_HELD + LONGEST_HELD);
        }
        let start = self.held.len() as u32;
        self.held.extend_from_slice(bytes);
        self.deltas.push(Delta { index, base, start });
    }

    /// Whether entry `index` was put off.
    pub(super) fn has(&self, index: u32) -> bool {
        self.place(index).is_some()
    }

    fn place(&self, index: u32) -> Option<usize> {
        let place = self
            .deltas
            .binary_search_by_key(&index, |delta| delta.index);
        place.ok()
    }

    /// The delta of entry `index`, if it is held.
    pub(super) fn held(&self, index: u32) -> Option<&[u8]> {
        let place = self.place(index)?;
        let start = self.deltas.get(place)?.start as usize;
        let next = self.deltas.get(place + 1).map(|delta| delta.start as usize);
        let bytes = self.held.get(start..next.unwrap_or(self.held.len()))?;
        // No delta is empty: it says two sizes at least.
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Whether they should be resolved now, `to_come` entries before the end of the pack: the fewer come, the fewer shall wait.
    pub(super) fn is_enough(&self, to_come: u32) -> bool {
        let most = MOST.min(FEW.max(to_come as usize / 2));
        self.deltas.len() >= most || self.held.len() >= MOST_HELD
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    /// Pairs of base and delta.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.deltas.iter().map(|delta| (delta.base, delta.index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_deltas_are_held_and_found_by_their_index() {
        let mut put_off = PutOff::default();
        let lengths = [3, LONGEST_HELD, LONGEST_HELD + 1, 5, 2];
        for (index, length) in (0..).zip(lengths) {
            let delta = Stored::Whole(vec![index as u8; length]);
            put_off.add(10 * index, 7, &delta);
        }
        for (index, length) in (0..).zip(lengths) {
            let held = (length <= LONGEST_HELD).then(|| vec![index as u8; length]);
            assert_eq!(put_off.held(10 * index), held.as_deref());
            assert!(put_off.has(10 * index) && !put_off.has(10 * index + 1));
        }
        assert_eq!(put_off.held(11), None);
        assert!(put_off.pairs().eq((0..5).map(|index| (7, 10 * index))));
    }

    #[test]
    fn the_fewer_come_the_fewer_wait() {
        let mut put_off = PutOff::default();
        let delta = Stored::Whole(vec![1; 20]);
        (0..FEW as u32 - 1).for_each(|index| put_off.add(index, 0, &delta));
        assert!(!put_off.is_enough(0));
        put_off.add(FEW as u32, 0, &delta);
        assert!(put_off.is_enough(0) && !put_off.is_enough(10_000));
        let long = Stored::Whole(vec![1; LONGEST_HELD]);
        let next = FEW as u32 + 1;
        (next..next + (MOST_HELD / LONGEST_HELD) as u32)
            .for_each(|index| put_off.add(index, 0, &long));
        assert!(put_off.is_enough(1_000_000), "no more is held");
    }
}
