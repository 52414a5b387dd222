//! The request of a client to upload-pack, read strictly: known commands and keys in their order, nothing else.
//!
//! Grammar: git's gitprotocol-pack, "Packfile Negotiation", and gitprotocol-v2, "Capabilities"; of the latter what
//! [`crate::advertise`] lets an upstream offer. What it reads is not kept: whoever feeds it passes the bytes on.

use crate::{
    pktline::{self, Joiner, Line},
    text,
};

/// Why a body is not a request to upload-pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is not a request to git-upload-pack")]
    NotARequest,
    #[error("line {line}: {error}")]
    PktLine { line: u64, error: pktline::Error },
    #[error("line {line} is none of git's: {text}")]
    UnknownLine { line: u64, text: String },
    #[error("line {line} is a {kind}, which may not stand there")]
    Marker { line: u64, kind: &'static str },
    #[error("bytes follow the end of the request")]
    Trailing,
    #[error("it ends before its last line")]
    Cut,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// Version 0 and 1: what is wanted, up to a flush.
    Wants,
    /// What the client has, in rounds that a flush ends.
    Haves,
    /// Behind `done`: at most a flush.
    Done,
    /// Version 2: the capabilities of a command, then its arguments.
    Capabilities(Command),
    Arguments(Command),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    LsRefs,
    Fetch,
    ObjectInfo,
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
enum Value {
    Nothing,
    Id,
    Number,
    /// Any text without control characters.
    Text,
}

type Keys = &'static [(&'static str, Value)];

const WANTS: Keys = &[
    ("want", Value::Id),
    ("shallow", Value::Id),
    ("deepen", Value::Number),
    ("deepen-since", Value::Number),
    ("deepen-not", Value::Text),
    ("filter", Value::Text),
];
const HAVES: Keys = &[("have", Value::Id), ("done", Value::Nothing)];
const LS_REFS: Keys = &[
    ("peel", Value::Nothing),
    ("symrefs", Value::Nothing),
    ("unborn", Value::Nothing),
    ("ref-prefix", Value::Text),
];
const FETCH: Keys = &[
    ("want", Value::Id),
    ("want-ref", Value::Text),
    ("have", Value::Id),
    ("done", Value::Nothing),
    ("wait-for-done", Value::Nothing),
    ("thin-pack", Value::Nothing),
    ("no-progress", Value::Nothing),
    ("include-tag", Value::Nothing),
    ("ofs-delta", Value::Nothing),
    ("sideband-all", Value::Nothing),
    ("shallow", Value::Id),
    ("deepen", Value::Number),
    ("deepen-relative", Value::Nothing),
    ("deepen-since", Value::Number),
    ("deepen-not", Value::Text),
    ("filter", Value::Text),
];
const OBJECT_INFO: Keys = &[
    ("size", Value::Nothing),
    ("type", Value::Nothing),
    ("oid", Value::Id),
];
/// Behind them is `=` and a text.
const CAPABILITIES: [&[u8]; 4] = [b"agent", b"server-option", b"object-format", b"session-id"];
/// Digits of a number: what 64 bits hold.
const DIGITS: usize = 20;
/// Bytes of a line that an error shows.
const SHOWN: usize = 40;

/// Reads a request in pieces of any size; holds at most one line.
#[derive(Debug)]
pub struct Reader {
    joiner: Joiner,
    state: State,
}

#[derive(Debug)]
struct State {
    at: At,
    lines: u64,
    /// Whether the capabilities of version 0 were told: they stand on the first `want`.
    is_told: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            joiner: Joiner::default(),
            state: State {
                at: At::Start,
                lines: 0,
                is_told: false,
            },
        }
    }
}

