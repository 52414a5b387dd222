//! Objects on their way to the workers, and what the workers found, gathered per push.

use std::{
    collections::HashSet,
    hash::RandomState,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{self, Clock, Kind, Object, Piece},
};
use exeat_rules::RuleSet;

use crate::{
    authorship::{Demands, Noting},
    coverage::Coverage,
    fingerprint::FingerprintKey,
    gather::{Gathered, ObjectHit, TouchedNames},
    ids::Ids,
    journal::Journal,
    lanes::Lanes,
    large::LargeBlob,
    licence::Accepted,
    missed::Missed,
    naming::{self, Nameless, Naming},
    overlap::Strength,
    pack::Error,
    pool::{Pool, Queued, Worker},
    references::References,
    stages::{self, Stages},
    verdicts::{Grounds, Twin, Verdict, Verdicts},
    versions::Versions,
};

/// The first batch is small, so that a small push uses every core; later ones amortise better.
const FIRST_BATCH_BYTES: usize = 32 * 1024;
const BATCH_BYTES: usize = 512 * 1024;
/// What may be collected for all lanes together.
const OPEN_BYTES: usize = 2 << 20;
const BATCH_OBJECTS: usize = 512;
/// What an object takes besides its content: empty ones must fill a queue as well.
const OBJECT_OVERHEAD: usize = 128;
/// A large tree above this is waited for: otherwise it would be held for the workers
/// beside the next one's base and the next one itself.
const ALONE_BYTES: usize = 9 * 1024 * 1024;
/// Bytes that one push has handed to workers and that are not yet done; above it the push waits.
const QUEUE_BYTES: usize = 12 * 1024 * 1024;

/// What one push's batches share.
pub struct Shared {
    pub rules: Arc<RuleSet>,
    pub key: FingerprintKey,
    pub hash: HashKind,
    /// Hits kept at most.
    pub most_hits: usize,
    /// Which hits are kept first.
    pub strength: Strength,
    /// Set from outside to stop: the client is gone or time is up.
    pub cancelled: Arc<AtomicBool>,
    /// What is asked of what commits and tags say of people.
    pub demands: Arc<Demands>,
    /// Which licences of files are accepted, where anybody asks.
    pub licences: Option<Arc<Accepted>>,
    /// Whether blobs without a header are noted.
    pub asks_for_headers: bool,
    /// The known addresses of whoever pushes.
    pub pusher: Option<Arc<[String]>>,
    /// Called by whoever takes a batch, before its first object.
    pub on_batch: fn(),
    /// What stages are measured by.
    pub clock: Clock,
    pub reference_key: RandomState,
    /// Of blobs what versions of them need not be read for; nothing where all is read whole.
    pub versions: Option<Versions>,
    /// Verdicts of earlier pushes, and what has to be equal for one to hold here.
    pub verdicts: Option<(Arc<Verdicts>, Grounds)>,
    /// Large objects whose ids nobody has begun with.
    pub naming: Naming,
    /// What all pushes have handed to the pool, in bytes.
    queued: Arc<Queued>,
    state: Mutex<State>,
    settled: Condvar,
}

/// What the workers have found so far.
pub struct State {
    pub ids: Ids,
    pub references: References,
    pub journal: Journal,
    pub coverage: Coverage,
    pub hits: Vec<ObjectHit>,
    pub missed: Vec<Missed>,
    /// Blobs that passed in pieces: entry, id and size. What is packed in them is still to be looked into.
    pub large: Vec<(u32, ObjectId, u64)>,
    /// What fails a demand.
    pub noted: Noting,
    /// The first blobs of the pack without a header, where that is asked.
    pub unheaded: Vec<(u32, ObjectId)>,
    /// Blobs whose file name may fall under a rule about paths; they may or may not be in the pack.
    pub named: HashSet<ObjectId>,
    pub failure: Option<Error>,
    pub stages: Stages,
    /// There were more hits than are kept.
    pub overflowed: bool,
    pending_batches: usize,
    pending_bytes: usize,
}

impl Shared {
    pub fn new(
        rules: Arc<RuleSet>,
        key: FingerprintKey,
        hash: HashKind,
        most_hits: usize,
        strength: Strength,
        cancelled: Arc<AtomicBool>,
        queued: Arc<Queued>,
    ) -> Self {
        let references = References::new();
        Self {
            rules,
            key,
            hash,
            most_hits,
            strength,
            cancelled,
            demands: Arc::default(),
            licences: None,
            asks_for_headers: false,
            pusher: None,
            on_batch: || (),
            clock: stages::still,
            reference_key: references.key(),
            verdicts: None,
            versions: None,
            naming: Naming::default(),
            queued,
            state: Mutex::new(State {
                ids: Ids::new(hash),
                references,
                journal: Journal::default(),
                coverage: Coverage::default(),
                hits: Vec::new(),
                missed: Vec::new(),
                large: Vec::new(),
                noted: Noting::default(),
                unheaded: Vec::new(),
                named: HashSet::new(),
                failure: None,
                stages: Stages::default(),
                overflowed: false,
                pending_batches: 0,
                pending_bytes: 0,
            }),
            settled: Condvar::new(),
        }
    }

