//! What a connection is doing, and for how long: the ground on which one that does nothing is ended.
//!
//! Waiting counts only where it is the client's turn. While we inspect, or an upstream thinks, nobody is in a hurry.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::crowd::Idle;
use crate::{
    answer::{Body, BodyError},
    config::Limits,
};

/// How long a connection keeps its buffers after an answer: git's next question mostly comes sooner.
const REST: Duration = Duration::from_secs(2);

/// How a connection has spent its time.
pub struct Course {
    begun: Instant,
    limits: Arc<Limits>,
    state: Mutex<State>,
}

struct State {
    /// Requests so far.
    asked: u64,
    /// Requests whose answers are not complete.
    active: usize,
    /// Since when nothing is asked.
    quiet_since: Instant,
    /// Since when a request's head is arriving.
    head_since: Option<Instant>,
    answers: Vec<Weak<Turn>>,
    /// Whether nothing is half written or half read.
    is_settled: bool,
    /// When it last had its buffers given back to it.
    woken: Instant,
    idle: Idle,
}

/// Why a connection is ended by us: the word of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Handshake,
    Head,
    Idle,
    Answer,
    Full,
}

impl Cause {
    pub fn word(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Answer => "answer",
            Self::Full => "full",
        }
    }
}

/// Whether a connection may go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It may, and is to be looked at again then.
    Until(Instant),
    End(Cause),
}

impl Course {
    /// Begins where the client may ask its first question.
    pub fn begin(limits: Arc<Limits>, idle: Idle) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            asked: 0,
            active: 0,
            quiet_since: now,
            head_since: None,
            answers: Vec::new(),
            is_settled: true,
            woken: now,
            idle,
        };
        Arc::new(Self {
            begun: now,
            limits,
            state: Mutex::new(state),
        })
    }

    /// A head has begun to arrive, or is whole.
    pub fn head(&self, is_arriving: bool) {
        self.state().head_since = is_arriving.then(Instant::now);
    }

    /// Whether nothing is half written or half read from now on.
    pub fn settle(&self, is_settled: bool) {
        self.state().is_settled = is_settled;
    }

    /// When the connection will have rested for so long that its buffers are worth giving back; `None` while it is busy.
    pub fn rests_at(&self) -> Option<Instant> {
        let state = self.state();
        let is_quiet = state.active == 0 && state.asked > 0 && state.head_since.is_none();
        (is_quiet && state.is_settled).then(|| state.quiet_since.max(state.woken) + REST)
    }

    /// The rest is over: something came.
    pub fn wake(&self) {
        self.state().woken = Instant::now();
    }

    /// Until when a connection may stay idle that has asked something and is answered.
    pub fn idle_until(&self) -> Instant {
        self.state().quiet_since + self.limits.idle_seconds
    }

    /// Something was asked; the request is active until the value is dropped. Gives its number, counted from 1.
    pub fn ask(self: &Arc<Self>) -> (u64, Active) {
        let mut state = self.state();
        state.asked += 1;
        state.active += 1;
        state.idle.end();
        (state.asked, Active(Arc::clone(self)))
    }

    pub fn is_active(&self) -> bool {
        self.state().active > 0
    }

    /// Whether the client has kept us waiting too long.
    pub fn opinion(&self, now: Instant) -> Opinion {
        let limits = &self.limits;
        let mut state = self.state();
        let (first, cause) = match state.asked {
            0 => (limits.header_seconds, Cause::Head),
            _ => (limits.idle_seconds, Cause::Idle),
        };
        let mut ends = vec![];
        if let Some(since) = state.head_since {
            ends.push((since + limits.header_seconds, Cause::Head));
        } else if state.active == 0 {
            ends.push((state.quiet_since + first, cause));
        }
        state.answers.retain(|answer| answer.strong_count() > 0);
        let waiting = state.answers.iter().filter_map(Weak::upgrade);
        let theirs = waiting.filter_map(|turn| turn.theirs_since(self.begun));
        ends.extend(theirs.map(|since| (since + limits.answer_idle_seconds, Cause::Answer)));
        drop(state);
        let look_again = now + self.interval();
        match ends.into_iter().min_by_key(|(end, _)| *end) {
            Some((end, cause)) if end <= now => Opinion::End(cause),
            Some((end, _)) => Opinion::Until(end.min(look_again)),
            None => Opinion::Until(look_again),
        }
    }

    /// Often enough that no limit is exceeded by more than a quarter.
    fn interval(&self) -> Duration {
        let limits = &self.limits;
        let shortest = limits.header_seconds.min(limits.idle_seconds);
        shortest.min(limits.answer_idle_seconds) / 4
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub struct Active(Arc<Course>);

impl Active {
    /// Follows the answer until the client has taken it.
    pub fn follow(self, body: Body) -> Answering {
        let turn = Arc::new(Turn(AtomicU64::new(OURS)));
        self.0.state().answers.push(Arc::downgrade(&turn));
        Answering {
            body,
            turn,
            active: self,
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.active = state.active.saturating_sub(1);
        if state.active == 0 {
            state.quiet_since = Instant::now();
            state.idle.begin();
        }
    }
}

const OURS: u64 = 0;

/// Whose turn it is: the client's since so many milliseconds (and one) after the connection's begin, or ours.
struct Turn(AtomicU64);

impl Turn {
    fn theirs_since(&self, begun: Instant) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            OURS => None,
            since => begun.checked_add(Duration::from_millis(since - 1)),
        }
    }

    fn is_theirs(&self, begun: Instant) {
        let since = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.0.store(since + 1, Ordering::Relaxed);
    }

    fn is_ours(&self) {
        self.0.store(OURS, Ordering::Relaxed);
    }
}

