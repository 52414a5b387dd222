//! How far a push has come on its way out: what of it was handed to the connection, and when.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::answer::{Body, BodyError};

/// Watches a request body. A receive-pack that has not been handed the last byte cannot have taken anything: a pack ends
/// in its checksum.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<State>>);

struct State {
    length: u64,
    sent: u64,
    last: Option<Instant>,
    /// Counts the tries: the body of one that was given up may still be asked for a chunk.
    attempt: u32,
}

impl Progress {
    /// For a body of `length` bytes.
    pub fn new(length: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            length,
            sent: 0,
            last: None,
            attempt: 0,
        })))
    }

    /// Bytes of the whole body.
    pub fn length(&self) -> u64 {
        self.state().length
    }

    /// Forgets an earlier try.
    pub fn begin(&self) {
        let mut state = self.state();
        state.sent = 0;
        state.last = None;
        state.attempt += 1;
    }

    /// The body of these chunks, watched.
    pub fn watch(
        &self,
        chunks: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    ) -> Body {
        let progress = self.clone();
        let attempt = self.state().attempt;
        let frames = chunks.map(move |chunk| {
            chunk.map(|chunk| {
                progress.note(attempt, chunk.len() as u64);
                Frame::data(chunk)
            })
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Bytes handed out.
    pub fn sent(&self) -> u64 {
        self.state().sent
    }

    /// Whether the last byte was handed out.
    pub fn is_complete(&self) -> bool {
        let state = self.state();
        state.sent >= state.length
    }

    /// How long nothing has been asked for; `None` before the first byte was.
    pub fn still_for(&self) -> Option<Duration> {
        self.state().last.map(|last| last.elapsed())
    }

    fn note(&self, attempt: u32, bytes: u64) {
        let mut state = self.state();
        if state.attempt != attempt {
            return;
        }
        state.sent = state.sent.saturating_add(bytes);
        state.last = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_try_that_was_given_up_counts_no_more() {
        let progress = Progress::new(6);
        let chunks = || futures_util::stream::iter([Ok(Bytes::from_static(b"123"))]);
        progress.begin();
        let given_up = progress.watch(chunks());
        progress.begin();
        let again = progress.watch(chunks());
        for (body, sent) in [(given_up, 0), (again, 3)] {
            body.collect().await.unwrap();
            assert_eq!(progress.sent(), sent);
        }
        assert!(!progress.is_complete());
    }
}
