//! The request body of a push: one coding undone, bounded, and never waited for too long.

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use super::fault::Fault;
use crate::{
    arriving::{self, Arriving},
    gzip::Gzip,
};

/// The decoded body of a push as chunks.
pub struct PushBody {
    incoming: Arriving,
    coding: Coding,
    /// How long it may stand still, for the words where it did.
    idle_seconds: u64,
    /// Compressed bytes received and not yet decoded.
    compressed: Bytes,
    /// Decoded bytes given back because they belong to what follows.
    returned: Option<Bytes>,
}

enum Coding {
    Identity,
    Gzip(Gzip),
}

/// Whether the body may be read: nothing but identity and a single gzip is.
pub fn coding_is_known(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(value), None) => matches!(value.as_bytes(), b"gzip" | b"x-gzip" | b"identity"),
        (Some(_), Some(_)) => false,
    }
}

impl PushBody {
    pub fn new(headers: &HeaderMap, incoming: Arriving, idle_seconds: u64) -> Self {
        let gzip = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|value| value.as_bytes() != b"identity");
        Self {
            incoming,
            coding: if gzip {
                Coding::Gzip(Gzip::new())
            } else {
                Coding::Identity
            },
            idle_seconds,
            compressed: Bytes::new(),
            returned: None,
        }
    }

    /// The next decoded bytes, or `None` after the last.
    ///
    /// # Errors
    /// When the client goes or stands still, or the coding is broken.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(returned) = self.returned.take() {
            return Ok(Some(returned));
        }
        loop {
            if let Some(decoded) = self.decode()? {
                return Ok(Some(decoded));
            }
            match self.receive().await? {
                Some(data) => self.compressed = data,
                None => return self.end(),
            }
        }
    }

    /// Puts bytes back that the next call shall give.
    pub fn give_back(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.returned = Some(bytes);
        }
    }

    /// Reads on and forgets, up to `most` bytes as received, so that the client can finish
    /// sending and read the answer.
    pub async fn drain(&mut self, most: u64) {
        let mut left = most;
        while let Ok(Some(data)) = self.receive().await {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Fault> {
        while let Some(frame) = self.incoming.frame().await {
            match frame
                .map_err(|error| self.interruption(&error))?
                .into_data()
            {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(_) => return Err(Fault::Trailers),
            }
        }
        // A connection that is cut off by our side of it ends a body as if it were whole.
        match self.incoming.size_hint().lower() {
            0 => Ok(None),
            _ => Err(Fault::Gone),
        }
    }

    fn interruption(&self, error: &arriving::Error) -> Fault {
        tracing::debug!(%error, "the body of a push does not arrive");
        match error {
            arriving::Error::Still(_) | arriving::Error::Slow(_) => Fault::Body(self.idle_seconds),
            arriving::Error::Http(_) => Fault::Gone,
        }
    }

    fn decode(&mut self) -> Result<Option<Bytes>, Fault> {
        while !self.compressed.is_empty() {
            let Coding::Gzip(decoder) = &mut self.coding else {
                return Ok(Some(std::mem::take(&mut self.compressed)));
            };
            let decoded = decoder.decode(&mut self.compressed)?;
            if !decoded.is_empty() {
                return Ok(Some(decoded));
            }
        }
        Ok(None)
    }

    fn end(&mut self) -> Result<Option<Bytes>, Fault> {
        let Coding::Gzip(decoder) = &mut self.coding else {
            return Ok(None);
        };
        let decoded = decoder.end()?;
        Ok((!decoded.is_empty()).then_some(decoded))
    }
}
