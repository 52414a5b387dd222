//! Inspects a pack while it arrives: resolves, hashes, scans, and proves that everything in it
//! is reached by what is pushed.
//!
//! Memory beside the reader's (see [`exeat_gitwire::pack`]): what waits for workers, 12 MiB or one object, and 2 MiB that is
//! collected for them; 3 MiB of a text that passes in pieces; 4 MB of references; up to 6 MiB of what
//! commits and trees name, and 1 MiB of names; 10 MiB of what is known of blobs that versions are built from; and for each object its
//! id, a byte for the worker that has it, two bits that say what is not in it, and 4 bytes to find it by once the reader needs none. So a
//! push takes at most 64 MiB and, with bases named by offset as git does where it may, 45 bytes an object (57 with SHA-256); where all
//! bases are named by id, or stand in an order that makes their deltas wait, 53 and 65. All pushes share the workers' automata (128 MiB, at least 8 each) and a queue of 64 MiB, in which each may
//! have its own share. One file above 8 MiB at a time, of all pushes, is held whole to look into it.

use std::{
    cmp::Reverse,
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use exeat_gitwire::{
    HashKind, ObjectId, history, objects,
    pack::{self, Clock, Kind, Pack, Reader, Spool},
};
use exeat_rules::RuleSet;

use crate::{
    attribute,
    authorship::{Counted, Demands},
    batch::{Batcher, Shared, State},
    coverage::Coverage,
    finding::Finding,
    fingerprint::FingerprintKey,
    forward::{self, Move},
    gather::ObjectHit,
    ids::Ids,
    large,
    licence::Accepted,
    overlap::Strength,
    pool::{Pool, Worker},
    references::{self, Kinds, References},
    report::Unscannable,
    served::Served,
    shown::{self, Shown, Wanted},
    stages::{self, Stages},
    stored::Stored,
    verdicts::{Grounds, Verdicts},
    versions::Versions,
};

/// Why a pack is refused, whatever its content. The texts reach the developer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Pack(#[from] pack::Error),
    #[error(transparent)]
    History(#[from] history::Error),
    #[error("object {id} of the pack cannot be read: {source}")]
    Object {
        id: ObjectId,
        source: objects::Error,
    },
    #[error("object {id} is in the pack but no pushed ref reaches it")]
    Unreached { id: ObjectId },
    #[error("object {id} is not a {expected}, though it is referred to as one")]
    WrongKind { id: ObjectId, expected: Kind },
    #[error(
        "object {id} has other bytes than the object of the same id that was pushed before: somebody made the two to be \
         taken for each other; tell your security team"
    )]
    Twin { id: ObjectId },
    #[error("object {id} is in the pack twice")]
    Duplicate { id: ObjectId },
    #[error("the trees of the pack name more objects than can be followed (8000000)")]
    TooManyReferences,
    #[error("the push brings more than 100000 files whose names rules about paths ask for")]
    TooManyNamed,
    #[error("the inspection failed inside (a fault of ours)")]
    WorkerFailed,
    #[error("the inspection was stopped before its end")]
    Cancelled,
}

impl From<references::Error> for Error {
    fn from(error: references::Error) -> Self {
        match error {
            references::Error::TooMany => Self::TooManyReferences,
            references::Error::Disk(error) => Self::Pack(pack::Error::Spool(error)),
        }
    }
}

/// Matches that may stand for one finding: most are dropped where a path condition or an allowlist
/// of their rule is judged, which comes later.
const HITS_PER_FINDING: usize = 50;

/// Objects that are looked up together among the references: 17 bytes each.
const ASKED_AT_ONCE: u32 = 250_000;

/// Paths of one object that pushes and scans judge: nobody has a file at more places by intent.
pub const MOST_PATHS: usize = 1_000;

