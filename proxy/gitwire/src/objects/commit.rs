//! A commit: its tree, its parents, who made it, and everything else raw.

use gix_hash::{Kind as HashKind, ObjectId};

use super::headers::{self, Headers, Signature};
use super::hex_id;

/// A commit that git itself could not follow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The first line is not `tree <id>`.
    #[error("a commit does not begin with the id of its tree")]
    Tree,
    /// A `parent` line behind the tree holds no id.
    #[error("a commit has a parent line without an id")]
    Parent,
}

/// A view of a commit's content.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    tree: ObjectId,
    parents: Vec<ObjectId>,
    /// Everything behind the parents.
    others: Headers<'a>,
}

impl<'a> Commit<'a> {
    /// Reads tree and parents as git does: a tree line first, then the parent lines that directly
    /// follow. A parent line further down is an ordinary header.
    pub fn parse(hash: HashKind, data: &'a [u8]) -> Result<Self, Error> {
        let mut headers = Headers::new(data);
        let tree = headers::expect(&mut headers, b"tree");
        let tree = tree
            .and_then(|digits| hex_id(hash, digits))
            .ok_or(Error::Tree)?;
        let mut parents = Vec::new();
        while let Some(digits) = headers::expect(&mut headers, b"parent") {
            parents.push(hex_id(hash, digits).ok_or(Error::Parent)?);
        }
        Ok(Self {
            tree,
            parents,
            others: headers,
        })
    }

    /// The id of the root tree.
    pub fn tree(&self) -> &ObjectId {
        &self.tree
    }

    /// The ids of the parents, in order.
    pub fn parents(&self) -> &[ObjectId] {
        &self.parents
    }

    /// The headers behind tree and parents: author, committer, and others such as `gpgsig`.
    pub fn headers(&self) -> Headers<'a> {
        self.others.clone()
    }

    /// The value of the first `author` line.
    pub fn author(&self) -> Option<&'a [u8]> {
        self.header(b"author")
    }

    /// The value of the first `committer` line.
    pub fn committer(&self) -> Option<&'a [u8]> {
        self.header(b"committer")
    }

    /// When it was committed, in seconds since 1970; zero where the commit does not say.
    pub fn commit_seconds(&self) -> i64 {
        self.committer()
            .map_or(0, |line| Signature::parse(line).seconds)
    }

    /// What stands behind the first empty line.
    pub fn message(&self) -> &'a [u8] {
        let mut headers = self.headers();
        while headers.next().is_some() {}
        headers::message(headers.rest())
    }

    fn header(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.headers()
            .find(|header| header.name == name)
            .map(|header| header.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    #[test]
    fn all_parts_are_found() {
        let text = format!(
            "tree {ID}\nparent {ID}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 2 +0000\nencoding x\n\nsubject\n\nbody\n"
        );
        let commit = Commit::parse(HashKind::Sha1, text.as_bytes()).unwrap();
        assert_eq!(commit.tree().to_string(), ID);
        assert_eq!(commit.parents().len(), 1);
        assert_eq!(commit.author(), Some(&b"A <a@b> 1 +0000"[..]));
        assert_eq!(commit.commit_seconds(), 2);
        assert_eq!(commit.headers().count(), 3);
        assert_eq!(commit.message(), b"subject\n\nbody\n");
    }

    #[test]
    fn a_late_parent_line_is_no_parent() {
        let text = format!("tree {ID}\nauthor A <a@b> 1 +0000\nparent {ID}\n\n");
        let commit = Commit::parse(HashKind::Sha1, text.as_bytes()).unwrap();
        assert!(commit.parents().is_empty());
    }

    #[test]
    fn what_git_cannot_follow_is_an_error() {
        let parse = |text: String| Commit::parse(HashKind::Sha1, text.as_bytes()).map(|_| ());
        assert_eq!(parse(String::new()), Err(Error::Tree));
        assert_eq!(parse(format!("parent {ID}\n")), Err(Error::Tree));
        assert_eq!(parse(format!("tree {ID}0\n")), Err(Error::Tree));
        assert_eq!(
            parse(format!("tree {ID}\nparent {}\n", &ID[1..])),
            Err(Error::Parent)
        );
        assert_eq!(parse(format!("tree {ID}")), Ok(()));
    }

    #[test]
    fn ids_have_the_length_of_the_repositorys_hash() {
        let text = format!("tree {}\n", HashKind::Sha256.empty_tree());
        assert!(Commit::parse(HashKind::Sha256, text.as_bytes()).is_ok());
        assert!(Commit::parse(HashKind::Sha1, text.as_bytes()).is_err());
    }
}
