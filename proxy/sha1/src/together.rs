//! Messages compressed together, each in a lane of its own; where one ends, the next one begins.

use fearless_simd::{Simd, prelude::*};

use crate::{
    BEGIN, Block, Collision, Sum,
    lanes::{self, Chains, MOST},
    message::Blocks,
    suspects::{NONE, Suspects},
};

/// A message in a lane.
struct Lane<'b> {
    runs: [&'b [Block]; 3],
    at: usize,
}

impl<'b> Lane<'b> {
    fn next(&mut self) -> Option<&'b Block> {
        self.runs.iter_mut().find_map(|run| run.split_off_first())
    }
}

/// Puts the sums of the messages into their places.
#[inline(always)]
pub fn digests<S: Simd>(simd: S, messages: &[(usize, Blocks<'_>)], sums: &mut [Sum]) {
    let mut messages = messages.iter();
    let mut lanes: [Option<Lane<'_>>; MOST] = [const { None }; MOST];
    let mut chains = Chains::new();
    let mut suspects = Suspects::new();
    loop {
        let mut blocks = [&NONE; MOST];
        let mut is_any = false;
        for (at, lane) in lanes.iter_mut().enumerate().take(S::u32s::LEN) {
            let mut next = lane.as_mut().and_then(Lane::next);
            if next.is_none() {
                if let Some(done) = lane.take() {
                    sums[done.at] = Ok(crate::digest(chains.get(at)));
                }
                *lane = messages.next().map(|(at, blocks)| Lane {
                    runs: blocks.runs(),
                    at: *at,
                });
                next = lane.as_mut().and_then(Lane::next);
                chains.set(at, BEGIN);
            }
            if let Some(block) = next {
                blocks[at] = block;
                is_any = true;
            }
        }
        if !is_any {
            break;
        }
        let before = chains.clone();
        let left = simd.vectorize(
            #[inline(always)]
            || lanes::compress(simd, &mut chains, &blocks),
        );
        for (at, &left) in left.iter().enumerate() {
            if let Some(lane) = lanes[at].as_ref().filter(|_| left != 0) {
                suspects.note(simd, blocks[at], before.get(at), left, lane.at);
            }
        }
    }
    suspects.look(simd);
    for at in suspects.collide {
        sums[at] = Err(Collision);
    }
}
