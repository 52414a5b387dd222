//! The id of an object.

use exeat_sha1::{Collision, Digest, Message, Way};
use gix_hash::{Hasher, Kind as HashKind, ObjectId};

use super::{Error, Kind};

/// The id git gives to `data` as an object of this kind.
///
/// SHA-1 is computed with collision detection, as git does; content made to collide is
/// [`Error::Collision`].
pub fn object_id(hash: HashKind, kind: Kind, data: &[u8]) -> Result<ObjectId, Error> {
    let mut hasher = ObjectHasher::new(hash, kind, data.len() as u64);
    hasher.update(data);
    hasher.finish()
}

/// The ids of several objects, in their order, as [`object_id`] gives each: computed together where the processor can, which is faster.
pub fn object_ids<'d>(
    hash: HashKind,
    objects: impl Iterator<Item = (Kind, &'d [u8])>,
) -> Vec<Result<ObjectId, Error>> {
    if hash != HashKind::Sha1 {
        return objects
            .map(|(kind, data)| object_id(hash, kind, data))
            .collect();
    }
    let objects: Vec<(String, &[u8])> = objects
        .map(|(kind, data)| (head(kind, data.len() as u64), data))
        .collect();
    let messages: Vec<Message<'_>> = objects
        .iter()
        .map(|(head, body)| Message {
            head: head.as_bytes(),
            body,
        })
        .collect();
    let digests = exeat_sha1::digests(Way::best(), &messages);
    let id = |digest: Result<Digest, Collision>| match digest {
        Ok(digest) => Ok(ObjectId::Sha1(digest)),
        Err(Collision) => Err(Error::Collision),
    };
    digests.into_iter().map(id).collect()
}

/// What git hashes before the content of an object.
fn head(kind: Kind, size: u64) -> String {
    format!("{} {size}\0", kind.name())
}

/// Whether the last bytes of `pack` are the sum of all before them.
pub fn is_sealed(hash: HashKind, pack: &[u8]) -> bool {
    let content = pack.len().checked_sub(hash.len_in_bytes());
    let Some((content, sum)) = content.and_then(|end| pack.split_at_checked(end)) else {
        return false;
    };
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(content);
    hasher.try_finalize().is_ok_and(|id| id.as_slice() == sum)
}

/// The id of an object whose content comes in pieces.
pub struct ObjectHasher(Hasher);

impl ObjectHasher {
    /// For an object of this kind and of `size` bytes.
    pub fn new(hash: HashKind, kind: Kind, size: u64) -> Self {
        let mut hasher = gix_hash::hasher(hash);
        hasher.update(head(kind, size).as_bytes());
        Self(hasher)
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The id, once all the content was taken.
    ///
    /// # Errors
    /// [`Error::Collision`], as [`object_id`].
    pub fn finish(self) -> Result<ObjectId, Error> {
        self.0.try_finalize().map_err(|_| Error::Collision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_gits() {
        for hash in [HashKind::Sha1, HashKind::Sha256] {
            assert_eq!(object_id(hash, Kind::Blob, b"").unwrap(), hash.empty_blob());
            assert_eq!(object_id(hash, Kind::Tree, b"").unwrap(), hash.empty_tree());
        }
        let id = object_id(HashKind::Sha1, Kind::Blob, b"hello\n").unwrap();
        assert_eq!(id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn ids_computed_together_are_those_computed_alone() {
        let contents: Vec<Vec<u8>> = (0..40)
            .map(|at: u8| vec![at; usize::from(at) * 37])
            .collect();
        let objects = || {
            let kinds = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag];
            let kinds = kinds.into_iter().cycle();
            kinds.zip(contents.iter().map(Vec::as_slice))
        };
        for hash in [HashKind::Sha1, HashKind::Sha256] {
            let alone = objects().map(|(kind, data)| object_id(hash, kind, data).unwrap());
            let together = object_ids(hash, objects());
            assert!(together.into_iter().map(Result::unwrap).eq(alone));
        }
    }

    #[test]
    fn the_sum_at_the_end_says_of_which_format_a_pack_is() {
        let sealed = crate::fuzz_targets::pack::sealed(&[7; 60]).unwrap();
        assert!(is_sealed(HashKind::Sha1, &sealed));
        assert!(!is_sealed(HashKind::Sha256, &sealed));
        assert!(!is_sealed(HashKind::Sha1, &[7; 60]));
        assert!(!is_sealed(HashKind::Sha1, b"short"));
    }

    /// The pair of Leurent and Peyrin (sha-mbles.github.io), 640 bytes each: one SHA-1, different bytes. It collides from its
    /// first byte on, so in an object, behind `blob 640`, it is two harmless files: nobody has made a pair of objects yet.
    #[test]
    fn row_28_content_made_to_collide_is_noticed() {
        let text = include_str!("../../tests/packs/shambles.hex");
        let pair = text.split("\n\n").map(|digits| {
            let digits: String = digits.split_whitespace().collect();
            let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            (0..digits.len()).step_by(2).map(byte).collect::<Vec<u8>>()
        });
        let pair: Vec<_> = pair.collect();
        assert!(pair.len() == 2 && pair[0] != pair[1]);
        let id = |start: &[u8], rest: &[u8]| {
            let mut hasher = ObjectHasher(gix_hash::hasher(HashKind::Sha1));
            hasher.update(start);
            hasher.update(rest);
            hasher.finish()
        };
        for half in &pair {
            let (start, rest) = half.split_at(100);
            assert!(matches!(id(start, rest), Err(Error::Collision)));
            assert!(matches!(id(half, b"and more"), Err(Error::Collision)));
            assert!(object_id(HashKind::Sha1, Kind::Blob, half).is_ok());
        }
    }
}
