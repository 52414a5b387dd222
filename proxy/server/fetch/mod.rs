//! The life of a fetch: asked, answered, streamed both ways with back-pressure.

use std::sync::Arc;

use exeat_gitwire::advertise::Service;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::{
    advertisement,
    answer::{self, Body},
    arriving::Arriving,
    config::Limits,
    door::{Errand, Knock},
    identity::Actor,
    metrics::Metrics,
    upstream,
};

/// What serving fetches needs.
pub struct Fetches {
    pub limits: Arc<Limits>,
    pub metrics: Metrics,
}

impl Fetches {
    /// Serves one request of a fetch or clone.
    pub async fn serve(
        &self,
        knock: &Knock,
        actor: &Actor,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let result = match &knock.errand {
            Errand::DumbFetch(file) => self.file(knock, actor, file).await,
            Errand::Fetch => self.negotiate(knock, actor, request).await,
            _ => self.advertise(knock, actor, &request).await,
        };
        let outcome = match &result {
            Ok(response) if response.status().is_success() => "ok",
            Ok(_) => "refused",
            Err(_) => "failed",
        };
        let response = result.unwrap_or_else(|error| self.unreachable(knock, &error));
        self.metrics
            .fetches_total
            .with_label_values(&[outcome])
            .inc();
        tracing::info!(
            upstream = knock.upstream.name,
            source = %actor.source,
            status = response.status().as_u16(),
            "fetch"
        );
        response
    }

    async fn advertise(
        &self,
        knock: &Knock,
        actor: &Actor,
        request: &Request<Incoming>,
    ) -> Result<Response<Body>, upstream::Error> {
        let service = Service::UploadPack;
        let (answer, _) = advertisement::ask(
            &knock.upstream,
            &knock.repository,
            service,
            actor,
            request.headers(),
            self.limits.upstream_idle_seconds,
        )
        .await?;
        let (name, metrics) = (&knock.upstream.name, &self.metrics);
        if advertisement::is_advertisement(&answer, service) {
            let limits = &self.limits;
            return Ok(advertisement::relay(
                name,
                service,
                answer,
                limits,
                metrics,
                |_| (),
            ));
        }
        Ok(advertisement::relay_refusal(name, answer, metrics).await)
    }

    async fn negotiate(
        &self,
        knock: &Knock,
        actor: &Actor,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, upstream::Error> {
        let expected = "application/x-git-upload-pack-request";
        let kinds = request.headers().get_all(CONTENT_TYPE).iter();
        if !kinds.map(HeaderValue::as_bytes).eq([expected.as_bytes()]) {
            return Ok(wrong_type());
        }
        let encoding = match encoding(&request) {
            Ok(encoding) => encoding,
            Err(refusal) => return Ok(*refusal),
        };
        let repository = knock.upstream.settled(&knock.repository, actor);
        let mut onward = knock
            .upstream
            .request(Method::POST, &repository, "git-upload-pack", actor)
            .header(CONTENT_TYPE, expected);
        if let Some(version) = advertisement::protocol_version(request.headers()) {
            onward = onward.header("git-protocol", version);
        }
        if let Some(encoding) = encoding {
            onward = onward.header(CONTENT_ENCODING, encoding);
        }
        if let Some(length) = request.headers().get(CONTENT_LENGTH) {
            onward = onward.header(CONTENT_LENGTH, length);
        }
        let most = usize::try_from(self.limits.fetch_request_bytes).unwrap_or(usize::MAX);
        let body =
            Limited::new(Arriving::new(request.into_body(), &self.limits), most).boxed_unsync();
        let onward = onward
            .body(body)
            .map_err(|error| upstream::Error::Address(error.to_string()))?;
        let answer = knock
            .upstream
            .send(onward, self.limits.push_seconds)
            .await?;
        Ok(stream_back(answer))
    }

    async fn file(
        &self,
        knock: &Knock,
        actor: &Actor,
        file: &[String],
    ) -> Result<Response<Body>, upstream::Error> {
        let (answer, _) = knock
            .upstream
            .discover(
                &knock.repository,
                &file.join("/"),
                actor,
                |_| true,
                |request| request,
                self.limits.upstream_idle_seconds,
            )
            .await?;
        Ok(stream_back(answer))
    }

    fn unreachable(&self, knock: &Knock, error: &upstream::Error) -> Response<Body> {
        self.metrics
            .upstream_errors_total
            .with_label_values(&[error.class()])
            .inc();
        tracing::warn!(upstream = knock.upstream.name, %error, "upstream not reached");
        let text = advertisement::failure(&knock.upstream.name, error);
        match knock.errand {
            Errand::Advertise(service) => advertisement::refuse(service, &text),
            _ => answer::plain(StatusCode::BAD_GATEWAY, &text),
        }
    }
}

/// One gzip or nothing; lists and other codings are refused.
fn encoding(request: &Request<Incoming>) -> Result<Option<HeaderValue>, Box<Response<Body>>> {
    let mut values = request.headers().get_all(CONTENT_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if matches!(value.as_bytes(), b"gzip" | b"x-gzip") => {
            Ok(Some(HeaderValue::from_static("gzip")))
        }
        _ => Err(Box::new(wrong_type())),
    }
}

fn wrong_type() -> Response<Body> {
    answer::plain(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "This is not a git-upload-pack request.",
    )
}

/// Passes an answer on as it comes. Redirects do not leave: they would lead past the proxy.
fn stream_back(answer: Response<Incoming>) -> Response<Body> {
    if answer.status().is_redirection() {
        return answer::plain(
            StatusCode::BAD_GATEWAY,
            "The forge answered with a redirect. If the repository was moved, set the remote to \
             its new name.",
        );
    }
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
    *response.status_mut() = parts.status;
    upstream::relay(&parts.headers, response.headers_mut());
    if let Some(length) = parts.headers.get(CONTENT_LENGTH) {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, length.clone());
    }
    answer::guarded(response)
}
