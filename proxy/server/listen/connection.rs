//! The life of one connection: TLS, then HTTP/1 under judgement or HTTP/2, then its requests one by one.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, Request, Response, header::CONNECTION};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::{
    Door,
    course::{Cause, Course, Opinion},
    crowd::Idle,
    judged::{Judged, Refused},
    strict, x509,
};
use crate::{
    answer::{self, Body},
    config::Limits,
    metrics::Metrics,
};

/// HTTP/2 streams of one connection that may be open at a time.
const STREAMS: u32 = 100;
/// Bytes of answers that wait in memory for a client to take them, for each connection or stream.
const ANSWER_BYTES: usize = 128 * 1024;
/// What a client offers during the handshake when it wants HTTP/2 (RFC 9113, section 3.2).
pub const HTTP_2: &[u8] = b"h2";
/// How long an idle connection gets to end in an orderly way.
const GOODBYE: Duration = Duration::from_secs(5);

/// A connection that was accepted.
pub struct Connection {
    pub tls: Option<TlsAcceptor>,
    pub limits: Arc<Limits>,
    pub metrics: Metrics,
    pub door: Door,
    pub peer: SocketAddr,
    /// Asks every connection to end after its current request.
    pub stop: CancellationToken,
}

impl Connection {
    /// Serves it to its end. The crowd knows it as `idle` from the moment it has its place, so that a newcomer right behind
    /// it finds somebody to ask.
    pub async fn serve<Serve, Answer>(self, stream: TcpStream, idle: Idle, serve: Serve)
    where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let displaced = idle.displaced();
        // What is large lives in boxes of its own: a connection that asks nothing shall cost little.
        let Some(acceptor) = &self.tls else {
            if self.await_first(stream.peek(&mut [0]), &displaced).await {
                Box::pin(self.http1(stream, serve, idle, &displaced)).await;
            }
            return;
        };
        let Some(mut secured) = Box::pin(self.secure(acceptor, stream, &displaced)).await else {
            return;
        };
        if !self.await_first(secured.fill_buf(), &displaced).await {
            return;
        }
        let session = secured.get_ref().1;
        let is_http2 = session.alpn_protocol() == Some(HTTP_2);
        let client = Client::of(session.peer_certificates());
        let span = client.span();
        let serve = move |mut request: Request<Incoming>, peer| {
            request.extensions_mut().insert(client.clone());
            serve(request, peer).instrument(span.clone())
        };
        match is_http2 {
            true => Box::pin(self.http2(secured, serve, idle, &displaced)).await,
            false => Box::pin(self.http1(secured, serve, idle, &displaced)).await,
        }
    }

    async fn secure(
        &self,
        acceptor: &TlsAcceptor,
        stream: TcpStream,
        displaced: &Notify,
    ) -> Option<Box<TlsStream<TcpStream>>> {
        let patience = self.limits.header_seconds;
        tokio::select! {
            accepted = tokio::time::timeout(patience, acceptor.accept(stream)) => match accepted {
                Ok(Ok(secured)) => return Some(Box::new(secured)),
                Ok(Err(error)) => {
                    tracing::debug!(peer = %self.peer, %error, "TLS handshake failed");
                }
                Err(_) => self.ended(Cause::Handshake),
            },
            () = displaced.notified() => self.ended(Cause::Full),
        }
        None
    }

    /// Waits for the first byte, before anything is spent on reading it; false where there is no connection any more.
    async fn await_first<T>(
        &self,
        first: impl Future<Output = io::Result<T>>,
        displaced: &Notify,
    ) -> bool {
        let patience = self.limits.header_seconds;
        tokio::select! {
            came = tokio::time::timeout(patience, first) => match came {
                Ok(came) => return came.is_ok(),
                Err(_) => self.ended(Cause::Head),
            },
            () = displaced.notified() => self.ended(Cause::Full),
            () = self.stop.cancelled() => {}
        }
        false
    }

    async fn http1<Io, Serve, Answer>(&self, io: Io, serve: Serve, idle: Idle, displaced: &Notify)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let course = Course::begin(Arc::clone(&self.limits), idle);
        let mut judged = Judged::new(io, Arc::clone(&course));
        let (door, peer, metrics) = (self.door, self.peer, self.metrics.clone());
        let refused = judged.refused();
        let asking = Arc::clone(&course);
        let mut service = service_fn(move |request| {
            let (number, active) = asking.ask();
            let answer = match refused.why(number) {
                Some(_) => None,
                None => Some(serve(request, peer)),
            };
            let (refused, metrics) = (refused.clone(), metrics.clone());
            async move {
                let answer = judged_answer(door, number, answer, &refused, &metrics).await;
                Ok::<_, Infallible>(answer.map(|body| active.follow(body)))
            }
        });
        loop {
            let serving = http1::Builder::new()
                // Heads and idle times are watched here, where bodies and answers are.
                .header_read_timeout(None)
                .max_buf_size(ANSWER_BYTES)
                .serve_connection(TokioIo::new(judged), service);
            let mut serving = Box::new(serving);
            let watched = Pin::new(&mut *serving);
            if !self.watch(watched, &course, displaced, true).await {
                return;
            }
            // The HTTP library keeps 16 KiB for a connection even while it is idle.
            let parts = serving.into_parts();
            judged = parts.io.into_inner();
            service = parts.service;
            judged.give_back(&parts.read_buf);
            if !self.rest(&mut judged, &course, displaced).await {
                return;
            }
            course.wake();
        }
    }

    /// Waits for the next request of a connection that gave its buffers back; false where there will be none.
    async fn rest<Io>(&self, judged: &mut Judged<Io>, course: &Course, displaced: &Notify) -> bool
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let cause = tokio::select! {
            came = judged.next_request() => return matches!(came, Ok(true)),
            () = tokio::time::sleep_until(course.idle_until()) => Some(Cause::Idle),
            () = displaced.notified() => Some(Cause::Full),
            () = self.stop.cancelled() => None,
        };
        if let Some(cause) = cause {
            self.ended(cause);
        }
        let _ = tokio::time::timeout(GOODBYE, judged.shutdown()).await;
        false
    }

    async fn http2<Io, Serve, Answer>(&self, io: Io, serve: Serve, idle: Idle, displaced: &Notify)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let course = Course::begin(Arc::clone(&self.limits), idle);
        let asking = Arc::clone(&course);
        let peer = self.peer;
        let service = service_fn(move |request| {
            let (_, active) = asking.ask();
            let answer = serve(request, peer);
            async move { Ok::<_, Infallible>(answer.await.map(|body| active.follow(body))) }
        });
        let serving = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            // A client may send 64 KiB ahead, so that no more of a push is taken in before its credential was accepted;
            // windows grow with what is being read, so that a large push does not wait a round trip for each.
            .adaptive_window(true)
            .max_send_buf_size(ANSWER_BYTES)
            .keep_alive_interval(self.limits.body_idle_seconds)
            .max_header_list_size(64 * 1024)
            .serve_connection(TokioIo::new(io), service);
        self.watch(pin!(serving), &course, displaced, false).await;
    }

    /// Waits for the connection's end, or brings it about: when the client keeps us waiting, when its place is needed,
    /// or when we stop. True where it has not ended and `may_rest`: nothing is under way.
    async fn watch<Serving>(
        &self,
        mut serving: Pin<&mut Serving>,
        course: &Course,
        displaced: &Notify,
        may_rest: bool,
    ) -> bool
    where
        Serving: GracefulConnection<Error = hyper::Error>,
    {
        let mut is_stopping = false;
        let cause = loop {
            let now = Instant::now();
            let next = match course.opinion(now) {
                Opinion::Until(next) => next,
                Opinion::End(cause) => break cause,
            };
            let rest = course.rests_at().filter(|_| may_rest && !is_stopping);
            if rest.is_some_and(|rest| rest <= now) {
                return true;
            }
            let next = rest.map_or(next, |rest| rest.min(next));
            tokio::select! {
                biased;
                ended = serving.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer = %self.peer, %error, "connection ended");
                    }
                    return false;
                }
                () = tokio::time::sleep_until(next) => {}
                () = displaced.notified() => {
                    if !course.is_active() {
                        break Cause::Full;
                    }
                }
                () = self.stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        };
        self.ended(cause);
        if cause == Cause::Idle {
            serving.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GOODBYE, serving).await;
        }
        false
    }

    fn ended(&self, cause: Cause) {
        let family = &self.metrics.connections_ended_total;
        family.with_label_values(&[cause.word()]).inc();
        tracing::debug!(peer = %self.peer, cause = cause.word(), "connection ended by us");
    }
}

