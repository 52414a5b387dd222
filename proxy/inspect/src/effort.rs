//! How much an inspection did, in bytes and objects: what shows that it does more than before, where times would lie.

use std::ops::AddAssign;

use exeat_gitwire::pack::Spent;
use exeat_rules::Work;

/// Counts of what was done, of all threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Bytes of the pack that were inflated, again included.
    pub inflated: u64,
    /// Bytes of objects that were built from deltas, again included.
    pub built: u64,
    /// Entries of the pack that were read from the spool and inflated again.
    pub again: u64,
    /// Objects that were asked for once more behind the last byte, to tell where findings are.
    pub asked: u64,
    /// Bytes that ids were computed of.
    pub hashed: u64,
    /// Bytes of texts that went through the rules, decoded ones included.
    pub scanned: u64,
    /// Those of them that were read for keywords: the others stand in another version that was.
    pub sought: u64,
    /// Bytes that automata of rules read, each as often as it was read.
    pub searched: u64,
    /// Bytes of texts that were looked into for what is encoded or packed in them.
    pub looked_into: u64,
}

impl AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.inflated += other.inflated;
        self.built += other.built;
        self.again += other.again;
        self.asked += other.asked;
        self.hashed += other.hashed;
        self.scanned += other.scanned;
        self.sought += other.sought;
        self.searched += other.searched;
        self.looked_into += other.looked_into;
    }
}

impl AddAssign<Spent> for Effort {
    fn add_assign(&mut self, spent: Spent) {
        self.inflated += spent.inflated;
        self.built += spent.built;
        self.again += spent.again;
        self.asked += spent.asked;
    }
}

impl AddAssign<Work> for Effort {
    fn add_assign(&mut self, work: Work) {
        self.scanned += work.scanned;
        self.sought += work.sought;
        self.searched += work.bytes;
    }
}