/// An answer that knows whether the client takes it: after each piece it is the client's turn until the next is asked
/// for, which happens when there is room for it.
pub struct Answering {
    body: Body,
    turn: Arc<Turn>,
    active: Active,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.turn.is_ours();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(_)) = frame {
            self.turn.is_theirs(self.active.0.begun);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answer, listen::crowd::Crowd};

    const SECOND: Duration = Duration::from_secs(1);

    fn course() -> Arc<Course> {
        let limits = crate::config::Config::defaults().unwrap().limits;
        let limits = Limits {
            header_seconds: 3 * SECOND,
            idle_seconds: 10 * SECOND,
            answer_idle_seconds: 20 * SECOND,
            ..limits
        };
        let crowd = Arc::new(Crowd::new(1));
        Course::begin(limits.into(), Idle::new(crowd, Arc::default()))
    }

    fn ends(course: &Course, after: Duration) -> Option<Cause> {
        match course.opinion(Instant::now() + after) {
            Opinion::End(cause) => Some(cause),
            Opinion::Until(_) => None,
        }
    }

    #[test]
    fn the_first_question_and_each_head_have_their_time() {
        let course = course();
        assert_eq!(ends(&course, 2 * SECOND), None);
        assert_eq!(ends(&course, 4 * SECOND), Some(Cause::Head));
        let (number, active) = course.ask();
        assert_eq!(number, 1);
        assert_eq!(ends(&course, 1000 * SECOND), None);
        drop(active);
        assert_eq!(ends(&course, 4 * SECOND), None);
        course.head(true);
        assert_eq!(ends(&course, 4 * SECOND), Some(Cause::Head));
        course.head(false);
        assert_eq!(ends(&course, 11 * SECOND), Some(Cause::Idle));
    }

    #[tokio::test]
    async fn an_answer_must_be_taken_and_we_may_take_our_time() {
        use http_body_util::BodyExt;
        let course = course();
        let (_, active) = course.ask();
        let mut answer = active.follow(answer::full("word"));
        assert_eq!(ends(&course, 1000 * SECOND), None);
        answer.frame().await.unwrap().unwrap();
        assert_eq!(ends(&course, 19 * SECOND), None);
        assert_eq!(ends(&course, 21 * SECOND), Some(Cause::Answer));
        assert!(answer.frame().await.is_none());
        assert_eq!(ends(&course, 1000 * SECOND), None);
        drop(answer);
        assert_eq!(ends(&course, 11 * SECOND), Some(Cause::Idle));
    }
}
