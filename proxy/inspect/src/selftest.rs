//! Whether the engine that pushes meet finds what its rules are for: an example of each rule, through the inspection of a push.
//!
//! The examples are put into packs as files, and the packs go the way of a pushed one: read, hashed and scanned by the
//! resident workers, located, and judged by path and strength. What comes out at the end is asked for. That also leaves
//! everything warm for the first push.

mod samples;

use std::{
    collections::HashSet,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use exeat_gitwire::{HashKind, pack};
use exeat_rules::{LicenseSaid, Rule, RuleSet, Site, Standing, check::Fault, check::Kind};

use crate::{
    examine::Hit,
    finding::{Finding, Part},
    fingerprint::FingerprintKey,
    licence::Accepted,
    overlap::Strength,
    pack::{Error, MOST_PATHS, PackInspection, Settings},
    pool::Pool,
};
use samples::{Repository, Sample, Spot};

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfTest {
    /// Rules whose example is not told. Their texts name the rule and the number of the example, and never repeat it.
    pub faults: Vec<Fault>,
    /// Rules of which an example was tried.
    pub tried: usize,
    /// Rules without examples, which nothing was asked of.
    pub unproven: usize,
}

/// What the inspection runs with; all of it is the proxy's.
#[derive(Clone)]
pub struct Engine {
    pub pool: Arc<Pool>,
    pub rules: Arc<RuleSet>,
    pub key: FingerprintKey,
    pub strength: Strength,
}

/// More findings than examples give; what is dropped all the same is asked for once more.
const MOST_FINDINGS: usize = 100_000;
/// Packs for each core: rules cost differently much, and whoever is done takes the next.
const PACKS_PER_CORE: usize = 4;

/// Other paths at which a rule that does not ask for any could speak.
const ELSEWHERE: [&[u8]; 3] = [b"src/main.c", b"settings", b"a/b/c.py"];

impl Engine {
    /// Tries the first example of every rule that has one and reports by itself. It takes all cores: for the built-in
    /// rules about half a second of processor time, a third of it compiling what the first pushes would wait for. A pool that is busy with
    /// pushes makes it wait for its turn.
    ///
    /// # Errors
    /// When the inspection refuses what it is given, or a worker fails: that is a fault of ours.
    pub fn test(&self) -> Result<SelfTest, Error> {
        let mut outcome = self.count();
        let mut samples = Vec::new();
        for (index, rule) in self.rules.rules().iter().enumerate() {
            if !can_be_tried(rule) {
                continue;
            }
            match Sample::of(&self.rules, index) {
                Ok(sample) => samples.push(sample),
                Err(_) => outcome
                    .faults
                    .push(self.fault(index, "its template is wrong")),
            }
        }
        let told = self.inspect_all(&samples)?;
        for sample in &samples {
            if let Some(reason) = self.judge(sample, &told)? {
                outcome.faults.push(self.fault(sample.rule, reason));
            }
        }
        outcome
            .faults
            .sort_by_key(|fault| (fault.origin.file.clone(), fault.origin.line));
        Ok(outcome)
    }

    /// What [`Engine::test`] tries, with nothing tried.
    pub fn count(&self) -> SelfTest {
        let rules = self.rules.rules().iter();
        let (tried, unproven): (Vec<_>, Vec<_>) = rules
            .filter(|rule| !rule.skip_report)
            .partition(|rule| can_be_tried(rule));
        SelfTest {
            tried: tried.len(),
            unproven: unproven.len(),
            faults: Vec::new(),
        }
    }

    fn fault(&self, index: usize, reason: &str) -> Fault {
        let kind = Kind::Example;
        Fault {
            example: Some((kind, 1)),
            ..Fault::of(self.rules.rule(index), format!("{kind} 1: {reason}"))
        }
    }

    /// The findings of all samples, with every core.
    fn inspect_all(&self, samples: &[Sample]) -> Result<Told, Error> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let packs = (cores * PACKS_PER_CORE).min(samples.len());
        let next = AtomicUsize::new(0);
        let gathered = Mutex::new(Ok(Told::default()));
        let feed = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= packs {
                    return;
                }
                let of_pack = samples.iter().skip(number).step_by(packs);
                let findings = self.inspect(of_pack);
                let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                match (findings, gathered.as_mut()) {
                    (Ok(findings), Ok(told)) => told.take(findings),
                    (Err(error), Ok(_)) => *gathered = Err(error),
                    (_, Err(_)) => return,
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..cores.min(packs) {
                scope.spawn(feed);
            }
        });
        gathered
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A pack with these samples, through the inspection of a push.
    fn inspect<'s>(
        &self,
        samples: impl Iterator<Item = &'s Sample>,
    ) -> Result<Vec<Finding>, Error> {
        let repository = Repository::of(samples)?;
        let settings = Settings {
            rules: Arc::clone(&self.rules),
            key: self.key.clone(),
            limits: pack::Limits::default(),
            most_findings: MOST_FINDINGS,
            strength: self.strength,
            most_paths: MOST_PATHS,
            demands: Arc::default(),
            // So that every licence is told.
            licences: Some(Arc::new(Accepted::nothing())),
            pusher: None,
            shown: None,
            verdicts: None,
            whole: false,
            clock: None,
            cancelled: Arc::new(AtomicBool::new(false)),
            on_batch: || (),
        };
        let mut inspection =
            PackInspection::start(Arc::clone(&self.pool), HashKind::Sha1, settings, Vec::new());
        inspection.feed(&pack::compose(HashKind::Sha1, &repository.objects)?)?;
        Ok(inspection.finish(Some(&repository.tips))?.findings)
    }

    /// What is wrong with a sample's rule, if anything.
    fn judge(&self, sample: &Sample, told: &Told) -> Result<Option<&'static str>, Error> {
        let rule = self.rules.rule(sample.rule);
        if told.of_rule.contains(&(sample.id.clone(), rule.id.clone())) {
            return Ok(None);
        }
        let standings = match sample.spot {
            Spot::IsPath => self.standings_of_path(sample),
            Spot::Anywhere | Spot::Chosen => self.standings(sample, &sample.path)?,
        };
        let depends = self
            .rules
            .facts(sample.rule)
            .is_some_and(|facts| facts.filters > 0);
        Ok(match standings.iter().min() {
            None => Some("it is not found"),
            Some(Seen::ByWord) => Some("it is found, and a stopword hides it"),
            // A stronger rule speaks for it.
            Some(Seen::Stands) if told.speaks.contains(&sample.id) => None,
            // No file can have this path, so only the rule can be asked.
            Some(Seen::Stands) if !sample.is_in_pack() => None,
            Some(Seen::Stands) => Some("it is found, and the inspection does not tell it"),
            // What one path hides says nothing of those that the rule or its file is for.
            Some(Seen::Elsewhere) => None,
            Some(Seen::ByPlace) if sample.spot == Spot::Chosen || depends => None,
            Some(Seen::ByPlace) if self.stands_elsewhere(sample)? => None,
            Some(Seen::ByPlace) => Some("it is found, and an allowlist about paths hides it"),
        })
    }

    /// Whether an allowlist happens to be about the very path that the sample was given.
    fn stands_elsewhere(&self, sample: &Sample) -> Result<bool, Error> {
        for path in ELSEWHERE {
            let is_free = sample.spot == Spot::Anywhere;
            if is_free && self.standings(sample, path)?.contains(&Seen::Stands) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn standings(&self, sample: &Sample, path: &[u8]) -> Result<Vec<Seen>, Error> {
        let site = Site {
            path: Some(path),
            commit: None,
        };
        let hits = self.examine(&sample.content)?;
        let mine = hits.iter().filter(|hit| hit.found.rule == sample.rule);
        Ok(mine
            .map(|hit| match hit.found.is_hidden() {
                true => Seen::ByWord,
                false => Seen::of(self.rules.standing(&hit.found, &site)),
            })
            .collect())
    }

    fn standings_of_path(&self, sample: &Sample) -> Vec<Seen> {
        let mut judged = Vec::new();
        self.rules.judge_path(&sample.path, &mut judged);
        let mine = judged.into_iter().filter(|(rule, _)| *rule == sample.rule);
        mine.map(|(_, standing)| Seen::of(standing)).collect()
    }

    /// What a worker of the pool finds in `content`.
    fn examine(&self, content: &Arc<Vec<u8>>) -> Result<Vec<Hit>, Error> {
        let (answer, answered) = mpsc::channel();
        let (rules, key, content) = (
            Arc::clone(&self.rules),
            self.key.clone(),
            Arc::clone(content),
        );
        self.pool.submit(Box::new(move |worker| {
            let examined = worker.examiner(&rules, &key).examine(&content);
            // Nobody waits any more only where the waiting thread is gone.
            let _ = answer.send(examined.hits);
        }));
        answered.recv().map_err(|_| Error::WorkerFailed)
    }
}

/// Whether an example of it can be a file. What is told of a manifest is none.
fn can_be_tried(rule: &Rule) -> bool {
    let is_of_file = !matches!(
        rule.license,
        Some(LicenseSaid::Manifest | LicenseSaid::Dependency)
    );
    is_of_file && !rule.skip_report && !rule.examples.is_empty()
}

/// What the inspection told.
#[derive(Default)]
struct Told {
    /// Object and rule.
    of_rule: HashSet<(String, String)>,
    /// Objects of which any rule told anything.
    speaks: HashSet<String>,
}

impl Told {
    fn take(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let is_plain = finding.place.part == Part::File && finding.allowlisted.is_none();
            if let (true, Some(object)) = (is_plain, finding.place.object) {
                self.speaks.insert(object.clone());
                self.of_rule.insert((object, finding.rule));
            }
        }
    }
}

/// How a match stands that was not told, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Stands,
    /// The rule speaks about other paths.
    Elsewhere,
    ByPlace,
    ByWord,
}

impl Seen {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Stands => Self::Stands,
            Standing::OutOfPath => Self::Elsewhere,
            Standing::Allowed | Standing::Hidden(exeat_rules::Hiding::Path) => Self::ByPlace,
            Standing::Hidden(exeat_rules::Hiding::Stopword) => Self::ByWord,
        }
    }
}

#[cfg(test)]
mod tests;
