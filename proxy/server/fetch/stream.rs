//! The body of an upstream's answer to a fetch on its way back: as it comes, and not waited for without end.

use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;

use crate::answer::{Body, BodyError};

/// The body, cut off after `idle` without a byte: `stalled` is then called with the bytes that came. upload-pack sends a
/// keep-alive every five seconds while it prepares a pack. Only the upstream's silence counts, not the client's: nothing is
/// read ahead of it.
pub fn bounded(body: Incoming, idle: Duration, stalled: impl FnOnce(u64) + Send + 'static) -> Body {
    let state = Some((body, 0_u64, stalled));
    let frames = stream::unfold(state, move |state| async move {
        let (mut body, read, stalled) = state?;
        match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => {
                stalled(read);
                Some((Err(BodyError::from("the upstream stands still")), None))
            }
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(error.into()), None)),
            Ok(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                Some((Ok(frame), Some((body, read.saturating_add(bytes), stalled))))
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
