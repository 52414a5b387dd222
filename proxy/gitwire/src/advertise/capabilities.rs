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
    PUSH_OPTIONS,
];

const PUSH_OPTIONS: &[u8] = b"push-options";

/// Keys of a fetch in version 0 that are withheld: clients name themselves only to servers that do.
const WITHHELD: [&[u8]; 2] = [b"agent", b"session-id"];

/// Keys of version 2 that pass: what [`crate::upload_request`] reads. Among those that do not are `bundle-uri` and
/// `promisor-remote`, which name sources beside the proxy.
const KEYS_V2: [&[u8]; 5] = [
    b"ls-refs",
    b"fetch",
    b"server-option",
    b"object-format",
    b"object-info",
];

/// What passes of the features of `fetch`, all but `packfile-uris`: that names sources beside the proxy too.
const FETCH_FEATURES: [&[u8]; 5] = [
    b"shallow",
    b"wait-for-done",
    b"filter",
    b"ref-in-want",
    b"sideband-all",
];

/// The known capabilities of receive-pack, `push-options` and `no-thin`. Unknown ones stay behind, and `push-cert`: a
/// certificate signs bytes that we write anew, and names the proxy as its addressee.
pub(super) fn for_push(list: &[u8]) -> Vec<u8> {
    let known = words(list).filter(|word| {
        let value_is_kept =
            matches!(key(word), b"object-format" | b"agent") && word.contains(&b'=');
        PUSH.contains(word) || value_is_kept && is_printable(word)
    });
    let added = (!takes_push_options(list)).then_some(PUSH_OPTIONS);
    join(known.chain(added).chain([&b"no-thin"[..]]))
}

/// Whether the upstream itself takes push options: those for the proxy can be given in any case.
pub(super) fn takes_push_options(list: &[u8]) -> bool {
    words(list).any(|word| word == PUSH_OPTIONS)
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
        b"fetch" => Some(with_known_features(line)),
        key => KEYS_V2.contains(&key).then(|| line.to_vec()),
    }
}

/// `fetch=a packfile-uris b` becomes `fetch=a b`; without anything left it is `fetch`.
fn with_known_features(line: &[u8]) -> Vec<u8> {
    let features = line.get(b"fetch=".len()..).unwrap_or_default();
    let kept = join(words(features).filter(|word| FETCH_FEATURES.contains(word)));
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
