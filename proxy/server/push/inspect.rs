//! Steps three and four: the pack goes to the spool and through the inspection while it arrives.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use exeat_gitwire::{ObjectId, pack, push_request::PushRequest};
use exeat_inspect::{
    Accepted, Examiner, MOST_PATHS, Move, PackInspection, Pool, Report, Settings, Wanted, head,
    shown,
};
use futures_util::FutureExt;
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument;

use super::{
    Order, Pushes,
    about::{self, Asked},
    body::PushBody,
    fault::Fault,
    outside::Outside,
    place::Place,
    spool::{PackSpool, SpoolRoom},
    upload_pack::UploadPack,
};
use crate::{
    crashpoint::{self, Point},
    policy::{Event, Outlook},
};

/// Bytes that are handed over at once where as many have come.
const CHUNK: usize = 256 * 1024;
/// Chunks that may wait for the inspector; beyond it the client waits.
pub const CHUNKS_WAITING: usize = 8;

/// A push that has arrived to its last byte and is still being inspected.
pub struct Arrival {
    inspection: JoinHandle<Result<Work, Fault>>,
    cancelled: Arc<AtomicBool>,
    finished: bool,
}

/// What the inspection gives.
pub struct Work {
    pub report: Report,
    /// The pack as inspected; none where the push only deletes.
    pub pack: Option<PackSpool>,
}

/// What the inspector is handed.
pub enum Feed {
    Bytes(Bytes),
    End,
}

/// Feeds the body to an inspector thread until its last byte.
///
/// # Errors
/// When the client goes, stands still or takes too long, or bytes follow where none may. An inspection that ends
/// early tells why when it is finished.
pub async fn while_arriving(
    pushes: &Pushes,
    order: &Order,
    body: &mut PushBody,
    place: Place,
) -> Result<Arrival, Fault> {
    let (feed, chunks) = mpsc::channel(CHUNKS_WAITING);
    let arrival = begin(pushes, order, chunks, place);
    let limit = pushes.limits.push_seconds;
    let feeding = feed_all(body, feed).in_current_span();
    match tokio::time::timeout(limit, feeding).await {
        Ok(fed) => fed.map(|()| arrival),
        Err(_) => Err(Fault::Slow(limit.as_secs())),
    }
}

/// Starts an inspector thread that takes its bytes from `chunks`.
pub fn begin(
    pushes: &Pushes,
    order: &Order,
    chunks: mpsc::Receiver<Feed>,
    place: Place,
) -> Arrival {
    let cancelled = Arc::new(AtomicBool::new(false));
    let outlook = outlook(pushes, order);
    let inspector = Inspector {
        outside: outside(pushes, order, outlook, Arc::clone(&cancelled)),
        settings: settings(pushes, order, outlook, Arc::clone(&cancelled)),
        pool: Arc::clone(&pushes.pool),
        room: Arc::clone(&pushes.room),
        request: order.request.clone(),
        moves: match pushes.policy.asks(Event::ForcedUpdate) {
            true => about::moves(&order.request),
            false => Vec::new(),
        },
    };
    let span = tracing::Span::current();
    let inspection = tokio::task::spawn_blocking(move || {
        let _place = place;
        span.in_scope(|| inspector.run(chunks))
    });
    Arrival {
        inspection,
        cancelled,
        finished: false,
    }
}

async fn feed_all(body: &mut PushBody, feed: mpsc::Sender<Feed>) -> Result<(), Fault> {
    while let Some(chunk) = next_chunk(body).await? {
        if feed.send(Feed::Bytes(chunk)).await.is_err() {
            // The inspector has ended early and says why; the rest only has to be read.
            body.drain(u64::MAX).await;
            return Ok(());
        }
    }
    let _ = feed.send(Feed::End).await;
    Ok(())
}

