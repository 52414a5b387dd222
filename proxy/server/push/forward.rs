//! Step seven: what was cleared goes upstream, exactly as inspected, and the answer comes back.
//!
//! This is the only place that sends content to an upstream, and it takes a `Cleared`.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use bytes::Bytes;
use exeat_gitwire::push_report::{self, Relay};
use futures_util::{Stream, StreamExt, stream};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{
    Order, Pushes,
    answer::Line,
    fault::Fault,
    loss::Loss,
    panic::Stage,
    sending::Sending,
    spool::{PackReader, PackSpool},
    wishes,
};
use crate::{
    advertisement,
    answer::{Body, BodyError},
    audit::{Ending, Outcome},
    config::Limits,
    crashpoint::{self, Point},
    door::Knock,
    policy::Cleared,
    upstream::{self, Progress, Repository, Silence},
};

const AGENT: &str = concat!("exeat/", env!("CARGO_PKG_VERSION"));
/// Bytes read from the spool at a time. Each read goes to another thread and back.
const CHUNK: usize = 256 * 1024;
const MIB: u64 = 1024 * 1024;
const SERVICE: &str = "git-receive-pack";

/// A push that reached the upstream and was answered.
pub struct Sent {
    pub outcome: Outcome,
}

/// A push that did not get that far.
pub enum Failed {
    /// With what is known of it.
    Ended(Box<(Fault, Outcome)>),
    /// The upstream did not take it and says that the repository has another name.
    Moved(Repository),
}

/// Sends head and pack, and relays the report. The pack is let go once the upstream has answered.
///
/// # Errors
/// When the upstream cannot be reached, does not answer as receive-pack does, or is lost.
pub async fn forward(
    _cleared: Cleared,
    order: &Order,
    knock: &Knock,
    pack: &mut Option<PackSpool>,
    line: &mut Line,
    pushes: &Pushes,
) -> Result<Sent, Failed> {
    let goes_on = |option: &[u8]| !wishes::is_ours(option);
    let head = Bytes::from(order.request.canonical_head_keeping(AGENT, goes_on));
    let length = head.len() as u64 + pack.as_ref().map_or(0, PackSpool::length);
    let progress = Progress::new(length);
    let fault = match exchange(order, knock, &head, pack, &progress, line, pushes).await {
        Ok(Answered::Whole(ending, note)) => {
            return Ok(Sent {
                outcome: Outcome {
                    ending,
                    forwarded_bytes: length,
                    note,
                },
            });
        }
        Ok(Answered::Moved(repository)) => return Err(Failed::Moved(repository)),
        Err(fault) => fault,
    };
    let ending = ending_of(&fault);
    let outcome = Outcome {
        ending,
        forwarded_bytes: progress.sent(),
        note: fault.to_string(),
    };
    Err(Failed::Ended(Box::new((fault, outcome))))
}

enum Answered {
    Whole(Ending, String),
    Moved(Repository),
}

/// Request, answer, report.
async fn exchange(
    order: &Order,
    knock: &Knock,
    head: &Bytes,
    pack: &mut Option<PackSpool>,
    progress: &Progress,
    line: &mut Line,
    pushes: &Pushes,
) -> Result<Answered, Fault> {
    let limits = &pushes.limits;
    let silence = silence(order, progress.length(), limits);
    let _ = crashpoint::pass_in_task(Point::BeforeConnect).await;
    order.progress.reach(Stage::Sending);
    let answer = send(order, knock, head, pack.as_ref(), progress, silence).await?;
    let _ = crashpoint::pass_in_task(Point::ReportBegun).await;
    if upstream::leads_elsewhere(answer.status(), false) {
        let upstream = &knock.upstream;
        let moved = upstream.redirected(&knock.repository, SERVICE, &answer);
        return moved
            .map(Answered::Moved)
            .map_err(|source| Fault::NotTaken {
                upstream: upstream.name.clone(),
                source,
            });
    }
    // The answer may take its time; the room is for others.
    *pack = None;
    if !is_result(&answer) {
        if answer.status() == StatusCode::UNAUTHORIZED {
            pushes.recognition.forget(&knock.upstream, &order.actor);
        }
        let note = refused(knock, answer, line, pushes).await?;
        return Ok(Answered::Whole(Ending::Rejected, note));
    }
    let (ending, note) = relay(order, knock, answer.into_body(), line, silence, limits).await?;
    Ok(Answered::Whole(ending, note))
}

