//! Commits, trees and tags as borrowed views of their content, read as leniently as git reads them.
//!
//! A view answers what an object refers to and where its parts stand. What cannot be read where it
//! matters is an error; oddities elsewhere are left to whoever looks at the raw text.

use gix_hash::{Kind as HashKind, ObjectId};

use crate::pack::Kind;

pub mod commit;
pub mod custom;
mod headers;
pub mod tag;
pub mod trailers;
pub mod tree;

pub use headers::{Header, Headers, Signature};

/// An object whose references cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// See [`commit::Error`].
    #[error(transparent)]
    Commit(#[from] commit::Error),
    /// See [`tree::Error`].
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// See [`tag::Error`].
    #[error(transparent)]
    Tag(#[from] tag::Error),
}

/// Calls `each` for every object that `data` refers to in its own repository, with the kind it must
/// have and its raw id: a commit's tree and parents, a tree's entries, a tag's target.
///
/// Gitlinks are left out: they name commits of other repositories. The object in a `mergetag` header is
/// one of the parents and not reported again.
pub fn references(
    hash: HashKind,
    kind: Kind,
    data: &[u8],
    each: &mut dyn FnMut(Kind, &[u8]),
) -> Result<(), Error> {
    match kind {
        Kind::Blob => {}
        Kind::Commit => {
            let commit = commit::Commit::parse(hash, data)?;
            each(Kind::Tree, commit.tree().as_slice());
            for parent in commit.parents() {
                each(Kind::Commit, parent.as_slice());
            }
        }
        Kind::Tree => {
            for entry in tree::Entries::new(hash, data) {
                let entry = entry?;
                if let Some(kind) = entry.kind()?.object() {
                    each(kind, entry.id);
                }
            }
        }
        Kind::Tag => {
            let tag = tag::Tag::parse(hash, data)?;
            each(tag.target_kind(), tag.target().as_slice());
        }
    }
    Ok(())
}

/// Reads the id in hexadecimal digits that makes up a whole header value.
fn hex_id(hash: HashKind, digits: &[u8]) -> Option<ObjectId> {
    if digits.len() != hash.len_in_hex() {
        return None;
    }
    ObjectId::from_hex(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn list(kind: Kind, data: &[u8]) -> Result<Vec<(Kind, String)>, Error> {
        let mut found = Vec::new();
        references(HashKind::Sha1, kind, data, &mut |kind, id| {
            found.push((kind, ObjectId::try_from(id).unwrap().to_string()));
        })?;
        Ok(found)
    }

    #[test]
    fn gitlinks_belong_to_other_repositories() {
        let mut tree = Vec::new();
        for mode in ["100644", "100755", "120000", "40000", "160000", "100664"] {
            tree.extend(format!("{mode} name\0").into_bytes());
            tree.extend(ObjectId::from_hex(ID.as_bytes()).unwrap().as_slice());
        }
        let kinds: Vec<_> = list(Kind::Tree, &tree)
            .unwrap()
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(
            kinds,
            [Kind::Blob, Kind::Blob, Kind::Blob, Kind::Tree, Kind::Blob]
        );
    }

    #[test]
    fn tags_refer_to_what_they_say() {
        let tag = format!("object {ID}\ntype blob\ntag key\n\n");
        assert_eq!(
            list(Kind::Tag, tag.as_bytes()).unwrap(),
            [(Kind::Blob, ID.to_owned())]
        );
    }

    #[test]
    fn commits_refer_to_their_tree_and_parents() {
        let commit =
            format!("tree {ID}\nparent {ID}\nparent {ID}\nauthor a <b> 1 +0000\n\nparent {ID}\n");
        let kinds: Vec<_> = list(Kind::Commit, commit.as_bytes()).unwrap();
        let id = || ID.to_owned();
        assert_eq!(
            kinds,
            [
                (Kind::Tree, id()),
                (Kind::Commit, id()),
                (Kind::Commit, id())
            ]
        );
    }
}
