//! What a reader of the figures must know of the machine.

use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

use anyhow::ensure;

use crate::figures::{Figures, milliseconds};
use crate::ground::{PLACE, output};
use crate::kept::revision;

/// Name and fact, in the order in which they are told.
pub(crate) fn facts() -> anyhow::Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let git = output(Command::new("git").arg("--version"))?;
    let kind = output(Command::new("df").arg("--output=fstype").arg(PLACE))?;
    let kind = kind.lines().last().unwrap_or_default().trim();
    ensure!(
        kind != "tmpfs",
        "{PLACE} is in memory, where making durable costs nothing; set CARGO_TARGET_DIR to a folder on disk"
    );
    let processor = processor();
    Ok(vec![
        (
            "machine",
            format!("{cores} cores ({processor}), load {} at the start", load()),
        ),
        ("git", git.trim_start_matches("git version ").to_owned()),
        (
            "exeat",
            format!(
                "{} at {} ({})",
                env!("CARGO_PKG_VERSION"),
                revision(),
                profile()
            ),
        ),
        (
            "disk",
            format!("{kind}; a synchronised write of 4 KiB takes {}", sync()?),
        ),
    ])
}

/// How many processes want a core, averaged over a minute: above the number of cores, times are those of a busy machine.
pub(crate) fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().unwrap_or("unknown").to_owned()
}

fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = told
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let name = lines
        .next()
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or("unknown").to_owned()
}

/// The median of a few.
fn sync() -> anyhow::Result<String> {
    let mut file = tempfile::tempfile_in(PLACE)?;
    let mut times = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(milliseconds(Figures::of(&times).median))
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "built for tests: its figures mean nothing"
    } else {
        "built for release"
    }
}
