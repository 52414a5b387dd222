//! Step two: may this credential push to this repository at all? Asked before the body is read.

use std::sync::Arc;

use exeat_gitwire::{HashKind, advertise::Service};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use super::{Pushes, body};
use crate::{
    advertisement,
    answer::{Body, plain},
    door::Knock,
    identity::Actor,
    upstream,
};

/// Relays the upstream's refs, or says why not in the form git shows.
pub async fn advertise(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Response<Body> {
    let service = Service::ReceivePack;
    if let Err(text) = permitted(knock) {
        count_refusal(pushes, "not-permitted");
        return advertisement::refuse(service, &text);
    }
    match ask(pushes, knock, actor, headers).await {
        Ok(answer) if advertisement::is_advertisement(&answer, service) => {
            let note = acceptance(pushes, knock, actor);
            advertisement::relay(service, answer, &pushes.limits, note)
        }
        Ok(answer) => advertisement::relay_refusal(&knock.upstream.name, answer).await,
        Err(error) => advertisement::refuse(service, &unreachable(pushes, knock, &error)),
    }
}

/// Lets a push in, with the object format it must have, or gives the answer that keeps it out.
pub async fn admit(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<HashKind, Box<Response<Body>>> {
    let expected = "application/x-git-receive-pack-request";
    let kinds = headers.get_all(CONTENT_TYPE).iter();
    if !kinds.map(HeaderValue::as_bytes).eq([expected.as_bytes()])
        || !body::coding_is_known(headers)
    {
        return Err(Box::new(plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This is not a git-receive-pack request.",
        )));
    }
    if let Err(text) = permitted(knock) {
        count_refusal(pushes, "not-permitted");
        return Err(Box::new(plain(StatusCode::FORBIDDEN, &text)));
    }
    if let Some(format) = holds(pushes, knock, actor) {
        return Ok(format);
    }
    accepted_by_upstream(pushes, knock, actor, headers).await
}

/// Asks the upstream itself when this credential has not lately discovered refs through us.
async fn accepted_by_upstream(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<HashKind, Box<Response<Body>>> {
    match ask(pushes, knock, actor, headers).await {
        Ok(answer) if advertisement::is_advertisement(&answer, Service::ReceivePack) => {
            let service = Service::ReceivePack;
            let Some(format) = advertisement::offered_format(service, answer, &pushes.limits).await
            else {
                count_refusal(pushes, "not-accepted");
                let text = format!("{} takes no push to this repository.", knock.upstream.name);
                return Err(Box::new(plain(StatusCode::FORBIDDEN, &text)));
            };
            acceptance(pushes, knock, actor)(format);
            Ok(format)
        }
        Ok(answer) => Err(Box::new(
            advertisement::relay_refusal(&knock.upstream.name, answer).await,
        )),
        Err(error) => Err(Box::new(plain(
            StatusCode::BAD_GATEWAY,
            &unreachable(pushes, knock, &error),
        ))),
    }
}

/// What the configuration says, without asking anybody.
fn permitted(knock: &Knock) -> Result<(), String> {
    let upstream = &knock.upstream;
    if upstream.allows(&knock.repository) {
        return Ok(());
    }
    Err(format!(
        "{}/{} is not on the list of repositories that may be pushed to. Nothing left the \
         company. Ask your security team to add it to upstream.\"{}\".allow.",
        upstream.name, knock.repository, upstream.name
    ))
}

async fn ask(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<Response<hyper::body::Incoming>, upstream::Error> {
    advertisement::ask(
        &knock.upstream,
        &knock.repository,
        Service::ReceivePack,
        actor,
        headers,
        pushes.limits.upstream_idle_seconds,
    )
    .await
}

fn unreachable(pushes: &Pushes, knock: &Knock, error: &upstream::Error) -> String {
    tracing::warn!(upstream = knock.upstream.name, %error, "upstream not reached");
    pushes
        .metrics
        .upstream_errors_total
        .with_label_values(&[error.class()])
        .inc();
    format!(
        "{} could not be reached: {error}. Nothing was sent; try again later.",
        knock.upstream.name
    )
}

/// What notes that the upstream has accepted this credential for this repository, to be called when it has.
fn acceptance(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
) -> impl FnOnce(HashKind) + Send + 'static {
    let accepted = Arc::clone(&pushes.accepted);
    let upstream = knock.upstream.name.clone();
    let repository = knock.repository.encoded();
    let credential = actor.credential_hash().to_owned();
    move |format| accepted.note(&upstream, &repository, &credential, format)
}

fn holds(pushes: &Pushes, knock: &Knock, actor: &Actor) -> Option<HashKind> {
    pushes.accepted.holds(
        &knock.upstream.name,
        &knock.repository.encoded(),
        actor.credential_hash(),
    )
}

fn count_refusal(pushes: &Pushes, cause: &str) {
    pushes
        .metrics
        .refusals_total
        .with_label_values(&[cause])
        .inc();
}
