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
    HashKind, ObjectId, objects,
    pack::{self, Kind, Object},
};
use exeat_rules::{PathRules, RuleSet};

use crate::{
    coverage::Coverage,
    examine::{Examiner, Hit},
    finding::Part,
    fingerprint::FingerprintKey,
    pack::Error,
    pool::{Pool, Worker},
    references::{References, TooMany},
    report::Unscannable,
};

/// The first batch is small, so that a small push uses every core; later ones amortise better.
const FIRST_BATCH_BYTES: usize = 32 * 1024;
const BATCH_BYTES: usize = 512 * 1024;
const BATCH_OBJECTS: usize = 512;
/// Bytes handed to workers and not yet done; above it the submitting thread works itself.
const QUEUE_BYTES: usize = 6 * 1024 * 1024;
/// Files whose paths are judged by their name at most.
const MOST_NAMED: usize = 100_000;

/// A hit and the object it lies in.
pub struct ObjectHit {
    pub id: ObjectId,
    pub kind: Kind,
    pub part: Part,
    /// For a file name: the tree entry's raw name. It may be a secret and is never shown as is.
    pub name: Option<Vec<u8>>,
    pub hit: Hit,
}

/// What one push's batches share.
pub struct Shared {
    pub rules: Arc<RuleSet>,
    pub key: FingerprintKey,
    pub hash: HashKind,
    /// Hits kept at most.
    pub most_hits: usize,
    /// Set from outside to stop: the client is gone or time is up.
    pub cancelled: Arc<AtomicBool>,
    reference_key: RandomState,
    state: Mutex<State>,
    settled: Condvar,
}

/// What the workers have found so far.
pub struct State {
    pub ids: Ids,
    pub references: References,
    pub coverage: Coverage,
    pub hits: Vec<ObjectHit>,
    pub unscannable: Vec<Unscannable>,
    /// Blobs whose file name may fall under a rule about paths; they may or may not be in the pack.
    pub named: HashSet<ObjectId>,
    pub failure: Option<Error>,
    /// There were more hits than are kept.
    overflowed: bool,
    pending_batches: usize,
    pending_bytes: usize,
}

