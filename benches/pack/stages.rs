//! One pack through the inspection in this process: what each stage takes, what the verdicts of the first time save, and what is left
//! beside resolving and hashing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use exeat_gitwire::{HashKind, pack};
use exeat_inspect::{
    Coverage, Effort, FingerprintKey, PackInspection, Pool, Settings, Stages, Strength, Verdicts,
};
use exeat_rules::{RuleSet, builtin};

use crate::alone;
use crate::figures::{Figures, Ratio, milliseconds};
use crate::history::PackFile;

pub(crate) struct Told {
    pub(crate) objects: u64,
    pub(crate) resolved: u64,
    first: Pass,
    again: Pass,
    /// Of several times, the verdicts known: how long it took, and how long resolving and hashing alone in turns with it.
    known: Vec<Duration>,
    alone: Vec<Duration>,
}

struct Pass {
    wall: Duration,
    /// From the last byte to the verdict.
    tail: Duration,
    stages: Stages,
}

impl Told {
    /// A row for each stage, of the first time and of the second.
    pub(crate) fn table(&self) -> String {
        let row = |name: &str, first: Duration, again: Duration| {
            format!(
                "| {name} | {} | {} |\n",
                milliseconds(first),
                milliseconds(again)
            )
        };
        let mut text =
            "in one process that knows no pack, and once more with the verdicts of that\n\n\
                        | stage, of all threads | first | again |\n|---|---:|---:|\n"
                .to_owned();
        let stages = self.first.stages.each().into_iter();
        for ((name, first), (_, again)) in stages.zip(self.again.stages.each()) {
            text += &row(
                name,
                Duration::from_nanos(first),
                Duration::from_nanos(again),
            );
        }
        text += &row("on the wall", self.first.wall, self.again.wall);
        text += &row("last byte to verdict", self.first.tail, self.again.tail);
        text += &efforts(self.first.stages.effort, self.again.stages.effort);
        let (known, alone) = (Figures::of(&self.known), Figures::of(&self.alone));
        text += &format!(
            "\nWith the verdicts known {known}, resolved and hashed alone {alone}: ratio **{}**.\n",
            self.beside()
        );
        text
    }

    /// What an inspection takes that knows all verdicts, over resolving and hashing alone.
    pub(crate) fn beside(&self) -> Ratio {
        Ratio::of(&self.known, &self.alone)
    }
}

/// A row for each count, of the first time and of the second. Other than the times they are nearly the same on any machine.
fn efforts(first: Effort, again: Effort) -> String {
    type Count = fn(Effort) -> u64;
    let rows: [(&str, Count); 7] = [
        ("inflated, again included", |it| it.inflated),
        ("built from deltas, again included", |it| it.built),
        ("hashed", |it| it.hashed),
        ("texts that rules are asked of", |it| it.scanned),
        ("of them read for keywords", |it| it.sought),
        ("read by automata of rules", |it| it.searched),
        ("looked into for what is encoded", |it| it.looked_into),
    ];
    let mut text = "\n| MB | first | again |\n|---|---:|---:|\n".to_owned();
    for (name, count) in rows {
        let megabytes = |it| count(it) as f64 / 1e6;
        text += &format!(
            "| {name} | {:.1} | {:.1} |\n",
            megabytes(first),
            megabytes(again)
        );
    }
    text
}

/// The rules that are built in.
pub(crate) fn rules() -> anyhow::Result<Arc<RuleSet>> {
    Ok(Arc::new(RuleSet::compile(&builtin())?.rules))
}

pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What the proxy inspects by.
pub(crate) fn settings(rules: &Arc<RuleSet>, verdicts: Option<Arc<Verdicts>>) -> Settings {
    Settings {
        rules: Arc::clone(rules),
        key: FingerprintKey::new([7; 32]),
        limits: pack::Limits::default(),
        most_findings: 1000,
        strength: Strength::default(),
        most_paths: exeat_inspect::MOST_PATHS,
        demands: Arc::default(),
        licences: None,
        pusher: None,
        shown: None,
        verdicts,
        whole: false,
        clock: Some(nanoseconds),
        cancelled: Arc::default(),
        on_batch: || (),
    }
}

pub(crate) fn inspect(file: &PackFile, rounds: usize) -> anyhow::Result<Told> {
    let rules = rules()?;
    let pool = Pool::start(threads())?;
    let verdicts = Arc::new(Verdicts::holding(1 << 30, [7; 32]));
    let mut coverage = Coverage::default();
    let mut pass = || {
        let settings = settings(&rules, Some(Arc::clone(&verdicts)));
        pass(file, &pool, settings, &mut coverage)
    };
    let first = pass()?;
    let again = pass()?;
    let (mut known, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(alone::take(file, threads())?);
        known.push(pass()?.wall);
    }
    Ok(Told {
        objects: coverage.objects(),
        resolved: coverage.bytes,
        first,
        again,
        known,
        alone,
    })
}

fn pass(
    file: &PackFile,
    pool: &Arc<Pool>,
    settings: Settings,
    coverage: &mut Coverage,
) -> anyhow::Result<Pass> {
    let start = Instant::now();
    let spool = FileSpool::new()?;
    let mut inspection = PackInspection::start(Arc::clone(pool), HashKind::Sha1, settings, spool);
    let mut input = File::open(&file.path)?;
    let mut chunk = vec![0; 256 << 10];
    loop {
        match input.read(&mut chunk)? {
            0 => break,
            length => inspection.feed(chunk.get(..length).context("a chunk")?)?,
        }
    }
    let last = Instant::now();
    let inspected = inspection.finish(None)?;
    *coverage = inspected.coverage;
    Ok(Pass {
        wall: start.elapsed(),
        tail: last.elapsed(),
        stages: inspected.stages,
    })
}

fn nanoseconds() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A spool in a file without a name, as the proxy's.
pub(crate) struct FileSpool {
    file: File,
    length: u64,
}

impl FileSpool {
    pub(crate) fn new() -> io::Result<Self> {
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR"))?;
        let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR"))?;
        Ok(Self { file, length: 0 })
    }
}

impl pack::Spool for FileSpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<pack::Scratch> {
        Ok(Box::new(Self::new()?))
    }
}
