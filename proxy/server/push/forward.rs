//! Step seven: what was cleared goes upstream, exactly as inspected, and the answer comes back.
//!
//! This is the only place that sends content to an upstream, and it takes a `Cleared`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use exeat_gitwire::push_report::{self, Relay};
use futures_util::{StreamExt, stream};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio_util::io::ReaderStream;

use super::{Order, answer::Line, fault::Fault, panic::Stage, sending::Sending, spool::PackSpool};
use crate::{
    advertisement,
    answer::{Body, BodyError},
    audit::{Ending, Outcome},
    config::Limits,
    crashpoint::{self, Point},
    policy::Cleared,
    upstream,
};

const AGENT: &str = concat!("exeat/", env!("CARGO_PKG_VERSION"));
/// Bytes read from the spool at a time.
const CHUNK: usize = 64 * 1024;

/// A push that reached the upstream and was answered.
pub struct Sent {
    pub outcome: Outcome,
}

/// A push that did not, with what is known of it.
pub struct Failed {
    pub fault: Fault,
    pub outcome: Outcome,
}

/// Sends head and pack, and relays the report.
///
/// # Errors
/// When the upstream cannot be reached, does not answer as receive-pack does, or is lost.
pub async fn forward(
    _cleared: Cleared,
    order: &Order,
    pack: Option<PackSpool>,
    line: &mut Line,
    limits: &Limits,
) -> Result<Sent, Box<Failed>> {
    let head = order.request.canonical_head(AGENT);
    let length = head.len() as u64 + pack.as_ref().map_or(0, PackSpool::length);
    match exchange(order, head, pack, length, line, limits).await {
        Ok((ending, note)) => Ok(Sent {
            outcome: Outcome {
                ending,
                forwarded_bytes: length,
                note,
            },
        }),
        Err(fault) => {
            let ending = ending_of(&fault);
            Err(Box::new(Failed {
                outcome: Outcome {
                    ending,
                    forwarded_bytes: if ending == Ending::NotSent { 0 } else { length },
                    note: fault.to_string(),
                },
                fault,
            }))
        }
    }
}

/// Request, answer, report.
async fn exchange(
    order: &Order,
    head: Vec<u8>,
    pack: Option<PackSpool>,
    length: u64,
    line: &mut Line,
    limits: &Limits,
) -> Result<(Ending, String), Fault> {
    let request = request(order, head, pack.as_ref(), length)?;
    let upstream = &order.knock.upstream;
    let _ = crashpoint::pass_in_task(Point::BeforeConnect).await;
    order.progress.reach(Stage::Sending);
    let answer = upstream
        .send(request, limits.push_seconds)
        .await
        .map_err(|error| {
            if error.may_have_arrived() {
                let upstream = upstream.name.clone();
                return Fault::OutcomeUnknown { upstream };
            }
            unreached(order, error)
        })?;
    let _ = crashpoint::pass_in_task(Point::ReportBegun).await;
    // The answer may take its time; the room is for others.
    drop(pack);
    if !is_result(&answer) {
        let note = refused(order, answer, line).await?;
        return Ok((Ending::Rejected, note));
    }
    relay(order, answer.into_body(), line, limits).await
}

/// What is known of a push that ended in a fault. An upstream that answers 4xx has read the request
/// and declined it; after anything else the refs may have moved.
fn ending_of(fault: &Fault) -> Ending {
    match fault {
        _ if fault.was_declined() => Ending::Rejected,
        Fault::UpstreamStatus { .. } | Fault::OutcomeUnknown { .. } => Ending::Unknown,
        _ => Ending::NotSent,
    }
}

