//! Which capabilities of an upstream are passed on.

use super::Error;
use crate::{HashKind, text};

/// What a client may use in a push through us: each changes only things that are read or written anew.
const PUSH: [&[u8]; 8] = [
    b"report-status",
    b"report-status-v2",
    b"delete-refs",
    b"side-band-64k",
    b"quiet",
    b"atomic",
    b"ofs-delta",
    b"push-options",
];

/// Keys of a fetch that are withheld: clients name themselves only to servers that do.
const WITHHELD: [&[u8]; 2] = [b"agent", b"session-id"];

/// Keys of version 2 that are withheld besides: sources beside the proxy.
const WITHHELD_V2: [&[u8]; 2] = [b"bundle-uri", b"promisor-remote"];

/// The known capabilities of receive-pack, and `no-thin`. Unknown ones stay behind, and `push-cert`: a
/// certificate signs bytes that we write anew, and names the proxy as its addressee.
pub(super) fn for_push(list: &[u8]) -> Vec<u8> {
    let known = words(list).filter(|word| {
        let value_is_kept =
            matches!(key(word), b"object-format" | b"agent") && word.contains(&b'=');
        PUSH.contains(word) || value_is_kept && is_printable(word)
    });
    join(known.chain([&b"no-thin"[..]]))
}

/// All of upload-pack's capabilities but those that make clients speak of themselves. libgit2 reads an object-format only
/// where another word stands behind it, so it comes first.
pub(super) fn for_fetch(list: &[u8]) -> Vec<u8> {
    let kept = |word: &&[u8]| !WITHHELD.contains(&key(word)) && has_no_control(word);
    let mut kept: Vec<&[u8]> = words(list).filter(kept).collect();
    kept.sort_by_key(|word| key(word) != b"object-format");
    join(kept.into_iter())
}

/// One capability line of version 2, or nothing if it is withheld.
pub(super) fn for_v2(line: &[u8]) -> Option<Vec<u8>> {
    match key(line) {
        key if WITHHELD.contains(&key) || WITHHELD_V2.contains(&key) => None,
        b"fetch" => Some(without_packfile_uris(line)),
        _ => Some(line.to_vec()),
    }
}

/// `fetch=a packfile-uris b` becomes `fetch=a b`; without anything left it is `fetch`.
fn without_packfile_uris(line: &[u8]) -> Vec<u8> {
    let features = line.get(b"fetch=".len()..).unwrap_or_default();
    let kept = join(words(features).filter(|word| key(word) != b"packfile-uris"));
    if kept.is_empty() {
        b"fetch".to_vec()
    } else {
        [b"fetch=", &kept[..]].concat()
    }
}

/// The hash of the ids in the advertisement: the first format counts, as in git; sha1 without any.
pub(super) fn object_format(list: &[u8]) -> Result<HashKind, Error> {
    match words(list).find_map(|word| word.strip_prefix(b"object-format=")) {
        None | Some(b"sha1") => Ok(HashKind::Sha1),
        Some(b"sha256") => Ok(HashKind::Sha256),
        Some(other) => Err(Error::UnknownObjectFormat(text::escape_short(other, 40))),
    }
}

fn words(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
}

fn key(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == b'=').next().unwrap_or_default()
}

fn is_printable(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_graphic)
}

fn has_no_control(word: &[u8]) -> bool {
    word.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

fn join<'a>(words: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    words.collect::<Vec<_>>().join(&b' ')
}