/// How long the upstream may be silent. Forges send keep-alives every few seconds once they have a push, but only to
/// clients with a side band; some are silent while they unpack, and some proxies before them gather small answers. So time
/// to work is given with the size, a second for a MiB, and without a side band as much as a push may take.
fn silence(order: &Order, length: u64, limits: &Limits) -> Silence {
    let reading = limits.upstream_idle_seconds;
    let working = reading + Duration::from_secs(length / MIB);
    Silence {
        reading,
        working: match order.request.capabilities.side_band_64k {
            true => working,
            false => working.max(limits.push_seconds),
        },
    }
}

/// Sends the push. What was lost before its last byte had left is no push yet, so it is sent once more.
async fn send(
    order: &Order,
    knock: &Knock,
    head: &Bytes,
    pack: Option<&PackSpool>,
    progress: &Progress,
    silence: Silence,
) -> Result<Response<Incoming>, Fault> {
    let upstream = &knock.upstream;
    let mut tries = 0;
    loop {
        tries += 1;
        progress.begin();
        let request = request(order, knock, head.clone(), pack, progress)?;
        let error = match upstream.send_push(request, progress, silence).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let was_cut = matches!(error, upstream::Error::Lost | upstream::Error::Broken(_));
        if was_cut && !progress.is_complete() && tries == 1 {
            tracing::info!(%error, sent = progress.sent(), "the push is sent once more");
            continue;
        }
        let name = upstream.name.clone();
        return Err(match error {
            error if progress.sent() == 0 => unreached(knock, error),
            error if !progress.is_complete() => Fault::NotTaken {
                upstream: name,
                source: error,
            },
            upstream::Error::Time => Fault::Lost {
                upstream: name,
                how: Loss::Silent(silence.working.as_secs()),
            },
            error if error.may_have_arrived() => Fault::Lost {
                upstream: name,
                how: Loss::NoAnswer,
            },
            error => unreached(knock, error),
        });
    }
}

/// What is known of a push that ended in a fault. An upstream that answers 4xx has read the request
/// and declined it; after anything else the refs may have moved.
fn ending_of(fault: &Fault) -> Ending {
    match fault {
        Fault::UpstreamStatus { .. } | Fault::UpstreamBusy { .. } => Ending::Rejected,
        Fault::Lost { .. } => Ending::Unknown,
        _ => Ending::NotSent,
    }
}

fn request(
    order: &Order,
    knock: &Knock,
    head: Bytes,
    pack: Option<&PackSpool>,
    progress: &Progress,
) -> Result<Request<Body>, Fault> {
    let head = stream::iter([Ok::<_, BodyError>(head)]);
    let body = match pack {
        None => progress.watch(head),
        Some(spool) => {
            let reader = spool.reader().map_err(Fault::spool)?;
            let chunks = Box::pin(head.chain(pack_stream(reader)));
            let (length, pack) = (progress.length(), spool.length());
            progress.watch(Sending::new(chunks, length.saturating_sub(pack), length))
        }
    };
    knock
        .upstream
        .request(Method::POST, &knock.repository, SERVICE, &order.actor)
        .header(CONTENT_TYPE, "application/x-git-receive-pack-request")
        .header(
            ACCEPT,
            HeaderValue::from_static("application/x-git-receive-pack-result"),
        )
        .header(CONTENT_LENGTH, progress.length())
        .body(body)
        .map_err(|error| unreached(knock, upstream::Error::Address(error.to_string())))
}