/// Whose certificate a connection's client showed and we verified, if one was asked for.
#[derive(Clone)]
struct Client(Option<Arc<str>>);

impl Client {
    fn of(certificates: Option<&[rustls::pki_types::CertificateDer<'_>]>) -> Self {
        let own = certificates.and_then(<[_]>::first);
        Self(own.map(|own| x509::subject(own).unwrap_or_default().into()))
    }

    /// What every log line of the connection's requests carries.
    fn span(&self) -> Span {
        match &self.0 {
            Some(subject) => tracing::info_span!("client", %subject),
            None => Span::none(),
        }
    }
}

/// The subject of the certificate that the sender of this request showed and that was verified; none where none is asked for.
pub fn certificate_of<B>(request: &Request<B>) -> Option<String> {
    let client = request.extensions().get::<Client>()?;
    client.0.as_deref().map(str::to_owned)
}

/// The answer to a request, or the refusal of it: its head may have been refused before, or its body meanwhile.
async fn judged_answer(
    door: Door,
    number: u64,
    answer: Option<impl Future<Output = Response<Body>>>,
    refused: &Refused,
    metrics: &Metrics,
) -> Response<Body> {
    let answered = match answer {
        Some(answer) => Some(answer.await),
        None => None,
    };
    match (refused.why(number), answered) {
        (None, Some(answered)) => answered,
        (Some(error), _) => refusal(door, error, metrics),
        (None, None) => refusal(door, strict::Error::RequestLine, metrics),
    }
}

fn refusal(door: Door, error: strict::Error, metrics: &Metrics) -> Response<Body> {
    metrics.refusals_total.with_label_values(&["http"]).inc();
    tracing::info!(%error, "request refused: not plain HTTP/1.1");
    let text = match door {
        Door::Git => format!(
            "Nothing was sent on: {error}. git does not send such requests; something between git and \
             this proxy may have changed it."
        ),
        Door::Console => format!("Nothing was done: {error}."),
    };
    let mut response = answer::plain(error.status(), &text);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
