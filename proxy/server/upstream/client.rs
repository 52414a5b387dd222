//! Requests to one upstream: over a kept connection where there is one, and once more where that is safe.

use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header::HOST, uri::Authority};
use hyper::body::Incoming;

use super::{
    connect::Connector,
    error::Error,
    pool::{FRESH, KEPT, Pool},
    progress::Progress,
};
use crate::{
    answer::{self, Body},
    config,
};

/// The connections to one upstream and the way to make more.
pub(super) struct Client {
    authority: Authority,
    host: HeaderValue,
    connector: Connector,
    connect: Duration,
    pool: Pool,
}

/// How long an upstream may be silent while it takes a push.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// Between two pieces of the push that it reads.
    pub reading: Duration,
    /// From the last piece to the head of its answer.
    pub working: Duration,
}

impl Client {
    pub(super) fn new(section: &config::Upstream, limits: &config::Limits) -> Result<Self, Error> {
        let authority = section.authority.clone();
        let reach = section
            .reach()
            .ok_or_else(|| Error::Address(authority.to_string()))?;
        let connect = limits.upstream_connect_seconds;
        Ok(Self {
            host: HeaderValue::from_str(authority.as_str())
                .map_err(|_| Error::Address(authority.to_string()))?,
            authority,
            connector: Connector::new(&reach, Some("http/1.1"), connect)?,
            connect,
            pool: Pool::default(),
        })
    }

    /// Sends a request and waits for the head of the answer, `patience` at most once there is a connection.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Error> {
        self.exchange(request, KEPT, Some(patience)).await
    }

    /// Sends a push. However long it takes: what is bounded is how long nothing happens.
    pub(super) async fn send_push(
        &self,
        request: Request<Body>,
        progress: &Progress,
        silence: Silence,
    ) -> Result<Response<Incoming>, Error> {
        let exchange = self.exchange(request, FRESH, None);
        tokio::pin!(exchange);
        let mut wait = self.connect + silence.reading;
        loop {
            tokio::select! {
                answered = &mut exchange => return answered,
                () = tokio::time::sleep(wait) => {}
            }
            let still = progress.still_for();
            let most = match (still, progress.is_complete()) {
                (None, _) => return Err(Error::Time),
                (Some(_), true) => silence.working,
                (Some(_), false) => silence.reading,
            };
            wait = most.saturating_sub(still.unwrap_or_default());
            if wait.is_zero() && progress.is_complete() {
                return Err(Error::Time);
            }
            if wait.is_zero() {
                return Err(Error::Stalled(progress.sent()));
            }
        }
    }

    /// A kept connection may have been closed at the other end just now. What then provably was not sent is sent on
    /// another one, and so is, once, what may be asked twice.
    async fn exchange(
        &self,
        mut request: Request<Body>,
        longest_idle: Duration,
        patience: Option<Duration>,
    ) -> Result<Response<Incoming>, Error> {
        self.address(&mut request)?;
        let mut again = (request.method() == Method::GET).then(|| copy(&request));
        let mut kept = self.pool.take(longest_idle);
        loop {
            let was_kept = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.connector.connect().await?,
            };
            let sent = connection.try_send_request(request);
            let sent = match patience {
                None => sent.await,
                Some(patience) => tokio::time::timeout(patience, sent)
                    .await
                    .map_err(|_| Error::Time)?,
            };
            let mut failed = match sent {
                // Nobody asked for another protocol (RFC 9110 section 15.2.2); told on, it would free a client's connection
                // from ours.
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(Error::Broken("it switched to another protocol".into()));
                }
                Ok(answer) => {
                    self.pool.keep(connection);
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            request = match (failed.take_message(), again.take()) {
                (Some(unsent), spare) if was_kept => {
                    again = spare;
                    unsent
                }
                (None, Some(copy)) if was_kept => copy,
                (Some(_), _) => return Err(Error::Connect("it was closed at once".into())),
                (None, _) => return Err(Error::of_exchange(failed.error())),
            };
        }
    }

    /// The form in which a server reads its own requests (RFC 9112 section 3.2.1). A request that names any other server
    /// goes nowhere.
    fn address(&self, request: &mut Request<Body>) -> Result<(), Error> {
        if request.uri().authority() != Some(&self.authority) {
            return Err(Error::Address("the request is for another server".into()));
        }
        let path = request.uri().path_and_query().cloned();
        let path = path.ok_or_else(|| Error::Address("the request has no path".into()))?;
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(())
    }
}

/// The same request once more; it has no body.
fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(answer::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
