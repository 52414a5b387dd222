//! What an upstream's upload-pack answers, protocol version 2: what it can do, its refs, a pack.
//!
//! Grammar: git's gitprotocol-v2 and gitprotocol-http. The upstream is a stranger too: every answer is
//! bounded by whoever feeds it, and its words are escaped before anybody reads them.

use gix_hash::{Kind as HashKind, ObjectId};

use crate::pktline::{self, Decoded, Joiner, Line, without_line_feed};
use crate::text;

/// What is shown of an upstream's own words.
const WORDS: usize = 120;

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("its answer: {0}")]
    Line(#[from] pktline::Error),
    #[error("its answer ends early")]
    Ended,
    #[error("its answer is not of protocol version 2")]
    Version,
    #[error("its answer has something else where {0} is due")]
    Unexpected(&'static str),
    #[error("it says: {0}")]
    Refused(String),
}

/// What an upload-pack offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Whether it tells refs (`ls-refs`).
    pub ls_refs: bool,
    /// Whether it sends objects by id (`fetch`).
    pub fetch: bool,
    /// Whether it can leave out what a tree or commit brings along (`filter`).
    pub filter: bool,
    /// Whether it can leave out the history of a commit (`shallow`).
    pub shallow: bool,
    pub hash: HashKind,
}

impl Offer {
    /// Reads a whole capability advertisement of version 2, as `info/refs` gives it.
    ///
    /// # Errors
    /// When it is of another version or malformed.
    pub fn read(answer: &[u8]) -> Result<Self, Error> {
        let mut lines = Lines(answer);
        let mut line = lines.data("the protocol version")?;
        if line == b"# service=git-upload-pack" {
            match lines.next()? {
                Some(Line::Flush) => {}
                _ => return Err(Error::Unexpected("a flush")),
            }
            line = lines.data("the protocol version")?;
        }
        if line != b"version 2" {
            return Err(Error::Version);
        }
        let mut offer = Self {
            ls_refs: false,
            fetch: false,
            filter: false,
            shallow: false,
            hash: HashKind::Sha1,
        };
        loop {
            match lines.next()?.ok_or(Error::Ended)? {
                Line::Data(line) => offer.take(without_line_feed(line))?,
                Line::Flush => return Ok(offer),
                _ => return Err(Error::Unexpected("a capability")),
            }
        }
    }

    fn take(&mut self, capability: &[u8]) -> Result<(), Error> {
        let mut parts = capability.splitn(2, |&byte| byte == b'=');
        let key = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        match (key, value) {
            (b"ls-refs", _) => self.ls_refs = true,
            (b"fetch", features) => {
                self.fetch = true;
                let mut features = features.split(|&byte| byte == b' ');
                self.filter = features.clone().any(|feature| feature == b"filter");
                self.shallow = features.any(|feature| feature == b"shallow");
            }
            (b"object-format", b"sha1") => self.hash = HashKind::Sha1,
            (b"object-format", b"sha256") => self.hash = HashKind::Sha256,
            (b"object-format", _) => return Err(Error::Unexpected("sha1 or sha256")),
            _ => {}
        }
        Ok(())
    }
}

/// One ref and the object it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    pub name: Vec<u8>,
    pub id: ObjectId,
}

/// Reads a whole answer to `ls-refs`. Refs that are not born yet are left out.
///
/// # Errors
/// When it is malformed or says `ERR`.
pub fn refs(answer: &[u8], hash: HashKind) -> Result<Vec<Ref>, Error> {
    let mut lines = Lines(answer);
    let mut refs = Vec::new();
    loop {
        let line = match lines.next()?.ok_or(Error::Ended)? {
            Line::Data(line) => without_line_feed(line),
            Line::Flush => return Ok(refs),
            _ => return Err(Error::Unexpected("a ref")),
        };
        refused(line)?;
        let mut words = line.split(|&byte| byte == b' ');
        let id = words.next().unwrap_or_default();
        let name = words.next().ok_or(Error::Unexpected("a ref"))?;
        if id == b"unborn" {
            continue;
        }
        if id.len() != hash.len_in_hex() || name.is_empty() {
            return Err(Error::Unexpected("a ref"));
        }
        let id = ObjectId::from_hex(id).map_err(|_| Error::Unexpected("an object id"))?;
        let name = name.to_vec();
        refs.push(Ref { name, id });
    }
}

