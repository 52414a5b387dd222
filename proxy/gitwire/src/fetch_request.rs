//! What is asked of an upstream's upload-pack, protocol version 2: its refs, and objects by id.
//!
//! Grammar: git's gitprotocol-v2, "ls-refs" and "fetch". Only ids and fixed words go out: nothing that a
//! client named as a ref, a path or an option.

use gix_hash::{Kind as HashKind, ObjectId};

use crate::pktline;

/// Which objects come along with those that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Whatever they reach: for upstreams without filters. Of a blob that is the blob.
    Everything,
    /// Only the objects themselves (`tree:0`).
    Alone,
    /// Of commits and trees all trees below as well (`blob:none`).
    NoBlobs,
}

/// Objects by id, without any history: a commit comes without its parents.
#[derive(Debug, Clone)]
pub struct Fetch<'a> {
    pub hash: HashKind,
    /// The objects. A blob that stands below a tree must be named before it: git leaves it out otherwise.
    pub wants: &'a [ObjectId],
    pub filter: Filter,
    /// Cuts history behind the commits asked for; the upstream must know `shallow`.
    pub shallow: bool,
}

impl Fetch<'_> {
    /// The body of a POST to `git-upload-pack`.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = command("fetch", self.hash);
        for option in ["no-progress", "ofs-delta"] {
            line(&mut body, option);
        }
        if self.shallow {
            line(&mut body, "deepen 1");
        }
        match self.filter {
            Filter::Everything => {}
            Filter::Alone => line(&mut body, "filter tree:0"),
            Filter::NoBlobs => line(&mut body, "filter blob:none"),
        }
        for want in self.wants {
            line(&mut body, &format!("want {want}"));
        }
        line(&mut body, "done");
        pktline::flush(&mut body);
        body
    }
}

/// The body that asks for the refs whose names begin with one of `prefixes`.
pub fn ls_refs(hash: HashKind, prefixes: &[&str]) -> Vec<u8> {
    let mut body = command("ls-refs", hash);
    for prefix in prefixes {
        line(&mut body, &format!("ref-prefix {prefix}"));
    }
    pktline::flush(&mut body);
    body
}

fn command(name: &str, hash: HashKind) -> Vec<u8> {
    let mut body = Vec::new();
    line(&mut body, &format!("command={name}"));
    // Servers end at a capability that they did not offer; without this one it is SHA-1 that is meant.
    if hash == HashKind::Sha256 {
        line(&mut body, "object-format=sha256");
    }
    body.extend_from_slice(b"0001");
    body
}

fn line(body: &mut Vec<u8>, text: &str) {
    pktline::encode(body, format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_as_git_does() {
        let want = HashKind::Sha1.empty_blob();
        let fetch = Fetch {
            hash: HashKind::Sha1,
            wants: &[want],
            filter: Filter::Alone,
            shallow: true,
        };
        let body = String::from_utf8(fetch.encode()).unwrap();
        let expected = format!(
            "0012command=fetch\n00010010no-progress\n000eofs-delta\n\
             000ddeepen 1\n0012filter tree:0\n0032want {want}\n0009done\n0000"
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn refs_are_asked_for_by_prefix() {
        let body = String::from_utf8(ls_refs(HashKind::Sha256, &["HEAD", "refs/heads/"])).unwrap();
        assert!(body.starts_with("0014command=ls-refs\n"));
        let tail =
            "0019object-format=sha256\n00010014ref-prefix HEAD\n001bref-prefix refs/heads/\n0000";
        assert!(body.ends_with(tail), "{body}");
    }
}