    /// The lock is held for moments only and by code that keeps its data whole, so a poisoned
    /// one is taken over; the panic itself has been noted as a failure by the batch's guard.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// When the inspection was stopped from outside.
    pub fn go_on(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// The verdict on an object: the one of an earlier push, if there is one, or what `inspect` says.
    ///
    /// # Errors
    /// When an object of this id was pushed before and had other bytes.
    pub fn once(
        &self,
        id: ObjectId,
        kind: Kind,
        data: &[u8],
        inspect: impl FnOnce() -> (Verdict, TouchedNames),
    ) -> Result<(Verdict, TouchedNames), Error> {
        let Some((verdicts, grounds)) = &self.verdicts else {
            return Ok(inspect());
        };
        let content = verdicts.content(kind, data);
        match verdicts.recall(&id, content, *grounds) {
            Ok(Some(verdict)) => return Ok((verdict, Vec::new())),
            Ok(None) => {}
            Err(Twin) => return Err(Error::Twin { id }),
        }
        let (verdict, names) = inspect();
        if names.is_empty() {
            verdicts.keep(id, content, *grounds, &verdict);
        }
        Ok((verdict, names))
    }

    /// Waits until every batch handed over is done.
    pub fn settle(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        while state.pending_batches > 0 {
            state = self
                .settled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Counts `bytes` more in the queue, once there is room for them. Nobody waits for another push alone:
    /// whoever has nothing in the queue may add to it.
    pub fn enqueue(self: &Arc<Self>, bytes: usize) -> Pending {
        let is_full = |state: &State| {
            let pending = state.pending_bytes;
            pending > 0 && (pending + bytes > QUEUE_BYTES || !self.queued.has_room(bytes))
        };
        let mut state = self.state();
        while is_full(&state) {
            state = self
                .settled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.pending_batches += 1;
        state.pending_bytes += bytes;
        self.queued.add(bytes);
        Pending {
            shared: Arc::clone(self),
            bytes,
            done: false,
        }
    }
}

/// A share of the queue. Whatever happens to the work, the share is given back; work that was not done
/// fails the push.
pub struct Pending {
    pub shared: Arc<Shared>,
    bytes: usize,
    done: bool,
}

impl Pending {
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if !self.done {
            state.failure.get_or_insert(Error::WorkerFailed);
        }
        state.pending_batches -= 1;
        state.pending_bytes -= self.bytes;
        drop(state);
        self.shared.queued.remove(self.bytes);
        self.shared.settled.notify_all();
    }
}

/// Collects objects into batches, one for each lane, and hands them to the pool.
pub struct Batcher {
    pub pool: Arc<Pool>,
    pub shared: Arc<Shared>,
    lanes: Lanes,
    /// What is collected for each lane.
    open: Vec<Open>,
    batch_bytes: usize,
    /// The large blob whose pieces come at the moment.
    large: Option<LargeBlob>,
}

/// An object on its way into a batch, or in one.
struct Collected {
    object: Object,
    /// Where its id comes from, if it is computed apart from those of the others.
    nameless: Option<Arc<Nameless>>,
}

/// A batch that is not full.
struct Open {
    objects: Vec<Collected>,
    bytes: usize,
    target_bytes: usize,
}

impl Open {
    fn new() -> Self {
        Self {
            objects: Vec::new(),
            bytes: 0,
            target_bytes: FIRST_BATCH_BYTES,
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= self.target_bytes || self.objects.len() >= BATCH_OBJECTS
    }
}

impl Batcher {
    pub fn new(pool: Arc<Pool>, shared: Arc<Shared>) -> Self {
        let lanes = Lanes::new(pool.threads());
        Self {
            open: lanes.each().iter().map(|_| Open::new()).collect(),
            batch_bytes: BATCH_BYTES.min(OPEN_BYTES / lanes.each().len()),
            lanes,
            pool,
            shared,
            large: None,
        }
    }

    /// Hands over what has been collected, whatever its size.
    pub fn flush(&mut self) {
        for lane in 0..self.open.len() {
            self.hand_over(lane);
        }
    }

    fn hand_over(&mut self, lane: usize) {
        let (Some(open), Some(lane)) = (self.open.get_mut(lane), self.lanes.each().get(lane))
        else {
            return;
        };
        let objects = std::mem::take(&mut open.objects);
        let bytes = std::mem::take(&mut open.bytes);
        if objects.is_empty() {
            return;
        }
        open.target_bytes = (open.target_bytes * 2).min(self.batch_bytes);
        let batch = Batch {
            objects,
            pending: self.shared.enqueue(bytes),
        };
        lane.put(batch, bytes, &self.pool);
    }

    /// Puts `object` where it belongs; the lane, if what is collected for that is enough.
    fn collect(&mut self, object: Object) -> Option<usize> {
        let bytes = object.data.len() + OBJECT_OVERHEAD;
        let is_blob = object.kind == Kind::Blob;
        // What is known of a base that was examined is known in all lanes.
        let is_known = |base| {
            let versions = self.shared.versions.as_ref();
            versions.is_some_and(|versions| versions.know(base))
        };
        let base = object.built.as_ref().map(|built| built.base);
        let base = base.filter(|&base| is_blob && !is_known(base));
        let lane = self.lanes.choose(object.index, base, is_blob);
        self.lanes.each().get(lane)?.expect(bytes);
        let open = self.open.get_mut(lane)?;
        open.bytes += bytes;
        let nameless = Naming::begin(&self.shared, &self.pool, &object);
        open.objects.push(Collected { object, nameless });
        open.is_full().then_some(lane)
    }

    fn go_on(&self) -> Result<(), pack::SinkClosed> {
        self.shared.go_on().map_err(|failure| {
            self.shared.state().failure.get_or_insert(failure);
            pack::SinkClosed
        })
    }
}

impl pack::Sink for Batcher {
    fn object(&mut self, object: Object) -> Result<(), pack::SinkClosed> {
        self.go_on()?;
        let is_alone = object.data.len() > ALONE_BYTES;
        let Some(full) = self.collect(object) else {
            return Ok(());
        };
        if is_alone {
            self.flush();
            drop(self.shared.settle());
        } else {
            self.hand_over(full);
        }
        if self.shared.state().failure.is_some() {
            return Err(pack::SinkClosed);
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), pack::SinkClosed> {
        self.go_on()?;
        let begin = || LargeBlob::begin(&self.shared, &piece);
        let large = self.large.get_or_insert_with(begin);
        large.feed(&self.pool, &piece);
        if piece.is_last() {
            self.large = None;
        }
        if self.shared.state().failure.is_some() {
            return Err(pack::SinkClosed);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), pack::SinkClosed> {
        self.flush();
        match self.shared.settle().failure {
            Some(_) => Err(pack::SinkClosed),
            None => Ok(()),
        }
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        self.shared.state().ids.get(index)
    }
}

/// Some objects, to be hashed and scanned by one worker.
pub struct Batch {
    objects: Vec<Collected>,
    pending: Pending,
}

impl Batch {
    pub fn run(self, worker: &mut Worker) {
        let shared = &self.pending.shared;
        (shared.on_batch)();
        let examiner = worker.examiner(&shared.rules, &shared.key);
        examiner.time_by(shared.clock);
        let mut gathered = Gathered::default();
        let mut objects = self.objects;
        if shared.go_on().is_ok() {
            gathered.stages.effort.hashed =
                stages::timed(shared.clock, &mut gathered.stages.hash, || {
                    name(shared.hash, &mut objects)
                });
        }
        for Collected {
            mut object,
            nameless,
        } in objects
        {
            let taken = shared.go_on().and_then(|()| {
                if let Some(nameless) = nameless {
                    object.id = nameless.id(shared.hash);
                }
                gathered.take(shared, examiner, &object)
            });
            if let Err(error) = taken {
                shared.state().failure.get_or_insert(error);
                break;
            }
        }
        gathered.stages += examiner.take_spent();
        gathered.merge_into(|| shared.state(), shared);
        self.pending.done();
    }
}

/// Computes the ids of objects together, which is faster than one after the other; not those that another worker has begun with. What is made
/// to collide stays without: it fails when its turn comes. Gives the bytes of those whose turn it was.
fn name(hash: HashKind, collected: &mut [Collected]) -> u64 {
    let large = collected.iter().filter_map(|each| each.nameless.as_deref());
    let bytes = naming::name(hash, large);
    let is_small = |each: &&mut Collected| each.nameless.is_none() && each.object.id.is_none();
    let small = collected.iter_mut().filter(is_small);
    let mut small: Vec<&mut Object> = small.map(|each| &mut each.object).collect();
    let contents = small
        .iter()
        .map(|object| (object.kind, object.data.as_slice()));
    let ids = pack::object_ids(hash, contents);
    for (object, id) in small.iter_mut().zip(ids) {
        object.id = id.ok();
    }
    let sizes = small.iter().map(|object| object.data.len() as u64);
    bytes + sizes.sum::<u64>()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What a push under no rules shares.
    pub fn shared() -> Arc<Shared> {
        let rules = RuleSet::compile(&[]).expect("because no rules are valid rules");
        Arc::new(Shared::new(
            Arc::new(rules.rules),
            FingerprintKey::new([0; 32]),
            HashKind::Sha1,
            10,
            Strength::default(),
            Arc::default(),
            Arc::default(),
        ))
    }

    /// A blob of this content, with entry 0.
    pub fn blob(content: &[u8]) -> Object {
        Object {
            index: 0,
            kind: pack::Kind::Blob,
            data: Arc::new(content.to_vec()),
            id: None,
            built: None,
        }
    }

    fn batch(shared: &Arc<Shared>) -> Batch {
        Batch {
            objects: vec![Collected {
                object: blob(b"hello"),
                nameless: None,
            }],
            pending: shared.enqueue(5),
        }
    }

    #[test]
    fn objects_of_any_size_get_their_ids() {
        let pool = Pool::start(2).unwrap();
        let shared = shared();
        let mut batcher = Batcher::new(pool, Arc::clone(&shared));
        let sizes = [5, 600_000, 0, 200_000, 200_000, 100_000, 3_000_000];
        let content = |index: usize| vec![index as u8; sizes[index]];
        for index in 0..sizes.len() {
            let object = Object {
                index: index as u32,
                ..blob(&content(index))
            };
            pack::Sink::object(&mut batcher, object).unwrap();
        }
        batcher.flush();
        let state = shared.settle();
        for index in 0..sizes.len() {
            let id = pack::object_id(HashKind::Sha1, Kind::Blob, &content(index)).unwrap();
            assert_eq!(state.ids.get(index as u32), Some(id), "object {index}");
        }
    }

    #[test]
    fn a_panic_fails_its_own_push_only() {
        let pool = Pool::start(1).unwrap();
        let (felled, other) = (shared(), shared());
        let unlucky = batch(&felled);
        pool.submit(Box::new(move |_| {
            let _unlucky = unlucky;
            panic!("a panic made by a test");
        }));
        let lucky = batch(&other);
        pool.submit(Box::new(move |worker| lucky.run(worker)));
        let failure = felled.settle().failure.take();
        assert!(matches!(failure, Some(Error::WorkerFailed)));
        let state = other.settle();
        assert!(state.failure.is_none());
        assert_eq!(state.coverage.blobs, 1);
    }

    #[test]
    fn a_lane_goes_on_behind_a_panic() {
        let pool = Pool::start(2).unwrap();
        let felled = Shared {
            on_batch: || panic!("a panic made by a test"),
            ..Arc::into_inner(shared()).unwrap()
        };
        let (felled, other) = (Arc::new(felled), shared());
        let lane = Arc::<crate::lanes::Lane>::default();
        for push in [&felled, &other, &felled, &other] {
            lane.expect(5);
            lane.put(batch(push), 5, &pool);
        }
        assert_eq!(other.settle().coverage.blobs, 2);
        let failure = felled.settle().failure.take();
        assert!(matches!(failure, Some(Error::WorkerFailed)));
    }

    #[test]
    fn a_panic_in_the_submitting_thread_is_a_failure_too() {
        let felled = shared();
        let unlucky = batch(&felled);
        Worker::default().run(Box::new(move |_| {
            let _unlucky = unlucky;
            panic!("a panic made by a test");
        }));
        let failure = felled.settle().failure.take();
        assert!(matches!(failure, Some(Error::WorkerFailed)));
    }

    #[test]
    fn a_push_waits_for_its_own_share_only() {
        let (one, other) = (shared(), shared());
        let queued = Arc::clone(&one.queued);
        queued.add(usize::MAX / 2);
        // The pool is full of others' work, and yet nobody waits who has nothing in it.
        let first = one.enqueue(5);
        drop(other.enqueue(100 << 20));
        let waiting = std::thread::spawn({
            let one = Arc::clone(&one);
            move || drop(one.enqueue(5))
        });
        assert_eq!(one.state().pending_bytes, 5);
        first.done();
        waiting.join().unwrap();
        assert_eq!(one.settle().pending_bytes, 0);
        queued.remove(usize::MAX / 2);
    }

    #[test]
    fn queued_batches_of_a_stopped_inspection_are_not_worked_on() {
        let stopped = shared();
        stopped.cancelled.store(true, Ordering::Relaxed);
        batch(&stopped).run(&mut Worker::default());
        let state = stopped.settle();
        assert!(matches!(state.failure, Some(Error::Cancelled)));
        assert_eq!(state.coverage.objects(), 0);
    }
}