/// The pack in chunks; none after one that could not be read.
fn pack_stream(reader: PackReader) -> impl Stream<Item = Result<Bytes, BodyError>> {
    stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        let next = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let read = reader.read(&mut chunk)?;
            chunk.truncate(read);
            Ok((Bytes::from(chunk), reader))
        });
        match next
            .await
            .unwrap_or_else(|fell| Err(io::Error::other(fell)))
        {
            Ok((chunk, _)) if chunk.is_empty() => None,
            Ok((chunk, reader)) => Some((Ok(chunk), Some(reader))),
            Err(error) => Some((Err(BodyError::from(error)), None)),
        }
    })
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
    knock: &Knock,
    answer: Response<Incoming>,
    line: &mut Line,
    pushes: &Pushes,
) -> Result<String, Fault> {
    let status = answer.status();
    let after = upstream::retry_after(answer.headers());
    if status == StatusCode::UNAUTHORIZED {
        let name = &knock.upstream.name;
        let relayed = advertisement::relay_refusal(name, answer, &pushes.metrics).await;
        if line.answer(relayed).await.is_ok() {
            return Ok("the forge asked for another credential (401)".into());
        }
    }
    let upstream = knock.upstream.name.clone();
    Err(match status.as_u16() {
        429 => Fault::UpstreamBusy { upstream, after },
        400..=499 => Fault::UpstreamStatus {
            upstream,
            status: status.as_u16(),
        },
        status => Fault::Lost {
            upstream,
            how: Loss::Status(status),
        },
    })
}

/// Passes the answer on as it comes. Text goes at once; the report waits for its end, so that one that breaks off leaves
/// room for another.
async fn relay(
    order: &Order,
    knock: &Knock,
    mut body: Incoming,
    line: &mut Line,
    silence: Silence,
    limits: &Limits,
) -> Result<(Ending, String), Fault> {
    let lost = |how| Fault::Lost {
        upstream: knock.upstream.name.clone(),
        how,
    };
    let malformed = |error: push_report::Error| lost(Loss::Malformed(error.to_string()));
    let banded = order.request.capabilities.side_band_64k;
    let mut relay = Relay::new(&order.request);
    let mut report = Vec::new();
    let mut left = limits.upstream_answer_bytes;
    let mut bounds = Bounds::new(silence, limits);
    loop {
        let patience = bounds.patience(line.is_gone());
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) if patience < silence.working => return Err(lost(bounds.endless())),
            Err(_) => return Err(lost(Loss::Stalled(patience.as_secs()))),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(lost(Loss::BrokenOff)),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        left = left
            .checked_sub(data.len() as u64)
            .ok_or_else(|| lost(Loss::Long(limits.upstream_answer_bytes)))?;
        let mut out = Vec::new();
        relay.feed(data, &mut out).map_err(malformed)?;
        let text = match banded {
            true => push_report::hold_report(&out, &mut report),
            false => {
                report.append(&mut out);
                Vec::new()
            }
        };
        if !text.is_empty() {
            line.send(text).await;
        }
    }
    let outcome = relay.finish().map_err(malformed)?;
    let _ = crashpoint::pass_in_task(Point::ReportRead).await;
    if !report.is_empty() {
        line.send(report).await;
    }
    Ok(ending(order, &outcome))
}

/// How long an answer may still take.
struct Bounds {
    gap: Duration,
    whole: Duration,
    /// For an answer that nobody hears.
    alone: Duration,
    since: Instant,
    alone_since: Option<Instant>,
}

impl Bounds {
    fn new(silence: Silence, limits: &Limits) -> Self {
        Self {
            gap: silence.working,
            whole: limits.upstream_answer_seconds,
            alone: limits.push_seconds,
            since: Instant::now(),
            alone_since: None,
        }
    }

    /// A forge may speak for as long as somebody listens, and not much longer.
    fn patience(&mut self, is_alone: bool) -> Duration {
        let alone = match is_alone {
            true => self.alone_since.get_or_insert_with(Instant::now).elapsed(),
            false => Duration::ZERO,
        };
        let left = self.whole.saturating_sub(self.since.elapsed());
        self.gap.min(left).min(self.alone.saturating_sub(alone))
    }

    fn endless(&self) -> Loss {
        match self.alone_since {
            Some(since) if since.elapsed() >= self.alone => Loss::Endless(self.alone.as_secs()),
            _ => Loss::Endless(self.whole.as_secs()),
        }
    }
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

fn unreached(knock: &Knock, source: upstream::Error) -> Fault {
    Fault::Upstream {
        upstream: knock.upstream.name.clone(),
        source,
    }
}
