//! Pushes of one commit through the inspection in this process, as the proxy has it: the pool waits for them, warm.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exeat_gitwire::{HashKind, ObjectId};
use exeat_inspect::{PackInspection, Pool};

use crate::figures::{milliseconds, percentile};
use crate::made::history::History;
use crate::stages::{FileSpool, rules, settings, threads};

/// What a commit brings, and how long its inspection may take from the first byte to the verdict, in 99 of 100 pushes.
struct Case {
    name: &'static str,
    files: usize,
    bytes: usize,
    most: Option<Duration>,
}

const CASES: [Case; 4] = [
    Case {
        name: "1 file of 1 KB",
        files: 1,
        bytes: 1_000,
        most: Some(Duration::from_millis(3)),
    },
    Case {
        name: "3 files of 10 KB",
        files: 3,
        bytes: 10_000,
        most: Some(Duration::from_millis(3)),
    },
    Case {
        name: "20 files of 10 KB",
        files: 20,
        bytes: 10_000,
        most: None,
    },
    Case {
        name: "100 files of 10 KB",
        files: 100,
        bytes: 10_000,
        most: None,
    },
];
/// From the last byte to the verdict, of any of them.
const TAIL: Duration = Duration::from_millis(30);
/// What a connection hands over at once.
const CHUNK: usize = 64 << 10;

/// A table, and what was missed.
pub(crate) fn run(rounds: usize) -> anyhow::Result<(String, Vec<String>)> {
    let engine = Engine {
        pool: Pool::start(threads())?,
        rules: rules()?,
    };
    let mut text = format!(
        "{rounds} pushes each, of other files each time.\n\n\
         | a commit with | KB packed | inspected: p50 / p99 | last byte to verdict: p50 / p99 |\n|---|---:|---:|---:|\n"
    );
    let mut missed = Vec::new();
    for case in &CASES {
        let (mut wholes, mut tails, mut bytes) = (Vec::new(), Vec::new(), 0);
        // Those before the first compile rules and warm caches.
        let warming = rounds.div_ceil(10);
        for round in 0..warming + rounds {
            let (pack, tip) = pack(case, round as u64)?;
            let (whole, tail) = engine.inspect(&pack, tip)?;
            bytes = pack.len();
            if round >= warming {
                wholes.push(whole);
                tails.push(tail);
            }
        }
        let [whole, tail] =
            [&wholes, &tails].map(|times| [50, 99].map(|part| percentile(times, part)));
        let both = |times: [Duration; 2]| times.map(milliseconds).join(" / ");
        writeln!(
            text,
            "| {} | {:.1} | {} | {} |",
            case.name,
            bytes as f64 / 1e3,
            both(whole),
            both(tail)
        )?;
        for (what, took, most) in [
            ("inspected", whole, case.most),
            ("last byte to verdict", tail, Some(TAIL)),
        ] {
            if let Some(most) = most.filter(|&most| took[1] > most) {
                let (took, most) = (milliseconds(took[1]), milliseconds(most));
                missed.push(format!("{}, {what}: {took}, at most {most}", case.name));
            }
        }
    }
    Ok((text, missed))
}

fn pack(case: &Case, seed: u64) -> anyhow::Result<(Vec<u8>, ObjectId)> {
    let history = History {
        files: case.files,
        bytes: case.bytes,
        commits: 1,
        changed: 0,
        edited: 0,
        mingled: false,
        planted: None,
        seed: seed * 1_000,
    };
    let mut pack = Vec::new();
    let tip = history.write(&mut pack)?;
    Ok((pack, tip))
}

struct Engine {
    pool: Arc<Pool>,
    rules: Arc<exeat_rules::RuleSet>,
}

impl Engine {
    /// How long it took, and how much of that passed behind the last byte.
    fn inspect(&self, pack: &[u8], tip: ObjectId) -> anyhow::Result<(Duration, Duration)> {
        let (pool, settings) = (Arc::clone(&self.pool), settings(&self.rules, None));
        let start = Instant::now();
        let mut inspection =
            PackInspection::start(pool, HashKind::Sha1, settings, FileSpool::new()?);
        let mut fed = start;
        for chunk in pack.chunks(CHUNK) {
            fed = Instant::now();
            inspection.feed(chunk)?;
        }
        inspection.finish(Some(&[tip]))?;
        Ok((start.elapsed(), fed.elapsed()))
    }
}
