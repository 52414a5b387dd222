//! The request of a client to upload-pack, read strictly: known commands and keys in their order, nothing else.
//!
//! Grammar: git's gitprotocol-pack, "Packfile Negotiation", and gitprotocol-v2, "Capabilities"; of the latter what
//! [`crate::advertise`] lets an upstream offer. What goes on is written anew; what clients say of themselves does not, and the
//! words that are left are handed out, to be searched.

mod filter;

use crate::pktline::{self, Joiner, Line};

/// Why a body is not a request to upload-pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is not a request to git-upload-pack")]
    NotARequest,
    #[error("line {line}: {error}")]
    PktLine { line: u64, error: pktline::Error },
    #[error("line {0} is none of git's")]
    UnknownLine(u64),
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
    /// What objects to leave out.
    Filter,
}

type Keys = &'static [(&'static str, Value)];

const WANTS: Keys = &[
    ("want", Value::Id),
    ("shallow", Value::Id),
    ("deepen", Value::Number),
    ("deepen-since", Value::Number),
    ("deepen-not", Value::Text),
    ("filter", Value::Filter),
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
    ("filter", Value::Filter),
];
const OBJECT_INFO: Keys = &[
    ("size", Value::Nothing),
    ("type", Value::Nothing),
    ("oid", Value::Id),
];
/// Capabilities of version 0 that go on; all others are what the client says of itself, or nobody knows them.
const ASKED: [&[u8]; 17] = [
    b"multi_ack",
    b"multi_ack_detailed",
    b"no-done",
    b"thin-pack",
    b"side-band",
    b"side-band-64k",
    b"ofs-delta",
    b"shallow",
    b"deepen-since",
    b"deepen-not",
    b"deepen-relative",
    b"no-progress",
    b"include-tag",
    b"allow-tip-sha1-in-want",
    b"allow-reachable-sha1-in-want",
    b"filter",
    b"object-format=sha1",
];
/// The same of the other hash.
const ASKED_SHA256: &[u8] = b"object-format=sha256";
/// Digits of a number: what 64 bits hold.
const DIGITS: usize = 20;

/// What was read of a request; whoever feeds takes it out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// What goes on: the lines that were read, without what clients say of themselves.
    pub onward: Vec<u8>,
    /// The words in it that may be anything, a line each; and ids that spell a text, as that text.
    pub words: Vec<u8>,
}

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
    /// The last id spelled a text, which the next one may go on with.
    is_spelling: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            joiner: Joiner::default(),
            state: State {
                at: At::Start,
                lines: 0,
                is_told: false,
                is_spelling: false,
            },
        }
    }
}

impl Reader {
    /// Reads the next bytes of the request, and adds what goes on to `passed`.
    ///
    /// # Errors
    /// At the first byte from which it is no request to upload-pack; nothing may be read then any more.
    pub fn feed(&mut self, mut chunk: &[u8], passed: &mut Passed) -> Result<(), Error> {
        loop {
            let line = self.joiner.next(&mut chunk);
            match line.map_err(|error| self.state.broken(error))? {
                Some(line) => self.state.take(line, passed)?,
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

    fn take(&mut self, line: Line<'_>, passed: &mut Passed) -> Result<(), Error> {
        self.lines += 1;
        let before = self.at;
        self.at = match line {
            Line::Data(data) => {
                let words = data.strip_suffix(b"\n").unwrap_or(data);
                let is_first = !self.is_told;
                let next = self.read(words).ok_or_else(|| self.unknown())?;
                let is_told_now = is_first && self.is_told;
                self.pass_on(before, data, is_told_now, passed);
                next
            }
            Line::Flush => {
                passed.onward.extend_from_slice(b"0000");
                self.flushed()?
            }
            Line::Delimiter => match self.at {
                At::Capabilities(command) => {
                    passed.onward.extend_from_slice(b"0001");
                    At::Arguments(command)
                }
                _ => return Err(self.marker("delimiter")),
            },
            Line::ResponseEnd => return Err(self.marker("response end")),
        };
        Ok(())
    }

    /// Writes a line that was read, which stood at `at`.
    fn pass_on(&mut self, at: At, data: &[u8], is_first_want: bool, passed: &mut Passed) {
        let words = data.strip_suffix(b"\n").unwrap_or(data);
        let key_end = words.iter().position(|byte| matches!(byte, b' ' | b'='));
        let (key, value) = words.split_at(key_end.unwrap_or(words.len()));
        let value = value.get(1..).unwrap_or_default();
        if matches!(at, At::Capabilities(_)) && matches!(key, b"agent" | b"session-id") {
            return;
        }
        if is_first_want {
            let mut want = without_unknown(words);
            if data.len() > words.len() {
                want.push(b'\n');
            }
            pktline::encode(&mut passed.onward, &want);
        } else {
            pktline::encode(&mut passed.onward, data);
        }
        match key {
            b"want" | b"have" | b"shallow" | b"oid" => {
                let id = value.split(|byte| *byte == b' ').next();
                self.spell(id.unwrap_or_default(), passed);
            }
            b"filter" => filter::words(value, &mut |words| say(passed, words)),
            b"ref-prefix" | b"want-ref" | b"deepen-not" | b"server-option" => say(passed, value),
            _ => {}
        }
    }

    /// Ids are hashes; one whose bytes are all letters is one in a thousand million, or none.
    fn spell(&mut self, id: &[u8], passed: &mut Passed) {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default();
        let pairs = id.chunks_exact(2);
        let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | digit(half)));
        let bytes: Vec<u8> = bytes.filter_map(|byte| u8::try_from(byte).ok()).collect();
        let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
        if is_text && !self.is_spelling && !passed.words.is_empty() {
            passed.words.push(b'\n');
        }
        if is_text {
            passed.words.extend(bytes);
        }
        self.is_spelling = is_text;
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

    fn unknown(&self) -> Error {
        match self.at {
            At::Start => Error::NotARequest,
            At::End | At::Done => Error::Trailing,
            _ => Error::UnknownLine(self.lines),
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
        (Value::Filter, Some(words)) => filter::is_sound(words),
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

/// `want <id>` with those of its capabilities that go on.
fn without_unknown(words: &[u8]) -> Vec<u8> {
    let mut parts = words.split(|byte| *byte == b' ');
    let start: Vec<&[u8]> = parts.by_ref().take(2).collect();
    let goes_on = |word: &&[u8]| ASKED.contains(word) || *word == ASKED_SHA256;
    let all = start.into_iter().chain(parts.filter(goes_on));
    all.collect::<Vec<_>>().join(&b' ')
}

fn say(passed: &mut Passed, words: &[u8]) {
    if !passed.words.is_empty() {
        passed.words.push(b'\n');
    }
    passed.words.extend_from_slice(words);
}

fn is_capability(words: &[u8]) -> bool {
    let mut parts = words.splitn(2, |byte| *byte == b'=');
    let (key, value) = (parts.next().unwrap_or_default(), parts.next());
    match key {
        b"agent" | b"server-option" | b"session-id" => value.is_some_and(is_text),
        b"object-format" => matches!(value, Some(b"sha1" | b"sha256")),
        _ => false,
    }
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
mod tests;
