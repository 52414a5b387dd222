//! The head of a push: shallow lines, commands, capabilities, options; it ends exactly where the pack begins.
//!
//! Grammar: git's gitprotocol-pack, "Reference Update Request". Receive-pack itself also takes capabilities
//! on any command, other terminators than a flush, shallow lines between commands, upper-case digits and
//! names twice. No client writes those, so only the canonical form is read; and what goes upstream is
//! written anew from the parsed values, so nothing that was not understood can leave.

mod capabilities;
mod command;

use std::collections::HashSet;

pub use capabilities::Capabilities;
pub use command::Command;

use crate::pktline::{self, Joiner, Line};
use crate::{HashKind, ObjectId, refname};

/// What a head may hold. All of it is checked before memory is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all lines before the pack, with their lengths.
    pub head_bytes: usize,
    /// Commands, one for each ref; as many shallow lines again.
    pub commands: usize,
    /// Bytes of one ref name; at most [`Limits::REF_NAME_BYTES`] counts.
    pub ref_name_bytes: usize,
    /// Push options.
    pub options: usize,
    /// Bytes of one push option.
    pub option_bytes: usize,
}

impl Limits {
    /// A longer ref name would not fit into one line together with two ids and our capabilities.
    pub const REF_NAME_BYTES: usize = 60_000;
}

impl Default for Limits {
    /// Ample for a mirror of a large repository: 16 MiB, 50 000 refs, names of 1 KiB, 64 options of 4 KiB.
    fn default() -> Self {
        Self {
            head_bytes: 16 << 20,
            commands: 50_000,
            ref_name_bytes: 1024,
            options: 64,
            option_bytes: 4096,
        }
    }
}

/// What a body of `git-receive-pack` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A lone flush, sent to get authentication out of the way before a long body.
    Probe,
    /// A push; its pack, if it expects one, is the rest of the body.
    Push(PushRequest),
}

/// A push as the client asked for it, apart from the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// The hash of every id in the request and of the pack's trailer.
    pub hash: HashKind,
    /// Commits whose parents the client does not have.
    pub shallow: Vec<ObjectId>,
    /// At least one; no two for the same ref.
    pub commands: Vec<Command>,
    pub capabilities: Capabilities,
    /// In the order of the client, without line ends; empty unless `push-options` was requested.
    pub options: Vec<Vec<u8>>,
}

impl PushRequest {
    /// Writes the head anew: the same refs, ids, options and known capabilities, and `agent` in place of the client's.
    ///
    /// In `agent`, what is not printable ASCII becomes a dot, as in git; an empty one is left out.
    pub fn canonical_head(&self, agent: &str) -> Vec<u8> {
        let options = self.capabilities.push_options.then_some(&self.options[..]);
        self.head_with(agent, options.map(|options| options.iter()))
    }

    /// The same with only those options that `keep` chooses. Where none is left, nothing says that there were any: the
    /// head is the one of a push without options.
    pub fn canonical_head_keeping(&self, agent: &str, keep: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let kept = |option: &&Vec<u8>| self.capabilities.push_options && keep(option);
        let mut options = self.options.iter().filter(kept).peekable();
        let options = options.peek().is_some().then_some(options);
        self.head_with(agent, options)
    }

    fn head_with<'o>(
        &self,
        agent: &str,
        options: Option<impl Iterator<Item = &'o Vec<u8>>>,
    ) -> Vec<u8> {
        let capabilities = Capabilities {
            push_options: options.is_some(),
            ..self.capabilities.clone()
        };
        let mut head = Vec::new();
        for id in &self.shallow {
            pktline::encode(&mut head, format!("shallow {id}").as_bytes());
        }
        for (number, command) in self.commands.iter().enumerate() {
            let mut line = command.to_line();
            if number == 0 {
                line.push(0);
                line.extend_from_slice(capabilities.to_text(self.hash, agent).as_bytes());
            }
            pktline::encode(&mut head, &line);
        }
        pktline::flush(&mut head);
        if let Some(options) = options {
            options.for_each(|option| pktline::encode(&mut head, option));
            pktline::flush(&mut head);
        }
        head
    }

    /// Whether a pack must follow: a push that only deletes has none.
    pub fn expects_pack(&self) -> bool {
        !self.commands.iter().all(Command::is_delete)
    }
}

/// How far the head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All bytes were used, and the head is not complete.
    NeedMore,
    /// The head is complete; the first `consumed` bytes of this chunk were part of it, the rest is the pack's.
    Complete { consumed: usize },
}

