//! What taking texts apart costs beside scanning them as they stand, on one thread.
//!
//! `cargo bench --bench extract`, or `cargo test --bench extract` with the profile of the tests. `EXEAT_CORPUS` names folders with `:`
//! between them; without it the sources of this crate are taken, in one round, to see that it works. `EXEAT_ROUNDS` says how
//! many rounds there are. In each all files pass three ways: scanned, scanned and looked into, and looked into while nobody looks at
//! what comes out. Of each way and file the smallest time of all rounds counts, so that what else the machine does is told least.
//!
//! Behind what all files take stands what those alone take that git calls text: in trees with pictures, archives or databases these
//! decide about the whole, because they are unpacked and nearly nothing of them is scanned as it stands.

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
        "| corpus | MB | scan ms | extraction ms | of it decoding | and scanning layers | of scan | texts MB | texts alone, of scan |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for folder in folders {
        let files = read(&folder, if is_full { usize::MAX } else { SMOKE_BYTES });
        assert!(!files.is_empty(), "{} holds no files", folder.display());
        let costs = measure(&mut examiner, &files, rounds);
        println!("{}", row(&folder, &files, &costs));
    }
}

/// What files took, each in its best round.
#[derive(Clone, Copy, Default)]
struct Costs {
    bytes: usize,
    scan: Duration,
    /// Scanned and looked into.
    whole: Duration,
    /// Looked into, and nothing of it scanned.
    decoding: Duration,
}

impl Costs {
    fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.scan += other.scan;
        self.whole += other.whole;
        self.decoding += other.decoding;
    }

    fn extraction(&self) -> Duration {
        self.whole.saturating_sub(self.scan)
    }

    fn ratio(&self) -> String {
        let ratio = self.extraction().as_secs_f64() / self.scan.as_secs_f64();
        let verdict = if ratio > MOST { ", too much" } else { "" };
        format!("{:.1} %{verdict}", ratio * 1e2)
    }
}

/// What each file took.
fn measure(examiner: &mut Examiner, files: &[Vec<u8>], rounds: usize) -> Vec<Costs> {
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
    let [scan, whole, decoding] = least;
    let times = scan.into_iter().zip(whole).zip(decoding);
    let costs = |(file, ((scan, whole), decoding)): (&Vec<u8>, _)| Costs {
        bytes: file.len(),
        scan,
        whole,
        decoding,
    };
    files.iter().zip(times).map(costs).collect()
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

fn row(folder: &Path, files: &[Vec<u8>], costs: &[Costs]) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let (mut all, mut texts) = (Costs::default(), Costs::default());
    for (file, costs) in files.iter().zip(costs) {
        all.add(costs);
        if is_text(file) {
            texts.add(costs);
        }
    }
    let extraction = all.extraction();
    let layers = extraction.saturating_sub(all.decoding);
    let [scan, extraction, decoding, layers] =
        [all.scan, extraction, all.decoding, layers].map(|time| time.as_secs_f64() * 1e3);
    format!(
        "| {name} | {:.1} | {scan:.1} | {extraction:.1} | {decoding:.1} | {layers:.1} | {} | {:.1} | {} |",
        all.bytes as f64 / 1e6,
        all.ratio(),
        texts.bytes as f64 / 1e6,
        texts.ratio(),
    )
}

/// Whether git calls it text: no zero stands in its first 8,000 bytes.
fn is_text(file: &[u8]) -> bool {
    !file.iter().take(8_000).any(|&byte| byte == 0)
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
