//! The life of a push, one file per step: received, admitted, inspected while it arrives, judged,
//! recorded, forwarded or refused, answered.

mod about;
mod admit;
mod answer;
mod body;
mod carrier;
mod decide;
mod deny;
mod dossier;
mod fault;
mod forward;
pub(crate) mod fuzzed;
mod hold;
mod id;
mod inspect;
mod keeping;
mod kept;
mod latest;
mod loss;
mod message;
mod onward;
mod outside;
mod panic;
mod past;
mod place;
mod quiet;
mod receive;
mod reconcile;
mod record;
mod release;
mod returned;
mod said;
mod sending;
mod share;
mod spool;
mod upload_pack;
mod waiting;
mod waive;
mod wishes;

use std::{sync::Arc, time::Instant};

use exeat_gitwire::push_request::{Asked, PushRequest};
use exeat_inspect::{FingerprintKey, Pool, Verdicts};
use exeat_rules::RuleSet;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    answer::{Body, plain},
    arriving::Arriving,
    audit::{self, Audit},
    config::Limits,
    crashpoint::{self, Point},
    door::Knock,
    identity::{Accepted, Actor, Known, Recognition},
    metrics::Metrics,
    people::{self, People},
    policy::{self, Rulebook},
    quarantine::Quarantine,
    review::{Desk, Fallen},
    store::Store,
};
use answer::{Line, Waiting};
use body::PushBody;
pub use carrier::{Tried, run as carry};
use fault::Fault;
use id::PushId;
use inspect::Arrival;
pub use keeping::Keeper;
pub use latest::Latest;
use panic::{Progress, Stage};
use past::Past;
use place::Place;
pub use place::Places;
pub use quiet::Stops;
pub use share::Shares;
pub use spool::{SpoolRoom, is_full};
pub use waiting::Waiters;
use wishes::Wishes;
pub use wishes::fuzz as fuzz_options;

/// Bytes of a head that are read when there is no place for the push.
const BUSY_HEAD_BYTES: usize = 64 * 1024;

/// What serving pushes needs. Two pushes share nothing else.
pub struct Pushes {
    pub limits: Arc<Limits>,
    pub policy: Arc<Rulebook>,
    pub digests: audit::Digests,
    pub rules: Arc<RuleSet>,
    pub key: FingerprintKey,
    pub pool: Arc<Pool>,
    /// What was found in objects of earlier pushes.
    pub verdicts: Arc<Verdicts>,
    pub room: Arc<SpoolRoom>,
    pub places: Arc<Places>,
    /// How many of the places one user may hold.
    pub shares: Arc<Shares>,
    /// Whose pushes were stopped lately.
    pub stops: Arc<Stops>,
    pub accepted: Arc<Accepted>,
    pub audit: Audit,
    pub people: People,
    /// Who knows people by what their requests bring.
    pub recognition: Arc<Recognition>,
    pub store: Store,
    /// Where pushes wait that need a human, and their packs.
    pub desk: Desk,
    pub quarantine: Quarantine,
    /// What is in force when a push that stayed open goes.
    pub latest: Arc<Latest>,
    /// The pushes that stay open for a decision.
    pub waiters: Arc<Waiters>,
    /// That the proxy is about to stop: pushes that wait for people end.
    pub stopping: CancellationToken,
    pub metrics: Metrics,
    /// Pushes whose last byte has come; draining waits for them.
    pub concluding: TaskTracker,
}

/// A push whose head was read: who wants what.
pub struct Order {
    pub id: PushId,
    pub knock: Knock,
    pub actor: Actor,
    /// Whom `actor` is known to be.
    pub known: Known,
    /// What went through before, as far as the policy asks.
    pub past: Past,
    pub request: PushRequest,
    pub wishes: Wishes,
    /// Whether the organisation's credential sends it.
    pub by_itself: bool,
    pub since: Instant,
    pub progress: Progress,
}

/// What has come of a push when its last byte has.
enum Come {
    Arrived(Result<Arrival, Fault>),
    /// It is denied, and its pack was not looked at.
    Denied(policy::Stopped),
}

/// How the connection gets its answer.
enum Reply {
    Now(Response<Body>),
    Later(Waiting),
}

impl Pushes {
    /// Tells the refs of a repository to somebody who may push there.
    pub async fn advertise(
        &self,
        knock: &Knock,
        actor: &Actor,
        request: &Request<Incoming>,
    ) -> Response<Body> {
        admit::advertise(self, knock, actor, request.headers()).await
    }

