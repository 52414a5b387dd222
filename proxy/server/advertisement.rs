//! Ref discovery, for pushes and fetches alike: asked of the upstream, its capabilities reduced
//! to what can be inspected, streamed on.

use std::time::Duration;

use bytes::Bytes;
use exeat_gitwire::{
    advertise::{self, Offer, Rewriter, Service, encode_failure},
    push_report,
    text::escape,
};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};

use crate::{
    answer::{self, Body},
    config::Limits,
    identity::Actor,
    metrics::Metrics,
    upstream::{self, Repository, Upstream},
};

const GIT_PROTOCOL: &str = "git-protocol";
/// What is shown of an upstream's own words on an error.
const WORDS: usize = 2048;
/// How long those words may take to come.
const WORDS_TIME: Duration = Duration::from_secs(5);

/// Asks the upstream for its refs in the name of `actor`. Where it says that the repository has another name, that one is
/// asked, and is given back with the answer; for a push only if it may be pushed to.
///
/// # Errors
/// When the upstream cannot be reached or redirects elsewhere; its refusals (401, 403, 404, ...) are answers.
pub async fn ask(
    upstream: &Upstream,
    repository: &Repository,
    service: Service,
    actor: &Actor,
    client_headers: &HeaderMap,
    patience: Duration,
) -> Result<(Response<Incoming>, Repository), upstream::Error> {
    let rest = format!("info/refs?service={}", service.name());
    let version = protocol_version(client_headers);
    let make = |request: http::request::Builder| match &version {
        Some(version) => request.header(GIT_PROTOCOL, version.clone()),
        None => request,
    };
    let permitted = |to: &Repository| match service {
        Service::ReceivePack => upstream.allows(to),
        Service::UploadPack => true,
    };
    upstream
        .discover(repository, &rest, actor, permitted, make, patience)
        .await
}

/// The protocol version a client asks for. Other keys of the header are free text and are dropped.
pub fn protocol_version(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get(GIT_PROTOCOL)?.to_str().ok()?;
    asked
        .split(':')
        .find_map(|pair| match pair {
            "version=1" => Some("version=1"),
            "version=2" => Some("version=2"),
            _ => None,
        })
        .map(HeaderValue::from_static)
}

/// Whether this is an advertisement of `service` that may be passed on.
pub fn is_advertisement(response: &Response<Incoming>, service: Service) -> bool {
    let expected = content_type(service);
    response.status() == StatusCode::OK
        && response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(expected.as_bytes()))
}

/// Streams an advertisement to the client, rewritten. `offered` is called once the upstream has begun to say what
/// it offers, and not if it says `ERR`. One that ends before its time ends with an `ERR` of ours.
pub fn relay(
    upstream: &str,
    service: Service,
    response: Response<Incoming>,
    limits: &Limits,
    metrics: &Metrics,
    offered: impl FnOnce(Offer) + Send + 'static,
) -> Response<Body> {
    let mut rewriting = Rewriting::new(service, response, limits);
    rewriting.offered = Some(Box::new(offered));
    let telling = (rewriting, upstream.to_owned(), metrics.clone());
    let frames = stream::unfold(telling, |(mut rewriting, upstream, metrics)| async move {
        let bytes = match rewriting.next().await? {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(upstream, %error, "list of refs not passed on whole");
                count(&metrics, error.class());
                rewriting.last_words(&failure(&upstream, &error))
            }
        };
        Some((Ok(Frame::data(bytes)), (rewriting, upstream, metrics)))
    });
    answer::git(
        &content_type(service),
        StreamBody::new(frames).boxed_unsync(),
    )
}

/// What a developer reads of an upstream that gave no answer or a bad one to a question.
pub fn failure(upstream: &str, error: &upstream::Error) -> String {
    format!(
        "{upstream} could not be reached: {error} ({}). Nothing was sent; try again later.",
        error.id()
    )
}

fn count(metrics: &Metrics, class: &str) {
    metrics
        .upstream_errors_total
        .with_label_values(&[class])
        .inc();
}

/// What an upstream offers whose answer looks like an advertisement, if it is one: with status 200, too, it may say `ERR`.
///
/// # Errors
/// When the list ends before it has said so.
pub async fn offered(
    service: Service,
    response: Response<Incoming>,
    limits: &Limits,
) -> Result<Option<Offer>, upstream::Error> {
    let mut rewriting = Rewriting::new(service, response, limits);
    while let Some(read) = rewriting.next().await {
        if rewriting.rewriter.offer().is_some() {
            break;
        }
        read?;
    }
    Ok(rewriting.rewriter.offer())
}

