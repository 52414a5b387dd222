//! Both programs on one pack, in turns.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::history::{PackFile, git};

/// Times of both, and the most memory that either took, in bytes.
#[derive(Default)]
pub(crate) struct Turns {
    pub(crate) git: Vec<Duration>,
    pub(crate) exeat: Vec<Duration>,
    pub(crate) git_bytes: u64,
    pub(crate) exeat_bytes: u64,
}

pub(crate) fn turns(pack: &PackFile, place: &Path, rounds: usize) -> anyhow::Result<Turns> {
    let mut turns = Turns::default();
    // The round before the first warms the cache of files.
    for round in 0..=rounds {
        let folder = place.join("indexed");
        git(place, &["init", "--quiet", "--bare", "indexed"], None)?;
        let mut index = Command::new("git");
        index
            .args(["index-pack", "--threads=2", "--stdin"])
            .current_dir(&folder)
            .stdin(File::open(&pack.path)?);
        let (by_git, git_bytes) = run(index, &[0])?;
        std::fs::remove_dir_all(&folder)?;
        let mut scan = Command::new(env!("CARGO_BIN_EXE_exeat"));
        scan.args(["scan", "--format", "json", "--pack"])
            .arg(&pack.path)
            .stdin(Stdio::null());
        // 1 says that there are findings, 2 that something was not read.
        let (by_exeat, exeat_bytes) = run(scan, &[0, 1, 2])?;
        if round > 0 || rounds == 1 {
            turns.git.push(by_git);
            turns.exeat.push(by_exeat);
        }
        turns.git_bytes = turns.git_bytes.max(git_bytes);
        turns.exeat_bytes = turns.exeat_bytes.max(exeat_bytes);
    }
    Ok(turns)
}

/// How long it runs, and the most memory it held.
fn run(mut command: Command, codes: &[i32]) -> anyhow::Result<(Duration, u64)> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().context("starting it")?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        if let Some(done) = child.try_wait()? {
            break done.code();
        }
        peak = peak.max(resident_peak(&status));
        std::thread::sleep(Duration::from_micros(500));
    };
    let took = start.elapsed();
    ensure!(
        code.is_some_and(|code| codes.contains(&code)),
        "{command:?} ended with {code:?}"
    );
    Ok((took, peak))
}

/// The most bytes that a process has held so far.
fn resident_peak(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}