impl Reader {
    /// Reads the next bytes of the request.
    ///
    /// # Errors
    /// At the first byte from which it is no request to upload-pack; nothing may be read then any more.
    pub fn feed(&mut self, mut chunk: &[u8]) -> Result<(), Error> {
        loop {
            let line = self.joiner.next(&mut chunk);
            match line.map_err(|error| self.state.broken(error))? {
                Some(line) => self.state.take(line)?,
                None => return Ok(()),
            }
        }
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// Where the request is not whole.
    pub fn finish(&self) -> Result<(), Error> {
        match self.state.at {
            _ if self.joiner.is_mid_line() && self.state.lines == 0 => Err(Error::NotARequest),
            _ if self.joiner.is_mid_line() => Err(Error::Cut),
            At::Start => Err(Error::NotARequest),
            At::Haves | At::Done | At::End => Ok(()),
            At::Wants | At::Capabilities(_) | At::Arguments(_) => Err(Error::Cut),
        }
    }
}

impl State {
    fn broken(&self, error: pktline::Error) -> Error {
        match self.at {
            At::Start => Error::NotARequest,
            At::End => Error::Trailing,
            _ => Error::PktLine {
                line: self.lines + 1,
                error,
            },
        }
    }

    fn take(&mut self, line: Line<'_>) -> Result<(), Error> {
        self.lines += 1;
        self.at = match line {
            Line::Data(data) => {
                let words = data.strip_suffix(b"\n").unwrap_or(data);
                self.read(words).ok_or_else(|| self.unknown(words))?
            }
            Line::Flush => self.flushed()?,
            Line::Delimiter => match self.at {
                At::Capabilities(command) => At::Arguments(command),
                _ => return Err(self.marker("delimiter")),
            },
            Line::ResponseEnd => return Err(self.marker("response end")),
        };
        Ok(())
    }

    fn flushed(&self) -> Result<At, Error> {
        match self.at {
            // The probe before a long request, or a client that wants nothing: no server reads on.
            At::Start | At::Done | At::Capabilities(_) | At::Arguments(_) => Ok(At::End),
            At::Wants | At::Haves => Ok(At::Haves),
            At::End => Err(Error::Trailing),
        }
    }

    fn marker(&self, kind: &'static str) -> Error {
        match self.at {
            At::Start => Error::NotARequest,
            At::End => Error::Trailing,
            _ => Error::Marker {
                line: self.lines,
                kind,
            },
        }
    }

    fn unknown(&self, words: &[u8]) -> Error {
        match self.at {
            At::Start => Error::NotARequest,
            At::End | At::Done => Error::Trailing,
            _ => Error::UnknownLine {
                line: self.lines,
                text: text::escape_short(words, SHOWN),
            },
        }
    }

    /// What may follow this line, if it may stand here.
    fn read(&mut self, words: &[u8]) -> Option<At> {
        match self.at {
            At::Start => match words.strip_prefix(b"command=") {
                Some(name) => command(name).map(At::Capabilities),
                None => self.want(words),
            },
            At::Wants => self.want(words),
            At::Haves => known(HAVES, words).map(|key| match key {
                "done" => At::Done,
                _ => At::Haves,
            }),
            At::Capabilities(_) => is_capability(words).then_some(self.at),
            At::Arguments(command) => known(command.arguments(), words).map(|_| self.at),
            At::Done | At::End => None,
        }
    }

    fn want(&mut self, words: &[u8]) -> Option<At> {
        if !self.is_told && words.starts_with(b"want ") {
            self.is_told = true;
            return is_first_want(words).then_some(At::Wants);
        }
        known(WANTS, words).map(|_| At::Wants)
    }
}

impl Command {
    fn arguments(self) -> Keys {
        match self {
            Self::LsRefs => LS_REFS,
            Self::Fetch => FETCH,
            Self::ObjectInfo => OBJECT_INFO,
        }
    }
}

fn command(name: &[u8]) -> Option<Command> {
    match name {
        b"ls-refs" => Some(Command::LsRefs),
        b"fetch" => Some(Command::Fetch),
        b"object-info" => Some(Command::ObjectInfo),
        _ => None,
    }
}

/// The key of a line, if it is one of `keys` and its value is of the kind it takes.
fn known(keys: Keys, words: &[u8]) -> Option<&'static str> {
    let mut parts = words.splitn(2, |byte| *byte == b' ');
    let key = parts.next().unwrap_or_default();
    let value = parts.next();
    let (name, kind) = keys.iter().find(|(name, _)| name.as_bytes() == key)?;
    let is_sound = match (kind, value) {
        (Value::Nothing, None) => true,
        (Value::Id, Some(id)) => is_id(id),
        (Value::Number, Some(number)) => {
            (1..=DIGITS).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
        }
        (Value::Text, Some(words)) => is_text(words),
        (Value::Nothing, Some(_)) | (_, None) => false,
    };
    is_sound.then_some(name)
}

