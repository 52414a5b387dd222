//! Entry point for fuzzers of the sums of several messages.

use exeat_sha1::{Collision, Digest, Message, Way, digests};
use gix_hash::Kind as HashKind;

/// Messages at most.
const MOST: u8 = 40;
/// Bytes that say where a message lies.
const PLACE: usize = 5;

/// Messages that lie anywhere in these bytes: each way comes to the sums of gix-hash, collisions included. The first byte says how many there are; of each
/// the beginning, the length and the part that is its head come next.
pub fn sums(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else {
        return;
    };
    let count = usize::from(count.min(MOST));
    let (places, _) = rest.as_chunks::<PLACE>();
    let places = places.get(..count).unwrap_or(places);
    let content = rest.get(places.len() * PLACE..).unwrap_or_default();
    let messages: Vec<Message<'_>> = places.iter().map(|at| message(content, at)).collect();
    let wanted: Vec<Result<Digest, Collision>> = messages.iter().map(sum).collect();
    let best = ("best".to_owned(), Way::best());
    for (name, way) in Way::all().into_iter().chain([best]) {
        assert_eq!(digests(way, &messages), wanted, "{name}");
    }
}

fn message<'d>(
    content: &'d [u8],
    &[low, high, length_low, length_high, head]: &[u8; PLACE],
) -> Message<'d> {
    let from = usize::from(u16::from_le_bytes([low, high]));
    let length = usize::from(u16::from_le_bytes([length_low, length_high]));
    let bytes = content.get(from..).unwrap_or_default();
    let bytes = bytes.get(..length).unwrap_or(bytes);
    let (head, body) = bytes
        .split_at_checked(usize::from(head))
        .unwrap_or((bytes, &[]));
    Message { head, body }
}

fn sum(message: &Message<'_>) -> Result<Digest, Collision> {
    let mut hasher = gix_hash::hasher(HashKind::Sha1);
    hasher.update(message.head);
    hasher.update(message.body);
    let id = hasher.try_finalize().map_err(|_| Collision)?;
    id.as_slice().try_into().map_err(|_| Collision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_messages_that_collide_and_some_that_do_not() {
        let seed = include_bytes!("../../fuzz/corpus/sums/collide");
        let (places, _) = seed[1..].as_chunks::<PLACE>();
        let count = usize::from(seed[0]);
        let content = &seed[1 + count * PLACE..];
        let sums = places[..count].iter().map(|at| sum(&message(content, at)));
        let collide = sums.filter(Result::is_err).count();
        assert!(collide > 2 && collide < count);
    }
}