/// Relays a refusal of the upstream with its status, so that 401 asks for a credential, 403 keeps
/// it and 404 says what it says. Of its text only plain words reach the client; to 429 and 5xx, which are no refusals,
/// belongs a word of ours.
pub async fn relay_refusal(
    upstream: &str,
    response: Response<Incoming>,
    metrics: &Metrics,
) -> Response<Body> {
    let status = response.status();
    if status.is_redirection() || status.is_success() {
        return answer::plain(
            StatusCode::BAD_GATEWAY,
            &format!(
                "{upstream} answered {} instead of listing refs. Check the repository's name; if \
                 it was moved, set the remote to its new name.",
                status.as_u16()
            ),
        );
    }
    let (parts, body) = response.into_parts();
    let is_text = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    let words = if is_text {
        words(body).await
    } else {
        String::new()
    };
    let words = match trouble(upstream, status, &parts.headers) {
        None => words,
        Some((text, class)) => {
            count(metrics, class);
            format!("{text}\n{words}")
        }
    };
    let mut relayed = answer::plain(status, &words);
    upstream::relay(&parts.headers, relayed.headers_mut());
    relayed.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    relayed
}

/// What is to be said of an upstream that cannot serve now, and the metric's word for it.
fn trouble(
    upstream: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<(String, &'static str)> {
    let (what, id, class) = match status.as_u16() {
        429 => {
            let wait = match upstream::retry_after(headers) {
                Some(seconds) => format!("asks to wait {seconds} seconds (429"),
                None => "takes no more requests for now (429".to_owned(),
            };
            (wait, "E-2019", "busy")
        }
        status @ 500.. => (format!("failed ({status}"), "E-2020", "status"),
        _ => return None,
    };
    let text = format!("{upstream} {what}, {id}). Nothing was sent; try again later.");
    Some((text, class))
}

/// A refusal known before the body, in the form that most clients show: 200 with an `ERR` line.
pub fn refuse(service: Service, text: &str) -> Response<Body> {
    answer::git(
        &content_type(service),
        answer::full(push_report::error_advertisement(service, text)),
    )
}

fn content_type(service: Service) -> String {
    format!("application/x-{}-advertisement", service.name())
}

async fn words(mut body: Incoming) -> String {
    let mut text = Vec::new();
    let read = async {
        while text.len() < WORDS
            && let Some(Ok(frame)) = body.frame().await
        {
            text.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        }
    };
    // An upstream that stands still has said what it says.
    let _ = tokio::time::timeout(WORDS_TIME, read).await;
    text.truncate(WORDS);
    let lines: Vec<String> = text
        .split(|&byte| byte == b'\n')
        .map(|line| escape(line.strip_suffix(b"\r").unwrap_or(line)))
        .collect();
    lines.join("\n")
}

struct Rewriting {
    upstream: Incoming,
    rewriter: Rewriter,
    service: Service,
    most: u64,
    read: u64,
    /// How long the next bytes may take.
    idle: Duration,
    /// Whether anything was passed on.
    begun: bool,
    ended: bool,
    offered: Option<Box<dyn FnOnce(Offer) + Send>>,
}

impl Rewriting {
    fn new(service: Service, response: Response<Incoming>, limits: &Limits) -> Self {
        Self {
            upstream: response.into_body(),
            rewriter: Rewriter::new(service),
            service,
            most: limits.advertisement_bytes,
            read: 0,
            idle: limits.upstream_idle_seconds,
            begun: false,
            ended: false,
            offered: None,
        }
    }

    /// The next rewritten bytes; nothing follows an error.
    async fn next(&mut self) -> Option<Result<Bytes, upstream::Error>> {
        while !self.ended {
            let mut out = Vec::new();
            if let Err(error) = self.step(&mut out).await {
                self.ended = true;
                return Some(Err(error));
            }
            if !out.is_empty() {
                self.begun = true;
                return Some(Ok(out.into()));
            }
        }
        None
    }

    async fn step(&mut self, out: &mut Vec<u8>) -> Result<(), upstream::Error> {
        let frame = tokio::time::timeout(self.idle, self.upstream.frame()).await;
        match frame.map_err(|_| upstream::Error::ListStill(self.read))? {
            Some(Ok(frame)) => self.take(&frame, out),
            Some(Err(_)) => Err(upstream::Error::ListCut(self.read)),
            None => {
                self.ended = true;
                self.rewriter.finish().map_err(malformed)
            }
        }
    }

    fn take(&mut self, frame: &Frame<Bytes>, out: &mut Vec<u8>) -> Result<(), upstream::Error> {
        let Some(data) = frame.data_ref() else {
            return Ok(());
        };
        self.read = self.read.saturating_add(data.len() as u64);
        if self.read > self.most {
            return Err(upstream::Error::ListLong(self.most));
        }
        self.rewriter.feed(data, out).map_err(malformed)?;
        if let Some(offer) = self.rewriter.offer()
            && let Some(offered) = self.offered.take()
        {
            offered(offer);
        }
        Ok(())
    }

    /// An `ERR` line, which clients print before they stop, in the place where the list ended. Only whole lines were passed
    /// on before it.
    fn last_words(&self, text: &str) -> Bytes {
        if !self.begun {
            return push_report::error_advertisement(self.service, text).into();
        }
        let mut line = Vec::new();
        encode_failure(&mut line, text.as_bytes());
        line.into()
    }
}

fn malformed(error: advertise::Error) -> upstream::Error {
    upstream::Error::List(error.to_string())
}
