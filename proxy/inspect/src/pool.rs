//! The resident workers: threads that outlive pushes and keep their automata warm.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use exeat_rules::RuleSet;

use crate::{examine::Examiner, fingerprint::FingerprintKey};

/// A piece of work for whichever worker is free. What bounds the queue is who submits: each
/// push counts the bytes it has handed over (see `batch`).
pub type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Bytes of all pushes together that wait for workers or are in work. A push that has none of them may
/// exceed it.
const QUEUED_BYTES: usize = 64 << 20;
/// Bytes that all workers' caches may hold together, as far as each has [`LEAST_CACHE`].
const CACHES: usize = 128 << 20;
const LEAST_CACHE: usize = 8 << 20;
const MOST_CACHE: usize = 64 << 20;
/// Bytes of caches outside the pool: names are scanned there, and little else.
const SMALL_CACHE: usize = 4 << 20;

/// Threads shared by all pushes. Dropping the pool lets them finish what is queued.
pub struct Pool {
    jobs: Sender<Job>,
    threads: usize,
    queued: Arc<Queued>,
    fallbacks: Arc<AtomicU64>,
}

/// What is in the queue, counted by who submits.
#[derive(Debug, Default)]
pub struct Queued(AtomicUsize);

impl Queued {
    pub fn has_room(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed).saturating_add(bytes) <= QUEUED_BYTES
    }

    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn remove(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Pool {
    /// Starts `threads` workers, at least one.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(threads: usize) -> std::io::Result<Arc<Self>> {
        let (jobs, queue) = unbounded();
        let threads = threads.max(1);
        let cache = (CACHES / threads).clamp(LEAST_CACHE, MOST_CACHE);
        let fallbacks = Arc::<AtomicU64>::default();
        for number in 0..threads {
            let queue: Receiver<Job> = queue.clone();
            let fallbacks = Arc::clone(&fallbacks);
            thread::Builder::new()
                .name(format!("inspect-{number}"))
                .spawn(move || work(&queue, cache, &fallbacks))?;
        }
        let queued = Arc::default();
        Ok(Arc::new(Self {
            jobs,
            threads,
            queued,
            fallbacks,
        }))
    }

    /// How many workers it has.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Queues `job`. Were no worker left, it would run here.
    pub(crate) fn submit(&self, job: Job) {
        if let Err(unsent) = self.jobs.send(job) {
            Worker::default().run(unsent.0);
        }
    }

    /// Lets a worker do `work`, if one is free before its result is asked for.
    pub(crate) fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Aside<T> {
        let aside = Arc::new(Mutex::new(State::Open(Box::new(work) as Work<T>)));
        let state = Arc::downgrade(&aside);
        self.submit(Box::new(move |_| {
            if let Some(state) = state.upgrade() {
                let state = &mut *state.lock().unwrap_or_else(PoisonError::into_inner);
                if let State::Open(work) = std::mem::replace(state, State::Failed) {
                    *state = State::Done(work());
                }
            }
        }));
        Aside(aside)
    }

    /// How often automata of rules gave up on what was scanned since this was last asked, and were replaced by a slower way.
    pub fn take_fallbacks(&self) -> u64 {
        self.fallbacks.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn queued(&self) -> Arc<Queued> {
        Arc::clone(&self.queued)
    }
}

/// Work that a worker does, or whoever asks for its result. What was given up is not done.
pub struct Aside<T>(Arc<Mutex<State<T>>>);

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Whoever does the work has the lock.
enum State<T> {
    Open(Work<T>),
    Done(T),
    /// It is under way, or a worker panicked over it.
    Failed,
}

impl<T> Aside<T> {
    /// What came of the work, which is done here if nobody has begun; nothing if it failed.
    pub(crate) fn result(self) -> Option<T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Failed) {
            State::Open(work) => Some(work()),
            State::Done(result) => Some(result),
            State::Failed => None,
        }
    }
}

