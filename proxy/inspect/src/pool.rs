//! The resident workers: threads that outlive pushes and keep their automata warm.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use exeat_rules::RuleSet;

use crate::{examine::Examiner, fingerprint::FingerprintKey};

/// A piece of work for whichever worker is free. What bounds the queue is who submits: each
/// push counts the bytes it has handed over (see `batch`).
pub type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Threads shared by all pushes. Dropping the pool lets them finish what is queued.
pub struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    /// Starts `threads` workers, at least one.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(threads: usize) -> std::io::Result<Arc<Self>> {
        let (jobs, queue) = unbounded();
        for number in 0..threads.max(1) {
            let queue: Receiver<Job> = queue.clone();
            thread::Builder::new()
                .name(format!("inspect-{number}"))
                .spawn(move || work(&queue))?;
        }
        Ok(Arc::new(Self { jobs }))
    }

    /// Queues `job`; gives it back if no worker is left.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Job> {
        self.jobs.send(job).map_err(|unsent| unsent.0)
    }
}

fn work(queue: &Receiver<Job>) {
    let mut worker = Worker::default();
    while let Ok(job) = queue.recv() {
        worker.run(job);
    }
}

/// What a worker keeps between jobs: an examiner for the rule set it served last.
#[derive(Default)]
pub struct Worker {
    examiner: Option<Examiner>,
}

impl Worker {
    /// Runs `job`. A panic fells that job alone, whose guard reports it; the automata caches may
    /// be half-written, so the worker starts afresh.
    pub fn run(&mut self, job: Job) {
        if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
            *self = Self::default();
        }
    }

    /// The examiner for `rules` and `key`, made anew only when they have changed.
    pub fn examiner(&mut self, rules: &Arc<RuleSet>, key: &FingerprintKey) -> &mut Examiner {
        let fits = self
            .examiner
            .as_ref()
            .is_some_and(|examiner| examiner.serves(rules, key));
        if !fits {
            self.examiner = None;
        }
        self.examiner
            .get_or_insert_with(|| Examiner::new(Arc::clone(rules), key.clone()))
    }
}
