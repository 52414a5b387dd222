//! Step two: may this credential push to this repository at all? Asked before the body is read.

use std::sync::Arc;

use exeat_gitwire::advertise::{Offer, Service};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use super::{Pushes, body};
use crate::{
    advertisement,
    answer::{Body, plain},
    config::Source,
    door::Knock,
    identity::{Actor, Known},
    upstream::{self, Repository},
};

/// Relays the upstream's refs, or says why not in the form git shows.
pub async fn advertise(
    pushes: &Pushes,
    knock: &Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Response<Body> {
    let service = Service::ReceivePack;
    if let Err(text) = listed(pushes, knock) {
        return advertisement::refuse(service, &text);
    }
    if !asks_forge(knock)
        && let Err(text) = recognised(pushes, knock, actor).await
    {
        return advertisement::refuse(service, &text);
    }
    let name = &knock.upstream.name;
    match ask(pushes, knock, actor, headers).await {
        Ok((answer, found)) if advertisement::is_advertisement(&answer, service) => {
            if asks_forge(knock)
                && let Err(text) = recognised(pushes, knock, actor).await
            {
                return advertisement::refuse(service, &text);
            }
            let note = acceptance(pushes, knock, &found, actor);
            let (limits, metrics) = (&pushes.limits, &pushes.metrics);
            advertisement::relay(name, service, answer, limits, metrics, note)
        }
        Ok((answer, _)) => {
            forget(pushes, knock, actor, answer.status());
            advertisement::relay_refusal(name, answer, &pushes.metrics).await
        }
        Err(error) => advertisement::refuse(service, &unreachable(pushes, knock, &error)),
    }
}

/// Lets a push in, with what the upstream offers it, or gives the answer that keeps it out. From here on `knock` says
/// the name under which the upstream has the repository.
pub async fn admit(
    pushes: &Pushes,
    knock: &mut Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<(Offer, Known), Box<Response<Body>>> {
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
    let refused = |text: String| Box::new(plain(StatusCode::FORBIDDEN, &text));
    listed(pushes, knock).map_err(refused)?;
    let mut known = None;
    if !asks_forge(knock) {
        known = Some(recognised(pushes, knock, actor).await.map_err(refused)?);
    }
    let found = knock.upstream.settled(&knock.repository, actor);
    let offer = match holds(pushes, knock, &found, actor) {
        Some(offer) if knock.upstream.allows(&found) => {
            knock.repository = found;
            offer
        }
        _ => accepted_by_upstream(pushes, knock, actor, headers).await?,
    };
    let known = match known {
        Some(known) => known,
        None => recognised(pushes, knock, actor).await.map_err(refused)?,
    };
    Ok((offer, known))
}

/// Asks the upstream itself when this credential has not lately discovered refs through us.
async fn accepted_by_upstream(
    pushes: &Pushes,
    knock: &mut Knock,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<Offer, Box<Response<Body>>> {
    let unreachable = |knock: &Knock, error| {
        let text = unreachable(pushes, knock, &error);
        Err(Box::new(plain(StatusCode::BAD_GATEWAY, &text)))
    };
    let service = Service::ReceivePack;
    let (answer, found) = match ask(pushes, knock, actor, headers).await {
        Ok(asked) => asked,
        Err(error) => return unreachable(knock, error),
    };
    if !advertisement::is_advertisement(&answer, service) {
        forget(pushes, knock, actor, answer.status());
        let name = &knock.upstream.name;
        let refusal = advertisement::relay_refusal(name, answer, &pushes.metrics).await;
        return Err(Box::new(refusal));
    }
    match advertisement::offered(service, answer, &pushes.limits).await {
        Ok(Some(offer)) => {
            acceptance(pushes, knock, &found, actor)(offer);
            knock.repository = found;
            Ok(offer)
        }
        Ok(None) | Err(upstream::Error::List(_)) => {
            count_refusal(pushes, "not-accepted");
            let text = format!("{} takes no push to this repository.", knock.upstream.name);
            Err(Box::new(plain(StatusCode::FORBIDDEN, &text)))
        }
        Err(error) => unreachable(knock, error),
    }
}

/// What the upstream offers if it has accepted this credential for this very name, or does when it is asked.
pub async fn accepted(pushes: &Pushes, knock: &Knock, actor: &Actor) -> Option<Offer> {
    if let Some(offer) = holds(pushes, knock, &knock.repository, actor) {
        return Some(offer);
    }
    let mut asked = knock.clone();
    let accepted = accepted_by_upstream(pushes, &mut asked, actor, &HeaderMap::new()).await;
    accepted
        .ok()
        .filter(|_| asked.repository == knock.repository)
}

/// Whether the forge says who pushes. It is asked with a credential that it has accepted for git: others could lock an
/// account, and git offers none before it is asked for one.
fn asks_forge(knock: &Knock) -> bool {
    knock.upstream.sources.accepts(Source::Forge)
}

/// Who pushes, where that is enough to be let in.
async fn recognised(pushes: &Pushes, knock: &Knock, actor: &Actor) -> Result<Known, String> {
    let upstream = &knock.upstream;
    let known = match pushes.recognition.of(upstream, actor).await {
        Ok(known) => known,
        Err(unknown) => {
            tracing::info!(upstream = upstream.name, source = %actor.source, %unknown, "push not let in");
            count_refusal(pushes, unknown.cause());
            return Err(unknown.text(&upstream.name, &actor.proxy));
        }
    };
    match pushes.denies_all(knock, &known) {
        None => Ok(known),
        Some(text) => {
            count_refusal(pushes, "not-permitted");
            Err(text)
        }
    }
}

/// What was said of a credential that the forge takes no longer.
fn forget(pushes: &Pushes, knock: &Knock, actor: &Actor, status: StatusCode) {
    if status == StatusCode::UNAUTHORIZED {
        pushes.recognition.forget(&knock.upstream, actor);
    }
}

/// Whether the repository may be pushed to at all.
fn listed(pushes: &Pushes, knock: &Knock) -> Result<(), String> {
    let upstream = &knock.upstream;
    if upstream.allows(&knock.repository) {
        return Ok(());
    }
    count_refusal(pushes, "not-permitted");
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
) -> Result<(Response<hyper::body::Incoming>, Repository), upstream::Error> {
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
    advertisement::failure(&knock.upstream.name, error)
}

/// What notes that the upstream has accepted this credential for this repository, to be called when it has.
fn acceptance(
    pushes: &Pushes,
    knock: &Knock,
    found: &Repository,
    actor: &Actor,
) -> impl FnOnce(Offer) + Send + 'static {
    let accepted = Arc::clone(&pushes.accepted);
    let upstream = knock.upstream.name.clone();
    let repository = found.encoded();
    let credential = actor.credential_hash().to_owned();
    move |offer| accepted.note(&upstream, &repository, &credential, offer)
}

fn holds(pushes: &Pushes, knock: &Knock, found: &Repository, actor: &Actor) -> Option<Offer> {
    pushes.accepted.holds(
        &knock.upstream.name,
        &found.encoded(),
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