/// What an inspection works with.
#[derive(Clone)]
pub struct Settings {
    pub rules: Arc<RuleSet>,
    pub key: FingerprintKey,
    pub limits: pack::Limits,
    /// Findings kept at most; that there are more is reported as not scannable.
    pub most_findings: usize,
    /// How much the policy makes of each action.
    pub strength: Strength,
    /// Paths of one object judged at most; above it a finding stands wherever it is.
    pub most_paths: usize,
    /// What is asked of what commits and tags say of people.
    pub demands: Arc<Demands>,
    /// Which licences the target accepts of files; none: nobody asks.
    pub licences: Option<Arc<Accepted>>,
    /// The known mail addresses of whoever pushes; none where nobody knows who it is.
    pub pusher: Option<Arc<[String]>>,
    /// What is gathered for reviewers besides the pack; nothing is without it.
    pub shown: Option<Arc<Wanted>>,
    /// What was found in objects of earlier pushes. Without it everything is inspected, and nothing is kept.
    pub verdicts: Option<Arc<Verdicts>>,
    /// Reads every blob whole, also what stands in another version that was read.
    pub whole: bool,
    /// What the stages are measured by, if anybody wants to know.
    pub clock: Option<Clock>,
    /// Set from outside to stop the inspection.
    pub cancelled: Arc<AtomicBool>,
    /// Called by whoever takes a batch of objects, before its first. Tests strike here.
    pub on_batch: fn(),
}

/// A pack on its way in. Feed it from one thread; the pool's workers hash and scan.
pub struct PackInspection<S: Spool> {
    reader: Reader<S>,
    batcher: Batcher,
    settings: Settings,
    hash: HashKind,
    moves: Vec<Move>,
    clock: Clock,
    /// When the last bytes had been dealt with.
    fed: Option<u64>,
    receive: u64,
}

/// A pack that was read whole and is what it claims to be.
pub struct Inspected<S: Spool> {
    pub findings: Vec<Finding>,
    /// How often a demand was not met, where not every time is among the findings.
    pub counted: Vec<Counted>,
    pub unscannable: Vec<Unscannable>,
    pub coverage: Coverage,
    /// What the stages took, where a clock was lent.
    pub stages: Stages,
    /// Those of the moves asked about that the pack shows to go forward.
    pub forward: Vec<Move>,
    /// Hex BLAKE3 over the ids of its objects in their order.
    pub objects: String,
    /// What reviewers may see, where that was asked.
    pub shown: Option<Shown>,
    /// The pack, exactly as inspected, from header to trailer.
    pub pack: Pack<S>,
}

impl<S: Spool> PackInspection<S> {
    pub fn start(pool: Arc<Pool>, hash: HashKind, settings: Settings, spool: S) -> Self {
        let mut shared = Shared::new(
            Arc::clone(&settings.rules),
            settings.key.clone(),
            hash,
            settings.most_findings.saturating_mul(HITS_PER_FINDING),
            settings.strength,
            Arc::clone(&settings.cancelled),
            pool.queued(),
        );
        shared.state().references.spill_to(spool.scratch());
        shared.state().journal.spill_to(spool.scratch());
        shared.on_batch = settings.on_batch;
        shared.verdicts = settings.verdicts.as_ref().map(|verdicts| {
            let licences = settings.licences.as_deref();
            let grounds = Grounds::of(&settings.rules, &settings.key, licences);
            (Arc::clone(verdicts), grounds)
        });
        shared.demands = Arc::clone(&settings.demands);
        shared.licences = settings.licences.clone();
        let licences = shared.licences.as_deref();
        shared.asks_for_headers = licences.is_some_and(|licences| licences.headers().is_some());
        shared.pusher = settings.pusher.clone();
        shared.versions = (!settings.whole).then(Versions::default);
        let clock = settings.clock.unwrap_or(stages::still);
        shared.clock = clock;
        Self {
            reader: Reader::new(hash, settings.limits.clone(), spool).timed_by(clock),
            batcher: Batcher::new(pool, Arc::new(shared)),
            settings,
            hash,
            moves: Vec::new(),
            clock,
            fed: None,
            receive: 0,
        }
    }

