//! A connection whose reader sees judged bytes only: what `strict` refuses never reaches the HTTP library.
//!
//! A head that is refused is replaced by a request of our own, so that the refusal is answered in its turn, after the
//! answers to earlier requests of the connection. A body that is refused ends with an error.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    course::Course,
    strict::{self, Step, Strict},
};

/// Stands in for a head that was refused; the service answers it by `Refused`, and the connection ends with that answer.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// How long and how much is read on after a refusal, so that the client comes to read the answer instead of a reset.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
/// Bytes that are read before there is a buffer for a whole request.
const FIRST_BYTES: usize = 512;

/// Which request of a connection was refused, and why.
#[derive(Clone, Default)]
pub struct Refused(Arc<OnceLock<(u64, strict::Error)>>);

impl Refused {
    /// Why the request of this number, counted from 1, is refused; `None` where it is not.
    pub fn why(&self, request: u64) -> Option<strict::Error> {
        self.0
            .get()
            .filter(|(refused, _)| *refused == request)
            .map(|(_, error)| *error)
    }

    fn set(&self, request: u64, error: strict::Error) {
        let _ = self.0.set((request, error));
    }
}

/// An HTTP/1 connection under judgement.
pub struct Judged<Io> {
    io: Io,
    strict: Strict,
    refused: Refused,
    /// Judged and not yet read.
    released: Bytes,
    /// Received and not yet judged.
    ahead: Bytes,
    is_refused: bool,
    /// Told when a head begins and when it is whole.
    course: Arc<Course>,
    is_within_head: bool,
    /// Whether all that was written has been handed to the system, and no body is being read.
    is_settled: bool,
    linger: Option<Linger>,
}

struct Linger {
    until: Pin<Box<tokio::time::Sleep>>,
    left: usize,
}

/// Bytes that are taken from the front.
#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    at: usize,
}

impl Bytes {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Idle connections hold no buffers.
    fn advance(&mut self, count: usize) {
        self.at += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<Io> Judged<Io> {
    pub fn new(io: Io, course: Arc<Course>) -> Self {
        Self {
            io,
            strict: Strict::default(),
            refused: Refused::default(),
            released: Bytes::default(),
            ahead: Bytes::default(),
            is_refused: false,
            course,
            is_within_head: false,
            is_settled: true,
            linger: None,
        }
    }

    /// Tells which request was refused.
    pub fn refused(&self) -> Refused {
        self.refused.clone()
    }

    /// Puts bytes back that were judged and given, and not used.
    pub fn give_back(&mut self, bytes: &[u8]) {
        let rest = [bytes, self.released.rest()].concat();
        self.released = rest.into();
    }

    /// Waits for the first bytes of the next request, with no larger buffer than these few; false at the end.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn next_request(&mut self) -> io::Result<bool>
    where
        Io: AsyncRead + Unpin,
    {
        if !self.released.is_empty() || !self.ahead.is_empty() {
            return Ok(true);
        }
        let ahead = poll_fn(|context| {
            let mut few = [0; FIRST_BYTES];
            let mut buffer = ReadBuf::new(&mut few);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer))?;
            Poll::Ready(io::Result::Ok(buffer.filled().to_vec()))
        });
        self.ahead = ahead.await?.into();
        Ok(!self.ahead.is_empty())
    }

    /// Tells the course whether nothing is half written, half read, or refused.
    fn settle(&mut self, is_flushed: bool) {
        let is_settled = is_flushed && !self.is_refused && !self.strict.is_within_body();
        if self.is_settled != is_settled {
            self.is_settled = is_settled;
            self.course.settle(is_settled);
        }
    }

    fn refuse(&mut self, error: strict::Error) -> io::Result<()> {
        self.is_refused = true;
        self.ahead = Bytes::default();
        let begun = self.strict.requests();
        if self.strict.is_within_body() {
            self.refused.set(begun, error);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        self.refused.set(begun + 1, error);
        self.released = STAND_IN.to_vec().into();
        Ok(())
    }

    /// Judges what was received with a head before it; true where something may be read now.
    fn judge_ahead(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<bool> {
        let most = self.ahead.rest().len().min(buffer.remaining());
        let Some(front) = self
            .ahead
            .rest()
            .get(..most)
            .filter(|front| !front.is_empty())
        else {
            return Ok(false);
        };
        let step = self.strict.step(front);
        if self.is_within_head != self.strict.is_within_head() {
            self.is_within_head = !self.is_within_head;
            self.course.head(self.is_within_head);
        }
        match step {
            Ok(Step::Pass(passed)) => {
                buffer.put_slice(&front[..passed]);
                self.ahead.advance(passed);
                return Ok(true);
            }
            Ok(Step::Held(used)) => self.ahead.advance(used),
            Ok(Step::Head(used)) => {
                self.ahead.advance(used);
                self.released = self.strict.take_head().into();
            }
            Err(error) => self.refuse(error)?,
        }
        Ok(false)
    }

    /// Judges what was just received, in its place: a body passes uncopied, what follows it is set aside.
    fn judge_received(&mut self, buffer: &mut ReadBuf<'_>, start: usize) -> io::Result<bool> {
        let received = buffer.filled().len();
        let mut at = start;
        while at < received && self.strict.is_within_body() {
            match self.strict.step(&buffer.filled()[at..]) {
                Ok(Step::Pass(passed)) => at += passed,
                Ok(Step::Held(_) | Step::Head(_)) => break,
                Err(error) => {
                    buffer.set_filled(start);
                    return self.refuse(error).map(|()| false);
                }
            }
        }
        self.ahead = buffer.filled()[at..].to_vec().into();
        buffer.set_filled(at);
        Ok(at > start)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Judged<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if !this.released.is_empty() {
                let most = this.released.rest().len().min(buffer.remaining());
                buffer.put_slice(&this.released.rest()[..most]);
                this.released.advance(most);
                return Poll::Ready(Ok(()));
            }
            if this.is_refused {
                // The answer is being written; then the connection ends.
                return Poll::Pending;
            }
            if !this.ahead.is_empty() {
                if this.judge_ahead(buffer)? {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            let start = buffer.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
            if buffer.filled().len() == start || this.judge_received(buffer, start)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Judged<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.settle(false);
        Pin::new(&mut this.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.settle(false);
        Pin::new(&mut this.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_flush(context))?;
        this.settle(true);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(context))?;
            if !this.is_refused {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Linger {
            until: Box::pin(tokio::time::sleep(LINGER)),
            left: LINGER_BYTES,
        });
        let mut scratch = [0; 4096];
        while linger.left > 0 && linger.until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.io).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