/// Why a body is not the head of a push that can be forwarded. The texts count commands and options and repeat
/// nothing of them: they are refused unread, and a secret may stand in any of their words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Line(#[from] pktline::Error),
    #[error("the request ends before the flush that ends its commands or options")]
    Ended,
    #[error("the request was already refused")]
    Refused,
    #[error("bytes follow the flush of an empty request")]
    AfterProbe,
    #[error("{0} ends with a delimiter or response-end line instead of a flush")]
    Terminator(Section),
    #[error("the request has shallow lines but no command")]
    NothingAsked,
    #[error("a shallow line follows a command")]
    LateShallow,
    #[error("a shallow line does not hold one lower-case object id")]
    BadShallow,
    #[error("the request has an unshallow line, which a push cannot have")]
    Unshallow,
    #[error("the push is signed (--signed); a push certificate cannot be forwarded by a proxy")]
    PushCertificate,
    #[error("command {0} carries capabilities; only the first may")]
    LateCapabilities(usize),
    #[error("the capabilities contain a zero byte")]
    ZeroByte,
    #[error("the object format is not known; sha1 and sha256 are")]
    UnknownObjectFormat,
    #[error("the object format is given twice")]
    TwoObjectFormats,
    #[error("the push is of object format {asked}, but the repository's is {offered}")]
    OtherFormat { asked: HashKind, offered: HashKind },
    #[error("command {0} is not of the form: old id, space, new id, space, ref name")]
    BadCommand(usize),
    #[error("command {0} has an object id with upper-case digits; only lower case is accepted")]
    UpperCaseId(usize),
    #[error("an object id is not of the object format of the request, {0}")]
    WrongHash(HashKind),
    #[error("the ref name of command {number} is not valid: {reason}")]
    BadRefName {
        number: usize,
        reason: refname::Error,
    },
    #[error("command {0} is for the same ref as an earlier one")]
    DuplicateRef(usize),
    #[error("command {0} neither creates, updates nor deletes: both its ids are zero")]
    BothZero(usize),
    #[error("push option {0} contains a zero byte or a line end")]
    BadOption(usize),
    #[error("the commands and options of the push exceed the limit of {0} bytes")]
    HeadTooLong(usize),
    #[error("the push has more refs than the limit of {0}")]
    TooManyCommands(usize),
    #[error("the push has more shallow lines than the limit of {0}")]
    TooManyShallow(usize),
    #[error("a ref name exceeds the limit of {0} bytes")]
    RefNameTooLong(usize),
    #[error("the push has more options than the limit of {0}")]
    TooManyOptions(usize),
    #[error("push option {number} exceeds the limit of {limit} bytes")]
    OptionTooLong { number: usize, limit: usize },
}

/// The two lists of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Commands,
    Options,
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Commands => "the command list",
            Self::Options => "the list of push options",
        })
    }
}

/// Reads a head from chunks that end anywhere.
#[derive(Debug)]
pub struct Reader {
    joiner: Joiner,
    head: Head,
}

impl Reader {
    pub fn new(limits: Limits) -> Self {
        Self {
            joiner: Joiner::default(),
            head: Head::new(limits),
        }
    }

