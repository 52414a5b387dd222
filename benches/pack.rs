//! How long the inspection of packs takes, against git's `index-pack` of the same packs.
//!
//! `cargo bench --bench pack` takes turns: `git index-pack --threads=2`, which a forge has to run on whatever it is sent, and
//! `exeat scan --pack`, which is exactly the inspection of the proxy, with all built-in rules. Then it inspects each pack in this
//! process for a table of the stages, and once more with the verdicts of the first time. `EXEAT_PACKS` names packs, or folders that hold
//! some, with ':' between them; without it a history is generated. `-- --rounds 3` takes fewer rounds. What comes out is written to
//! `benches/record/`. `cargo test --bench pack` does a little of everything, to see that it works.

#[path = "push/asked.rs"]
mod asked;
#[path = "push/content.rs"]
#[allow(dead_code, reason = "the pushes' bench makes images as well")]
mod content;
#[path = "push/figures.rs"]
mod figures;
#[path = "pack/history.rs"]
mod history;
#[path = "push/kept.rs"]
mod kept;
#[path = "pack/programs.rs"]
mod programs;
#[path = "pack/stages.rs"]
mod stages;

use std::fmt::Write as _;

use asked::Asked;
use figures::{Figures, Ratio};

/// Commits of the history that is generated, and where only the working is of interest.
const COMMITS: usize = 3_000;
const SMOKE_COMMITS: usize = 30;
/// What is wanted of the ratio, and what is not done.
const WANTED: f64 = 0.5;
const NOT_DONE: f64 = 0.8;

fn main() -> anyhow::Result<()> {
    let asked = Asked::read()?;
    let (full, rounds) = (asked.full, asked.rounds(5));
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let commits = if full { COMMITS } else { SMOKE_COMMITS };
    let packs = history::packs(place.path(), commits)?;
    let mut text = format!(
        "Exeat {} at {}, {} cores.\n\n",
        env!("CARGO_PKG_VERSION"),
        kept::revision(),
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
    );
    writeln!(
        text,
        "| pack | objects | MB packed / resolved | index-pack | exeat scan --pack | ratio | MB held: index-pack / exeat |\n|---|---:|---:|---:|---:|---:|---:|"
    )?;
    let mut tables = String::new();
    let mut missed = Vec::new();
    for pack in &packs {
        let turns = programs::turns(pack, place.path(), rounds)?;
        let ratio = Ratio::of(&turns.exeat, &turns.git);
        let told = stages::inspect(pack)?;
        writeln!(
            text,
            "| {} | {} | {:.0} / {:.0} | {} | {} | **{ratio}** | {} / {} |",
            pack.name,
            told.objects,
            pack.bytes as f64 / 1e6,
            told.resolved as f64 / 1e6,
            Figures::of(&turns.git),
            Figures::of(&turns.exeat),
            turns.git_bytes / 1_000_000,
            turns.exeat_bytes / 1_000_000,
        )?;
        writeln!(tables, "\n{}: {}", pack.name, told.table())?;
        if ratio.median > WANTED {
            let short = if ratio.median > NOT_DONE {
                "not done"
            } else {
                "not reached"
            };
            missed.push(format!("{}: {:.2} ({short})", pack.name, ratio.median));
        }
    }
    text.push_str(&tables);
    match missed.as_slice() {
        [] => writeln!(text, "\nEvery ratio is at most {WANTED}.")?,
        missed => writeln!(
            text,
            "\nMissed, at most {WANTED} wanted: {}.",
            missed.join("; ")
        )?,
    }
    println!("{text}");
    if asked.is_record() {
        kept::keep("-packs", |date| {
            Ok(format!(
                "# {date}: packs inspected, and indexed by git\n\nWritten by `cargo bench --bench pack`. Both programs took turns on the same pack; a ratio \
                 is the median of the rounds' own\nratios, in brackets the quarters and that of the two smallest times.\n\n{text}"
            ))
        })?;
    }
    Ok(())
}
