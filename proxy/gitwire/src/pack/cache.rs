//! Recently resolved objects, kept as bases of the deltas to come, under a ceiling in bytes.
//!
//! Two parts. Most objects stand in a queue and go when they reach its end, unless they were used on the
//! way: then they queue up once more (the clock, or second chance). An object above an eighth of the
//! ceiling would sweep the queue empty, so those live in a short list of the last ones used; it always
//! keeps two, because a chain of deltas on a big file needs its last link.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What an object costs beside its bytes, so that empty objects are not free.
const SLOT: usize = 96;
/// Large objects that are kept whatever their size: a base and the object built from it.
const ALWAYS_KEPT: usize = 2;

/// Content by entry index.
#[derive(Debug)]
pub(super) struct BaseCache {
    ceiling: usize,
    slots: HashMap<u32, Slot>,
    /// The entries in `slots`, each once, the next to go first.
    queue: VecDeque<u32>,
    /// Sum of the weights in `slots`; at most `ceiling`.
    bytes: usize,
    /// Last used first.
    large: VecDeque<(u32, Arc<Vec<u8>>)>,
}

#[derive(Debug)]
struct Slot {
    data: Arc<Vec<u8>>,
    /// Whether it was used since it was queued.
    used: bool,
}

fn weight(data: &Arc<Vec<u8>>) -> usize {
    data.len() + SLOT
}

impl BaseCache {
    pub(super) fn new(ceiling: usize) -> Self {
        Self {
            ceiling,
            slots: HashMap::new(),
            queue: VecDeque::new(),
            bytes: 0,
            large: VecDeque::new(),
        }
    }

    /// The content of entry `index`, if it is still here.
    pub(super) fn get(&mut self, index: u32) -> Option<Arc<Vec<u8>>> {
        if let Some(slot) = self.slots.get_mut(&index) {
            slot.used = true;
            return Some(Arc::clone(&slot.data));
        }
        let at = self
            .large
            .iter()
            .position(|(candidate, _)| *candidate == index)?;
        let found = self.large.remove(at)?;
        let data = Arc::clone(&found.1);
        self.large.push_front(found);
        Some(data)
    }

    pub(super) fn insert(&mut self, index: u32, data: &Arc<Vec<u8>>) {
        if self.get(index).is_some() {
            return;
        }
        if self.is_large(data.len()) {
            self.large.push_front((index, Arc::clone(data)));
            self.trim_large(0, ALWAYS_KEPT);
            return;
        }
        self.evict_until_free(weight(data));
        self.bytes += weight(data);
        self.slots.insert(
            index,
            Slot {
                data: Arc::clone(data),
                used: false,
            },
        );
        self.queue.push_back(index);
    }

    /// Marks entry `index` as used, if it is here.
    pub(super) fn touch(&mut self, index: u32) {
        let _ = self.get(index);
    }

    /// Gives up large objects, but not the one used last, before another of `size` bytes is built.
    pub(super) fn make_room(&mut self, size: usize) {
        if self.is_large(size) {
            self.trim_large(size, 1);
        }
    }

    /// Gives up all large objects.
    pub(super) fn give_up_large(&mut self) {
        self.large.clear();
    }

    fn is_large(&self, size: usize) -> bool {
        size + SLOT > self.ceiling / 8
    }

    fn trim_large(&mut self, coming: usize, keep: usize) {
        let mut held: usize = self.large.iter().map(|(_, data)| data.len()).sum();
        while self.large.len() > keep && held.saturating_add(coming) > self.ceiling {
            held -= self.large.pop_back().map_or(0, |(_, data)| data.len());
        }
    }

    fn evict_until_free(&mut self, needed: usize) {
        while self.bytes + needed > self.ceiling
            && let Some(index) = self.queue.pop_front()
        {
            match self.slots.get_mut(&index) {
                Some(slot) if slot.used => {
                    slot.used = false;
                    self.queue.push_back(index);
                }
                _ => {
                    self.bytes -= self
                        .slots
                        .remove(&index)
                        .map_or(0, |slot| weight(&slot.data))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(size: usize) -> Arc<Vec<u8>> {
        Arc::new(vec![1; size])
    }

    #[test]
    fn the_ceiling_holds_and_used_objects_stay() {
        let mut cache = BaseCache::new(100_000);
        for index in 0..1000 {
            cache.insert(index, &content(1000));
            assert!(cache.get(0).is_some(), "used every time, lost at {index}");
            assert!(cache.bytes <= 100_000);
            assert_eq!(cache.slots.len(), cache.queue.len());
        }
        assert!(cache.get(1).is_none());
    }

    #[test]
    fn large_objects_do_not_sweep_the_queue() {
        let mut cache = BaseCache::new(100_000);
        cache.insert(0, &content(1000));
        for index in 1..10 {
            cache.insert(index, &content(90_000));
        }
        assert!(cache.get(0).is_some());
        assert!(cache.get(9).is_some() && cache.get(8).is_some());
        assert!(cache.get(7).is_none());
    }

    #[test]
    fn room_for_a_large_result_leaves_only_its_base() {
        let mut cache = BaseCache::new(100_000);
        cache.insert(1, &content(90_000));
        cache.insert(2, &content(90_000));
        assert!(cache.get(1).is_some());
        cache.make_room(90_000);
        assert!(cache.get(1).is_some());
        assert!(cache.get(2).is_none());
    }

    #[test]
    fn empty_objects_cost_their_slot() {
        let mut cache = BaseCache::new(100_000);
        for index in 0..100_000 {
            cache.insert(index, &content(0));
        }
        assert!(cache.slots.len() <= 100_000 / SLOT);
    }
}
