//! One pusher at a time: a small commit, a large one, and a history.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::Scale;
use crate::figures::milliseconds;
use crate::ground::{Ground, Way};
use crate::record::{Goal, Record, median};
use crate::text::{self, Commits};

/// What is pushed in each round: one commit with this many new files of this many bytes, or with a line changed in each.
struct Case {
    name: &'static str,
    /// Part of the repositories' names.
    slug: &'static str,
    files: usize,
    bytes: usize,
    edited: bool,
    /// With the forge near, and far.
    goals: [Goal; 2],
}

const CASES: [Case; 3] = [
    Case {
        name: "push of 1 file of 1 KB",
        slug: "small",
        files: 1,
        bytes: 1_000,
        edited: false,
        goals: [Goal::Most(1.3), Goal::Most(1.0)],
    },
    // So many files that git searches deltas with as many threads whether or not it may use what the other side has: below
    // twenty objects for each thread (two windows, `ll_find_deltas` in builtin/pack-objects.c) it takes fewer, and with
    // --thin the files of the commits before count as well.
    Case {
        name: "push of 1 MB in 64 new files",
        slug: "large",
        files: 64,
        bytes: 15_600,
        edited: false,
        goals: [Goal::Most(1.3), Goal::Most(1.3)],
    },
    // The dearest case for packs without bases from elsewhere: the same change takes 4 KB with them.
    Case {
        name: "push of a line in each of 40 files, 1 MB",
        slug: "edited",
        files: 40,
        bytes: 25_000,
        edited: true,
        goals: [Goal::Most(2.0), Goal::Most(2.0)],
    },
];

const WAYS: [Way; 6] = [
    Way::Path,
    Way::PathWhole,
    Way::Direct,
    Way::Through,
    Way::FarDirect,
    Way::FarThrough,
];

/// The small and the large commit, near and far.
pub(crate) fn commits(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    for case in &CASES {
        commit(ground, case, scale.rounds, record)?;
    }
    Ok(())
}

fn commit(ground: &Ground, case: &Case, rounds: usize, record: &mut Record) -> anyhow::Result<()> {
    let mut commits = Commits::begin(ground, case.slug, case.files, case.bytes, case.edited)?;
    for way in WAYS {
        ground.make_repository(way, case.slug)?;
    }
    let before = ground.processor_time()?;
    let mut times = WAYS.map(|_| Vec::with_capacity(rounds));
    for round in 0..=rounds {
        commits.next()?;
        // Whoever goes first warms the caches for the others, so each way goes first in its turn.
        for step in 0..WAYS.len() {
            let index = (round + step) % WAYS.len();
            let took = push(ground, commits.folder(), WAYS[index], case.slug)?;
            if round > 0 {
                times[index].push(took);
            }
        }
    }
    // Two of the ways lead through it.
    let taken = ground.processor_time()?.saturating_sub(before) / 2;
    let shares = shares(ground, &mut commits, case.slug, rounds)?;
    for way in WAYS {
        ground.check_arrived(way, case.slug, commits.folder())?;
    }
    let [path, whole, direct, through, far_direct, far_through] = &times;
    record.compare(
        case.name,
        (Way::Direct, direct.as_slice()),
        (Way::Through, through.as_slice()),
        case.goals[0],
    );
    record.compare(
        &format!("{}, forge 40 ms away", case.name),
        (Way::Direct, far_direct.as_slice()),
        (Way::Through, far_through.as_slice()),
        case.goals[1],
    );
    record.compare(
        &format!("{}, no proxy, packed as Exeat asks", case.name),
        (Way::Path, path.as_slice()),
        (Way::PathWhole, whole.as_slice()),
        Goal::None,
    );
    record.note(format!(
        "{}: from the last byte in to the first byte out Exeat took {} (pushes of their own, looked at from outside), and {} of \
         processor time a push.",
        case.name,
        median(&shares),
        milliseconds(taken / u32::try_from(rounds + 1)?)
    ));
    Ok(())
}

pub(crate) fn push(
    ground: &Ground,
    folder: &Path,
    way: Way,
    slug: &str,
) -> anyhow::Result<Duration> {
    let url = ground.url(way, slug);
    let start = Instant::now();
    ground.git(folder, &["push", "--quiet", way.packing(), &url, "main"])?;
    Ok(start.elapsed())
}

/// Times from a request's last byte to the first byte on the way to the forge, seen from outside. Looking costs time, so
/// these pushes are not among those that are compared.
fn shares(
    ground: &Ground,
    commits: &mut Commits,
    slug: &str,
    rounds: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut shares = Vec::new();
    for round in 0..=rounds.div_ceil(2) {
        commits.next()?;
        ground.taps.forget();
        let url = ground.tapped_url(slug);
        ground.git(commits.folder(), &["push", "--quiet", &url, "main"])?;
        let share = ground
            .taps
            .last_pause()
            .context("nothing was seen on its way")?;
        if round > 0 {
            shares.push(share);
        }
    }
    for way in WAYS.into_iter().filter(|way| *way != Way::Through) {
        push(ground, commits.folder(), way, slug)?;
    }
    Ok(shares)
}

/// A first push of a history: a pack that git has at hand. Returns the repository that directly took it, for clones.
pub(crate) fn history(
    ground: &Ground,
    scale: &Scale,
    record: &mut Record,
) -> anyhow::Result<String> {
    let folder = ground.place("work-history")?;
    let bytes = text::history(ground, &folder, scale.history_megabytes)?;
    ground.forget_peak();
    let ways = [Way::Direct, Way::Through];
    let mut times = [Vec::new(), Vec::new()];
    let mut kept = String::new();
    for round in 0..=scale.history_rounds {
        let slug = format!("history{round}");
        for step in 0..2 {
            let index = (round + step) % 2;
            let way = ways[index];
            ground.make_repository(way, &slug)?;
            let took = push(ground, &folder, way, &slug)?;
            ground.check_arrived(way, &slug, &folder)?;
            if round > 0 || scale.history_rounds == 0 {
                times[index].push(took);
            }
            if round < scale.history_rounds || way == Way::Through {
                ground.remove_repository(way, &slug)?;
            } else {
                kept = way.repository(&slug);
            }
        }
    }
    let megabytes = bytes / 1_000_000;
    record.compare(
        &format!("push of a pack of {megabytes} MB"),
        (Way::Direct, times[0].as_slice()),
        (Way::Through, times[1].as_slice()),
        Goal::Most(1.5),
    );
    record.note(format!(
        "Exeat took at most {} MiB of memory while packs of {megabytes} MB passed.",
        ground.peak_memory()?
    ));
    Ok(kept)
}
