//! Which way the sums of messages are computed.

use fearless_simd::{Level, Simd, dispatch, prelude::*};

use crate::{Collision, Message, Sum, message::Blocks, together, turns};

/// A way to compute sums. All come to the same.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    means: Means,
    /// Whether messages that it does not suit are computed alone.
    is_choosy: bool,
}

#[derive(Clone, Copy, Debug)]
enum Means {
    OneByOne,
    /// By the instructions for SHA-1, where there are any; blocks are looked at in lanes.
    Turns(Level),
    Together(Level),
}

/// Lanes from which on they are worth it: without instructions for SHA-1, and beside those, where 8 would gain a twentieth.
const ENOUGH: usize = 8;
const ENOUGH_BESIDE: usize = 16;

impl Way {
    /// The fastest one on this processor.
    pub fn best() -> Self {
        let level = Level::new();
        let means = match lanes(level) {
            ENOUGH_BESIDE.. if has_instructions() => Means::Turns(level),
            ENOUGH.. if !has_instructions() => Means::Together(level),
            _ => Means::OneByOne,
        };
        Self {
            means,
            is_choosy: true,
        }
    }

    /// All that this processor can go, each with its name: with any messages, whether it suits them or not.
    pub fn all() -> Vec<(String, Self)> {
        let way = |means| Self {
            means,
            is_choosy: false,
        };
        let mut all = vec![("one by one".to_owned(), way(Means::OneByOne))];
        for level in levels() {
            let lanes = lanes(level);
            all.push((format!("turns, {lanes} lanes"), way(Means::Turns(level))));
            let together = way(Means::Together(level));
            all.push((format!("together, {lanes} lanes"), together));
        }
        all
    }
}

/// The levels of this processor that differ in their lanes.
pub(crate) fn levels() -> Vec<Level> {
    let best = Level::new();
    let mut levels = vec![Level::baseline()];
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    levels.extend(best.as_avx2().map(Level::Avx2));
    levels.push(best);
    levels.dedup_by_key(|level| lanes(*level));
    levels
}

pub(crate) fn lanes(level: Level) -> usize {
    dispatch!(level, simd => lanes_of(simd))
}

fn lanes_of<S: Simd>(_: S) -> usize {
    S::u32s::LEN
}

/// Whether the processor has the instructions for SHA-1 that a chain is compressed by.
fn has_instructions() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    false
}

/// The sums of all messages, in their order.
pub fn digests(way: Way, messages: &[Message<'_>]) -> Vec<Sum> {
    let mut sums = vec![Err(Collision); messages.len()];
    let mut order = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        match message.has_short_head() {
            true => order.push((message.count(), at)),
            false => sums[at] = message.alone(),
        }
    }
    // The long ones first, so that the last ones to go on alone are short.
    order.sort_unstable_by(|one, other| other.cmp(one));
    let (alone, rest) = order.split_at(way.alone(&order));
    for &(_, at) in alone {
        sums[at] = messages[at].alone();
    }
    let rest = rest.iter().map(|&(_, at)| (at, Blocks::of(&messages[at])));
    let rest: Vec<(usize, Blocks<'_>)> = rest.collect();
    match way.means {
        Means::OneByOne => {}
        Means::Turns(level) => dispatch!(level, simd => turns::digests(simd, &rest, &mut sums)),
        Means::Together(level) => {
            dispatch!(level, simd => together::digests(simd, &rest, &mut sums));
        }
    }
    sums
}

/// Blocks of a message, and its place.
type Order = [(u64, usize)];

impl Way {
    /// How many of these messages, which are the longest, are better computed alone.
    fn alone(self, order: &Order) -> usize {
        match self.means {
            Means::OneByOne => order.len(),
            Means::Together(level) if self.is_choosy => too_few(order, lanes(level)),
            Means::Turns(_) | Means::Together(_) => 0,
        }
    }
}

/// How many messages are better computed alone than together: those that would go on when most lanes have nothing left to do.
fn too_few(order: &Order, lanes: usize) -> usize {
    /// What a block in each lane costs, of what one costs alone.
    const STEP: u64 = 4;
    let mut left: u64 = order.iter().map(|&(count, _)| count).sum();
    let mut spent = 0;
    let (mut least, mut best) = (left, order.len());
    for (taken, &(count, _)) in order.iter().enumerate() {
        let steps = left.div_ceil(lanes as u64).max(count);
        if spent + steps * STEP < least {
            (least, best) = (spent + steps * STEP, taken);
        }
        spent += count;
        left -= count;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[u64]) -> Vec<(u64, usize)> {
        counts.iter().copied().zip(0..).collect()
    }

    #[test]
    fn messages_without_company_go_alone() {
        assert_eq!(too_few(&counts(&[]), 8), 0);
        assert_eq!(too_few(&counts(&[9]), 8), 1);
        assert_eq!(too_few(&counts(&[9, 9, 9]), 8), 3);
        assert_eq!(too_few(&counts(&[9; 8]), 8), 0);
        assert_eq!(too_few(&counts(&[100, 9, 9, 9, 9, 9, 9, 9, 9, 9]), 8), 1);
    }
}
