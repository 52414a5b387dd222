//! The engine alone: files in memory, one core, beside what inflating the same files costs.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use exeat_rules::{RuleSet, Scratch, Source, builtin};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rustix::time::{ClockId, clock_gettime};

use crate::corpus::Corpus;
use crate::figures::{Figures, milliseconds};
use crate::report::Report;

/// Rule files of others, from the folder of this repository.
const OTHERS: [(&str, &str); 2] = [
    ("gitleaks' rules", "../shared/data/rules/gitleaks.toml"),
    (
        "Betterleaks' rules",
        "../shared/data/rules/betterleaks.toml",
    ),
];
/// Million bytes that one core shall scan in a second, at least.
const LEAST: f64 = 200.0;

pub(crate) fn run(corpus: &Corpus, rounds: usize, report: &mut Report) -> anyhow::Result<()> {
    let inflated = inflating(corpus, rounds)?;
    report.row(
        "inflating it, one core (zlib-rs)",
        &rate(corpus, inflated),
        "",
    );
    let mut sets = vec![("built-in rules".to_owned(), builtin())];
    for (name, path) in OTHERS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        match std::fs::read_to_string(&path) {
            Ok(text) => sets.push((
                name.into(),
                vec![Source {
                    name: name.into(),
                    text,
                }],
            )),
            Err(_) => report.note(format!(
                "Skipped: {name} do not lie beside this repository."
            )),
        }
    }
    for (name, sources) in sets {
        let start = Instant::now();
        let rules = RuleSet::compile(&sources)?.rules;
        let loading = start.elapsed();
        rules.warm_up();
        let (took, found) = scanning(corpus, &rules, rounds);
        let megabytes = per_second(corpus, took);
        report.row(
            &format!("scanning it, one core: {} {name}", rules.rules().len()),
            &format!(
                "{}, {:.2} of inflating; {found} matches; loaded in {}",
                rate(corpus, took),
                inflated.as_secs_f64() / took.as_secs_f64(),
                milliseconds(loading),
            ),
            &report.judged(megabytes >= LEAST, &format!("at least {LEAST} MB/s")),
        );
    }
    Ok(())
}

/// The median of the processor time that one pass takes, and what it finds.
fn scanning(corpus: &Corpus, rules: &RuleSet, rounds: usize) -> (Duration, usize) {
    let mut scratch = Scratch::new(rules);
    let mut found = Vec::new();
    let mut times = Vec::new();
    for _ in 0..=rounds {
        found.clear();
        let start = processor_time();
        for file in &corpus.files {
            let _ = rules.scan(file, &mut scratch, &mut found);
        }
        times.push(processor_time().saturating_sub(start));
    }
    // The first round fills the caches.
    (
        Figures::of(times.get(1..).unwrap_or_default()).median,
        found.len(),
    )
}

fn inflating(corpus: &Corpus, rounds: usize) -> anyhow::Result<Duration> {
    let mut deflated = Vec::new();
    for file in &corpus.files {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(file)?;
        deflated.push(encoder.finish()?);
    }
    let mut out = Vec::new();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = processor_time();
        for file in &deflated {
            out.clear();
            ZlibDecoder::new(file.as_slice()).read_to_end(&mut out)?;
        }
        times.push(processor_time().saturating_sub(start));
    }
    Ok(Figures::of(&times).median)
}

fn per_second(corpus: &Corpus, took: Duration) -> f64 {
    corpus.bytes as f64 / 1e6 / took.as_secs_f64()
}

fn rate(corpus: &Corpus, took: Duration) -> String {
    format!("{:.0} MB/s", per_second(corpus, took))
}

/// What this thread has been given of a processor so far.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.try_into().unwrap_or(0),
        now.tv_nsec.try_into().unwrap_or(0),
    )
}
