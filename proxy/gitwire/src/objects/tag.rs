//! An annotated tag: what it points to, its name, who made it, and its message.

use gix_hash::{Kind as HashKind, ObjectId};

use super::headers::{self, Headers};
use super::hex_id;
use crate::pack::Kind;

/// A tag that git itself could not follow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The first line is not `object <id>`.
    #[error("a tag does not begin with the id of its object")]
    Object,
    /// The second line is not `type <kind>`.
    #[error("a tag does not say what kind of object it points to")]
    Type,
    /// The third line is not `tag <name>`.
    #[error("a tag has no name")]
    Name,
}

/// A view of a tag's content.
#[derive(Debug, Clone)]
pub struct Tag<'a> {
    target: ObjectId,
    target_kind: Kind,
    name: &'a [u8],
    /// Everything behind the name.
    others: Headers<'a>,
}

impl<'a> Tag<'a> {
    /// Reads the three lines git requires. A tagger is optional, as in git.
    pub fn parse(hash: HashKind, data: &'a [u8]) -> Result<Self, Error> {
        let mut headers = Headers::new(data);
        let target = headers::expect(&mut headers, b"object");
        let target = target
            .and_then(|digits| hex_id(hash, digits))
            .ok_or(Error::Object)?;
        let kind = headers::expect(&mut headers, b"type");
        let target_kind = kind.and_then(Kind::from_name).ok_or(Error::Type)?;
        let name = headers::expect(&mut headers, b"tag").ok_or(Error::Name)?;
        Ok(Self {
            target,
            target_kind,
            name,
            others: headers,
        })
    }

    /// The id of the object it points to.
    pub fn target(&self) -> &ObjectId {
        &self.target
    }

    /// The kind of the object it points to, as the tag says.
    pub fn target_kind(&self) -> Kind {
        self.target_kind
    }

    /// The name, without `refs/tags/`.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The value of the first `tagger` line.
    pub fn tagger(&self) -> Option<&'a [u8]> {
        self.headers()
            .find(|header| header.name == b"tagger")
            .map(|header| header.value)
    }

    /// The headers behind the name.
    pub fn headers(&self) -> Headers<'a> {
        self.others.clone()
    }

    /// What stands behind the first empty line; an inline signature is part of it.
    pub fn message(&self) -> &'a [u8] {
        let mut headers = self.headers();
        while headers.next().is_some() {}
        headers::message(headers.rest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    #[test]
    fn all_parts_are_found() {
        let text = format!("object {ID}\ntype tag\ntag v1\ntagger T <t@u> 3 +0000\n\nmessage\n");
        let tag = Tag::parse(HashKind::Sha1, text.as_bytes()).unwrap();
        assert_eq!(tag.target().to_string(), ID);
        assert_eq!(tag.target_kind(), Kind::Tag);
        assert_eq!(tag.name(), b"v1");
        assert_eq!(tag.tagger(), Some(&b"T <t@u> 3 +0000"[..]));
        assert_eq!(tag.message(), b"message\n");
    }

    #[test]
    fn what_git_cannot_follow_is_an_error() {
        let parse = |text: String| Tag::parse(HashKind::Sha1, text.as_bytes()).map(|_| ());
        assert_eq!(parse(String::new()), Err(Error::Object));
        assert_eq!(
            parse(format!("object {ID}\ntype key\ntag v1\n")),
            Err(Error::Type)
        );
        assert_eq!(
            parse(format!("object {ID}\ntype commit\n\ntag v1\n")),
            Err(Error::Name)
        );
        assert_eq!(parse(format!("object {ID}\ntype commit\ntag v1\n")), Ok(()));
    }
}