/// Takes the pack out of an answer to `fetch` as it streams in; holds at most one line.
#[derive(Debug, Default)]
pub struct Reader {
    joiner: Joiner,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A section's name is due.
    #[default]
    Section,
    /// Within the list of commits where history is cut.
    Shallow,
    Pack,
    Done,
    Refused,
}

impl Reader {
    /// Reads the next bytes, cut anywhere, and appends what they hold of the pack. After an error nothing
    /// more is read.
    ///
    /// # Errors
    /// When the answer is malformed, or is a refusal.
    pub fn feed(&mut self, mut chunk: &[u8], pack: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            let state = self.state;
            let next = match (state, chunk.is_empty()) {
                (State::Refused, _) => Err(Error::Unexpected("the end")),
                (State::Done, false) => Err(Error::Unexpected("the end")),
                _ => self.joiner.next(&mut chunk).map_err(Error::Line),
            };
            let step = match next {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => step(state, line, pack),
                Err(error) => Err(error),
            };
            match step {
                Ok(state) => self.state = state,
                Err(error) => {
                    self.state = State::Refused;
                    return Err(error);
                }
            }
        }
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// When the answer is not at its end.
    pub fn finish(self) -> Result<(), Error> {
        match self.state {
            State::Done => Ok(()),
            _ => Err(Error::Ended),
        }
    }
}

fn step(state: State, line: Line<'_>, pack: &mut Vec<u8>) -> Result<State, Error> {
    match (state, line) {
        (State::Section, Line::Data(line)) => section(without_line_feed(line)),
        (State::Shallow, Line::Data(line)) => {
            refused(line)?;
            Ok(State::Shallow)
        }
        (State::Shallow, Line::Delimiter) => Ok(State::Section),
        (State::Pack, Line::Data(line)) => {
            band(line, pack)?;
            Ok(State::Pack)
        }
        (State::Pack, Line::Flush) => Ok(State::Done),
        _ => Err(Error::Unexpected("a section of a fetch")),
    }
}

fn section(name: &[u8]) -> Result<State, Error> {
    match name {
        b"shallow-info" => Ok(State::Shallow),
        b"packfile" => Ok(State::Pack),
        other => {
            refused(other)?;
            Err(Error::Unexpected("a pack"))
        }
    }
}

fn band(line: &[u8], pack: &mut Vec<u8>) -> Result<(), Error> {
    match line.split_first() {
        Some((1, bytes)) => pack.extend_from_slice(bytes),
        Some((2, _)) => {}
        Some((3, words)) => return Err(Error::Refused(shown(words))),
        _ => return Err(Error::Unexpected("a side band")),
    }
    Ok(())
}

fn refused(line: &[u8]) -> Result<(), Error> {
    match line.strip_prefix(b"ERR ") {
        Some(words) => Err(Error::Refused(shown(words))),
        None => Ok(()),
    }
}

fn shown(words: &[u8]) -> String {
    text::escape_short(words.trim_ascii(), WORDS)
}

