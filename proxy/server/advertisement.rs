//! Ref discovery, for pushes and fetches alike: asked of the upstream, its capabilities reduced
//! to what can be inspected, streamed on.

use std::time::Duration;

use bytes::Bytes;
use exeat_gitwire::{
    HashKind,
    advertise::{Rewriter, Service},
    push_report,
    text::escape,
};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};

use crate::{
    answer::{self, Body},
    config::Limits,
    identity::Actor,
    upstream::{self, Repository, Upstream},
};

const GIT_PROTOCOL: &str = "git-protocol";
/// What is shown of an upstream's own words on an error.
const WORDS: usize = 2048;
/// How long those words may take to come.
const WORDS_TIME: Duration = Duration::from_secs(5);

/// Asks the upstream for its refs in the name of `actor`.
///
/// # Errors
/// When the upstream cannot be reached or answers with something else than an advertisement;
/// its refusals (401, 403, 404, ...) are answers.
pub async fn ask(
    upstream: &Upstream,
    repository: &Repository,
    service: Service,
    actor: &Actor,
    client_headers: &HeaderMap,
    patience: Duration,
) -> Result<Response<Incoming>, upstream::Error> {
    let rest = format!("info/refs?service={}", service.name());
    let mut request = upstream.request(Method::GET, repository, &rest, actor);
    if let Some(version) = protocol_version(client_headers) {
        request = request.header(GIT_PROTOCOL, version);
    }
    let request = request
        .body(answer::empty())
        .map_err(|error| upstream::Error::Address(error.to_string()))?;
    upstream.send(request, patience).await
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

/// Streams an advertisement to the client, rewritten. `offered` is called with the object format once the upstream
/// has begun to say what it offers, and not if it says `ERR`.
pub fn relay(
    service: Service,
    response: Response<Incoming>,
    limits: &Limits,
    offered: impl FnOnce(HashKind) + Send + 'static,
) -> Response<Body> {
    let mut rewriting = Rewriting::new(service, response, limits);
    rewriting.offered = Some(Box::new(offered));
    let frames = stream::unfold(rewriting, |mut rewriting| async move {
        let frame = rewriting.next().await?;
        Some((frame.map(Frame::data), rewriting))
    });
    answer::git(
        &content_type(service),
        StreamBody::new(frames).boxed_unsync(),
    )
}

/// The object format of what looks like an advertisement, if it is one: with status 200, too, an upstream may say `ERR`.
pub async fn offered_format(
    service: Service,
    response: Response<Incoming>,
    limits: &Limits,
) -> Option<HashKind> {
    let mut rewriting = Rewriting::new(service, response, limits);
    while let Some(Ok(_)) = rewriting.next().await {
        if rewriting.rewriter.offers() {
            break;
        }
    }
    let rewriter = rewriting.rewriter;
    rewriter.offers().then(|| rewriter.hash())
}

/// Relays a refusal of the upstream with its status, so that 401 asks for a credential, 403 keeps
/// it and 404 says what it says. Of its text only plain words reach the client.
pub async fn relay_refusal(upstream: &str, response: Response<Incoming>) -> Response<Body> {
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
    let mut relayed = answer::plain(status, &words);
    upstream::relay(&parts.headers, relayed.headers_mut());
    relayed.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    relayed
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
    left: u64,
    /// How long the next bytes may take.
    idle: Duration,
    ended: bool,
    offered: Option<Box<dyn FnOnce(HashKind) + Send>>,
}

impl Rewriting {
    fn new(service: Service, response: Response<Incoming>, limits: &Limits) -> Self {
        Self {
            upstream: response.into_body(),
            rewriter: Rewriter::new(service),
            left: limits.advertisement_bytes,
            idle: limits.upstream_idle_seconds,
            ended: false,
            offered: None,
        }
    }

    /// The next rewritten bytes; an error ends the answer, and the client sees it cut short.
    async fn next(&mut self) -> Option<Result<Bytes, answer::BodyError>> {
        while !self.ended {
            let mut out = Vec::new();
            let frame = tokio::time::timeout(self.idle, self.upstream.frame()).await;
            let Ok(frame) = frame else {
                self.ended = true;
                return Some(Err("the upstream's list of refs stands still".into()));
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Err(error) = self.take(&frame, &mut out) {
                        self.ended = true;
                        return Some(Err(error));
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
                None => {
                    self.ended = true;
                    if let Err(error) = self.rewriter.finish() {
                        return Some(Err(error.into()));
                    }
                }
            }
            if !out.is_empty() {
                return Some(Ok(out.into()));
            }
        }
        None
    }

    fn take(&mut self, frame: &Frame<Bytes>, out: &mut Vec<u8>) -> Result<(), answer::BodyError> {
        let Some(data) = frame.data_ref() else {
            return Ok(());
        };
        self.left = self
            .left
            .checked_sub(data.len() as u64)
            .ok_or("the upstream's list of refs exceeds limits.advertisement_bytes")?;
        self.rewriter.feed(data, out)?;
        if self.rewriter.offers()
            && let Some(offered) = self.offered.take()
        {
            offered(self.rewriter.hash());
        }
        Ok(())
    }
}
