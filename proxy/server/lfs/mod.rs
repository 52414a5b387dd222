//! LFS: downloads pass, uploads do not. Uploaded objects would go straight to the forge's own
//! storage, past every inspection.
//!
//! Source: the Git LFS Batch API.

use std::sync::Arc;

use exeat_gitwire::objects::custom;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::{
    answer::{self, Body},
    config::Limits,
    door::Knock,
    identity::Actor,
    metrics::Metrics,
    upstream,
};

const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// Digits of an object id: the only hash that LFS has is SHA-256.
const OID: usize = 64;
const UPLOADS_STAY: &str = "Nothing left the company. LFS uploads do not pass this proxy, because \
    the files would reach the forge uninspected. Commit the file without LFS, or ask your security \
    team.";

/// What serving LFS requests needs.
pub struct Lfs {
    pub limits: Arc<Limits>,
    pub metrics: Metrics,
}

/// A batch request, as far as it is understood. Nothing else goes on: a forge may read names without regard to
/// case or see an operation where we see none, and whatever stands beside is text that nobody inspects.
#[derive(Deserialize, Serialize)]
struct Batch {
    operation: String,
    /// What is left of the client's list: links to fetch objects by.
    #[serde(skip_deserializing, default = "basic")]
    transfers: [&'static str; 1],
    objects: Vec<Object>,
}

#[derive(Deserialize, Serialize)]
struct Object {
    oid: String,
    size: u64,
}

fn basic() -> [&'static str; 1] {
    ["basic"]
}

impl Object {
    fn is_plain(&self) -> bool {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let bytes = hex::decode(&self.oid).unwrap_or_default();
        self.oid.len() == OID && self.oid.bytes().all(digit) && !custom::spells_a_text(&bytes)
    }
}

/// A batch that may go on, written anew: for fuzzers.
#[doc(hidden)]
pub(crate) fn rewritten(body: &[u8]) -> Option<Vec<u8>> {
    let batch: Batch = serde_json::from_slice(body).ok()?;
    let goes_on = batch.operation == "download" && batch.objects.iter().all(Object::is_plain);
    goes_on.then(|| serde_json::to_vec(&batch).ok())?
}

impl Lfs {
    /// Serves one batch request.
    pub async fn serve(
        &self,
        knock: &Knock,
        actor: &Actor,
        request: Request<Incoming>,
    ) -> Response<Body> {
        // git-lfs asks for a hundred objects at a time, a few kilobytes. Nobody has accepted the credential yet.
        let most = usize::try_from(self.limits.unauthenticated_body_bytes).unwrap_or(usize::MAX);
        let reading = Limited::new(request.into_body(), most).collect();
        let body = match tokio::time::timeout(self.limits.body_idle_seconds, reading).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                return message(StatusCode::PAYLOAD_TOO_LARGE, "The LFS batch is too large.");
            }
            Err(_) => {
                return message(StatusCode::REQUEST_TIMEOUT, "The LFS batch did not arrive.");
            }
        };
        match serde_json::from_slice::<Batch>(&body) {
            Ok(batch)
                if batch.operation == "download" && batch.objects.iter().all(Object::is_plain) =>
            {
                self.download(knock, actor, &batch).await
            }
            Ok(batch) if batch.operation == "upload" => {
                self.metrics
                    .refusals_total
                    .with_label_values(&["lfs-upload"])
                    .inc();
                tracing::info!(upstream = knock.upstream.name, "LFS upload refused");
                message(StatusCode::FORBIDDEN, UPLOADS_STAY)
            }
            Ok(_) | Err(_) => message(
                StatusCode::UNPROCESSABLE_ENTITY,
                "This is not an LFS batch request that is understood here.",
            ),
        }
    }

    async fn download(&self, knock: &Knock, actor: &Actor, batch: &Batch) -> Response<Body> {
        let Ok(body) = serde_json::to_vec(batch) else {
            return message(StatusCode::BAD_REQUEST, "The request cannot be passed on.");
        };
        let repository = knock.upstream.settled(&knock.repository, actor);
        let onward = knock
            .upstream
            .request(Method::POST, &repository, "info/lfs/objects/batch", actor)
            .header(ACCEPT, MEDIA_TYPE)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(CONTENT_LENGTH, body.len())
            .body(answer::full(body));
        let Ok(onward) = onward else {
            return message(StatusCode::BAD_REQUEST, "The request cannot be passed on.");
        };
        match knock
            .upstream
            .send(onward, self.limits.upstream_idle_seconds)
            .await
        {
            Ok(answer) if answer.status().is_redirection() => message(
                StatusCode::BAD_GATEWAY,
                "The forge answered with a redirect; set the remote to the repository's new name.",
            ),
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
                *response.status_mut() = parts.status;
                upstream::relay(&parts.headers, response.headers_mut());
                answer::guarded(response)
            }
            Err(error) => {
                self.metrics
                    .upstream_errors_total
                    .with_label_values(&[error.class()])
                    .inc();
                message(
                    StatusCode::BAD_GATEWAY,
                    &format!(
                        "{} could not be reached: {error} ({}).",
                        knock.upstream.name,
                        error.id()
                    ),
                )
            }
        }
    }
}

/// An LFS error: git-lfs prints its message.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut response = Response::new(answer::full(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    answer::guarded(response)
}