fn request(
    order: &Order,
    head: Vec<u8>,
    pack: Option<&PackSpool>,
    length: u64,
) -> Result<Request<Body>, Fault> {
    let head = stream::iter([Ok::<_, BodyError>(Bytes::from(head))]);
    let body = match pack {
        None => StreamBody::new(head.map(frame)).boxed_unsync(),
        Some(spool) => {
            let file = spool.reader().map_err(Fault::spool)?;
            let chunks = Box::pin(head.chain(pack_stream(file)?));
            let sending = Sending::new(chunks, length - spool.length(), length);
            StreamBody::new(sending.map(frame)).boxed_unsync()
        }
    };
    order
        .knock
        .upstream
        .request(
            Method::POST,
            &order.knock.repository,
            "git-receive-pack",
            &order.actor,
        )
        .header(CONTENT_TYPE, "application/x-git-receive-pack-request")
        .header(
            ACCEPT,
            HeaderValue::from_static("application/x-git-receive-pack-result"),
        )
        .header(CONTENT_LENGTH, length)
        .body(body)
        .map_err(|error| unreached(order, upstream::Error::Address(error.to_string())))
}

fn frame(chunk: Result<Bytes, BodyError>) -> Result<Frame<Bytes>, BodyError> {
    chunk.map(Frame::data)
}

/// The spooled pack from its first byte.
fn pack_stream(
    mut file: std::fs::File,
) -> Result<impl futures_util::Stream<Item = Result<Bytes, BodyError>>, Fault> {
    use std::io::Seek;
    file.rewind().map_err(Fault::spool)?;
    let reader = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK);
    Ok(reader.map(|chunk| chunk.map_err(BodyError::from)))
}

fn is_result(answer: &Response<Incoming>) -> bool {
    answer.status() == StatusCode::OK
        && answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value == "application/x-git-receive-pack-result")
}

/// The upstream did not take the request. 401 must reach git as it is, so that it asks for another
/// credential; everything else is told in a report.
async fn refused(
    order: &Order,
    answer: Response<Incoming>,
    line: &mut Line,
) -> Result<String, Fault> {
    let status = answer.status();
    if status == StatusCode::UNAUTHORIZED {
        let relayed = advertisement::relay_refusal(&order.knock.upstream.name, answer).await;
        if line.answer(relayed).await.is_ok() {
            return Ok("the forge asked for another credential (401)".into());
        }
    }
    Err(Fault::UpstreamStatus {
        upstream: order.knock.upstream.name.clone(),
        status: status.as_u16(),
    })
}

async fn relay(
    order: &Order,
    mut body: Incoming,
    line: &mut Line,
    limits: &Limits,
) -> Result<(Ending, String), Fault> {
    let unknown = || Fault::OutcomeUnknown {
        upstream: order.knock.upstream.name.clone(),
    };
    let mut relay = Relay::new(&order.request);
    let mut alone_since: Option<Instant> = None;
    loop {
        // A forge may speak for as long as somebody listens, and not much longer.
        let alone = match line.is_gone() {
            true => alone_since.get_or_insert_with(Instant::now).elapsed(),
            false => Duration::ZERO,
        };
        let patience = limits.push_seconds.saturating_sub(alone);
        let frame = tokio::time::timeout(patience, body.frame())
            .await
            .map_err(|_| unknown())?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| unknown())?;
        let mut out = Vec::new();
        if let Some(data) = frame.data_ref() {
            relay.feed(data, &mut out).map_err(|_| unknown())?;
        }
        if !out.is_empty() {
            line.send(out).await;
        }
    }
    let outcome = relay.finish().map_err(|_| unknown())?;
    let _ = crashpoint::pass_in_task(Point::ReportRead).await;
    Ok(ending(order, &outcome))
}

/// How the upstream's own report reads as a whole.
fn ending(order: &Order, outcome: &push_report::Outcome) -> (Ending, String) {
    if !order.request.capabilities.wants_report() {
        return (Ending::Unknown, "the client asked for no report".into());
    }
    let taken = outcome
        .refs
        .iter()
        .filter(|(_, taken)| taken.is_ok())
        .count();
    let ending = match (&outcome.unpack, taken) {
        (Some(Ok(())), taken) if taken == outcome.refs.len() => Ending::Accepted,
        (Some(Ok(())), 0) | (Some(Err(_)), _) => Ending::Rejected,
        (Some(Ok(())), _) => Ending::Partial,
        (None, _) => Ending::Unknown,
    };
    (
        ending,
        format!("{taken} of {} refs taken", outcome.refs.len()),
    )
}

fn unreached(order: &Order, source: upstream::Error) -> Fault {
    Fault::Upstream {
        upstream: order.knock.upstream.name.clone(),
        source,
    }
}
