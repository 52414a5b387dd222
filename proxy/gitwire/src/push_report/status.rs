//! The report inside an answer: `unpack`, then `ok`, `ng` and `option` lines, then a flush.

use std::collections::HashMap;

use super::relay::{Error, Outcome};
use crate::push_request::Command;
use crate::{pktline, text};

/// Bytes of a reason that are passed on.
const REASON: usize = 1000;

/// Bytes of an `option` line that are passed on: it may hold a ref name of a client with other limits than ours.
const OPTION: usize = 32_000;

/// Reads report lines, writes them anew without control characters, and remembers the fates.
#[derive(Debug)]
pub(super) struct Report {
    /// The refs of the push, and where in `outcome.refs` the fate of each is.
    fates: HashMap<Vec<u8>, Option<usize>>,
    /// Lines still accepted.
    lines_left: usize,
    state: State,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unpack,
    Refs,
    /// After an `ERR` line.
    Failed,
    Done,
}

impl Report {
    pub(super) fn new(commands: &[Command]) -> Self {
        Self {
            fates: commands
                .iter()
                .map(|command| (command.name.clone(), None))
                .collect(),
            // A server may report one command as several refs, each with four options.
            lines_left: commands.len().saturating_mul(16).saturating_add(1024),
            state: State::Unpack,
            outcome: Outcome::default(),
        }
    }

    /// Whether its flush, or an error in its place, was read.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.state, State::Done | State::Failed)
    }

    pub(super) fn take(&mut self, line: pktline::Line<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.lines_left = self.lines_left.checked_sub(1).ok_or(Error::TooManyLines)?;
        match line {
            pktline::Line::Flush => self.end(out),
            pktline::Line::Data(data) => self.take_line(pktline::without_line_feed(data), out),
            pktline::Line::Delimiter | pktline::Line::ResponseEnd => Err(Error::Marker),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if matches!(self.state, State::Unpack | State::Done) {
            return Err(Error::BadReport);
        }
        self.state = State::Done;
        pktline::flush(out);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let (word, rest) = split_word(line);
        let line = match (self.state, word) {
            (State::Unpack | State::Refs, b"ERR") => self.take_failure(rest),
            (State::Unpack, b"unpack") => self.take_unpack(rest),
            (State::Refs, b"ok" | b"ng") => self.take_fate(word == b"ok", rest)?,
            (State::Refs, b"option") => {
                format!("option {}", text::escape_short(rest, OPTION)).into_bytes()
            }
            _ => return Err(Error::BadReport),
        };
        pktline::encode(out, &[&line[..], b"\n"].concat());
        Ok(())
    }

    fn take_failure(&mut self, words: &[u8]) -> Vec<u8> {
        let words = text::escape_short(words, REASON);
        self.state = State::Failed;
        let line = format!("ERR {words}").into_bytes();
        self.outcome.error = Some(words);
        line
    }

    fn take_unpack(&mut self, result: &[u8]) -> Vec<u8> {
        self.state = State::Refs;
        let printable = text::escape_short(result, REASON);
        let line = format!("unpack {printable}").into_bytes();
        self.outcome.unpack = Some(if result == b"ok" {
            Ok(())
        } else {
            Err(printable)
        });
        line
    }

    /// A name of this push passes as it is, so that the client finds it again; any other is escaped.
    fn take_fate(&mut self, accepted: bool, rest: &[u8]) -> Result<Vec<u8>, Error> {
        let (name, words) = split_word(rest);
        if name.is_empty() {
            return Err(Error::BadReport);
        }
        let words = text::escape_short(words, REASON);
        let known = self.fates.contains_key(name);
        let shown = if known {
            name.to_vec()
        } else {
            text::escape_short(name, REASON).into_bytes()
        };
        let mut line = [if accepted { b"ok " } else { b"ng " }, &shown[..]].concat();
        if !words.is_empty() {
            line.push(b' ');
            line.extend_from_slice(words.as_bytes());
        }
        if known {
            self.remember(name, if accepted { Ok(()) } else { Err(words) });
        }
        if line.len() >= pktline::MAX_DATA {
            Err(Error::BadReport)
        } else {
            Ok(line)
        }
    }

    /// The last word on a ref counts, as it does for git.
    fn remember(&mut self, name: &[u8], fate: Result<(), String>) {
        let Some(place) = self.fates.get_mut(name) else {
            return;
        };
        let refs = &mut self.outcome.refs;
        match place.and_then(|at| refs.get_mut(at)) {
            Some((_, earlier)) => *earlier = fate,
            None => {
                *place = Some(refs.len());
                refs.push((name.to_vec(), fate));
            }
        }
    }
}

/// What stands before the first space, and what behind it.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}
