//! The id of an object.

use gix_hash::{Kind as HashKind, ObjectId};

use super::{Error, Kind};

/// The id git gives to `data` as an object of this kind.
///
/// SHA-1 is computed with collision detection, as git does; content made to collide is
/// [`Error::Collision`].
pub fn object_id(hash: HashKind, kind: Kind, data: &[u8]) -> Result<ObjectId, Error> {
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(kind.name().as_bytes());
    hasher.update(format!(" {}\0", data.len()).as_bytes());
    hasher.update(data);
    hasher.try_finalize().map_err(|_| Error::Collision)
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