/// The lines of a whole answer.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<Option<Line<'a>>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        match pktline::decode(self.0)? {
            Decoded::Complete { line, consumed } => {
                self.0 = self.0.get(consumed..).unwrap_or_default();
                Ok(Some(line))
            }
            Decoded::Incomplete { .. } => Err(Error::Ended),
        }
    }

    fn data(&mut self, due: &'static str) -> Result<&'a [u8], Error> {
        match self.next()?.ok_or(Error::Ended)? {
            Line::Data(line) => {
                let line = without_line_feed(line);
                refused(line)?;
                Ok(line)
            }
            _ => Err(Error::Unexpected(due)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            match *line {
                "0000" | "0001" => bytes.extend(line.as_bytes()),
                line => pktline::encode(&mut bytes, line.as_bytes()),
            }
        }
        bytes
    }

    fn pack_of(lines: &[&str], size: usize) -> Result<Vec<u8>, Error> {
        let mut reader = Reader::default();
        let mut pack = Vec::new();
        for chunk in wire(lines).chunks(size) {
            reader.feed(chunk, &mut pack)?;
        }
        reader.finish()?;
        Ok(pack)
    }

    #[test]
    fn an_offer_is_read_with_and_without_the_service_line() {
        let offer = [
            "version 2\n",
            "agent=git/2.47.3\n",
            "ls-refs=unborn\n",
            "fetch=shallow wait-for-done filter\n",
            "object-format=sha256\n",
            "0000",
        ];
        let service = ["# service=git-upload-pack\n", "0000"];
        for lines in [offer.to_vec(), [&service[..], &offer[..]].concat()] {
            let offer = Offer::read(&wire(&lines)).unwrap();
            let all = offer.ls_refs && offer.fetch && offer.filter && offer.shallow;
            assert!(all && offer.hash == HashKind::Sha256);
        }
        let plain = Offer::read(&wire(&["version 2\n", "fetch\n", "0000"])).unwrap();
        assert!(plain.fetch && !plain.filter && !plain.shallow && !plain.ls_refs);
        let old = wire(&["# service=git-upload-pack\n", "0000", "1234 HEAD\0x\n"]);
        assert_eq!(Offer::read(&old), Err(Error::Version));
        assert_eq!(Offer::read(b""), Err(Error::Ended));
    }

    #[test]
    fn refs_are_read_with_their_attributes() {
        let id = HashKind::Sha1.empty_blob();
        let (first, second) = (
            format!("{id} HEAD symref-target:refs/heads/main\n"),
            format!("{id} refs/heads/main"),
        );
        let lines = wire(&[&first, "unborn refs/heads/x\n", &second, "0000"]);
        let names: Vec<_> = refs(&lines, HashKind::Sha1)
            .unwrap()
            .into_iter()
            .map(|found| (found.name, found.id))
            .collect();
        let expected = [(b"HEAD".to_vec(), id), (b"refs/heads/main".to_vec(), id)];
        assert_eq!(names, expected);
        assert!(refs(&lines, HashKind::Sha256).is_err());
        assert!(refs(&lines[..lines.len() - 4], HashKind::Sha1).is_err());
    }

    #[test]
    fn a_pack_is_taken_out_of_its_bands() {
        let lines = [
            "shallow-info\n",
            "shallow 1234",
            "0001",
            "packfile\n",
            "\x01PA",
            "\x02counting\r",
            "\x01CK",
            "0000",
        ];
        for size in [1, 3, 1000] {
            assert_eq!(pack_of(&lines, size).unwrap(), b"PACK");
        }
        assert_eq!(pack_of(&lines[..7], 5), Err(Error::Ended));
    }

    #[test]
    fn a_refusal_is_told_without_control_characters() {
        let expected = Err(Error::Refused("not our ref\\x1b".into()));
        assert_eq!(pack_of(&["ERR not our ref\x1b\n", "0000"], 7), expected);
        assert_eq!(pack_of(&["packfile\n", "\x03not our ref\x1b"], 7), expected);
        for lines in [
            &["wanted-refs\n"][..],
            &["packfile-uris\n"],
            &["packfile\n", "\x04x"],
            &["packfile\n", "0000", "x"],
            &["packfile\n", "0001"],
            &["0000"],
        ] {
            assert!(
                matches!(pack_of(lines, 9), Err(Error::Unexpected(_))),
                "{lines:?}"
            );
        }
    }
}
