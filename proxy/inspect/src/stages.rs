//! What the stages of an inspection take, by a clock that is lent (this crate has none), and what is done in them.

use std::ops::AddAssign;

use exeat_gitwire::pack::{Clock, Spent};

use crate::effort::Effort;

/// Nanoseconds of each stage, of all threads together, so that the sum may be more than what passed on the wall; and what was done
/// in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Waiting for bytes of the pack, from the first to the last.
    pub receive: u64,
    pub inflate: u64,
    /// Building objects from deltas.
    pub resolve: u64,
    /// Ids, with the detection of collisions.
    pub hash: u64,
    /// Taking apart what is encoded or packed, without the scan of what comes out.
    pub extract: u64,
    /// Rules, over whatever text.
    pub scan: u64,
    /// What is left to do behind the last byte: commits, paths, what stands there already, what reviewers see.
    pub attribute: u64,
    /// Counted without a clock as well.
    pub effort: Effort,
}

impl Stages {
    /// Every stage with its name, in the order of a push.
    pub fn each(&self) -> [(&'static str, u64); 7] {
        [
            ("receive", self.receive),
            ("inflate", self.inflate),
            ("resolve", self.resolve),
            ("hash", self.hash),
            ("extract", self.extract),
            ("scan", self.scan),
            ("attribute", self.attribute),
        ]
    }
}

impl AddAssign for Stages {
    fn add_assign(&mut self, other: Self) {
        self.receive += other.receive;
        self.inflate += other.inflate;
        self.resolve += other.resolve;
        self.hash += other.hash;
        self.extract += other.extract;
        self.scan += other.scan;
        self.attribute += other.attribute;
        self.effort += other.effort;
    }
}

impl AddAssign<Spent> for Stages {
    fn add_assign(&mut self, spent: Spent) {
        self.inflate += spent.inflate;
        self.resolve += spent.resolve;
        self.effort += spent;
    }
}

/// A clock that stands still: nothing is measured.
pub fn still() -> u64 {
    0
}

/// What `work` takes by `clock` is added to `sum`.
pub fn timed<T>(clock: Clock, sum: &mut u64, work: impl FnOnce() -> T) -> T {
    let began = clock();
    let done = work();
    *sum += clock().saturating_sub(began);
    done
}