    /// Asks of refs that are moved whether the pack shows that they go forward: commits are then read once more.
    pub fn asked_about(mut self, moves: Vec<Move>) -> Self {
        self.moves = moves;
        self
    }

    /// Takes the next bytes of the pack.
    ///
    /// # Errors
    /// When the pack is not well-formed or exceeds a limit; the inspection is then over.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Error> {
        if let Some(fed) = self.fed {
            self.receive += (self.clock)().saturating_sub(fed);
        }
        self.reader
            .feed(chunk, &mut self.batcher)
            .map_err(|error| first_failure(&self.batcher.shared, error))?;
        self.fed = Some((self.clock)());
        Ok(())
    }

    /// Ends the inspection after the last byte. `targets` are the new ids of the commands; with
    /// `None` (a pack that is not pushed) nothing is said about reachability.
    ///
    /// # Errors
    /// As `feed`, and when the pack is cut short, lacks a base, or holds an object that no target reaches.
    pub fn finish(self, targets: Option<&[ObjectId]>) -> Result<Inspected<S>, Error> {
        self.finish_asking(targets, None)
    }

    /// Like `finish`, and asks `outside` for what the pack leaves out, and whether findings are in the
    /// repository already. Objects from there are neither inspected nor counted: what is built from them is.
    ///
    /// # Errors
    /// As `finish`; a base is lacking only if `outside` lacks it as well.
    pub fn finish_asking(
        mut self,
        targets: Option<&[ObjectId]>,
        mut outside: Option<&mut dyn Served<S>>,
    ) -> Result<Inspected<S>, Error> {
        let shared = Arc::clone(&self.batcher.shared);
        let mut pack = self
            .reader
            .finish_thin(
                &mut self.batcher,
                match &mut outside {
                    Some(outside) => Some(&mut **outside),
                    None => None,
                },
            )
            .map_err(|error| first_failure(&shared, error))?;
        self.batcher.flush();
        let mut state = shared.settle();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        shared.go_on()?;
        let mut worker = Worker::default();
        let examiner = worker.examiner(&self.settings.rules, &self.settings.key);
        examiner.time_by(self.clock);
        examiner.ask_of_licences(self.settings.licences.as_ref());
        let large = std::mem::take(&mut state.large);
        let found = large::look_into(&mut pack, large, &shared, examiner)?;
        found.merge_into(|| &mut *state, &shared);
        state.stages += examiner.take_spent();
        let began = (self.clock)();
        if state.coverage.objects() != u64::from(pack.len()) {
            return Err(Error::WorkerFailed);
        }
        let ids = Arc::new(std::mem::replace(&mut state.ids, Ids::new(self.hash)));
        let entries = ids.entries(pack.len())?;
        if let Some(targets) = targets {
            all_reached(&ids, &pack, &state.references, targets)?;
        }
        let stored = &mut Stored {
            pack: &mut pack,
            ids: &ids,
            entries: &entries,
            hash: self.hash,
        };
        let forward = forward::forward(stored, &self.moves, &|| shared.go_on())?;
        let mut hits = std::mem::take(&mut state.hits);
        hits.sort_unstable_by_key(ObjectHit::in_pack);
        let located = attribute::attribute(attribute::Scene {
            stored: Stored {
                pack: &mut pack,
                ids: &ids,
                entries: &entries,
                hash: self.hash,
            },
            hits,
            all_read: state.missed.iter().all(|missed| missed.why.is_opaque()) && !state.overflowed,
            missed: std::mem::take(&mut state.missed),
            named: std::mem::take(&mut state.named),
            noted: std::mem::take(&mut state.noted),
            unheaded: std::mem::take(&mut state.unheaded),
            journal: std::mem::take(&mut state.journal),
            most_findings: self.settings.most_findings,
            targets: targets.unwrap_or_default(),
            shared: &shared,
            pool: &self.batcher.pool,
            examiner: &mut *examiner,
            most_paths: self.settings.most_paths,
            served: match outside {
                Some(outside) => Some(&mut *outside),
                None => None,
            },
        })?;
        let mut findings = located.findings;
        state.overflowed |= keep_strongest(&mut findings, &self.settings);
        let mut unscannable = located.unscannable;
        unscannable.extend(overflow(&state, &self.settings));
        // What is no secret is shown to reviewers as it stands.
        examiner.ask_of_licences(None);
        let shown = match &self.settings.shown {
            Some(wanted) => Some(shown::gather(
                &mut Stored {
                    pack: &mut pack,
                    ids: &ids,
                    entries: &entries,
                    hash: self.hash,
                },
                targets.unwrap_or_default(),
                &mut findings,
                examiner,
                wanted,
                &|| shared.go_on(),
            )?),
            None => None,
        };
        let mut stages = state.stages;
        stages.receive = self.receive;
        stages.attribute = (self.clock)().saturating_sub(began);
        stages += pack.spent();
        let mut coverage = state.coverage;
        coverage.not_scannable = unscannable.len() as u64;
        coverage.bases = pack.bases() as u64;
        Ok(Inspected {
            objects: entries.digest(),
            findings,
            counted: located.counted,
            unscannable,
            coverage,
            stages,
            forward,
            shown,
            pack,
        })
    }
}

