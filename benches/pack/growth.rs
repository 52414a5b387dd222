//! Histories of the same shape and growing length, through both programs: whether time grows with them, and no faster.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use crate::figures::Figures;
use crate::history::PackFile;
use crate::made::history::History;
use crate::programs;

/// Commits that make a megabyte of pack, about.
const COMMITS: usize = 235;
/// Megabytes of the packs, and how often each is gone through.
const SIZES: [(usize, usize); 3] = [(10, 5), (100, 3), (1_000, 1)];
const SMOKE: [(usize, usize); 2] = [(1, 1), (2, 1)];
/// A megabyte of the longest takes so much more than one of the shortest, at most.
const WANTED: f64 = 1.2;

/// A table, and what was missed.
pub(crate) fn run(place: &Path, full: bool) -> anyhow::Result<(String, Vec<String>)> {
    let mut text = "| MB packed | commits | index-pack | exeat scan --pack | ratio | MB/s: index-pack / exeat | MB held: index-pack / exeat |\n\
                    |---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut speeds = Vec::new();
    let sizes = if full { &SIZES[..] } else { &SMOKE[..] };
    for &(megabytes, rounds) in sizes {
        let commits = megabytes * COMMITS;
        let pack = make(&place.join("grown.pack"), commits)?;
        let turns = programs::turns(&pack, place, rounds)?;
        std::fs::remove_file(&pack.path)?;
        let (git, exeat) = (Figures::of(&turns.git), Figures::of(&turns.exeat));
        let size = pack.bytes as f64 / 1e6;
        let [git_speed, speed] = [git, exeat].map(|times| size / times.median.as_secs_f64());
        speeds.push(speed);
        writeln!(
            text,
            "| {size:.0} | {commits} | {git} | {exeat} | **{:.2}** | {git_speed:.1} / {speed:.1} | {} / {} |",
            git_speed / speed,
            turns.git_bytes / 1_000_000,
            turns.exeat_bytes / 1_000_000,
        )?;
    }
    let slower = match (speeds.first(), speeds.last()) {
        (Some(short), Some(long)) => short / long,
        _ => f64::NAN,
    };
    writeln!(
        text,
        "\nA megabyte of the longest took {slower:.2} times as long as one of the shortest."
    )?;
    let missed = (full && slower > WANTED)
        .then(|| format!("a megabyte of the longest: {slower:.2}, at most {WANTED}"));
    Ok((text, missed.into_iter().collect()))
}

fn make(path: &Path, commits: usize) -> anyhow::Result<PackFile> {
    let history = History {
        files: 600,
        bytes: 12_000,
        commits,
        changed: 3,
        edited: 3_600,
        mingled: false,
        planted: None,
        seed: 0,
    };
    history.write(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    Ok(PackFile {
        name: format!("{commits} commits"),
        path: path.to_owned(),
        bytes: std::fs::metadata(path)?.len(),
    })
}
