//! The life of a fetch: asked, answered, streamed both ways with back-pressure.

mod asked;
mod stream;

use std::sync::Arc;

use bytes::Bytes;
use exeat_gitwire::advertise::Service;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use hyper::body::{Body as _, Incoming};

use crate::{
    advertisement,
    answer::{self, Body},
    config::Limits,
    door::{Errand, Knock},
    identity::Actor,
    metrics::Metrics,
    searched::Searched,
    upstream::{self, Repository},
};
use asked::{Asked, Slip};

const UPLOAD_PACK: &str = "application/x-git-upload-pack-request";
/// Bytes of a request's body that is held, to be sent again where a redirect asks for it: what git sends to begin with.
const SHORT: usize = 64 * 1024;
/// Redirects of one request that are followed in a row.
const REDIRECTS: usize = 3;

/// What serving fetches needs.
pub struct Fetches {
    pub limits: Arc<Limits>,
    pub metrics: Metrics,
    pub searched: Searched,
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
        let kinds = request.headers().get_all(CONTENT_TYPE).iter();
        if !kinds
            .map(HeaderValue::as_bytes)
            .eq([UPLOAD_PACK.as_bytes()])
        {
            return Ok(refused(&asked::Error::Other));
        }
        let (parts, body) = request.into_parts();
        let searched = self.searched.clone();
        let Some(asked) = Asked::new(&parts.headers, body, &self.limits, searched) else {
            return Ok(refused(&asked::Error::Other));
        };
        let front = match asked.front(SHORT).await {
            Ok(front) => front,
            Err(error) => return Ok(refused(&error)),
        };
        let mut onward: Vec<(HeaderName, HeaderValue)> =
            vec![(CONTENT_TYPE, HeaderValue::from_static(UPLOAD_PACK))];
        if let Some(version) = advertisement::protocol_version(&parts.headers) {
            onward.push((HeaderName::from_static("git-protocol"), version));
        }
        if front.rest.is_none() {
            return self
                .ask_where_it_is(knock, actor, &onward, &front.plain)
                .await;
        }
        let slip = Slip::default();
        let body = front.into_body(slip.clone());
        match self.ask(knock, actor, None, &onward, body).await {
            Ok(answer) => Ok(self.stream_back(knock, answer)),
            Err(error) => slip.get().map(refused).ok_or(error),
        }
    }

    /// Asks with a body that can be sent again, where the upstream says that the repository has another name.
    async fn ask_where_it_is(
        &self,
        knock: &Knock,
        actor: &Actor,
        headers: &[(HeaderName, HeaderValue)],
        body: &Bytes,
    ) -> Result<Response<Body>, upstream::Error> {
        let mut found = knock.upstream.settled(&knock.repository, actor);
        for _ in 0..=REDIRECTS {
            let body = answer::full(body.clone());
            let answer = self.ask(knock, actor, Some(&found), headers, body).await?;
            if !upstream::leads_elsewhere(answer.status(), false) {
                return Ok(self.stream_back(knock, answer));
            }
            found = knock
                .upstream
                .redirected(&found, "git-upload-pack", &answer)?;
        }
        Err(upstream::Error::Redirects(REDIRECTS))
    }

    async fn ask(
        &self,
        knock: &Knock,
        actor: &Actor,
        repository: Option<&Repository>,
        headers: &[(HeaderName, HeaderValue)],
        body: Body,
    ) -> Result<Response<Incoming>, upstream::Error> {
        let upstream = &knock.upstream;
        let settled = upstream.settled(&knock.repository, actor);
        let repository = repository.unwrap_or(&settled);
        let mut onward = upstream.request(Method::POST, repository, "git-upload-pack", actor);
        for (name, value) in headers {
            onward = onward.header(name, value);
        }
        let onward = onward
            .body(body)
            .map_err(|error| upstream::Error::Address(error.to_string()))?;
        upstream.send(onward, self.limits.push_seconds).await
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
        Ok(self.stream_back(knock, answer))
    }

    /// Passes an answer on as it comes. Redirects do not leave: they would lead past the proxy.
    fn stream_back(&self, knock: &Knock, answer: Response<Incoming>) -> Response<Body> {
        if answer.status().is_redirection() {
            return answer::plain(
                StatusCode::BAD_GATEWAY,
                "The forge answered with a redirect. If the repository was moved, set the remote to \
                 its new name.",
            );
        }
        let (parts, body) = answer.into_parts();
        // As it was framed, which need not be what a header says; 204 has none (RFC 9110 section 8.6).
        let length = body.size_hint().exact();
        let length = length.filter(|_| parts.status != StatusCode::NO_CONTENT);
        let (metrics, name) = (self.metrics.clone(), knock.upstream.name.clone());
        let stalled = move |bytes| {
            tracing::warn!(upstream = name, bytes, "an answer to a fetch stood still");
            let class = metrics.upstream_errors_total.with_label_values(&["stall"]);
            class.inc();
        };
        let body = stream::bounded(body, self.limits.upstream_idle_seconds, stalled);
        let mut response = Response::new(body);
        *response.status_mut() = parts.status;
        upstream::relay(&parts.headers, response.headers_mut());
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        answer::guarded(response)
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

fn refused(error: &asked::Error) -> Response<Body> {
    answer::plain(error.status(), &error.sentence())
}