    /// Takes a push from its first byte to its answer.
    pub async fn serve(
        self: &Arc<Self>,
        knock: Knock,
        actor: Actor,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let Ok(id) = PushId::random() else {
            return plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "The proxy has no randomness for a push id; nothing was sent. Try again.",
            );
        };
        let span = tracing::info_span!("push", push = %id);
        let pushes = Arc::clone(self);
        let taking = async move {
            let taken = panic::caught(pushes.take(&id, &knock, &actor, request)).await;
            match taken {
                Ok(reply) => reply,
                Err(fault) => {
                    let unread = receive::Unread {
                        fault,
                        so_far: None,
                    };
                    let nobody = Known::default();
                    let refused = pushes.refuse_unread(&id, &knock, (&actor, &nobody), &unread);
                    Reply::Now(refused.await)
                }
            }
        };
        // A client that goes away takes with it whatever runs in its connection: the push runs elsewhere, so
        // that it comes to its end and is on record.
        match tokio::spawn(taking.instrument(span)).await {
            Ok(Reply::Now(response)) => response,
            Ok(Reply::Later(waiting)) => waiting.response().await,
            Err(_) => answer::lost(),
        }
    }

    async fn take(
        self: &Arc<Self>,
        id: &PushId,
        knock: &Knock,
        actor: &Actor,
        request: Request<Incoming>,
    ) -> Reply {
        let since = Instant::now();
        let (parts, incoming) = request.into_parts();
        let mut body = PushBody::new(
            &parts.headers,
            Arriving::new(incoming, &self.limits),
            self.limits.body_idle_seconds.as_secs(),
        );
        let mut knock = knock.clone();
        let (offer, known) = match admit::admit(self, &mut knock, actor, &parts.headers).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                // A short body is read to its end, so that the client reads the answer.
                let rest = body.drain(self.limits.unauthenticated_body_bytes);
                let _ = tokio::time::timeout(self.limits.body_idle_seconds, rest).await;
                return Reply::Now(*refusal);
            }
        };
        let _ = crashpoint::pass_in_task(Point::Admitted).await;
        // Heads are held in memory, so a place comes first; without one only a short head is read, for the answer.
        let place = self.shares.place(actor, &self.places).await;
        let head_bytes = match place {
            Ok(_) => self.limits.head_bytes,
            Err(_) => self.limits.head_bytes.min(BUSY_HEAD_BYTES),
        };
        let request =
            match receive::receive(&mut body, &self.limits, head_bytes, offer.format).await {
                Ok(Asked::Probe) => return Reply::Now(answer::probe()),
                Ok(Asked::Push(request)) => request,
                Err(mut unread) => {
                    match place {
                        Ok(place) => drop(place),
                        Err(busy) => unread.fault = busy,
                    }
                    self.drain(&mut body).await;
                    return Reply::Now(
                        self.refuse_unread(id, &knock, (actor, &known), &unread)
                            .await,
                    );
                }
            };
        let _ = crashpoint::pass_in_task(Point::HeadRead).await;
        let (wishes, place) = match self.wishes(&request, &knock, offer) {
            Ok(wishes) => (wishes, place),
            Err(fault) => (Wishes::default(), place.and(Err(fault))),
        };
        let order = Order {
            id: id.clone(),
            past: self.past(&known, &knock).await,
            knock,
            actor: actor.clone(),
            known,
            request,
            wishes,
            by_itself: false,
            since,
            progress: Progress::default(),
        };
        self.carry(order, body, place).await
    }

    /// From the head to the last byte; what follows runs on even if the client goes.
    async fn carry(
        self: &Arc<Self>,
        order: Order,
        mut body: PushBody,
        place: Result<Place, Fault>,
    ) -> Reply {
        tracing::info!(
            upstream = order.knock.upstream.name,
            repository = %order.knock.repository,
            refs = order.request.commands.len(),
            person = order.known.person_id(),
            "push received"
        );
        let flight = Flight::begin(&self.metrics);
        if let Some(stopped) = self.denial(&order) {
            drop(place);
            self.drain(&mut body).await;
            return self.concluded(order, flight, Come::Denied(stopped));
        }
        let arrival = match place {
            Ok(place) => panic::caught(inspect::while_arriving(self, &order, &mut body, place))
                .await
                .and_then(|arrival| arrival),
            Err(busy) => Err(busy),
        };
        if arrival.is_err() {
            self.drain(&mut body).await;
        }
        self.observe("receive", order.since);
        self.concluded(order, flight, Come::Arrived(arrival))
    }

    /// Everything after the last byte of the request, in a task of its own.
    fn concluded(self: &Arc<Self>, order: Order, flight: Flight, come: Come) -> Reply {
        let (line, waiting) = answer::open(&order.request);
        let pushes = Arc::clone(self);
        let concluding = async move {
            let mut line = line;
            let concluded = panic::caught(pushes.conclude(&order, come, &mut line)).await;
            if concluded.is_err() {
                pushes.refuse_fallen(&order, &mut line).await;
                pushes.mend(&order).await;
            }
            drop(flight);
        };
        self.concluding.spawn(concluding.in_current_span());
        Reply::Later(waiting)
    }

    async fn conclude(&self, order: &Order, come: Come, line: &mut Line) {
        let arrived = Instant::now();
        let work = match come {
            Come::Arrived(Ok(arrival)) => arrival.finish(self.limits.inspect_seconds).await,
            Come::Arrived(Err(fault)) => Err(fault),
            Come::Denied(stopped) => {
                if let Err(fault) = self.deny(order, stopped, line).await {
                    self.tell(order, &fault, line).await;
                }
                return self.observe("whole", order.since);
            }
        };
        self.observe("inspect", arrived);
        match work {
            Ok(mut work) => {
                self.waive(order, &mut work.report).await;
                if let Err(fault) = self.decide(order, work, line).await {
                    self.tell(order, &fault, line).await;
                }
            }
            Err(fault) => self.refuse_unjudged(order, &fault, line).await,
        }
        let _ = crashpoint::pass_in_task(Point::AnswerSent).await;
        self.observe("whole", order.since);
    }

    fn observe(&self, phase: &str, since: Instant) {
        self.metrics
            .push_duration_seconds
            .with_label_values(&[phase])
            .observe(since.elapsed().as_secs_f64());
    }

    async fn stop(&self, order: &Order, line: &mut Line, told: message::Told) {
        let shown = self.told_again_and_again(order);
        self.turn_away(order, line, shown.as_ref().unwrap_or(&told), &told.reason)
            .await;
    }

    /// Counts a stop. Gives what is told in place of the details to a developer who was stopped so often that he could
    /// be after the rules.
    fn told_again_and_again(&self, order: &Order) -> Option<message::Told> {
        let is_quiet = self.stops.note(&quiet::pusher(order), Instant::now());
        is_quiet.then(|| {
            self.metrics.quiet_answers_total.inc();
            message::without_details(&order.id)
        })
    }

    /// Tells a push that it does not go; why is noted in full.
    async fn turn_away(&self, order: &Order, line: &mut Line, told: &message::Told, note: &str) {
        line.refuse(&order.request, told).await;
        let outcome = audit::Outcome {
            ending: audit::Ending::NotSent,
            forwarded_bytes: 0,
            note: note.to_owned(),
        };
        self.note_outcome(order, &outcome).await;
    }

    /// Makes a decision durable. Without it nothing is carried out.
    async fn write(&self, order: &Order, decision: &audit::Decision) -> Result<(), Fault> {
        self.append(decision).await?;
        order.progress.reach(match decision.verdict {
            audit::Verdict::Forward => Stage::Cleared,
            audit::Verdict::Hold | audit::Verdict::Refuse => Stage::Stopped,
        });
        Ok(())
    }

    async fn append(&self, decision: &audit::Decision) -> Result<(), Fault> {
        let started = Instant::now();
        let written = self.audit.decide(decision).await;
        self.metrics
            .audit_append_duration_seconds
            .observe(started.elapsed().as_secs_f64());
        self.metrics.audit_size.set(gauge(self.audit.head().size));
        written.map(|_| ()).map_err(Fault::Audit)
    }

    /// The push has already gone or stayed; a lost outcome is made good at the next start.
    async fn note_outcome(&self, order: &Order, outcome: &audit::Outcome) {
        if let Err(error) = self.audit.outcome(order.id.as_str(), outcome).await {
            tracing::error!(%error, "the outcome of a push could not be recorded");
            self.metrics
                .failclosed_total
                .with_label_values(&["audit-outcome"])
                .inc();
        }
        order.progress.reach(Stage::Concluded);
        let _ = crashpoint::pass_in_task(Point::OutcomeWritten).await;
    }

    /// Refuses a push that could not be judged; that, too, is on record.
    async fn refuse_unjudged(&self, order: &Order, fault: &Fault, line: &mut Line) {
        let decision = record::fault(order, fault, &self.digests);
        if let Err(error) = self.write(order, &decision).await {
            tracing::error!(%error, "the refusal of a push could not be recorded");
        }
        self.metrics
            .pushes_total
            .with_label_values(&["refuse"])
            .inc();
        self.tell(order, fault, line).await;
    }

    /// Makes an end of a push whose task panicked, as far as it had come.
    async fn refuse_fallen(&self, order: &Order, line: &mut Line) {
        let (ending, fault) = match order.progress.stage() {
            Stage::Undecided => return self.refuse_unjudged(order, &Fault::Inside, line).await,
            Stage::Stopped => return self.tell(order, &Fault::Inside, line).await,
            // The answer was given or is lost; another one would contradict it.
            Stage::Concluded => return self.count_fault(&Fault::InsideSent),
            Stage::Cleared => (audit::Ending::NotSent, Fault::Inside),
            Stage::Sending => (audit::Ending::Unknown, Fault::InsideSent),
        };
        let outcome = audit::Outcome {
            ending,
            forwarded_bytes: 0,
            note: fault.to_string(),
        };
        self.note_outcome(order, &outcome).await;
        self.tell(order, &fault, line).await;
    }

    /// An approval that a fallen push was using comes to its end as well.
    async fn mend(&self, order: &Order) {
        let mended = self
            .desk
            .mend(Fallen::One(order.id.as_str()), people::now())
            .await;
        if let Err(error) = mended {
            tracing::error!(%error, "how an approved push ended could not be noted");
        }
    }

    /// Tells the developer what went wrong.
    async fn tell(&self, order: &Order, fault: &Fault, line: &mut Line) {
        self.count_fault(fault);
        let told = message::fault(&order.id, fault);
        line.refuse(&order.request, &told).await;
    }

    /// Refuses a push whose head could not be read: what it meant is not known for certain.
    async fn refuse_unread(
        &self,
        id: &PushId,
        knock: &Knock,
        (actor, known): (&Actor, &Known),
        unread: &receive::Unread,
    ) -> Response<Body> {
        let decision = record::unread(id, knock, (actor, known), &unread.fault, &self.digests);
        if let Err(error) = self.append(&decision).await {
            tracing::error!(%error, "the refusal of a push could not be recorded");
        }
        self.count_fault(&unread.fault);
        let told = message::fault(id, &unread.fault);
        answer::unread(unread.so_far.as_ref(), &told)
    }

    /// Reads the rest of a refused push, so that the client reaches the answer; bounded by the
    /// limits of any push.
    async fn drain(&self, body: &mut PushBody) {
        let rest = body.drain(self.limits.pack_bytes);
        let _ = tokio::time::timeout(self.limits.push_seconds, rest).await;
    }

    fn count(&self, report: &exeat_inspect::Report) {
        for finding in &report.findings {
            if finding.existing {
                self.metrics.existing_findings_total.inc();
                continue;
            }
            if let Some(excuse) = finding.excused {
                self.metrics
                    .excused_findings_total
                    .with_label_values(&[excuse.to_string().as_str()])
                    .inc();
            }
            if finding.is_waived() {
                self.metrics.waived_findings_total.inc();
            }
            let action = finding.action.to_string();
            self.metrics
                .findings_total
                .with_label_values(&[action.as_str()])
                .inc();
        }
        self.metrics.scan_bytes_total.inc_by(report.coverage.bytes);
        for (stage, nanoseconds) in report.stages.each() {
            self.metrics
                .inspection_seconds_total
                .with_label_values(&[stage])
                .inc_by(nanoseconds as f64 / 1e9);
        }
        // Whichever push they belong to.
        let fallbacks = self.pool.take_fallbacks();
        self.metrics.rules_fallbacks_total.inc_by(fallbacks);
        let recalled = self.verdicts.take_recalled();
        self.metrics.recalled_objects_total.inc_by(recalled);
        self.metrics.thin_bases_total.inc_by(report.coverage.bases);
    }

    fn count_fault(&self, fault: &Fault) {
        tracing::warn!(id = fault.id(), error = %fault, "push not carried out");
        self.metrics
            .refusals_total
            .with_label_values(&[fault.cause()])
            .inc();
        match fault.upstream_class() {
            Some(class) => self
                .metrics
                .upstream_errors_total
                .with_label_values(&[class])
                .inc(),
            None if fault.blame() == fault::Blame::Ours => self
                .metrics
                .failclosed_total
                .with_label_values(&[fault.cause()])
                .inc(),
            None => {}
        }
    }
}

/// A push between its head and its answer, as the metric counts it.
struct Flight(Metrics);

impl Flight {
    fn begin(metrics: &Metrics) -> Self {
        metrics.pushes_in_flight.inc();
        Self(metrics.clone())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.pushes_in_flight.dec();
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
