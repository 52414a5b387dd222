//! One pack through the inspection in this process: what each stage takes, and what the verdicts of the first time save.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use exeat_gitwire::{HashKind, pack};
use exeat_inspect::{FingerprintKey, PackInspection, Pool, Settings, Stages, Strength, Verdicts};
use exeat_rules::{RuleSet, builtin};

use crate::figures::milliseconds;
use crate::history::PackFile;

pub(crate) struct Told {
    pub(crate) objects: u64,
    pub(crate) resolved: u64,
    first: Pass,
    again: Pass,
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
        text
    }
}

pub(crate) fn inspect(file: &PackFile) -> anyhow::Result<Told> {
    let rules = Arc::new(RuleSet::compile(&builtin())?.rules);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool::start(threads)?;
    let verdicts = Arc::new(Verdicts::holding(1 << 30, [7; 32]));
    let mut coverage = None;
    let mut pass = || -> anyhow::Result<Pass> {
        let settings = Settings {
            rules: Arc::clone(&rules),
            key: FingerprintKey::new([7; 32]),
            limits: pack::Limits::default(),
            most_findings: 1000,
            strength: Strength::default(),
            most_paths: exeat_inspect::MOST_PATHS,
            demands: Arc::default(),
            pusher: None,
            shown: None,
            verdicts: Some(Arc::clone(&verdicts)),
            whole: false,
            clock: Some(nanoseconds),
            cancelled: Arc::default(),
            on_batch: || (),
        };
        let start = Instant::now();
        let spool = FileSpool::new()?;
        let mut inspection =
            PackInspection::start(Arc::clone(&pool), HashKind::Sha1, settings, spool);
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
        coverage = Some(inspected.coverage);
        Ok(Pass {
            wall: start.elapsed(),
            tail: last.elapsed(),
            stages: inspected.stages,
        })
    };
    let first = pass()?;
    let again = pass()?;
    let coverage = coverage.context("a pack")?;
    Ok(Told {
        objects: coverage.objects(),
        resolved: coverage.bytes,
        first,
        again,
    })
}

fn nanoseconds() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(FIRST.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A spool in a file without a name, as the proxy's.
struct FileSpool {
    file: File,
    length: u64,
}

impl FileSpool {
    fn new() -> io::Result<Self> {
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