/// `want <id>`, with or without capabilities.
fn is_first_want(words: &[u8]) -> bool {
    let rest = words.strip_prefix(b"want ").unwrap_or_default();
    let mut parts = rest.splitn(2, |byte| *byte == b' ');
    is_id(parts.next().unwrap_or_default()) && parts.next().is_none_or(has_no_control)
}

fn is_capability(words: &[u8]) -> bool {
    let mut parts = words.splitn(2, |byte| *byte == b'=');
    CAPABILITIES.contains(&parts.next().unwrap_or_default()) && parts.next().is_some_and(is_text)
}

/// As every known client writes it: in lower case, of SHA-1 or SHA-256.
fn is_id(id: &[u8]) -> bool {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(id.len(), 40 | 64) && id.iter().all(is_hex)
}

fn is_text(words: &[u8]) -> bool {
    !words.is_empty() && has_no_control(words)
}

fn has_no_control(words: &[u8]) -> bool {
    words.iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HashKind;
    use crate::fetch_request::{Fetch, Filter, ls_refs};

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    /// Lines of text, where `0000`, `0001` and `0002` are markers.
    fn wire(lines: &[&str]) -> Vec<u8> {
        let mut wire = Vec::new();
        for line in lines {
            match *line {
                "0000" | "0001" | "0002" => wire.extend_from_slice(line.as_bytes()),
                line => pktline::encode(&mut wire, line.replace("ID", ID).as_bytes()),
            }
        }
        wire
    }

    fn read(wire: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::default();
        reader.feed(wire)?;
        reader.finish()
    }

    #[track_caller]
    fn refused(lines: &[&str], words: &str) {
        let said = read(&wire(lines)).expect_err("a refusal").to_string();
        assert!(said.contains(words), "{lines:?}: {said}");
    }

    #[test]
    fn what_clients_ask_is_read() {
        for lines in [
            &["0000"][..],
            &[
                "want ID multi_ack side-band-64k agent=git/2.47\n",
                "want ID\n",
                "0000",
                "done\n",
            ],
            // JGit leaves the line feed out, libgit2 the space before capabilities that are none.
            &["want ID side-band", "shallow ID", "deepen 1", "0000"],
            &[
                "want ID \n",
                "0000",
                "have ID\n",
                "0000",
                "have ID\n",
                "done\n",
                "0000",
            ],
            &[
                "want ID\n",
                "deepen-since 1700000000",
                "deepen-not refs/heads/ä",
                "0000",
                "0000",
            ],
            &[
                "shallow ID\n",
                "want ID filter\n",
                "filter sparse:oid=main:a b\n",
                "0000",
                "done\n",
            ],
            &["command=ls-refs\n", "0000"],
            &[
                "command=ls-refs\n",
                "agent=x\n",
                "server-option=a b=c\n",
                "0001",
                "peel\n",
                "unborn",
                "ref-prefix refs/\n",
                "0000",
            ],
            &[
                "command=fetch",
                "object-format=sha1",
                "0001",
                "thin-pack",
                "want ID\n",
                "have ID\n",
                "want-ref refs/heads/a b",
                "wait-for-done",
                "deepen-relative",
                "done\n",
                "0000",
            ],
            &["command=object-info", "0001", "size", "oid ID", "0000"],
        ] {
            assert_eq!(read(&wire(lines)), Ok(()), "{lines:?}");
        }
    }

    #[test]
    fn what_we_ask_ourselves_is_read() {
        for hash in [HashKind::Sha1, HashKind::Sha256] {
            let wants = [hash.empty_blob()];
            for filter in [Filter::Everything, Filter::Alone, Filter::NoBlobs] {
                let fetch = Fetch {
                    hash,
                    wants: &wants,
                    filter,
                    shallow: true,
                };
                assert_eq!(read(&fetch.encode()), Ok(()));
            }
            assert_eq!(read(&ls_refs(hash, &["HEAD", "refs/heads/"])), Ok(()));
        }
    }

    #[test]
    fn what_is_for_another_service_is_not_read() {
        for wire in [
            &b""[..],
            b"000",
            b"0001",
            b"PACK",
            b"0004",
            b"0009done\n",
            b"0032have 0123456789abcdef0123456789abcdef01234567\n",
            b"00820000000000",
            b"001fpush-cert\0",
            b"0014 command=fetch\n",
            b"0014command=receive\n",
            b"0017command=bundle-uri\n",
            b"0032WANT 0123456789abcdef0123456789abcdef01234567\n",
        ] {
            assert_eq!(
                read(wire),
                Err(Error::NotARequest),
                "{}",
                wire.escape_ascii()
            );
        }
    }

    #[test]
    fn lines_that_are_none_of_gits() {
        for line in [
            "want",
            "want ",
            "want 01",
            "want ID ",
            "want ID more",
            "want  ID",
            "wantID",
            "have ID",
            "note to self",
            "deepen",
            "deepen x",
            "deepen -1",
            "deepen 123456789012345678901",
            "filter",
            "filter ",
            "deepen-not a\u{7}",
            "filter a\0b",
            "want ID\n",
            "deepen-relative",
            "shallow ID\r",
            "",
            "\n",
        ] {
            // Two line feeds are one too many.
            let line = format!("{line}\n");
            refused(&["want ID\n", &line, "0000"], "line 2 is none of git's");
        }
        for line in [
            "want ID",
            "deepen 1",
            "Have ID",
            "done x",
            "done ",
            "flush",
            "have 0123",
        ] {
            refused(
                &["want ID", "0000", line, "0000"],
                "line 3 is none of git's",
            );
        }
        for line in ["agent", "agent=", "note=x", "peel", "agent=a\u{1b}[31m"] {
            refused(&["command=fetch", line, "0000"], "line 2 is none of git's");
        }
        for line in [
            "peel",
            "packfile-uris https",
            "ref-prefix a",
            "want ID agent=x",
            "done no",
            "x",
        ] {
            refused(
                &["command=fetch", "0001", line, "0000"],
                "line 3 is none of git's",
            );
        }
        refused(&["want ID a\0b", "0000"], "not a request");
        refused(
            &["command=fetch", "0001", "x\u{1b}[31m", "0000"],
            "x\\x1b[31m",
        );
    }

    #[test]
    fn an_end_is_an_end() {
        for lines in [
            &["0000", "0000"][..],
            &["0000", "want ID\n"],
            &["want ID", "0000", "done", "done"],
            &["want ID", "0000", "done", "0000", "0000"],
            &["want ID", "0000", "done", "any text"],
            &["command=ls-refs", "0000", "command=fetch"],
            &["command=ls-refs", "0001", "0000", "0000"],
        ] {
            refused(lines, "follow the end");
        }
        for lines in [
            &["want ID"][..],
            &["command=fetch"],
            &["command=fetch", "0001", "want ID", "done"],
        ] {
            refused(lines, "ends before");
        }
        let mut torn = wire(&["want ID\n", "0000", "done\n"]);
        torn.pop();
        assert_eq!(read(&torn), Err(Error::Cut));
        refused(&["want ID", "0001"], "line 2 is a delimiter");
        refused(&["command=fetch", "0001", "0001"], "line 3 is a delimiter");
        refused(&["command=fetch", "0002"], "line 2 is a response end");
        let upper = [wire(&["want ID"]), b"000Adone12".to_vec()].concat();
        assert!(read(&upper).is_err_and(|error| error.to_string().contains("upper-case")));
    }
}
