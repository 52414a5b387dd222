//! Asks the upstream's upload-pack in the pusher's name: what it can do, its refs, objects by id.
//!
//! Protocol version 2 (gitprotocol-v2). Each question is one request with a bounded answer; nothing is
//! kept between pushes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use exeat_gitwire::{
    HashKind,
    fetch_answer::{self, Offer, Ref},
    fetch_request::{self, Fetch},
    pack::{self, Fetched, Fetching},
};
use http::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::spool::PackSpool;
use crate::{
    advertisement,
    answer::{self, Body},
    door::Knock,
    identity::Actor,
    upstream,
};

const GIT_PROTOCOL: &str = "git-protocol";
const VERSION: &str = "version=2";
/// The kind of body of questions and answers, without `-request` and `-result`.
const UPLOAD_PACK: &str = "application/x-git-upload-pack";
/// Bytes of a capability advertisement; git's own has a few hundred.
const OFFER_BYTES: u64 = 64 * 1024;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the upstream could not be reached: {0}")]
    Upstream(#[from] upstream::Error),
    #[error("the upstream answered {status}")]
    Status {
        status: u16,
        /// The seconds that it asks to wait.
        after: Option<u64>,
    },
    #[error("the upstream does not send objects by id (protocol version 2)")]
    Version,
    #[error("the upstream did not send it: {0}")]
    Answer(#[from] fetch_answer::Error),
    #[error("what the upstream sent cannot be taken: {0}")]
    Pack(#[from] pack::Error),
    #[error("the upstream cannot leave out what stands below a tree")]
    NoFilter,
    #[error("the upstream tells no ref to compare with")]
    NoRefs,
    #[error("the upstream sends more than what it is asked for")]
    More,
    #[error("the upstream's answer is too long")]
    TooLong,
    #[error("the upstream stood still")]
    Idle,
    #[error("the upstream was asked for too long")]
    Time,
    #[error("the inspection was stopped")]
    Cancelled,
}

impl Error {
    fn of_pack(error: pack::Error) -> Self {
        match error {
            pack::Error::Objects { .. } => Self::More,
            other => Self::Pack(other),
        }
    }
}

/// Whom to ask, and in whose name.
pub struct UploadPack {
    pub knock: Knock,
    pub actor: Actor,
    /// How long each next piece of an answer may take.
    pub idle: Duration,
    /// Bytes of a list of refs.
    pub refs_bytes: u64,
    /// Set from outside to stop.
    pub cancelled: Arc<AtomicBool>,
}

impl UploadPack {
    /// What the upstream can do.
    pub async fn offer(&self) -> Result<Offer, Error> {
        let rest = "info/refs?service=git-upload-pack";
        let request = self.request(Method::GET, rest).body(answer::empty());
        let response = self.send(request).await?;
        let service = exeat_gitwire::advertise::Service::UploadPack;
        if !advertisement::is_advertisement(&response, service) {
            return Err(Error::Version);
        }
        // Before version 2 the list of refs comes at once, of whatever length; its first bytes tell.
        let offer = self.whole(response, OFFER_BYTES).await;
        let offer = offer.map_err(|error| match error {
            Error::TooLong => Error::Version,
            other => other,
        })?;
        match Offer::read(&offer) {
            Err(fetch_answer::Error::Version) => Err(Error::Version),
            read => Ok(read?),
        }
    }

    /// The refs whose names begin with one of `prefixes`.
    pub async fn refs(&self, hash: HashKind, prefixes: &[&str]) -> Result<Vec<Ref>, Error> {
        let response = self.post(fetch_request::ls_refs(hash, prefixes)).await?;
        let answer = self.whole(response, self.refs_bytes).await?;
        Ok(fetch_answer::refs(&answer, hash)?)
    }

    /// Objects by id, into `spool` and within `limits`.
    pub async fn fetch(
        &self,
        fetch: &Fetch<'_>,
        limits: pack::Limits,
        spool: PackSpool,
    ) -> Result<Fetched<PackSpool>, Error> {
        let mut response = self.post(fetch.encode()).await?;
        let mut answer = fetch_answer::Reader::default();
        let mut fetching = Fetching::new(fetch.hash, limits, spool);
        let mut pack = Vec::new();
        while let Some(bytes) = self.next(&mut response).await? {
            pack.clear();
            answer.feed(&bytes, &mut pack)?;
            fetching.feed(&pack).map_err(Error::of_pack)?;
        }
        answer.finish()?;
        Ok(fetching.finish()?)
    }

    fn request(&self, method: Method, rest: &str) -> http::request::Builder {
        let knock = &self.knock;
        let request = knock
            .upstream
            .request(method, &knock.repository, rest, &self.actor);
        request.header(GIT_PROTOCOL, VERSION)
    }

    async fn post(&self, question: Vec<u8>) -> Result<Response<Incoming>, Error> {
        let request = self
            .request(Method::POST, "git-upload-pack")
            .header(CONTENT_TYPE, format!("{UPLOAD_PACK}-request"))
            .header(CONTENT_LENGTH, question.len())
            .body(answer::full(question));
        let response = self.send(request).await?;
        let kind = response.headers().get(CONTENT_TYPE);
        let expected = format!("{UPLOAD_PACK}-result");
        match kind {
            Some(kind) if kind.as_bytes() == expected.as_bytes() => Ok(response),
            _ => Err(fetch_answer::Error::Unexpected("a result of upload-pack").into()),
        }
    }

    async fn send(
        &self,
        request: http::Result<Request<Body>>,
    ) -> Result<Response<Incoming>, Error> {
        let request = request.map_err(|error| upstream::Error::Address(error.to_string()))?;
        let response = self.knock.upstream.send(request, self.idle).await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Error::Status {
                status: status.as_u16(),
                after: upstream::retry_after(response.headers()),
            }),
        }
    }

    /// A whole answer of at most `limit` bytes.
    async fn whole(&self, mut response: Response<Incoming>, limit: u64) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next(&mut response).await? {
            if (whole.len() + bytes.len()) as u64 > limit {
                return Err(Error::TooLong);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    async fn next(&self, response: &mut Response<Incoming>) -> Result<Option<Bytes>, Error> {
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Error::Cancelled);
            }
            let frame = tokio::time::timeout(self.idle, response.body_mut().frame()).await;
            match frame.map_err(|_| Error::Idle)? {
                None => return Ok(None),
                Some(Err(_)) => return Err(upstream::Error::Lost.into()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
