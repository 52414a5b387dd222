//! The ref advertisement, with only those capabilities that can be inspected.
//!
//! Grammar: git's gitprotocol-pack, "Reference Discovery", gitprotocol-http for the service line, and
//! gitprotocol-v2, "Capability Advertisement". What cannot be inspected must not be offered: certificates
//! that bind a push to bytes we rewrite, ids of sessions, addresses that lead a client around the proxy.
//! A push additionally gets `no-thin`, so that clients send packs that need no object from elsewhere, and
//! `push-options`, by which developers speak to the proxy; those for the upstream it must be able to take itself.

mod capabilities;
mod standing;

pub use standing::{Lookup, Standing};

use capabilities::{for_fetch, for_push, for_v2, takes_push_options};

use crate::pktline::{self, Joiner, Line};
use crate::{HashKind, text};

/// The two services of smart HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Push.
    ReceivePack,
    /// Fetch.
    UploadPack,
}

impl Service {
    /// The name on the wire, as in `?service=git-receive-pack`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReceivePack => "git-receive-pack",
            Self::UploadPack => "git-upload-pack",
        }
    }

    /// The line that opens an advertisement over HTTP, without its line feed.
    pub fn announcement(self) -> String {
        format!("# service={}", self.name())
    }
}

/// Why an upstream's answer is not an advertisement that can be passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the advertisement: {0}")]
    Line(#[from] pktline::Error),
    #[error("the advertisement ends early")]
    Ended,
    #[error("the advertisement was already refused")]
    Refused,
    #[error("bytes follow the end of the advertisement")]
    AfterEnd,
    #[error("the advertisement has a delimiter or response-end line")]
    Marker,
    #[error("the advertisement is for another service than {0}")]
    WrongService(&'static str),
    #[error("no flush follows the service line of the advertisement")]
    NoFlush,
    #[error("the advertisement speaks protocol {0}, which is not known for {1}")]
    UnknownVersion(String, &'static str),
    #[error("the advertisement of git-receive-pack has no line for capabilities")]
    NoCapabilities,
    #[error("the advertisement has the object format {0}; sha1 and sha256 are known")]
    UnknownObjectFormat(String),
    #[error("line {0} of the advertisement is not of the form: id, space, ref name")]
    BadRef(usize),
    #[error("line {0} of the advertisement is not a shallow line")]
    BadShallow(usize),
    #[error("line {0} of the advertisement is not a printable capability")]
    BadCapability(usize),
    #[error("the capabilities of the advertisement do not fit into one line")]
    TooLong,
}

/// What an upstream offers, as far as its first line says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The object format of its ids; version 2 names it later.
    pub format: HashKind,
    /// Whether it takes push options itself: what clients are offered says so in any case.
    pub push_options: bool,
}

/// Rewrites an advertisement as it streams through; holds at most one line.
#[derive(Debug)]
pub struct Rewriter {
    joiner: Joiner,
    lines: Lines,
}

impl Rewriter {
    pub fn new(service: Service) -> Self {
        let lines = Lines {
            service,
            state: State::Start,
            number: 0,
            hash: HashKind::Sha1,
            offer: None,
        };
        Self {
            joiner: Joiner::default(),
            lines,
        }
    }

    /// Reads the next chunk and appends what may be passed on. After an error nothing more passes.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let read = self.read(chunk, out);
        if read.is_err() {
            self.lines.state = State::Refused;
        }
        read
    }

    fn read(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut rest = chunk;
        loop {
            match self.lines.state {
                State::Refused => return Err(Error::Refused),
                State::Done if !rest.is_empty() => return Err(Error::AfterEnd),
                _ => {}
            }
            match self.joiner.next(&mut rest)? {
                Some(line) => self.lines.take(line, out)?,
                None => return Ok(()),
            }
        }
    }

    /// What the upstream offers, once it has begun to say so. An `ERR` in that place, although it comes with status
    /// 200, is a refusal.
    pub fn offer(&self) -> Option<Offer> {
        self.lines.offer
    }

    /// To be called at the end of the answer: an advertisement cut short is an error.
    pub fn finish(&mut self) -> Result<(), Error> {
        match self.lines.state {
            State::Refused => Err(Error::Refused),
            State::Done | State::Failed if !self.joiner.is_mid_line() => Ok(()),
            _ => Err(Error::Ended),
        }
    }
}

/// What the next line may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The service line, or all that [`State::Opened`] allows: version 2 may do without the service line.
    Start,
    /// The flush after the service line.
    Announced,
    /// A version, or the first ref.
    Opened,
    /// The first ref, with the capabilities.
    FirstRef,
    Refs,
    Shallow,
    /// Capabilities of version 2.
    Capabilities,
    /// After `ERR`: nothing but a flush.
    Failed,
    Done,
    Refused,
}

#[derive(Debug)]
struct Lines {
    service: Service,
    state: State,
    /// Of the line being read, from 1.
    number: usize,
    hash: HashKind,
    offer: Option<Offer>,
}

impl Lines {
    fn take(&mut self, line: Line<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.number = self.number.saturating_add(1);
        self.state = match line {
            Line::Data(data) => self.take_data(data, out)?,
            Line::Flush => {
                pktline::flush(out);
                self.after_flush()?
            }
            Line::Delimiter | Line::ResponseEnd => return Err(Error::Marker),
        };
        Ok(())
    }

