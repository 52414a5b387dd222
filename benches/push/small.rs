//! Small pushes, many of each: what Exeat adds to nearly all of them, not to most alone.

use std::time::Duration;

use anyhow::Context as _;

use crate::Scale;
use crate::ground::{Ground, Way};
use crate::pushes::push;
use crate::record::Record;
use crate::text::Commits;

/// What is pushed in each round: one commit with this many new files of this many bytes.
struct Case {
    name: &'static str,
    slug: &'static str,
    files: usize,
    bytes: usize,
    /// What 99 of 100 may take longer than 99 of 100 direct ones.
    added: Option<Duration>,
}

const CASES: [Case; 2] = [
    Case {
        name: "push of 1 file of 1 KB",
        slug: "one",
        files: 1,
        bytes: 1_000,
        added: None,
    },
    Case {
        name: "push of 200 KB in 20 files",
        slug: "some",
        files: 20,
        bytes: 10_000,
        added: Some(Duration::from_millis(10)),
    },
];
/// From the last byte in to the first byte out.
const TAIL: Duration = Duration::from_millis(30);

pub(crate) fn run(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    for case in &CASES {
        let mut commits = Commits::begin(ground, case.slug, case.files, case.bytes, false)?;
        let ways = [Way::Direct, Way::Through];
        for way in ways {
            ground.make_repository(way, case.slug)?;
        }
        let (mut times, mut tails) = ([Vec::new(), Vec::new()], Vec::new());
        // Those before the first that counts warm caches and connections.
        for round in 0..scale.small_rounds + scale.small_rounds.div_ceil(10) {
            commits.next()?;
            let counts = round >= scale.small_rounds.div_ceil(10);
            for step in 0..ways.len() {
                let index = (round + step) % ways.len();
                let took = push(ground, commits.folder(), ways[index], case.slug)?;
                if counts {
                    times[index].push(took);
                }
            }
            // Looking at what passes takes time: these are not among those that are compared.
            commits.next()?;
            ground.taps.forget();
            let url = ground.tapped_url(case.slug);
            ground.git(commits.folder(), &["push", "--quiet", &url, "main"])?;
            let tail = ground.taps.last_pause();
            let tail = tail.context("nothing was seen on its way")?;
            if counts {
                tails.push(tail);
            }
            push(ground, commits.folder(), Way::Direct, case.slug)?;
        }
        for way in ways {
            ground.check_arrived(way, case.slug, commits.folder())?;
        }
        record.added(case.name, &times, case.added);
        record.within(
            &format!("{}, last byte in to first byte out", case.name),
            &tails,
            TAIL,
        );
    }
    Ok(())
}
