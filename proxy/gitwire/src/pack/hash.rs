//! The id of an object.

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

/// The id of an object whose content comes in pieces.
pub struct ObjectHasher(Hasher);

impl ObjectHasher {
    /// For an object of this kind and of `size` bytes.
    pub fn new(hash: HashKind, kind: Kind, size: u64) -> Self {
        let mut hasher = gix_hash::hasher(hash);
        hasher.update(kind.name().as_bytes());
        hasher.update(format!(" {size}\0").as_bytes());
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
}