    fn after_flush(&self) -> Result<State, Error> {
        match (self.state, self.service) {
            (State::Announced, _) => Ok(State::Opened),
            (State::Start | State::Opened | State::FirstRef, Service::ReceivePack) => {
                Err(Error::NoCapabilities)
            }
            _ => Ok(State::Done),
        }
    }

    fn take_data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<State, Error> {
        let line = pktline::without_line_feed(data);
        if let Some(words) = data
            .strip_prefix(b"ERR ")
            .filter(|_| self.state != State::Failed)
        {
            encode_failure(out, words);
            return Ok(State::Failed);
        }
        match self.state {
            State::Start if line.starts_with(b"# ") => self.take_announcement(line, out),
            State::Start | State::Opened if line.starts_with(b"version ") => {
                self.take_version(line, out)
            }
            State::Start | State::Opened | State::FirstRef => self.take_first_ref(line, out),
            State::Refs | State::Shallow => self.take_ref_or_shallow(data, line, out),
            State::Capabilities => self.take_capability(line, out),
            State::Announced => Err(Error::NoFlush),
            State::Failed | State::Done | State::Refused => Err(Error::AfterEnd),
        }
    }

    fn take_announcement(&self, line: &[u8], out: &mut Vec<u8>) -> Result<State, Error> {
        let expected = self.service.announcement();
        if line != expected.as_bytes() {
            return Err(Error::WrongService(self.service.name()));
        }
        pktline::encode(out, format!("{expected}\n").as_bytes());
        Ok(State::Announced)
    }

    fn take_version(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<State, Error> {
        let next = match (line, self.service) {
            (b"version 1", _) => State::FirstRef,
            (b"version 2", Service::UploadPack) => {
                self.offer = Some(self.offered(b""));
                State::Capabilities
            }
            _ => {
                return Err(Error::UnknownVersion(
                    text::escape_short(line, 40),
                    self.service.name(),
                ));
            }
        };
        pktline::encode(out, &[line, b"\n"].concat());
        Ok(next)
    }

    fn take_first_ref(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<State, Error> {
        let (reference, list) = match line.iter().position(|byte| *byte == 0) {
            Some(at) => (
                line.get(..at).unwrap_or_default(),
                line.get(at + 1..).unwrap_or_default(),
            ),
            None => (line, &b""[..]),
        };
        self.hash = capabilities::object_format(list)?;
        let name = self.ref_name(reference)?;
        let words = match self.service {
            Service::ReceivePack => for_push(list),
            Service::UploadPack => for_fetch(list),
        };
        let rewritten = [reference, b"\0", &words, b"\n"].concat();
        if rewritten.len() > pktline::MAX_DATA {
            return Err(Error::TooLong);
        }
        pktline::encode(out, &rewritten);
        self.offer = Some(self.offered(list));
        Ok(if name == b"capabilities^{}" {
            State::Shallow
        } else {
            State::Refs
        })
    }

    fn offered(&self, list: &[u8]) -> Offer {
        Offer {
            format: self.hash,
            push_options: takes_push_options(list),
        }
    }

    fn take_ref_or_shallow(
        &self,
        data: &[u8],
        line: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<State, Error> {
        let next = match line.strip_prefix(b"shallow ") {
            Some(id) if self.is_id(id) => State::Shallow,
            Some(_) => return Err(Error::BadShallow(self.number)),
            None if self.state == State::Shallow => return Err(Error::BadShallow(self.number)),
            None => self.ref_name(line).map(|_| State::Refs)?,
        };
        pktline::encode(out, data);
        Ok(next)
    }

    /// The name in a ref line, free of spaces and controls; also `.have`, `HEAD`, `capabilities^{}` and peeled names.
    fn ref_name<'a>(&self, line: &'a [u8]) -> Result<&'a [u8], Error> {
        let mut parts = line.splitn(2, |byte| *byte == b' ');
        let id = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        let printable = name.iter().all(|byte| *byte > b' ' && *byte != 0x7f);
        if self.is_id(id) && printable && !name.is_empty() {
            return Ok(name);
        }
        Err(Error::BadRef(self.number))
    }

    fn is_id(&self, hex: &[u8]) -> bool {
        hex.len() == self.hash.len_in_hex() && hex.iter().all(u8::is_ascii_hexdigit)
    }

    fn take_capability(&self, line: &[u8], out: &mut Vec<u8>) -> Result<State, Error> {
        if line.is_empty() || !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Error::BadCapability(self.number));
        }
        if let Some(kept) = for_v2(line) {
            pktline::encode(out, &[&kept[..], b"\n"].concat());
        }
        Ok(State::Capabilities)
    }
}

/// Appends `ERR` with `words` escaped, line ends kept, cut at 4 KiB. Clients take it between any two lines of an
/// advertisement, print it and stop.
pub fn encode_failure(out: &mut Vec<u8>, words: &[u8]) {
    let mut line = format!("ERR {}", text::escape_lines(words));
    line.truncate(4096);
    pktline::encode(out, line.as_bytes());
}

#[cfg(test)]
mod tests;