fn work(queue: &Receiver<Job>, cache: usize, fallbacks: &AtomicU64) {
    let mut worker = Worker::with_cache(cache);
    while let Ok(job) = queue.recv() {
        worker.run(job);
        if let Some(examiner) = &mut worker.examiner {
            fallbacks.fetch_add(examiner.take_fallbacks(), Ordering::Relaxed);
        }
    }
}

/// What a worker keeps between jobs: an examiner for the rule set it served last.
pub struct Worker {
    examiner: Option<Examiner>,
    /// Bytes that its automata may hold from text to text.
    cache: usize,
}

impl Default for Worker {
    fn default() -> Self {
        Self::with_cache(SMALL_CACHE)
    }
}

impl Worker {
    fn with_cache(cache: usize) -> Self {
        Self {
            examiner: None,
            cache,
        }
    }

    /// Runs `job`. A panic fells that job alone, whose guard reports it; the automata caches may
    /// be half-written, so the worker starts afresh.
    pub fn run(&mut self, job: Job) {
        if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
            *self = Self::with_cache(self.cache);
        }
    }

    /// The examiner for `rules` and `key`, made anew only when they have changed. Of licences it asks nothing, whatever the push before did.
    pub fn examiner(&mut self, rules: &Arc<RuleSet>, key: &FingerprintKey) -> &mut Examiner {
        let fits = self
            .examiner
            .as_ref()
            .is_some_and(|examiner| examiner.serves(rules, key));
        if !fits {
            self.examiner = None;
        }
        let cache = self.cache;
        let examiner = self
            .examiner
            .get_or_insert_with(|| Examiner::new(Arc::clone(rules), key.clone()).with_cache(cache));
        examiner.ask_of_licences(None);
        examiner
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_one_push_asks_of_licences_is_not_asked_of_the_next() {
        let pack = exeat_rules::optional("licenses").unwrap();
        let rules = Arc::new(RuleSet::compile(&[pack]).unwrap().rules);
        let key = FingerprintKey::new([7; 32]);
        let mut worker = Worker::default();
        let examiner = worker.examiner(&rules, &key);
        examiner.ask_of_licences(Some(&Arc::new(crate::Accepted::nothing())));
        assert!(examiner.asks_of_licences());
        assert!(!worker.examiner(&rules, &key).asks_of_licences());
    }

    /// A pool whose only worker goes on when the sender is dropped.
    pub fn busy() -> (Arc<Pool>, mpsc::Sender<()>) {
        let pool = Pool::start(1).unwrap();
        let (until, waits) = mpsc::channel::<()>();
        pool.submit(Box::new(move |_| {
            let _ended = waits.recv();
        }));
        (pool, until)
    }

    /// Waits until the only worker has done everything so far.
    pub fn settle(pool: &Pool) {
        let (done, all) = mpsc::channel();
        pool.submit(Box::new(move |_| done.send(()).unwrap()));
        all.recv().unwrap();
    }

    fn here() -> thread::ThreadId {
        thread::current().id()
    }

    #[test]
    fn work_is_done_by_whoever_is_free_first() {
        let (pool, until) = busy();
        let aside = pool.aside(here);
        assert_eq!(aside.result(), Some(here()), "the worker is busy");
        let aside = pool.aside(here);
        drop(until);
        settle(&pool);
        assert!(aside.result().is_some_and(|there| there != here()));
    }

    #[test]
    fn work_that_was_given_up_is_not_done() {
        let (pool, until) = busy();
        let (told, tells) = mpsc::channel::<()>();
        drop(pool.aside(move || told.send(())));
        assert!(tells.recv().is_err());
        drop(until);
        settle(&pool);
    }

    #[test]
    fn a_panic_fails_its_own_work_only() {
        let pool = Pool::start(1).unwrap();
        let unlucky = pool.aside(|| panic!("a panic made by a test"));
        let lucky = pool.aside(|| 5);
        settle(&pool);
        assert_eq!(unlucky.result(), None::<()>);
        assert_eq!(lucky.result(), Some(5));
    }
}
