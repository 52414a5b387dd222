//! SHA-1 of several messages at once, as git has it: a message that is made to collide has no sum.
//!
//! A message is a chain of blocks, of which each waits for the one before it. Several messages are several chains, and processors can do more than one
//! chain takes. With instructions for SHA-1, messages take turns (`turns.rs`): such an instruction takes long, but the next may begin meanwhile if it
//! does not wait for it. Without them, each lane of a vector holds another message (`together.rs`).
//!
//! Detection asks of each block whether bits of its words stand to each other as they do in all known attacks (`conditions.rs`). That does not depend
//! on the chain, so it is asked of the blocks in all lanes of a vector at once, whichever message they are of. Of one block in twenty an attack is left,
//! rarely two; those are carried out to see whether they come to a collision (`attack.rs`, `suspects.rs`), in lanes again.
//!
//! Where neither gains anything, and for messages that have no company, it is `sha1dc`, one message after the other ([`Way`]).

#![forbid(unsafe_code)]

mod attack;
mod conditions;
mod lanes;
mod message;
mod suspects;
#[cfg(test)]
mod tests;
mod together;
mod turns;
mod way;

pub use message::Message;
pub use way::{Way, digests};

/// The sum of a message.
pub type Digest = [u8; 20];

/// The message is made to collide with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collision;

type Block = [u8; 64];
type Chain = [u32; 5];
/// What a sum comes to.
type Sum = Result<Digest, Collision>;

/// The chain before the first block.
const BEGIN: Chain = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

/// The sum that a chain ends at.
fn digest(chain: Chain) -> Digest {
    let mut digest = Digest::default();
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(chain) {
        *bytes = word.to_be_bytes();
    }
    digest
}