/// That there was more than is kept.
fn overflow(state: &State, settings: &Settings) -> Option<Unscannable> {
    state.overflowed.then(|| Unscannable {
        what: "further findings".into(),
        why: format!(
            "there are more than {} (limits.findings)",
            settings.most_findings
        ),
        object: None,
        opaque: None,
    })
}

/// Keeps as many findings as are wanted, of the strongest first, in the order in which they stand.
/// Tells whether there were more.
fn keep_strongest(findings: &mut Vec<Finding>, settings: &Settings) -> bool {
    if findings.len() <= settings.most_findings {
        return false;
    }
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|&index| Reverse(settings.strength.weight(findings[index].asks())));
    let kept: HashSet<usize> = order.into_iter().take(settings.most_findings).collect();
    let mut index = 0;
    findings.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
    true
}

/// The reader only knows that nobody takes its objects any more; why is known here.
fn first_failure(shared: &Shared, error: pack::Error) -> Error {
    if matches!(error, pack::Error::SinkClosed(_)) {
        let mut state = shared.settle();
        return state.failure.take().unwrap_or(Error::WorkerFailed);
    }
    Error::Pack(error)
}

/// Refuses a pack with an object that neither a command nor another object names, or that another
/// takes for something it is not.
fn all_reached<S>(
    ids: &Ids,
    pack: &Pack<S>,
    references: &References,
    targets: &[ObjectId],
) -> Result<(), Error> {
    let targets: HashSet<&[u8]> = targets.iter().map(ObjectId::as_slice).collect();
    let mut first = 0;
    while first < pack.len() {
        let end = pack.len().min(first.saturating_add(ASKED_AT_ONCE));
        let raw = (first..end).map(|entry| ids.raw(entry).unwrap_or_default());
        let kinds = references.kinds(raw).map_err(pack::Error::Spool)?;
        for (entry, kinds) in (first..end).zip(kinds) {
            reached(ids, pack, entry, kinds, &targets)?;
        }
        first = end;
    }
    Ok(())
}

fn reached<S>(
    ids: &Ids,
    pack: &Pack<S>,
    entry: u32,
    kinds: Kinds,
    targets: &HashSet<&[u8]>,
) -> Result<(), Error> {
    let raw = ids.raw(entry).ok_or(Error::WorkerFailed)?;
    let kind = pack.kind(entry).ok_or(Error::WorkerFailed)?;
    let id = || ids.get(entry).ok_or(Error::WorkerFailed);
    let mut is_named = targets.contains(raw);
    for expected in kinds.iter() {
        if expected != kind {
            return Err(Error::WrongKind {
                id: id()?,
                expected,
            });
        }
        is_named = true;
    }
    if !is_named {
        return Err(Error::Unreached { id: id()? });
    }
    Ok(())
}
