//! Looks for what must not be somewhere: in what the upstream received, in the proxy's log, in its data.

use std::io::Read as _;
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
            &receive_pack::payloads(&request.body),
            needles,
            &format!("{what}, lines put together"),
        ));
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

/// Which needles the witness received in whatever zlib has packed, wherever it begins.
pub(super) fn received_inflated(witness: &Witness, needles: &[Vec<u8>]) -> Vec<String> {
    let requests = witness.requests();
    let bodies = requests
        .iter()
        .map(|request| (&request.first_line, inflated(&request.body)));
    bodies
        .flat_map(|(what, plain)| seen(&plain, needles, &format!("in {what}, inflated")))
        .collect()
}

/// Which needles are in the files below a folder, as they are and where zlib has packed them: an object of a pack, for one.
pub(crate) fn stored(folder: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(stored(&path, needles));
        } else if let Ok(content) = std::fs::read(&path) {
            let place = path.display().to_string();
            found.extend(seen(&content, needles, &place));
            found.extend(seen(
                &inflated(&content),
                needles,
                &format!("{place}, inflated"),
            ));
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

/// All that zlib has packed in these bytes, wherever it begins: one after the other.
fn inflated(bytes: &[u8]) -> Vec<u8> {
    const MOST: u64 = 16 << 20;
    let mut plain = Vec::new();
    for (at, pair) in bytes.windows(2).enumerate() {
        // RFC 1950 2.2: deflate with a window of 32 KiB, and what makes the pair divisible.
        if pair[0] == 0x78 && u16::from_be_bytes([pair[0], pair[1]]) % 31 == 0 {
            let mut stream = flate2::read::ZlibDecoder::new(&bytes[at..]).take(MOST);
            // What comes before the bytes make no sense counts.
            let _ = stream.read_to_end(&mut plain);
        }
    }
    plain
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
