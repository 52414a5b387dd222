//! The upstream's answer on its way to the client: read, made safe to print, written anew.

use super::status::Report;
use crate::pktline::{self, Joiner, Line};
use crate::push_request::PushRequest;
use crate::text;

/// What the upstream said became of a push. Texts are escaped and of at most 1000 bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the pack was taken; `None` if there was no report.
    pub unpack: Option<Result<(), String>>,
    /// The refs of the push that were reported on, in the order of the report.
    pub refs: Vec<(Vec<u8>, Result<(), String>)>,
    /// What the upstream said before it hung up (band 3, or `ERR`).
    pub error: Option<String>,
}

/// Why an upstream's answer cannot be passed on, or says less than it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the upstream's answer: {0}")]
    Line(#[from] pktline::Error),
    #[error("the upstream's answer was already refused")]
    Refused,
    #[error("the upstream's answer ends early; whether the push took effect is unknown")]
    Ended,
    #[error("the upstream's answer has no report; whether the push took effect is unknown")]
    NoReport,
    #[error("bytes follow the end of the upstream's answer")]
    AfterEnd,
    #[error("the upstream's answer has a delimiter or response-end line")]
    Marker,
    #[error("the upstream's answer has a packet without a side band, or without text on band 3")]
    NoBand,
    #[error("the upstream's answer uses side band {0}; 1, 2 and 3 are known")]
    UnknownBand(u8),
    #[error("a line of the upstream's report is not one of: unpack, ok, ng, option")]
    BadReport,
    #[error("the upstream's report has far more lines than the push has refs")]
    TooManyLines,
}

/// Passes on a `git-receive-pack` answer as it streams in, whatever the chunks; holds at most two lines.
///
/// Text on bands 2 and 3 and reasons keep printable ASCII, text also line ends and tabs; all else is
/// escaped, because git before 2.55 prints it raw.
#[derive(Debug)]
pub struct Relay {
    joiner: Joiner,
    form: Form,
    state: State,
    /// Puts the report's lines together from the packets of band 1.
    inner: Joiner,
    report: Report,
}

/// How the answer is framed, by what the client requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Banded { report: bool },
    Plain,
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// After band 3 or `ERR`: nothing but the flush may follow, and that may be missing.
    Failed,
    Done,
    Refused,
}

impl Relay {
    pub fn new(request: &PushRequest) -> Self {
        let report = request.capabilities.wants_report();
        let form = match request.capabilities.side_band_64k {
            true => Form::Banded { report },
            false if report => Form::Plain,
            false => Form::Empty,
        };
        Self {
            joiner: Joiner::default(),
            form,
            state: State::Open,
            inner: Joiner::default(),
            report: Report::new(&request.commands),
        }
    }

    /// Reads the next chunk and appends what the client may see. After an error nothing more passes.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut joiner = std::mem::take(&mut self.joiner);
        let read = self.read(&mut joiner, chunk, out);
        self.joiner = joiner;
        if read.is_err() {
            self.state = State::Refused;
        }
        read
    }

    fn read(&mut self, joiner: &mut Joiner, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut rest = chunk;
        loop {
            match (self.state, self.form) {
                (State::Refused, _) => return Err(Error::Refused),
                (State::Done, _) | (_, Form::Empty) if !rest.is_empty() => {
                    return Err(Error::AfterEnd);
                }
                _ => {}
            }
            match joiner.next(&mut rest)? {
                Some(line) => self.take(line, out)?,
                None => return Ok(()),
            }
        }
    }

    /// What is known so far, also after an error.
    pub fn outcome(&self) -> &Outcome {
        &self.report.outcome
    }

    /// To be called at the end of the answer; an answer cut short, or without the report asked for, is an error.
    pub fn finish(self) -> Result<Outcome, Error> {
        if self.joiner.is_mid_line() || self.inner.is_mid_line() {
            return Err(Error::Ended);
        }
        match (self.state, self.form) {
            (State::Refused, _) => Err(Error::Refused),
            _ if self.report.outcome.error.is_some() => Ok(self.report.outcome),
            (State::Open, Form::Banded { .. } | Form::Plain) => Err(Error::Ended),
            (_, Form::Empty | Form::Banded { report: false }) => Ok(self.report.outcome),
            (_, _) if !self.report.is_whole() => Err(Error::NoReport),
            (_, _) => Ok(self.report.outcome),
        }
    }

    fn take(&mut self, line: Line<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.form == Form::Plain {
            return self.take_plain(line, out);
        }
        match line {
            Line::Data(data) => self.take_packet(data, out),
            Line::Flush => {
                self.state = State::Done;
                pktline::flush(out);
                Ok(())
            }
            Line::Delimiter | Line::ResponseEnd => Err(Error::Marker),
        }
    }

    fn take_plain(&mut self, line: Line<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.report.take(line, out)?;
        self.state = match line {
            Line::Flush => State::Done,
            _ if self.report.is_whole() => State::Failed,
            _ => State::Open,
        };
        Ok(())
    }

    fn take_packet(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.state == State::Failed {
            return Err(Error::AfterEnd);
        }
        // Clients take the `E` for a band and say nothing of the text, so it moves to the band for last words.
        if let Some(words) = data.strip_prefix(b"ERR ") {
            self.take_last_words(words, out);
            return Ok(());
        }
        let (band, content) = data.split_first().ok_or(Error::NoBand)?;
        match (band, content) {
            (1 | 2, []) => pktline::encode(out, &[*band]),
            (3, []) => return Err(Error::NoBand),
            (1, report) => self.take_report(report, out)?,
            (2, words) => pktline::encode_band(out, 2, text::escape_lines(words).as_bytes()),
            (3, words) => self.take_last_words(words, out),
            (other, _) => return Err(Error::UnknownBand(*other)),
        }
        Ok(())
    }

    fn take_last_words(&mut self, words: &[u8], out: &mut Vec<u8>) {
        self.state = State::Failed;
        let shown = text::escape_lines(words);
        self.report.outcome.error = Some(text::escape_short(shown.trim().as_bytes(), 1000));
        pktline::encode_band(out, 3, shown.as_bytes());
    }

    fn take_report(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.form != (Form::Banded { report: true }) {
            return Err(Error::BadReport);
        }
        let mut lines = Vec::new();
        while let Some(line) = self.inner.next(&mut bytes)? {
            self.report.take(line, &mut lines)?;
        }
        pktline::encode_band(out, 1, &lines);
        Ok(())
    }
}
