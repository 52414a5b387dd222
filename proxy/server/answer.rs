//! Response bodies and the few plain answers every door gives.

use std::error::Error as StdError;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};

/// What a body may fail with while it streams.
pub type BodyError = Box<dyn StdError + Send + Sync>;

/// Any response or upstream request body.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A refusal in plain text. git shows it as `remote:` lines on ref discovery and not at all
/// elsewhere, so it is one calm paragraph that also reads alone.
pub fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{}\n", text.trim_end())));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    guarded(response)
}

/// 200 with one of git's own content types.
pub fn git(content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    guarded(response)
}

/// Sets what stands on every answer: no caching, no sniffing.
pub fn guarded(mut response: Response<Body>) -> Response<Body> {
    set(
        &mut response,
        CACHE_CONTROL,
        "no-cache, max-age=0, must-revalidate",
    );
    set(&mut response, PRAGMA, "no-cache");
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}
