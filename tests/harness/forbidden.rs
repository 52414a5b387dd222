//! Looks for what must not be somewhere: in what the upstream received, in the proxy's log, in its data.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::http1::{Message, find};
use super::{Git, Witness, receive_pack};

/// Which needles the witness received: raw, in decoded bodies and credentials, and in the objects of pushed packs.
pub(crate) fn received(witness: &Witness, needles: &[Vec<u8>]) -> Vec<String> {
    if needles.is_empty() {
        return Vec::new();
    }
    let mut found = seen(&witness.received(), needles, "on the wire");
    for request in witness.requests() {
        let what = format!("in {}", request.first_line);
        found.extend(seen(&request.body, needles, &what));
        found.extend(seen(
            &credentials(&request),
            needles,
            &format!("{what}, credentials"),
        ));
        if request.is_push() {
            found.extend(seen(
                &objects(&request.body),
                needles,
                &format!("{what}, objects"),
            ));
        }
    }
    found
}

/// Which needles are in the files below a folder.
pub(crate) fn stored(folder: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(stored(&path, needles));
        } else if let Ok(content) = std::fs::read(&path) {
            found.extend(seen(&content, needles, &path.display().to_string()));
        }
    }
    found
}

/// Which needles are in these bytes.
pub(super) fn seen(bytes: &[u8], needles: &[Vec<u8>], place: &str) -> Vec<String> {
    let there = needles
        .iter()
        .filter(|needle| find(bytes, needle).is_some());
    there
        .map(|needle| format!("{} {place}", String::from_utf8_lossy(needle)))
        .collect()
}

fn credentials(request: &Message) -> Vec<u8> {
    let values = request.all("authorization");
    let words = values.iter().flat_map(|value| value.split(' '));
    words
        .filter_map(|word| BASE64.decode(word).ok())
        .flatten()
        .collect()
}

/// Every object of the pack in a push, one after the other, deltas resolved by git itself.
fn objects(push: &[u8]) -> Vec<u8> {
    let Some((format, pack)) = receive_pack::pack_in(push) else {
        return Vec::new();
    };
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let git = Git::first();
    let folder = scratch.path();
    git.plain(
        folder,
        &[
            "init",
            "-q",
            "--bare",
            &format!("--object-format={format}"),
            ".",
        ],
    );
    git.fed(folder, &["index-pack", "--stdin"], pack);
    git.fed(
        folder,
        &["cat-file", "--batch-all-objects", "--unordered", "--batch"],
        b"",
    )
}