    /// Reads the next chunk, up to the end of the head and not a byte further.
    ///
    /// After an error the reader refuses everything; after the end it consumes nothing.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Progress, Error> {
        let read = self.read(chunk);
        if read.is_err() {
            self.head.state = State::Refused;
        }
        read
    }

    fn read(&mut self, chunk: &[u8]) -> Result<Progress, Error> {
        let mut rest = chunk;
        loop {
            match self.head.state {
                State::Refused => return Err(Error::Refused),
                State::Probe if !rest.is_empty() => return Err(Error::AfterProbe),
                State::Probe | State::Complete => {
                    return Ok(Progress::Complete {
                        consumed: chunk.len() - rest.len(),
                    });
                }
                State::Commands | State::Options => {}
            }
            match self.joiner.next(&mut rest)? {
                Some(line) => self.head.take(line)?,
                None => return Ok(Progress::NeedMore),
            }
        }
    }

    /// What was read so far, also of a head that was refused: enough to answer in the form its client asked for.
    ///
    /// It may lack commands, even all of them, and must not be forwarded.
    pub fn so_far(&self) -> &PushRequest {
        &self.head.request
    }

    /// The request, once the head is complete; before that, at the end of the body, it is an error.
    pub fn into_request(self) -> Result<Asked, Error> {
        match self.head.state {
            State::Probe => Ok(Asked::Probe),
            State::Complete => Ok(Asked::Push(self.head.request)),
            State::Commands | State::Options => Err(Error::Ended),
            State::Refused => Err(Error::Refused),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Commands,
    Options,
    Complete,
    Probe,
    Refused,
}

/// What the lines so far amount to.
#[derive(Debug)]
struct Head {
    limits: Limits,
    state: State,
    /// Bytes of the lines so far, with their lengths.
    bytes: usize,
    names: HashSet<Vec<u8>>,
    request: PushRequest,
}

impl Head {
    fn new(limits: Limits) -> Self {
        let request = PushRequest {
            hash: HashKind::Sha1,
            shallow: Vec::new(),
            commands: Vec::new(),
            capabilities: Capabilities::default(),
            options: Vec::new(),
        };
        Self {
            limits,
            state: State::Commands,
            bytes: 0,
            names: HashSet::new(),
            request,
        }
    }

    fn take(&mut self, line: Line<'_>) -> Result<(), Error> {
        let payload = if let Line::Data(data) = line {
            data.len()
        } else {
            0
        };
        self.bytes = self.bytes.saturating_add(payload + 4);
        if self.bytes > self.limits.head_bytes {
            return Err(Error::HeadTooLong(self.limits.head_bytes));
        }
        match (self.state, line) {
            (State::Options, Line::Data(data)) => {
                self.take_option(pktline::without_line_feed(data))
            }
            (State::Options, Line::Flush) => {
                self.state = State::Complete;
                Ok(())
            }
            (State::Options, _) => Err(Error::Terminator(Section::Options)),
            (_, Line::Data(data)) => self.take_shallow_or_command(pktline::without_line_feed(data)),
            (_, Line::Flush) => self.end_commands(),
            (_, _) => Err(Error::Terminator(Section::Commands)),
        }
    }

    fn take_shallow_or_command(&mut self, line: &[u8]) -> Result<(), Error> {
        if let Some(id) = line.strip_prefix(b"shallow ") {
            return self.take_shallow(id);
        }
        if line.starts_with(b"unshallow ") {
            return Err(Error::Unshallow);
        }
        if line.starts_with(b"push-cert") {
            return Err(self.refuse_certificate(line));
        }
        self.take_command(line)
    }

    /// The capabilities on the line are read for the answer only; they are the first there are.
    fn refuse_certificate(&mut self, line: &[u8]) -> Error {
        let list = line.splitn(2, |byte| *byte == 0).nth(1);
        let known = list.and_then(|list| Capabilities::read(list).ok());
        if let (Some((capabilities, _)), true) = (known, self.request.commands.is_empty()) {
            self.request.capabilities = capabilities;
        }
        Error::PushCertificate
    }

    fn take_shallow(&mut self, id: &[u8]) -> Result<(), Error> {
        if !self.request.commands.is_empty() {
            return Err(Error::LateShallow);
        }
        // They go upstream as they are, so they are as few as the commands may be.
        if self.request.shallow.len() >= self.limits.commands {
            return Err(Error::TooManyShallow(self.limits.commands));
        }
        self.request
            .shallow
            .push(command::read_id(id).ok_or(Error::BadShallow)?);
        Ok(())
    }

    fn take_command(&mut self, line: &[u8]) -> Result<(), Error> {
        let number = self.request.commands.len() + 1;
        if number > self.limits.commands {
            return Err(Error::TooManyCommands(self.limits.commands));
        }
        let mut parts = line.splitn(2, |byte| *byte == 0);
        let text = parts.next().unwrap_or_default();
        match parts.next() {
            Some(_) if number > 1 => return Err(Error::LateCapabilities(number)),
            Some(list) => self.take_capabilities(list)?,
            None => {}
        }
        if number == 1
            && self
                .request
                .shallow
                .iter()
                .any(|id| id.kind() != self.request.hash)
        {
            return Err(Error::WrongHash(self.request.hash));
        }
        let name_limit = self.limits.ref_name_bytes.min(Limits::REF_NAME_BYTES);
        let command = Command::read(text, number, self.request.hash, name_limit)?;
        if !self.names.insert(command.name.clone()) {
            return Err(Error::DuplicateRef(number));
        }
        self.request.commands.push(command);
        Ok(())
    }

    fn take_capabilities(&mut self, list: &[u8]) -> Result<(), Error> {
        let (capabilities, hash) = Capabilities::read(list)?;
        self.request.capabilities = capabilities;
        self.request.hash = hash;
        Ok(())
    }

    fn end_commands(&mut self) -> Result<(), Error> {
        self.state = match (
            self.request.commands.is_empty(),
            self.request.shallow.is_empty(),
        ) {
            (true, true) => State::Probe,
            (true, false) => return Err(Error::NothingAsked),
            (false, _) if self.request.capabilities.push_options => State::Options,
            (false, _) => State::Complete,
        };
        Ok(())
    }

    fn take_option(&mut self, option: &[u8]) -> Result<(), Error> {
        let number = self.request.options.len() + 1;
        if number > self.limits.options {
            return Err(Error::TooManyOptions(self.limits.options));
        }
        if option.len() > self.limits.option_bytes {
            return Err(Error::OptionTooLong {
                number,
                limit: self.limits.option_bytes,
            });
        }
        if option.contains(&0) || option.contains(&b'\n') {
            return Err(Error::BadOption(number));
        }
        self.request.options.push(option.to_vec());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