impl Shared {
    pub fn new(
        rules: Arc<RuleSet>,
        key: FingerprintKey,
        hash: HashKind,
        most_hits: usize,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        let references = References::new();
        Self {
            rules,
            key,
            hash,
            most_hits,
            cancelled,
            reference_key: references.key(),
            state: Mutex::new(State {
                ids: Ids::new(hash),
                references,
                coverage: Coverage::default(),
                hits: Vec::new(),
                unscannable: Vec::new(),
                named: HashSet::new(),
                failure: None,
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
}

/// Collects objects into batches and hands them to the pool.
pub struct Batcher {
    pool: Arc<Pool>,
    pub shared: Arc<Shared>,
    batch: Vec<Object>,
    batch_bytes: usize,
    target_bytes: usize,
    /// For the batches this thread runs itself when the queue is full.
    own: Worker,
}

impl Batcher {
    pub fn new(pool: Arc<Pool>, shared: Arc<Shared>) -> Self {
        Self {
            pool,
            shared,
            batch: Vec::new(),
            batch_bytes: 0,
            target_bytes: FIRST_BATCH_BYTES,
            own: Worker::default(),
        }
    }

    /// Hands over what has been collected, whatever its size.
    pub fn flush(&mut self) {
        let objects = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        if objects.is_empty() {
            return;
        }
        self.target_bytes = (self.target_bytes * 2).min(BATCH_BYTES);
        let queued = {
            let mut state = self.shared.state();
            state.pending_batches += 1;
            state.pending_bytes += bytes;
            state.pending_bytes
        };
        let batch = Batch {
            objects,
            bytes,
            shared: Arc::clone(&self.shared),
            done: false,
        };
        if queued > QUEUE_BYTES {
            batch.run(&mut self.own);
            return;
        }
        if let Err(job) = self.pool.submit(Box::new(move |worker| batch.run(worker))) {
            job(&mut self.own);
        }
    }
}

impl pack::Sink for Batcher {
    fn object(&mut self, object: Object) -> Result<(), pack::SinkClosed> {
        if self.shared.cancelled.load(Ordering::Relaxed) {
            self.shared.state().failure.get_or_insert(Error::Cancelled);
            return Err(pack::SinkClosed);
        }
        self.batch_bytes += object.data.len();
        self.batch.push(object);
        if self.batch_bytes < self.target_bytes && self.batch.len() < BATCH_OBJECTS {
            return Ok(());
        }
        self.flush();
        if self.shared.state().failure.is_some() {
            return Err(pack::SinkClosed);
        }
        Ok(())
    }

    fn ids(&mut self) -> Result<Vec<Option<ObjectId>>, pack::SinkClosed> {
        self.flush();
        let state = self.shared.settle();
        if state.failure.is_some() {
            return Err(pack::SinkClosed);
        }
        Ok(state.ids.all())
    }
}

/// Some objects, to be hashed and scanned by one worker. Whatever happens to it, its share of
/// the pending count is given back; a batch that did not finish fails the push.
struct Batch {
    objects: Vec<Object>,
    bytes: usize,
    shared: Arc<Shared>,
    done: bool,
}

impl Batch {
    fn run(mut self, worker: &mut Worker) {
        let shared = Arc::clone(&self.shared);
        let examiner = worker.examiner(&shared.rules, &shared.key);
        let mut gathered = Gathered::default();
        for object in std::mem::take(&mut self.objects) {
            if let Err(error) = gathered.take(&shared, examiner, &object) {
                shared.state().failure.get_or_insert(error);
                break;
            }
        }
        gathered.merge_into(&mut shared.state(), shared.most_hits);
        self.done = true;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if !self.done {
            state.failure.get_or_insert(Error::WorkerFailed);
        }
        state.pending_batches -= 1;
        state.pending_bytes -= self.bytes;
        drop(state);
        self.shared.settled.notify_all();
    }
}

/// What one batch found, merged under the lock once.
#[derive(Default)]
struct Gathered {
    ids: Vec<(u32, ObjectId)>,
    references: Vec<u64>,
    coverage: Coverage,
    hits: Vec<ObjectHit>,
    unscannable: Vec<Unscannable>,
    named: Vec<ObjectId>,
}

impl Gathered {
    fn take(
        &mut self,
        shared: &Shared,
        examiner: &mut Examiner,
        object: &Object,
    ) -> Result<(), Error> {
        let id = match object.id {
            Some(id) => id,
            None => pack::object_id(shared.hash, object.kind, &object.data)?,
        };
        self.ids.push((object.index, id));
        self.coverage.count(object.kind, object.data.len());
        objects::references(shared.hash, object.kind, &object.data, &mut |_, target| {
            self.references
                .push(References::shorten(&shared.reference_key, target));
        })
        .map_err(|source| Error::Object { id, source })?;
        match object.kind {
            Kind::Tree => self.examine_tree(shared, examiner, id, &object.data),
            kind => self.examine_text(examiner, id, kind, &object.data),
        }
        Ok(())
    }

    fn examine_text(&mut self, examiner: &mut Examiner, id: ObjectId, kind: Kind, text: &[u8]) {
        let examined = examiner.examine(text);
        self.note_truncated(id, examined.truncated);
        for mut hit in examined.hits {
            let part = match kind {
                Kind::Commit => place_in_commit(text, &mut hit),
                Kind::Tag => Part::Tag,
                Kind::Blob | Kind::Tree => Part::File,
            };
            self.hits.push(ObjectHit {
                id,
                kind,
                part,
                name: None,
                hit,
            });
        }
    }

    /// Scans the entry names of a tree as one text, a name a line.
    fn examine_tree(
        &mut self,
        shared: &Shared,
        examiner: &mut Examiner,
        id: ObjectId,
        data: &[u8],
    ) {
        let names = entry_names(shared.hash, data);
        self.note_named(shared, data);
        let examined = examiner.examine(&names);
        self.note_truncated(id, examined.truncated);
        for hit in examined.hits {
            let index = usize::try_from(hit.line - 1).unwrap_or(usize::MAX);
            let name = objects::tree::Entries::new(shared.hash, data)
                .nth(index)
                .and_then(Result::ok)
                .map(|entry| entry.name.to_vec());
            self.hits.push(ObjectHit {
                id,
                kind: Kind::Tree,
                part: Part::FileName,
                name,
                hit: Hit {
                    line: 1,
                    end_line: 1,
                    ..hit
                },
            });
        }
    }

    /// Notes the files whose whole paths have to be judged.
    fn note_named(&mut self, shared: &Shared, data: &[u8]) {
        if !matches!(shared.rules.path_rules(), PathRules::ByName(_)) {
            return;
        }
        let entries = objects::tree::Entries::new(shared.hash, data).map_while(Result::ok);
        self.named.extend(
            entries
                .filter(|entry| shared.rules.path_rules().may_match(entry.name))
                .filter_map(|entry| ObjectId::try_from(entry.id).ok()),
        );
    }

    fn note_truncated(&mut self, id: ObjectId, truncated: bool) {
        if truncated {
            self.unscannable.push(Unscannable {
                what: format!("object {id}"),
                why: "it holds more matches than are counted in one text".into(),
            });
        }
    }

    fn merge_into(self, state: &mut State, most_hits: usize) {
        for (index, id) in self.ids {
            state.ids.set(index, &id);
        }
        if state.references.note(self.references) == Err(TooMany) {
            state.failure.get_or_insert(Error::TooManyReferences);
        }
        state.coverage += self.coverage;
        state.unscannable.extend(self.unscannable);
        state.named.extend(self.named);
        if state.named.len() > MOST_NAMED {
            state.failure.get_or_insert(Error::TooManyNamed);
        }
        let room = most_hits.saturating_sub(state.hits.len());
        if self.hits.len() > room && !state.overflowed {
            state.overflowed = true;
            state.unscannable.push(Unscannable {
                what: "further findings".into(),
                why: format!("there are more than {most_hits} (limits.findings)"),
            });
        }
        state.hits.extend(self.hits.into_iter().take(room));
    }
}

/// The names of a tree's entries, a line each. A line feed inside a name becomes a space, so
/// that the line number stays the entry's number.
fn entry_names(hash: HashKind, data: &[u8]) -> Vec<u8> {
    let mut names = Vec::with_capacity(data.len() / 2);
    for entry in objects::tree::Entries::new(hash, data).map_while(Result::ok) {
        names.extend(
            entry
                .name
                .iter()
                .map(|&byte| if byte == b'\n' { b' ' } else { byte }),
        );
        names.push(b'\n');
    }
    names
}

/// Which part of a commit a hit lies in; lines of the message are counted from its own start.
fn place_in_commit(text: &[u8], hit: &mut Hit) -> Part {
    let header_lines = text
        .split(|&byte| byte == b'\n')
        .position(<[u8]>::is_empty)
        .map_or(u64::MAX, |blank| blank as u64 + 1);
    if hit.line > header_lines {
        hit.line -= header_lines;
        hit.end_line = hit.end_line.saturating_sub(header_lines);
        return Part::CommitMessage;
    }
    let line = text
        .split(|&byte| byte == b'\n')
        .nth(usize::try_from(hit.line - 1).unwrap_or(usize::MAX))
        .unwrap_or_default();
    if line.starts_with(b"author ") || line.starts_with(b"committer ") {
        Part::Author
    } else {
        Part::CommitHeader
    }
}

/// The ids of a pack's objects by entry index, packed without padding.
pub struct Ids {
    hash: HashKind,
    bytes: Vec<u8>,
}

impl Ids {
    fn new(hash: HashKind) -> Self {
        Self {
            hash,
            bytes: Vec::new(),
        }
    }

    fn set(&mut self, index: u32, id: &ObjectId) {
        let width = self.hash.len_in_bytes();
        let start = index as usize * width;
        if self.bytes.len() < start + width {
            self.bytes.resize(start + width, 0);
        }
        self.bytes[start..start + width].copy_from_slice(id.as_slice());
    }

    /// Number of entries up to the last one that has an id.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.hash.len_in_bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The raw id of entry `index`; `None` where none has been computed.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let width = self.hash.len_in_bytes();
        let raw = self.bytes.get(index * width..(index + 1) * width)?;
        // No object hashes to all zeros: git itself uses that id for "none".
        raw.iter().any(|&byte| byte != 0).then_some(raw)
    }

    fn all(&self) -> Vec<Option<ObjectId>> {
        (0..self.len())
            .map(|index| self.get(index).and_then(|raw| ObjectId::try_from(raw).ok()))
            .collect()
    }
}
