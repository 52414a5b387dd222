//! Queues of one push's batches, each worked through in order by one worker at a time.
//!
//! A version of a file is read quickest where the one it was built from has just been read ([`crate::versions`]). So a blob goes into
//! the lane of its base, and finds it done; if that was done before, into the one that has least to do. Where the lane of the base has
//! much more to do than another the blob goes there instead, is read whole, and versions of it follow it: what is found is the same.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    batch::Batch,
    pool::{Pool, Worker},
};

/// Bytes that a lane may have to do beyond the idlest one before blobs leave it.
const AHEAD: usize = 8 << 20;
/// A push is spread over so many at most.
const MOST: usize = 64;
/// Says that no lane is known.
const NONE: u8 = u8::MAX;

/// One queue.
#[derive(Default)]
pub struct Lane {
    queue: Mutex<Queue>,
    /// Bytes that were put in and are not done.
    load: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Batch, usize)>,
    /// A worker has it in hand, or will.
    is_called: bool,
}

impl Lane {
    /// Counts bytes that will come: what is collected for it is its load as well.
    pub fn expect(&self, bytes: usize) {
        self.load.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Queues `batch`, of `bytes` that were expected.
    pub fn put(self: &Arc<Self>, batch: Batch, bytes: usize, pool: &Arc<Pool>) {
        let mut queue = self.queue();
        queue.waiting.push_back((batch, bytes));
        if !std::mem::replace(&mut queue.is_called, true) {
            drop(queue);
            self.call(pool);
        }
    }

    fn call(self: &Arc<Self>, pool: &Arc<Pool>) {
        let turn = Turn {
            lane: Arc::clone(self),
            pool: Arc::clone(pool),
        };
        pool.submit(Box::new(move |worker| turn.take(worker)));
    }

    /// Code that holds it keeps it whole.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to do the next batch of a lane. Whatever becomes of it, the lane goes on.
struct Turn {
    lane: Arc<Lane>,
    pool: Arc<Pool>,
}

impl Turn {
    fn take(self, worker: &mut Worker) {
        let next = self.lane.queue().waiting.pop_front();
        if let Some((batch, bytes)) = next {
            let _done = Done(&self.lane, bytes);
            batch.run(worker);
        }
    }
}

impl Drop for Turn {
    /// One batch a turn, so that other pushes get theirs.
    fn drop(&mut self) {
        let mut queue = self.lane.queue();
        if queue.waiting.is_empty() {
            queue.is_called = false;
            return;
        }
        drop(queue);
        self.lane.call(&self.pool);
    }
}

struct Done<'a>(&'a Lane, usize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.load.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// The lanes of one push.
pub struct Lanes {
    lanes: Vec<Arc<Lane>>,
    /// By entry, of blobs.
    taken: Vec<u8>,
}

impl Lanes {
    /// As many as there are workers, and at least one.
    pub fn new(count: usize) -> Self {
        let count = count.clamp(1, MOST);
        Self {
            lanes: (0..count).map(|_| Arc::default()).collect(),
            taken: Vec::new(),
        }
    }

    pub fn each(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// Which lane an object goes into that was built from `base`, and is one that others may be built from if `may_have_versions`.
    pub fn choose(&mut self, entry: u32, base: Option<u32>, may_have_versions: bool) -> usize {
        let load = |number: usize| {
            let lane = self.lanes.get(number);
            lane.map_or(usize::MAX, |lane| lane.load.load(Ordering::Relaxed))
        };
        let idlest = (0..self.lanes.len()).min_by_key(|&number| load(number));
        let idlest = idlest.unwrap_or_default();
        let known = base.and_then(|base| self.taken.get(base as usize));
        let known = known
            .filter(|&&lane| lane != NONE)
            .map(|&lane| usize::from(lane));
        let lane = known.filter(|&lane| load(lane) <= load(idlest).saturating_add(AHEAD));
        let lane = lane.unwrap_or(idlest);
        if may_have_versions {
            let at = entry as usize;
            if self.taken.len() <= at {
                self.taken.resize(at + 1, NONE);
            }
            if let Some(taken) = self.taken.get_mut(at) {
                *taken = lane as u8;
            }
        }
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_their_base_until_its_lane_is_far_behind() {
        let mut lanes = Lanes::new(2);
        let load = |lanes: &Lanes, lane: usize, bytes| lanes.each()[lane].expect(bytes);
        assert_eq!(lanes.choose(0, None, true), 0);
        load(&lanes, 0, 100);
        assert_eq!(lanes.choose(1, None, true), 1, "the idlest");
        assert_eq!(lanes.choose(2, Some(0), true), 0, "where its base is");
        load(&lanes, 0, AHEAD);
        assert_eq!(lanes.choose(3, Some(2), true), 1, "that is too far ahead");
        assert_eq!(lanes.choose(4, Some(3), true), 1, "and its versions follow");
        assert_eq!(lanes.choose(5, None, false), 1);
        assert_eq!(lanes.choose(6, Some(5), true), 1, "nobody knows where 5 is");
        load(&lanes, 1, 2 * AHEAD);
        assert_eq!(lanes.choose(7, Some(1000), true), 0);
    }
}
