//! A request's body while it arrives: never waited for too long, neither for the next bytes nor for all of them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::config::Limits;

/// Why the rest of a body is not waited for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("nothing came for {0} seconds")]
    Still(u64),
    #[error("less than {0} bytes a second came (limits.body_bytes_per_second)")]
    Slow(u64),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

/// A body with two limits: how long it may stand still, and how slowly it may come. Time counts only while we wait for
/// the client, not while it waits for us.
pub struct Arriving {
    incoming: Incoming,
    pace: Pace,
    waiting: Option<Waiting>,
}

struct Waiting {
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Arriving {
    pub fn new(incoming: Incoming, limits: &Limits) -> Self {
        Self {
            incoming,
            pace: Pace::new(limits.body_idle_seconds, limits.body_bytes_per_second),
            waiting: None,
        }
    }

    /// Takes what came after some waiting; an error where all in all it came too slowly.
    fn came(&mut self, bytes: usize) -> Result<(), Error> {
        let since = self
            .waiting
            .as_mut()
            .and_then(|waiting| waiting.since.take());
        let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
        match self.pace.note(waited, bytes) {
            true => Ok(()),
            false => Err(Error::Slow(self.pace.least)),
        }
    }

    /// Whether it stands still for too long.
    fn stands_still(&mut self, context: &mut Context<'_>) -> bool {
        let window = self.pace.window;
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: None,
            timer: Box::pin(tokio::time::sleep(window)),
        });
        if waiting.since.is_none() {
            let now = Instant::now();
            waiting.since = Some(now);
            waiting.timer.as_mut().reset(now + window);
        }
        waiting.timer.as_mut().poll(context).is_ready()
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                Poll::Ready(Some(self.came(bytes).map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.stands_still(context) => {
                Poll::Ready(Some(Err(Error::Still(self.pace.window.as_secs()))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Bytes against time waited for them, over one window after the other.
struct Pace {
    window: Duration,
    /// Bytes a second.
    least: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    fn new(window: Duration, least: u64) -> Self {
        Self {
            window,
            least,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Whether it is fast enough, as far as can be said.
    fn note(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.waited < self.window {
            return true;
        }
        let is_fast = self.bytes >= self.least.saturating_mul(self.waited.as_secs());
        self.waited = Duration::ZERO;
        self.bytes = 0;
        is_fast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_is_too_slow_and_pauses_are_not() {
        let mut pace = Pace::new(Duration::from_secs(60), 500);
        assert!(pace.note(Duration::from_secs(59), 1));
        assert!(!pace.note(Duration::from_secs(59), 1));
        // A pause within the window is made good by what comes before or after it.
        assert!(pace.note(Duration::from_millis(10), 60_000));
        assert!(pace.note(Duration::from_secs(59), 1));
        assert!(pace.note(Duration::from_secs(1), 1));
        // Nobody waited: what comes at once may be small.
        assert!((0..1000).all(|_| pace.note(Duration::ZERO, 1)));
    }
}
