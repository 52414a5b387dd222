//! What taking texts apart costs beside scanning them as they stand, on one thread.
//!
//! `cargo bench --bench extract`, or `cargo test --bench extract` with the profile of the tests. `EXEAT_CORPUS` names folders with `:`
//! between them; without it the sources of this crate are taken, in one round, to see that it works. `EXEAT_ROUNDS` says how
//! many rounds there are. In each all files pass three ways: scanned, scanned and looked into, and looked into while nobody looks at
//! what comes out. Of each way and file the smallest time of all rounds counts, so that what else the machine does is told least.

use std::{
    hint::black_box,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use exeat_inspect::{
    Examiner, FingerprintKey,
    extract::{self, Limits, See, Trail},
};
use exeat_rules::{RuleSet, builtin};
use rustix::time::{ClockId, clock_gettime};

/// What extraction shall cost of the scan of an ordinary source tree, at most.
const MOST: f64 = 0.15;
/// Longer files are looked into one at a time, by another way.
const MOST_FILE: usize = 8 << 20;
/// Bytes of a folder that are enough to see that it works.
const SMOKE_BYTES: usize = 4 << 20;

fn main() {
    let named = std::env::var_os("EXEAT_CORPUS");
    let is_full = named.is_some();
    let folders: Vec<PathBuf> = match &named {
        Some(named) => std::env::split_paths(named).collect(),
        None => vec![env!("CARGO_MANIFEST_DIR").into()],
    };
    let rounds = std::env::var("EXEAT_ROUNDS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok());
    let rounds = rounds.unwrap_or(if is_full { 5 } else { 1 });
    let rules = RuleSet::compile(&builtin()).expect("because the built-in rules compile");
    let mut examiner = Examiner::new(Arc::new(rules.rules), FingerprintKey::new([0; 32]));
    println!(
        "| corpus | MB | scan ms | extraction ms | of it decoding | and scanning layers | of scan |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for folder in folders {
        let files = read(&folder, if is_full { usize::MAX } else { SMOKE_BYTES });
        assert!(!files.is_empty(), "{} holds no files", folder.display());
        let costs = measure(&mut examiner, &files, rounds);
        println!("{}", row(&folder, &files, &costs));
    }
}

/// What all texts took, each in its best round.
struct Costs {
    scan: Duration,
    /// Scanned and looked into.
    whole: Duration,
    /// Looked into, and nothing of it scanned.
    decoding: Duration,
}

fn measure(examiner: &mut Examiner, files: &[Vec<u8>], rounds: usize) -> Costs {
    let limits = Limits::default();
    let mut least = [(); 3].map(|()| vec![Duration::MAX; files.len()]);
    // The first round fills the caches.
    for round in 0..=rounds.max(1) {
        let [scan, whole, decoding] = &mut least;
        pass(files, scan, |text| drop(black_box(examiner.scan(text))));
        pass(files, whole, |text| {
            drop(black_box(examiner.examine(text)));
        });
        pass(files, decoding, |text| {
            drop(black_box(extract::look_into(
                text,
                None,
                &limits,
                &mut Unseen,
            )));
        });
        if round == 0 {
            least.iter_mut().for_each(|times| times.fill(Duration::MAX));
        }
    }
    let [scan, whole, decoding] = least.map(|times| times.iter().sum());
    Costs {
        scan,
        whole,
        decoding,
    }
}

/// Goes through all files in one way: whoever sees a file twice in a row knows its turns by heart.
fn pass(files: &[Vec<u8>], least: &mut [Duration], mut way: impl FnMut(&[u8])) {
    for (text, least) in files.iter().zip(least) {
        // From the memory to the processor: reading it is no part of any way.
        black_box(text.iter().fold(0, |sum, byte| sum ^ byte));
        let start = processor_time();
        way(text);
        *least = processor_time().saturating_sub(start).min(*least);
    }
}

/// Nobody: what is not held is read to its end, as it is where somebody looks.
struct Unseen;

impl See for Unseen {
    fn text(&mut self, _: &[u8], _: &Trail<'_>) {}

    fn long(&mut self, text: &mut dyn Read, _: &Trail<'_>) -> io::Result<()> {
        io::copy(text, &mut io::sink()).map(|_| ())
    }
}

fn row(folder: &Path, files: &[Vec<u8>], costs: &Costs) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let extraction = costs.whole.saturating_sub(costs.scan);
    let layers = extraction.saturating_sub(costs.decoding);
    let ratio = extraction.as_secs_f64() / costs.scan.as_secs_f64();
    let verdict = if ratio > MOST { ", too much" } else { "" };
    let [scan, extraction, decoding, layers] =
        [costs.scan, extraction, costs.decoding, layers].map(|time| time.as_secs_f64() * 1e3);
    format!(
        "| {name} | {:.1} | {scan:.1} | {extraction:.1} | {decoding:.1} | {layers:.1} | {:.1} %{verdict} |",
        bytes as f64 / 1e6,
        ratio * 1e2,
    )
}

/// What this thread has been given of a processor so far.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The files of a folder that are not hidden, up to `most` bytes of them.
fn read(folder: &Path, most: usize) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_hidden => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && !is_hidden => {
                    let content = std::fs::read(entry.path()).unwrap_or_default();
                    if content.len() <= MOST_FILE && bytes + content.len() <= most {
                        bytes += content.len();
                        files.push(content);
                    }
                }
                _ => {}
            }
        }
    }
    files
}
