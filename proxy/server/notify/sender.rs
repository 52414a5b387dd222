//! Takes events apart into notices and delivers them: at least once, to each receiver in the order of the case's changes.
//!
//! What is to be told is in the database before anybody tries to tell it, and stays there until it is delivered or given up. A
//! receiver has a few places of its own, so that a slow one holds up nobody else; pushes never wait for any of this.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::fate::Fate;
use super::receivers::{self, MAIL, Receivers, WEBHOOK};
use crate::audit::{self, Audit, Deed};
use crate::metrics::Metrics;
use crate::people::{self, Register};
use crate::reload::Standing;
use crate::store::{self, EventRow, NoticeRow, Store};

/// Notices that may wait; what comes on top is given up at once. A day's work of a large house, many times.
const MOST_WAITING: i64 = 10_000;

/// How long what has ended is kept for whoever asks, and how much of it.
const DELIVERED_KEPT: Duration = Duration::from_secs(7 * 86_400);
const DEAD_KEPT: Duration = Duration::from_secs(90 * 86_400);
const MOST_KEPT: u32 = 10_000;

/// Tries at one webhook, and at the mail server, at once.
const PLACES: usize = 4;

/// Events taken apart in one go.
const PAGE: u32 = 100;

/// How long one try may take at most.
const WHOLE: Duration = Duration::from_secs(120);

/// How often is looked without cause, and after the database failed; how often what is old is taken away.
const LOOK: Duration = Duration::from_secs(30);
const TROUBLE: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(600);

/// How often the outbox is counted: a full one takes a moment.
const COUNT: Duration = Duration::from_secs(1);

/// How long tries under way may go on when this process ends.
const LEAVE: Duration = Duration::from_secs(3);

/// What tells. Cheap to clone.
#[derive(Clone)]
pub struct Notifier(Arc<Handle>);

struct Handle {
    receivers: Arc<Standing<Receivers>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Notifier {
    /// Begins with what is left of an earlier process. Call within a tokio runtime. `changes` wakes it up.
    pub fn start(
        store: Store,
        audit: Audit,
        metrics: Metrics,
        receivers: Receivers,
        changes: watch::Receiver<u64>,
    ) -> Self {
        let receivers = Standing::new(receivers);
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let sender = Sender {
            tools: Arc::new(Tools {
                register: Register::new(store.records()),
                store,
                audit,
                metrics,
            }),
            receivers: Arc::clone(&receivers),
            tries: JoinSet::new(),
            under_way: HashMap::new(),
            rounds: 0,
            swept: None,
            counted: None,
        };
        let task = tokio::spawn(sender.run(changes, Arc::clone(&wake), stop.clone()));
        Self(Arc::new(Handle {
            receivers,
            wake,
            stop,
            task: Mutex::new(Some(task)),
        }))
    }

    /// Tells these from here on.
    pub fn follow(&self, receivers: Receivers) {
        self.0.receivers.swap(receivers);
        self.wake();
    }

    /// Looks at the outbox now: something in it has changed.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Ends within a few seconds; what was not delivered by then is at the next start.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        let task = self
            .0
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the sender of notices ended badly");
        }
    }
}

/// What tries need.
struct Tools {
    store: Store,
    audit: Audit,
    metrics: Metrics,
    register: Register,
}

struct Sender {
    tools: Arc<Tools>,
    receivers: Arc<Standing<Receivers>>,
    tries: JoinSet<()>,
    /// The notice and the receiver of each try.
    under_way: HashMap<Id, (String, String)>,
    rounds: usize,
    swept: Option<tokio::time::Instant>,
    counted: Option<tokio::time::Instant>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    People(#[from] people::Error),
    #[error(transparent)]
    Audit(#[from] audit::Error),
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl Sender {
    async fn run(
        mut self,
        mut changes: watch::Receiver<u64>,
        wake: Arc<Notify>,
        stop: CancellationToken,
    ) {
        loop {
            let wait = match self.round().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "notices cannot be looked after; they stay where they are");
                    TROUBLE
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = changes.changed() => {}
                () = wake.notified() => {}
                Some(ended) = self.tries.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(ended) = self.tries.try_join_next_with_id() {
                self.ended(ended);
            }
        }
        let left = async { while self.tries.join_next().await.is_some() {} };
        if tokio::time::timeout(LEAVE, left).await.is_err() {
            tracing::info!("notices were on their way; they are sent again at the next start");
        }
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a try to deliver a notice ended badly");
                error.id()
            }
        };
        self.under_way.remove(&id);
    }

