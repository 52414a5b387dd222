//! Push requests made by hand, and the reports that answer them.

use std::path::Path;

use super::http1::find;
use super::{Git, World};

/// The id that stands for "no object" in a SHA-1 repository.
pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

/// One pkt-line.
pub(crate) fn packet(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    let mut line = format!("{:04x}", data.len() + 4).into_bytes();
    line.extend(data);
    line
}

pub(crate) fn flush() -> Vec<u8> {
    b"0000".to_vec()
}

/// The head of a push: `commands` are `<old> <new> <ref>`, the capabilities stand on the first.
pub(crate) fn head(commands: &[String], capabilities: &str) -> Vec<u8> {
    let mut head = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        match index {
            0 => head.extend(packet(format!("{command}\0 {capabilities}"))),
            _ => head.extend(packet(command)),
        }
    }
    head.extend(flush());
    head
}

/// A pack of exactly these objects of the repository in `folder`.
pub(crate) fn pack_of(world: &World, folder: &Path, objects: &[&str]) -> Vec<u8> {
    let list = objects.join("\n") + "\n";
    world
        .default_git()
        .fed(folder, &["pack-objects", "--stdout", "-q"], list.as_bytes())
}

/// The body in chunks of `size` bytes, as `Transfer-Encoding: chunked` wants it.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(size) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}

/// The object format and the pack of a push request; `None` where there is no pack.
pub(crate) fn pack_in(push: &[u8]) -> Option<(&'static str, &[u8])> {
    let (lines, mut rest) = section(push);
    let says = |word: &[u8]| lines.iter().any(|line| find(line, word).is_some());
    if says(b"push-options") {
        rest = section(rest).1;
    }
    let format = if says(b"object-format=sha256") {
        "sha256"
    } else {
        "sha1"
    };
    rest.starts_with(b"PACK").then_some((format, rest))
}

/// What stands in the pkt-lines at the start of a body, without their lengths and ends, put together.
pub(super) fn payloads(mut body: &[u8]) -> Vec<u8> {
    let mut payloads = Vec::new();
    loop {
        let (lines, rest) = section(body);
        let ends = lines.iter().map(|line| line.strip_suffix(b"\n"));
        for (line, end) in lines.iter().zip(ends) {
            payloads.extend(end.unwrap_or(line));
        }
        if rest.len() == body.len() {
            return payloads;
        }
        body = rest;
    }
}

/// What a receive-pack answered.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Side band 2: what git prints after `remote: `.
    pub(crate) text: String,
    /// `unpack …`, without the word; empty where there is no report.
    pub(crate) unpack: String,
    /// The `ok`, `ng` and `option` lines.
    pub(crate) refs: Vec<String>,
}

/// Reads the body of an answer to a push, with or without side band.
pub(crate) fn report(body: &[u8]) -> Report {
    let mut report = Report::default();
    let (lines, _) = section(body);
    let mut bands: Vec<u8> = Vec::new();
    let banded = lines
        .first()
        .is_some_and(|line| line.first().is_some_and(|&band| band <= 3));
    for line in &lines {
        match line.split_first() {
            Some((1, data)) if banded => bands.extend(data),
            Some((2 | 3, data)) if banded => report.text.push_str(&String::from_utf8_lossy(data)),
            _ => {}
        }
    }
    let inner = if banded { section(&bands).0 } else { lines };
    for line in inner {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        match line.strip_prefix("unpack ") {
            Some(unpack) => report.unpack = unpack.to_owned(),
            None => report.refs.push(line),
        }
    }
    report
}

/// The pkt-lines up to the next flush, and what stands behind it.
fn section(mut bytes: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let mut lines = Vec::new();
    while let Some(digits) = bytes.get(..4) {
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok());
        match length {
            Some(0) => return (lines, &bytes[4..]),
            Some(length @ 4..) if length <= bytes.len() => {
                lines.push(bytes[4..length].to_vec());
                bytes = &bytes[length..];
            }
            _ => break,
        }
    }
    (lines, bytes)
}

impl Git {
    /// The id a revision has in this folder.
    pub(crate) fn id(&self, folder: &Path, revision: &str) -> String {
        self.plain(folder, &["rev-parse", revision])
            .trim()
            .to_owned()
    }
}
