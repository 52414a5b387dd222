//! The body of a push on its way out, and the points that it passes.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;

use crate::{
    answer::BodyError,
    crashpoint::{self, Point},
};

/// Chunks as they are asked for: first the head, then the pack.
pub struct Sending<S> {
    chunks: S,
    sent: u64,
    /// What is still to be passed, and the bytes after which it is; the last first.
    ahead: Vec<(u64, Point)>,
}

impl<S> Sending<S> {
    /// `head` bytes of `length` are the head.
    pub fn new(chunks: S, head: u64, length: u64) -> Self {
        let half = head + length.saturating_sub(head) / 2;
        Self {
            chunks,
            sent: 0,
            ahead: vec![
                (length, Point::AllSent),
                (half, Point::HalfSent),
                (head, Point::HeadSent),
            ],
        }
    }

    fn pass(&mut self) {
        while let Some((bytes, point)) = self.ahead.last().copied()
            && self.sent >= bytes
        {
            self.ahead.pop();
            let _ = crashpoint::pass(point);
        }
    }
}

impl<S> Stream for Sending<S>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Unpin,
{
    type Item = S::Item;

    /// A chunk has been sent, as far as can be seen from here, when the next one is asked for.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.pass();
        let polled = Pin::new(&mut self.chunks).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            self.sent += chunk.len() as u64;
        }
        polled
    }
}

impl<S> Drop for Sending<S> {
    /// Nobody asks for more after the last chunk of a body whose length was announced.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.pass();
        }
    }
}