    /// Does what can be done now, and says when to look again.
    async fn round(&mut self) -> Result<Duration, Error> {
        self.share_out().await?;
        self.begin_tries().await?;
        self.sweep().await?;
        let again = match self.counted {
            Some(counted) if counted.elapsed() < COUNT => COUNT,
            _ => {
                self.count().await?;
                self.counted = Some(tokio::time::Instant::now());
                LOOK
            }
        };
        let now = people::now();
        let next = self.tools.store.next_notice(now).await?;
        let next = next.map_or(LOOK, |next| millis(next.saturating_sub(now)));
        Ok(next.min(again))
    }

    /// Puts notices in the place of events.
    async fn share_out(&self) -> Result<(), Error> {
        loop {
            let events = self.tools.store.events(PAGE).await?;
            if events.is_empty() {
                return Ok(());
            }
            let mut waiting = self.waiting().await?;
            for event in &events {
                let notices = self.notices(event).await?;
                match self.tools.store.share(event, &notices).await {
                    Ok(()) => {}
                    // Its notices are there: nothing is told twice.
                    Err(store::Error::Stale) => {
                        tracing::warn!(case = event.case, "an event was shared out before");
                        self.tools.store.share(event, &[]).await?;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
                for notice in &notices {
                    waiting += 1;
                    if waiting > MOST_WAITING {
                        self.tools.bury(notice, 0, "the outbox is full").await?;
                    }
                }
            }
        }
    }

    async fn waiting(&self) -> Result<i64, Error> {
        let piles = self.tools.store.outbox().await?;
        let waiting = piles.iter().filter(|pile| pile.state == "waiting");
        Ok(waiting.map(|pile| pile.count).sum())
    }

    /// One notice for each receiver that the event concerns.
    async fn notices(&self, event: &EventRow) -> Result<Vec<NoticeRow>, Error> {
        let Some((kind, facts)) = receivers::read(event) else {
            tracing::error!(case = event.case, "an event cannot be read and is not told");
            return Ok(Vec::new());
        };
        let receivers = self.receivers.now();
        let concerned = receivers
            .concerned(kind, &facts, &self.tools.register)
            .await?;
        let now = people::now();
        let notice = |(channel, receiver): (&str, String)| {
            Ok(NoticeRow {
                id: id()?,
                event: event.clone(),
                channel: channel.to_owned(),
                receiver,
                state: "waiting".to_owned(),
                attempts: 0,
                begun: now,
                due: now,
                ended: None,
                trouble: None,
            })
        };
        concerned.into_iter().map(notice).collect()
    }

    async fn begin_tries(&mut self) -> Result<(), Error> {
        let now = people::now();
        let mut due = self.tools.store.receivers(now).await?;
        // Whoever comes first in the alphabet is not always the first.
        let count = due.len().max(1);
        due.rotate_left(self.rounds % count);
        self.rounds = self.rounds.wrapping_add(1);
        for (channel, receiver) in due {
            let lane = lane(&channel, &receiver);
            let busy: HashSet<String> = self
                .under_way
                .values()
                .map(|(notice, _)| notice.clone())
                .collect();
            let taken = self.under_way.values().filter(|(_, other)| *other == lane);
            let mut free = PLACES.saturating_sub(taken.count());
            if free == 0 {
                continue;
            }
            let limit = u32::try_from(PLACES + busy.len()).unwrap_or(u32::MAX);
            let notices = self
                .tools
                .store
                .due_notices((&channel, &receiver), now, limit)
                .await?;
            for notice in notices {
                if free == 0 || busy.contains(&notice.id) {
                    continue;
                }
                free -= 1;
                self.begin(notice, lane.clone());
            }
        }
        Ok(())
    }

    fn begin(&mut self, notice: NoticeRow, lane: String) {
        let (tools, receivers) = (Arc::clone(&self.tools), self.receivers.now());
        let id = notice.id.clone();
        let task = self
            .tries
            .spawn(async move { tools.attempt(&receivers, notice).await });
        self.under_way.insert(task.id(), (id, lane));
    }

    async fn sweep(&mut self) -> Result<(), Error> {
        if self.swept.is_some_and(|swept| swept.elapsed() < SWEEP) {
            return Ok(());
        }
        let before = |kept: Duration| people::now().saturating_sub(signed(kept));
        let store = &self.tools.store;
        store
            .prune_notices("delivered", before(DELIVERED_KEPT), MOST_KEPT)
            .await?;
        store
            .prune_notices("dead", before(DEAD_KEPT), MOST_KEPT)
            .await?;
        self.swept = Some(tokio::time::Instant::now());
        Ok(())
    }

    async fn count(&self) -> Result<(), Error> {
        let piles = self.tools.store.outbox().await?;
        let metrics = &self.tools.metrics;
        let of = |channel: &str, state: &str| {
            let mut piles = piles.iter();
            piles.find(|pile| pile.channel == channel && pile.state == state)
        };
        for channel in [WEBHOOK, MAIL] {
            let count = |state| of(channel, state).map_or(0, |pile| pile.count);
            let waiting = metrics.outbox_waiting.with_label_values(&[channel]);
            waiting.set(count("waiting"));
            let dead = metrics.outbox_dead.with_label_values(&[channel]);
            dead.set(count("dead"));
        }
        let waiting = piles.iter().filter(|pile| pile.state == "waiting");
        let oldest = waiting.map(|pile| pile.oldest).min();
        let age = oldest.map_or(0, |oldest| people::now().saturating_sub(oldest) / 1_000);
        metrics.outbox_oldest_seconds.set(age.max(0));
        Ok(())
    }
}

impl Tools {
    /// Tries once, and notes what came of it.
    async fn attempt(&self, receivers: &Receivers, notice: NoticeRow) {
        let now = people::now() / 1_000;
        let told = receivers.tell(&notice, &self.register, now);
        let fate = tokio::time::timeout(WHOLE, told).await;
        let fate = fate.unwrap_or_else(|_| Fate::later("it took too long".to_owned()));
        if let Err(error) = self.note(receivers, &notice, fate).await {
            tracing::error!(notice = notice.id, %error, "what became of a notice was not noted; it is sent again");
            tokio::time::sleep(TROUBLE).await;
        }
    }

    async fn note(
        &self,
        receivers: &Receivers,
        notice: &NoticeRow,
        fate: Fate,
    ) -> Result<(), Error> {
        let (now, attempts) = (people::now(), notice.attempts.saturating_add(1));
        let channel = &[notice.channel.as_str()];
        let (trouble, after) = match fate {
            Fate::Delivered => {
                self.metrics
                    .notices_delivered_total
                    .with_label_values(channel)
                    .inc();
                tracing::debug!(
                    notice = notice.id,
                    case = notice.event.case,
                    "notice delivered"
                );
                let noted = self.store.notice_delivered(&notice.id, attempts, now);
                return Ok(noted.await?);
            }
            Fate::Nobody => return Ok(self.store.forget_notice(&notice.id).await?),
            Fate::Never(trouble) => (trouble, None),
            Fate::Later { trouble, after } => {
                let mut chance = [0];
                getrandom::fill(&mut chance)?;
                let since = millis(now.saturating_sub(notice.begun));
                let pace = receivers.pace;
                let wait = pace.wait(attempts, since, after, chance[0]);
                (trouble, wait)
            }
        };
        self.metrics
            .notices_failed_total
            .with_label_values(channel)
            .inc();
        tracing::info!(
            notice = notice.id,
            case = notice.event.case,
            channel = notice.channel,
            attempts,
            trouble,
            again = after.is_some(),
            "notice not delivered"
        );
        match after {
            Some(wait) => {
                let due = now.saturating_add(signed(wait));
                let noted = self
                    .store
                    .notice_failed(&notice.id, attempts, due, &trouble);
                Ok(noted.await?)
            }
            None => self.bury(notice, attempts, &trouble).await,
        }
    }

    /// Gives a notice up: on record, and visible until somebody has looked.
    async fn bury(&self, notice: &NoticeRow, attempts: i64, trouble: &str) -> Result<(), Error> {
        let deed = Deed {
            kind: audit::Kind::Notice,
            action: "dead-letter",
            actor: audit::Actor::system(),
            case: Some(notice.event.case.clone()),
            subject: Some(notice.id.clone()),
            before: None,
            after: None,
            note: Some(format!(
                "{} {}, {}: {trouble}",
                notice.channel, notice.receiver, notice.event.kind
            )),
        };
        let change = store::outbox::bury(&notice.id, attempts, people::now(), trouble);
        match self.audit.act(&deed, change).await {
            Ok(_) => {}
            // Somebody else was faster.
            Err(audit::Error::Stale) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let channel = &[notice.channel.as_str()];
        self.metrics
            .notices_dead_total
            .with_label_values(channel)
            .inc();
        tracing::warn!(
            notice = notice.id,
            case = notice.event.case,
            channel = notice.channel,
            attempts,
            trouble,
            "a notice was given up; see: exeat notify list"
        );
        Ok(())
    }
}

/// Who shares places: all mail goes to one server.
fn lane(channel: &str, receiver: &str) -> String {
    match channel {
        WEBHOOK => format!("{channel} {receiver}"),
        _ => channel.to_owned(),
    }
}

/// `n-` and 16 hexadecimal digits.
fn id() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("n-{}", hex::encode(bytes)))
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}

fn signed(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
