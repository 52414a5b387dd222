//! Judges the bytes of an HTTP/1 connection before the HTTP library reads them: what two servers could read in two ways
//! is refused (RFC 9112, section 11).
//!
//! A small machine without input or output of its own. Heads are held back until they are whole and judged; bodies are
//! only counted, byte for byte as they come. What leaves it has one reading: each request begins and ends where every
//! other server would say so.

mod body;
mod head;

use body::{Body, Passed};

/// Bytes of a request's head. git sends a few hundred; a token of an identity provider may take some kilobytes.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Fields of a head. git sends about ten.
pub const FIELDS: usize = 100;

/// What is not taken from a client. The texts are for whoever looks into why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the head is larger than 64 KiB")]
    HeadTooLarge,
    #[error("the head has more than 100 fields")]
    TooManyFields,
    #[error("a line does not end with CR LF")]
    LineEnd,
    #[error("an empty line stands before the request")]
    EmptyLine,
    #[error("the request line is not METHOD TARGET HTTP/1.1 or HTTP/1.0")]
    RequestLine,
    #[error("the request's target is neither a path nor an http address")]
    Target,
    #[error("a field is continued on a second line")]
    Folded,
    #[error("a field's name is not a plain name followed by a colon")]
    FieldName,
    #[error("a field's value holds a control character")]
    FieldValue,
    #[error("there is no Host field")]
    NoHost,
    #[error("there is more than one Host field")]
    ManyHosts,
    #[error("the target names another host than the Host field")]
    OtherHost,
    #[error("there is more than one Content-Length")]
    ManyLengths,
    #[error("the Content-Length is not one plain number")]
    Length,
    #[error("both Content-Length and Transfer-Encoding are given")]
    TwoFramings,
    #[error("the Transfer-Encoding is not \"chunked\" alone")]
    Coding,
    #[error("a chunk's size is not a plain hexadecimal number of at most 8 digits")]
    ChunkSize,
    #[error("a chunk has an extension")]
    ChunkExtension,
    #[error("a chunk does not end with CR LF")]
    ChunkEnd,
    #[error("the body has trailers")]
    Trailers,
}

impl Error {
    /// The status that says so: 431 where a head is too large (RFC 6585), else 400.
    pub fn status(self) -> http::StatusCode {
        match self {
            Self::HeadTooLarge | Self::TooManyFields => {
                http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            _ => http::StatusCode::BAD_REQUEST,
        }
    }
}

/// The machine: feed it what was received, in order.
#[derive(Debug, Default)]
pub struct Strict {
    /// The head that is being read, or has just been judged.
    head: Vec<u8>,
    is_judged: bool,
    /// The body that is being passed, if one is.
    body: Option<Body>,
    requests: u64,
    dead: Option<Error>,
}

/// What became of the front of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// So many belong to a body and may pass as they are.
    Pass(usize),
    /// So many were taken into a head that is not whole yet.
    Held(usize),
    /// So many were taken; with them the head is whole, judged, and may pass: `take_head`.
    Head(usize),
}

impl Strict {
    /// Judges the front of `bytes`, at least one of them; the caller comes again with the rest.
    ///
    /// # Errors
    /// With what cannot be taken. Then nothing more of this connection is.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Error> {
        let step = match (self.dead, &mut self.body) {
            (Some(dead), _) => Err(dead),
            (None, Some(body)) => body.pass(bytes).map(|passed| self.passed(passed)),
            (None, None) => self.read_head(bytes),
        };
        self.dead = step.as_ref().err().copied();
        step
    }

    /// The head that was just judged, byte for byte as it came.
    pub fn take_head(&mut self) -> Vec<u8> {
        self.is_judged = false;
        std::mem::take(&mut self.head)
    }

    /// Whether a head has begun and is not whole.
    pub fn is_within_head(&self) -> bool {
        self.dead.is_none() && self.body.is_none() && !self.head.is_empty() && !self.is_judged
    }

    /// Whether what comes next belongs to a body.
    pub fn is_within_body(&self) -> bool {
        self.body.is_some()
    }

    /// How many requests began so far: heads that were taken.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn passed(&mut self, passed: Passed) -> Step {
        if passed.ended {
            self.body = None;
        }
        Step::Pass(passed.bytes)
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Step, Error> {
        if self.is_judged {
            // Nobody took it; what follows begins the next one all the same.
            self.take_head();
        }
        for (index, &byte) in bytes.iter().enumerate() {
            let before = self.head.last().copied();
            if (before == Some(b'\r')) != (byte == b'\n') {
                return Err(Error::LineEnd);
            }
            if self.head.len() == HEAD_BYTES {
                return Err(Error::HeadTooLarge);
            }
            self.head.push(byte);
            if self.head == b"\r\n" {
                return Err(Error::EmptyLine);
            }
            if byte == b'\n' && self.head.ends_with(b"\r\n\r\n") {
                self.body = head::judge(&self.head)?;
                self.requests += 1;
                self.is_judged = true;
                return Ok(Step::Head(index + 1));
            }
        }
        Ok(Step::Held(bytes.len()))
    }
}

#[cfg(test)]
mod tests;
