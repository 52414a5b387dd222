//! Messages compressed a block at a time, a few of them in turns, and their blocks looked at in lanes.

use fearless_simd::{Simd, prelude::*};

use crate::{
    BEGIN, Block, Chain, Collision, Sum,
    lanes::{self, MOST},
    message::Blocks,
    suspects::{NONE, Suspects},
};

/// Messages that take turns: more of them gain nothing.
const AT_ONCE: usize = 3;

/// A message under way.
struct Under<'b> {
    runs: [&'b [Block]; 3],
    chain: Chain,
    at: usize,
}

impl<'b> Under<'b> {
    fn next(&mut self) -> Option<&'b Block> {
        self.runs.iter_mut().find_map(|run| run.split_off_first())
    }
}

/// Blocks that were compressed and are still to be looked at.
struct Watched<'b> {
    blocks: [&'b Block; MOST],
    /// The chain before each, and the place of its message.
    of: [(Chain, usize); MOST],
    count: usize,
}

/// Puts the sums of the messages into their places.
#[inline(always)]
pub fn digests<S: Simd>(simd: S, messages: &[(usize, Blocks<'_>)], sums: &mut [Sum]) {
    let mut messages = messages.iter();
    let mut next = || {
        messages.next().map(|(at, blocks)| Under {
            runs: blocks.runs(),
            chain: BEGIN,
            at: *at,
        })
    };
    let mut under: [Option<Under<'_>>; AT_ONCE] = std::array::from_fn(|_| next());
    let mut watched = Watched {
        blocks: [&NONE; MOST],
        of: [(BEGIN, 0); MOST],
        count: 0,
    };
    let mut suspects = Suspects::new();
    let mut is_any = true;
    while is_any {
        is_any = false;
        for turn in &mut under {
            let Some(message) = turn else { continue };
            is_any = true;
            match message.next() {
                Some(block) => {
                    watched.blocks[watched.count] = block;
                    watched.of[watched.count] = (message.chain, message.at);
                    watched.count += 1;
                    sha1::block_api::compress(&mut message.chain, std::slice::from_ref(block));
                    if watched.count == S::u32s::LEN {
                        watched.look(simd, &mut suspects);
                    }
                }
                None => {
                    sums[message.at] = Ok(crate::digest(message.chain));
                    *turn = next();
                }
            }
        }
    }
    watched.look(simd, &mut suspects);
    suspects.look(simd);
    for at in suspects.collide {
        sums[at] = Err(Collision);
    }
}

impl<'b> Watched<'b> {
    /// Looks at the blocks and notes those that the conditions leave.
    #[inline(always)]
    fn look<S: Simd>(&mut self, simd: S, suspects: &mut Suspects<'b>) {
        let left = simd.vectorize(
            #[inline(always)]
            || lanes::left(simd, &self.blocks),
        );
        let all = left.iter().zip(&self.blocks).zip(&self.of);
        for ((&left, block), &(chain, message)) in all.take(self.count) {
            suspects.note(simd, block, chain, left, message);
        }
        self.count = 0;
    }
}
