//! The body of a fetch's request: one coding undone, bounded before and behind it, every line read before it goes on.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use exeat_gitwire::upload_request::{self, Passed, Reader};
use futures_util::stream;
use http::{HeaderMap, StatusCode, header::CONTENT_ENCODING};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};

use crate::{
    answer::{Body, BodyError},
    arriving::{self, Arriving},
    config::Limits,
    gzip::{self, Gzip},
    searched::Searched,
};

/// Bytes and time in which what follows a refused request is read and forgotten: clients send to the end before they
/// read the answer.
const FORGOTTEN: u64 = 4 * 1024 * 1024;
const FORGETTING: Duration = Duration::from_secs(10);
/// Bytes of words that are searched again with those that follow: an id, and what it goes on with.
const TAIL: usize = 256;

/// Why the body of a request does not go on, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request did not arrive: {0}")]
    Arriving(#[from] arriving::Error),
    #[error("the request did not arrive whole")]
    Cut,
    #[error("the request body has trailers, which git does not send")]
    Trailers,
    #[error(transparent)]
    Gzip(#[from] gzip::Error),
    #[error("the request is larger than {0} bytes (limits.fetch_request_bytes)")]
    Long(u64),
    #[error("what it asks for holds something that rule {0} finds; ask for it by another name")]
    Words(String),
    #[error("this is not a git-upload-pack request")]
    Other,
    #[error("this is not a sound git-upload-pack request: {0}")]
    Request(upload_request::Error),
}

impl Error {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Arriving(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Cut | Self::Trailers | Self::Gzip(_) | Self::Request(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Words(_) => StatusCode::FORBIDDEN,
            Self::Long(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Other => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// Its text as a sentence for whoever asked.
    pub fn sentence(&self) -> String {
        let text = self.to_string();
        let (first, rest) = text.split_at(text.len().min(1));
        format!("{}{rest}.", first.to_ascii_uppercase())
    }
}

impl From<upload_request::Error> for Error {
    fn from(error: upload_request::Error) -> Self {
        match error {
            upload_request::Error::NotARequest => Self::Other,
            error => Self::Request(error),
        }
    }
}

/// The body while it arrives.
pub struct Asked {
    incoming: Arriving,
    /// `None` for identity.
    gzip: Option<Gzip>,
    /// Bytes received and not yet decoded.
    received: Bytes,
    reader: Reader,
    /// What was read and does not go on yet.
    passed: Passed,
    searched: Searched,
    /// `limits.fetch_request_bytes`, and what is left of it before and behind the coding.
    limit: u64,
    left: u64,
    left_plain: u64,
    is_over: bool,
}

/// The front of a body, and what may follow it.
pub struct Front {
    pub plain: Bytes,
    /// `None` where the front is all.
    pub rest: Option<Asked>,
}

/// Why a body that was sent on broke off, for whoever finds that it did.
pub type Slip = Arc<OnceLock<Error>>;

impl Asked {
    /// `None` for a coding other than nothing or one gzip.
    pub fn new(
        headers: &HeaderMap,
        incoming: Incoming,
        limits: &Limits,
        searched: Searched,
    ) -> Option<Self> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let gzip = match (codings.next(), codings.next()) {
            (None, _) => None,
            (Some(coding), None) if matches!(coding.as_bytes(), b"gzip" | b"x-gzip") => {
                Some(Gzip::new())
            }
            _ => return None,
        };
        let limit = limits.fetch_request_bytes;
        Some(Self {
            incoming: Arriving::new(incoming, limits),
            gzip,
            received: Bytes::new(),
            reader: Reader::default(),
            passed: Passed::default(),
            searched,
            limit,
            left: limit,
            left_plain: limit,
            is_over: false,
        })
    }

    /// Reads the whole body, or the front of one of more than `most` bytes.
    ///
    /// # Errors
    /// When what came so far may not go on.
    pub async fn front(mut self, most: usize) -> Result<Front, Error> {
        let mut plain = BytesMut::new();
        while plain.len() <= most {
            match self.next().await? {
                Some(bytes) => plain.extend_from_slice(&bytes),
                None => {
                    return Ok(Front {
                        plain: plain.freeze(),
                        rest: None,
                    });
                }
            }
        }
        Ok(Front {
            plain: plain.freeze(),
            rest: Some(self),
        })
    }

    /// The next bytes that go on, decoded and read, or `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.read_on().await;
        if next.is_err() {
            self.is_over = true;
            let _ = tokio::time::timeout(FORGETTING, self.forget()).await;
        }
        next
    }

    async fn forget(&mut self) {
        let mut left = FORGOTTEN;
        while let Some(Ok(frame)) = self.incoming.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    async fn read_on(&mut self) -> Result<Option<Bytes>, Error> {
        if self.incoming.size_hint().lower() > self.left {
            return Err(Error::Long(self.limit));
        }
        while !self.is_over {
            let plain = if self.received.is_empty() {
                match self.receive().await? {
                    Some(bytes) => {
                        self.received = bytes;
                        continue;
                    }
                    None => self.end()?,
                }
            } else {
                match &mut self.gzip {
                    Some(gzip) => gzip.decode(&mut self.received)?,
                    None => std::mem::take(&mut self.received),
                }
            };
            self.left_plain = self.charged(self.left_plain, &plain)?;
            self.reader.feed(&plain, &mut self.passed)?;
            if self.is_over {
                self.reader.finish()?;
            }
            self.search()?;
            if !self.passed.onward.is_empty() {
                return Ok(Some(std::mem::take(&mut self.passed.onward).into()));
            }
        }
        Ok(None)
    }

    fn search(&mut self) -> Result<(), Error> {
        let words = &mut self.passed.words;
        if let Some(rule) = self.searched.finds(words) {
            return Err(Error::Words(rule));
        }
        words.drain(..words.len().saturating_sub(TAIL));
        Ok(())
    }

    fn end(&mut self) -> Result<Bytes, Error> {
        self.is_over = true;
        match &mut self.gzip {
            Some(gzip) => Ok(gzip.end()?),
            None => Ok(Bytes::new()),
        }
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.incoming.frame().await {
            let bytes = frame?.into_data().map_err(|_| Error::Trailers)?;
            self.left = self.charged(self.left, &bytes)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        // A connection that is cut off by our side of it ends a body as if it were whole.
        match self.incoming.size_hint().lower() {
            0 => Ok(None),
            _ => Err(Error::Cut),
        }
    }

    fn charged(&self, left: u64, bytes: &Bytes) -> Result<u64, Error> {
        left.checked_sub(bytes.len() as u64)
            .ok_or(Error::Long(self.limit))
    }
}

impl Front {
    /// A body of the front and what follows it. Where that may not go on the body breaks off, and the reason slips out.
    pub fn into_body(self, slip: Slip) -> Body {
        let state = Some((Some(self.plain), self.rest));
        let frames = stream::unfold(state, move |state| {
            let slip = slip.clone();
            async move {
                let (front, mut rest) = state?;
                if let Some(front) = front {
                    return Some((Ok(Frame::data(front)), Some((None, rest))));
                }
                match rest.as_mut()?.next().await {
                    Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some((None, rest)))),
                    Ok(None) => None,
                    Err(error) => {
                        let words = BodyError::from(error.to_string());
                        let _ = slip.set(error);
                        Some((Err(words), None))
                    }
                }
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }
}
