//! Many pushers at the same time, each to a repository of its own.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::Scale;
use crate::ground::{Ground, Way};
use crate::record::{Goal, Record};
use crate::text::Commits;

const WAYS: [Way; 2] = [Way::Direct, Way::Through];

pub(crate) fn run(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    let mut pushers = Vec::new();
    for number in 0..scale.pushers {
        let slug = format!("pusher{number}");
        for way in WAYS {
            ground.make_repository(way, &slug)?;
        }
        pushers.push((Commits::begin(ground, &slug, 1, 1_000, false)?, slug));
    }
    ground.forget_peak();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=scale.parallel_rounds {
        for (commits, _) in &mut pushers {
            commits.next()?;
        }
        for step in 0..WAYS.len() {
            let index = (round + step) % WAYS.len();
            let orders = pushers
                .iter()
                .map(|(commits, slug)| (commits.folder().clone(), ground.url(WAYS[index], slug)));
            let took = all_at_once(ground, orders.collect())?;
            if round > 0 {
                times[index].push(took);
            }
        }
    }
    for (commits, slug) in &pushers {
        for way in WAYS {
            ground.check_arrived(way, slug, commits.folder())?;
        }
    }
    record.compare(
        &format!("{} pushers at once, throughput", scale.pushers),
        (Way::Direct, times[0].as_slice()),
        (Way::Through, times[1].as_slice()),
        Goal::Least(0.7),
    );
    record.note(format!(
        "Exeat took at most {} MiB of memory while {} pushed at once.",
        ground.peak_memory()?,
        scale.pushers
    ));
    Ok(())
}

/// Until the last of them has ended.
fn all_at_once(ground: &Ground, orders: Vec<(PathBuf, String)>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let begun: anyhow::Result<Vec<Child>> = orders
        .iter()
        .map(|(folder, url)| {
            let mut command = ground.command();
            command
                .args(["push", "--quiet", url, "main"])
                .current_dir(folder)
                .stdin(Stdio::null())
                .stderr(Stdio::piped());
            command.spawn().context("git")
        })
        .collect();
    for child in begun? {
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "a push among many: {said}");
    }
    Ok(start.elapsed())
}
