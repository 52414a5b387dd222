//! Blocks that the conditions leave, of which each is looked at for the vectors that are left: as many at once as there are lanes.

use fearless_simd::{Simd, prelude::*};

use crate::{
    Block, Chain,
    lanes::{self, Chains, MOST},
};

/// What stands in lanes that have no block.
pub static NONE: Block = [0; 64];

/// Blocks that are still to be looked at, and what came of the others.
pub struct Suspects<'b> {
    blocks: [&'b Block; MOST],
    /// The chain before each.
    chains: Chains,
    vectors: [usize; MOST],
    /// The places of their messages.
    of: [usize; MOST],
    count: usize,
    /// The places of messages that are made to collide.
    pub collide: Vec<usize>,
}

impl<'b> Suspects<'b> {
    pub fn new() -> Self {
        Self {
            blocks: [&NONE; MOST],
            chains: Chains::new(),
            vectors: [0; MOST],
            of: [0; MOST],
            count: 0,
            collide: Vec::new(),
        }
    }

    /// Notes a block behind `chain` that these vectors are left of.
    #[inline(always)]
    pub fn note<S: Simd>(
        &mut self,
        simd: S,
        block: &'b Block,
        chain: Chain,
        mut left: u32,
        message: usize,
    ) {
        while left != 0 {
            self.blocks[self.count] = block;
            self.chains.set(self.count, chain);
            self.vectors[self.count] = left.trailing_zeros() as usize;
            self.of[self.count] = message;
            self.count += 1;
            left &= left - 1;
            if self.count == S::u32s::LEN {
                self.look(simd);
            }
        }
    }

    /// Looks at those that were noted.
    #[inline(always)]
    pub fn look<S: Simd>(&mut self, simd: S) {
        let (sums, others) = simd.vectorize(
            #[inline(always)]
            || lanes::pairs(simd, &self.chains, &self.blocks, &self.vectors),
        );
        for (lane, &message) in self.of.iter().enumerate().take(self.count) {
            if sums.get(lane) == others.get(lane) {
                self.collide.push(message);
            }
        }
        self.count = 0;
    }
}
