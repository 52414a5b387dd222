//! The attacks that are known, and what the two blocks of a pair differ by.
//!
//! A pair of blocks that collide differs by one of 32 differences, each made from a disturbance vector. Of one block of such a pair the other one
//! follows: its words differ as the vector says, and its state is the same at one step in the middle. If the compression of that other block from
//! there, back to its beginning and on to its end, comes to the same sum, both are a collision. (Stevens and Shumow, "Speeding up detection of SHA-1
//! collision attacks using unavoidable attack conditions", USENIX Security 2017; the names of the vectors are Manuel's.)

/// Steps of a compression, and words of an expanded block.
pub const STEPS: usize = 80;
/// What a fifth of the steps adds.
pub const ROUND: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];
/// An expanded block, or what two of them differ by.
pub type Words = [u32; STEPS];

/// How the single disturbances of a vector lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    One,
    Two,
}

/// A disturbance vector: its kind, its first step and its bit.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    pub kind: Kind,
    pub step: usize,
    pub bit: u32,
}

const fn one(step: usize, bit: u32) -> Vector {
    let kind = Kind::One;
    Vector { kind, step, bit }
}

const fn two(step: usize, bit: u32) -> Vector {
    let kind = Kind::Two;
    Vector { kind, step, bit }
}

/// The vectors that are looked for. A set of them is a word with a bit for each, in this order.
pub const VECTORS: [Vector; 32] = [
    one(43, 0),
    one(44, 0),
    one(45, 0),
    one(46, 0),
    one(46, 2),
    one(47, 0),
    one(47, 2),
    one(48, 0),
    one(48, 2),
    one(49, 0),
    one(49, 2),
    one(50, 0),
    one(50, 2),
    one(51, 0),
    one(51, 2),
    one(52, 0),
    two(45, 0),
    two(46, 0),
    two(46, 2),
    two(47, 0),
    two(48, 0),
    two(49, 0),
    two(49, 2),
    two(50, 0),
    two(50, 2),
    two(51, 0),
    two(51, 2),
    two(52, 0),
    two(53, 0),
    two(54, 0),
    two(55, 0),
    two(56, 0),
];

/// What each vector makes the words of the two blocks differ by.
pub static DIFFERENCES: [Words; 32] = {
    let mut all = [[0; STEPS]; 32];
    let mut at = 0;
    while at < all.len() {
        all[at] = VECTORS[at].difference();
        at += 1;
    }
    all
};

/// Steps before the first one into which a disturbance reaches.
const BEFORE: usize = 5;

impl Vector {
    /// Where the states of both blocks are the same: before this step.
    pub const fn meets(self) -> Meeting {
        if self.step < 50 {
            Meeting::Early
        } else {
            Meeting::Late
        }
    }

    /// The disturbances of all steps, from `BEFORE` before the first one on: they follow each other as words of a block do.
    const fn disturbances(self) -> [u32; BEFORE + STEPS + 16] {
        let mut all = [0; BEFORE + STEPS + 16];
        let first = BEFORE + self.step;
        all[first + 15] = 1 << self.bit;
        if let Kind::Two = self.kind {
            all[first + 1] = (1u32 << 31).rotate_left(self.bit);
            all[first + 3] = all[first + 1];
        }
        let mut at = first + 16;
        while at < all.len() {
            all[at] = (all[at - 3] ^ all[at - 8] ^ all[at - 14] ^ all[at - 16]).rotate_left(1);
            at += 1;
        }
        let mut at = first;
        while at > 0 {
            at -= 1;
            all[at] = all[at + 16].rotate_right(1) ^ all[at + 13] ^ all[at + 8] ^ all[at + 2];
        }
        all
    }

    /// Each disturbance and the five corrections behind it.
    const fn difference(self) -> Words {
        let disturbances = self.disturbances();
        let mut words = [0; STEPS];
        let mut at = 0;
        while at < STEPS {
            let now = at + BEFORE;
            words[at] = disturbances[now]
                ^ disturbances[now - 1].rotate_left(5)
                ^ disturbances[now - 2]
                ^ disturbances[now - 3].rotate_left(30)
                ^ disturbances[now - 4].rotate_left(30)
                ^ disturbances[now - 5].rotate_left(30);
            at += 1;
        }
        words
    }
}

/// The step before which the two blocks of a pair have one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    Early = 58,
    Late = 65,
}