/// The next bytes, and with them what has come as well: every chunk wakes the inspector and is a write to the spool, and
/// HTTP/2 hands over 16 KiB at a time.
async fn next_chunk(body: &mut PushBody) -> Result<Option<Bytes>, Fault> {
    let Some(first) = body.next().await? else {
        return Ok(None);
    };
    let mut together = BytesMut::new();
    while together.len().max(first.len()) < CHUNK
        && let Some(more) = body.next().now_or_never()
    {
        let Some(more) = more? else { break };
        if together.is_empty() {
            together.reserve(CHUNK + more.len());
            together.extend_from_slice(&first);
        }
        together.extend_from_slice(&more);
    }
    Ok(Some(if together.is_empty() {
        first
    } else {
        together.freeze()
    }))
}

/// What the verdict may come to make of findings.
pub fn outlook(pushes: &Pushes, order: &Order) -> Outlook {
    let asked = Asked::new(order, &order.knock);
    Outlook::of(
        asked.push(&asked.updates(None)),
        &about::early_facts(order, order.past),
        &pushes.policy,
    )
}

/// Which licences the target accepts, where the policy says so.
fn licences(pushes: &Pushes, order: &Order) -> Option<Arc<Accepted>> {
    let asked = Asked::new(order, &order.knock);
    let facts = about::early_facts(order, order.past);
    pushes.policy.licences(asked.push(&[]), &facts)
}

fn settings(
    pushes: &Pushes,
    order: &Order,
    outlook: Outlook,
    cancelled: Arc<AtomicBool>,
) -> Settings {
    let limits = &pushes.limits;
    Settings {
        rules: Arc::clone(&pushes.rules),
        key: pushes.key.clone(),
        limits: limits.pack(),
        most_findings: limits.findings,
        strength: outlook.strength(order.knock.upstream.excuses),
        on_batch: || drop(crashpoint::pass(Point::Batch)),
        most_paths: MOST_PATHS,
        demands: Arc::clone(&order.knock.upstream.identity),
        licences: licences(pushes, order),
        pusher: order
            .known
            .person
            .as_ref()
            .map(|person| person.mails.clone().into()),
        shown: wanted(pushes, order),
        verdicts: Some(Arc::clone(&pushes.verdicts)),
        whole: false,
        clock: Some(nanoseconds),
        cancelled,
    }
}

/// Since the first push.
fn nanoseconds() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What reviewers are to see, where a push can be held at all.
fn wanted(pushes: &Pushes, order: &Order) -> Option<Arc<Wanted>> {
    let request = &order.request;
    let wanted = || Wanted {
        names: request
            .commands
            .iter()
            .map(|command| command.name.to_vec())
            .collect(),
        options: request
            .options
            .iter()
            .filter(|option| !option.starts_with(b"exeat."))
            .map(|option| option.to_vec())
            .collect(),
        words: order.wishes.reason.clone(),
    };
    pushes.quarantine.can_hold().then(|| Arc::new(wanted()))
}

/// What the inspector may ask the upstream, in the pusher's name.
fn outside(
    pushes: &Pushes,
    order: &Order,
    outlook: Outlook,
    cancelled: Arc<AtomicBool>,
) -> Outside {
    let limits = &pushes.limits;
    let upload_pack = UploadPack {
        knock: order.knock.clone(),
        actor: order.actor.clone(),
        idle: limits.upstream_idle_seconds,
        refs_bytes: limits.advertisement_bytes,
        cancelled,
    };
    Outside::new(
        upload_pack,
        Arc::clone(&pushes.room),
        &order.request,
        limits.pack(),
        limits.inspect_seconds,
        outlook,
    )
}

impl Arrival {
    /// Waits for the inspection's end, at most `patience` after the last byte.
    ///
    /// # Errors
    /// With what is wrong with the push, or with us.
    pub async fn finish(mut self, patience: Duration) -> Result<Work, Fault> {
        let ended = tokio::time::timeout(patience, &mut self.inspection).await;
        self.finished = true;
        match ended {
            Err(_) => {
                self.cancelled.store(true, Ordering::Relaxed);
                Err(Fault::InspectionTime(patience.as_secs()))
            }
            Ok(Err(_)) => Err(Fault::Inside),
            Ok(Ok(work)) => {
                crashpoint::pass_in_task(Point::Inspected)
                    .await
                    .map_err(Fault::spool)?;
                work
            }
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if !self.finished {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// What the inspector thread owns.
struct Inspector {
    outside: Outside,
    settings: Settings,
    pool: Arc<Pool>,
    room: Arc<SpoolRoom>,
    request: PushRequest,
    /// Refs of which the policy asks whether they are moved forward.
    moves: Vec<Move>,
}

impl Inspector {
    fn run(self, chunks: mpsc::Receiver<Feed>) -> Result<Work, Fault> {
        let rules = Arc::clone(&self.settings.rules);
        let mut examiner = Examiner::new(Arc::clone(&rules), self.settings.key.clone())
            .with_strength(self.settings.strength);
        let head = head::examine(&mut examiner, &self.request);
        let mut report = of_head(head, rules.digest());
        if !self.request.expects_pack() {
            let wanted = self.settings.shown.as_deref();
            report.shown = wanted.map(|wanted| shown::without_pack(&mut examiner, wanted));
            return nothing_follows(chunks).map(|()| Work { report, pack: None });
        }
        drop(examiner);
        let inspected = self.inspect_pack(chunks)?;
        report.findings.extend(inspected.findings);
        report.counted = inspected.counted;
        report.coverage += inspected.coverage;
        report.stages = inspected.stages;
        report.unscannable.extend(inspected.unscannable);
        report.forward = inspected.forward;
        report.objects = Some(inspected.objects);
        report.shown = inspected.shown;
        Ok(Work {
            report,
            pack: Some(inspected.pack.into_spool()),
        })
    }

    fn inspect_pack(
        mut self,
        mut chunks: mpsc::Receiver<Feed>,
    ) -> Result<exeat_inspect::Inspected<PackSpool>, Fault> {
        let spool = self.room.spool().map_err(Fault::spool)?;
        let mut inspection =
            PackInspection::start(self.pool, self.request.hash, self.settings, spool)
                .asked_about(self.moves);
        loop {
            match chunks.blocking_recv() {
                Some(Feed::Bytes(chunk)) => inspection.feed(&chunk)?,
                Some(Feed::End) => break,
                None => return Err(Fault::Stopped),
            }
        }
        let targets: Vec<ObjectId> = self
            .request
            .commands
            .iter()
            .map(|command| command.new)
            .collect();
        crashpoint::pass(Point::LastByteSpooled).map_err(Fault::spool)?;
        let inspected = inspection.finish_asking(Some(&targets), Some(&mut self.outside));
        inspected.map_err(|error| match &error {
            exeat_inspect::Error::Pack(pack::Error::BaseUnavailable { .. }) => {
                self.outside.take_fault().unwrap_or_else(|| error.into())
            }
            _ => error.into(),
        })
    }
}

/// The report of what stands before the pack.
pub fn of_head(head: head::Head, rules_digest: &str) -> Report {
    Report {
        findings: head.findings,
        counted: Vec::new(),
        coverage: head.coverage,
        stages: exeat_inspect::Stages::default(),
        unscannable: head.unscannable,
        rules_digest: rules_digest.to_owned(),
        refs: head.refs,
        forward: Vec::new(),
        waived_by: Vec::new(),
        objects: None,
        shown: None,
    }
}

/// A push that only deletes carries no pack.
fn nothing_follows(mut chunks: mpsc::Receiver<Feed>) -> Result<(), Fault> {
    match chunks.blocking_recv() {
        Some(Feed::Bytes(_)) => Err(Fault::PackOnDelete),
        Some(Feed::End) => Ok(()),
        None => Err(Fault::Stopped),
    }
}
