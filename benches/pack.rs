//! How long the inspection of packs takes, against git's `index-pack` of the same packs.
//!
//! `cargo bench --bench pack` takes turns: `git index-pack --threads=2`, which a forge has to run on whatever it is sent, and
//! `exeat scan --pack`, which is exactly the inspection of the proxy, with all built-in rules. Then it inspects each pack in this
//! process for a table of the stages, once more with the verdicts of the first time, and compares that with resolving and hashing
//! alone. `EXEAT_PACKS` names packs, or folders that hold some, with ':' between them; without it a history is generated.
//! `git pack-objects --revs --all --delta-base-offset --stdout </dev/null` writes a history as `git push` sends it, where most bases stand a few
//! objects before; in what a forge sends to who clones from it they stand hundreds before, and are built again or waited for.
//! `-- --only growth` inspects generated histories of 10, 100 and 1,000 MB, `-- --only small` pushes of one commit. `-- --rounds 3` takes
//! fewer rounds. What comes out is written to `benches/record/`. `cargo test --bench pack` does a little of everything, to see that it works.

#[path = "pack/alone.rs"]
mod alone;
#[path = "push/asked.rs"]
mod asked;
#[path = "push/content.rs"]
#[allow(dead_code, reason = "the pushes' bench makes images as well")]
mod content;
#[path = "push/figures.rs"]
mod figures;
#[path = "pack/growth.rs"]
mod growth;
#[path = "pack/history.rs"]
mod history;
#[path = "push/kept.rs"]
mod kept;
#[path = "../proxy/inspect/tests/made/mod.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it is shared with tests, which take more of it and end where they cannot go on"
)]
mod made;
#[path = "pack/programs.rs"]
mod programs;
#[path = "pack/small.rs"]
mod small;
#[path = "pack/stages.rs"]
mod stages;

use std::fmt::Write as _;
use std::path::Path;

use asked::Asked;
use figures::{Figures, Ratio};

/// Commits of the history that is generated, and where only the working is of interest.
const COMMITS: usize = 3_000;
const SMOKE_COMMITS: usize = 30;
/// Pushes of one commit.
const PUSHES: usize = 1_000;
/// What is wanted of the ratio, and what is not done.
const WANTED: f64 = 0.5;
const NOT_DONE: f64 = 0.8;
/// What an inspection that knows all verdicts may take over resolving and hashing alone.
const BESIDE: f64 = 1.2;

fn main() -> anyhow::Result<()> {
    let asked = Asked::read()?;
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let only = only();
    let wanted = |part: &str| match &only {
        Some(only) => only == part,
        // The longest history takes minutes.
        None => !asked.full || part != "growth",
    };
    if wanted("packs") {
        let told = packs(&asked, place.path())?;
        tell(
            &asked,
            "-packs",
            "packs inspected, and indexed by git",
            told,
        )?;
    }
    if wanted("small") {
        let told = small::run(asked.rounds(PUSHES))?;
        tell(&asked, "-small", "pushes of one commit, inspected", told)?;
    }
    if wanted("growth") {
        let told = growth::run(place.path(), asked.full)?;
        tell(
            &asked,
            "-growth",
            "histories of growing length, inspected, and indexed by git",
            told,
        )?;
    }
    Ok(())
}

/// The only part that is asked for.
fn only() -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--only");
    arguments.nth(1)
}

/// Prints what came out, and keeps it where it is worth that.
fn tell(
    asked: &Asked,
    suffix: &str,
    title: &str,
    (body, missed): (String, Vec<String>),
) -> anyhow::Result<()> {
    let mut text = format!(
        "Exeat {} at {}, {} cores.\n\n{body}\n",
        env!("CARGO_PKG_VERSION"),
        kept::revision(),
        stages::threads(),
    );
    match missed.as_slice() {
        [] => writeln!(text, "All that is wanted was reached.")?,
        missed => writeln!(text, "Missed: {}.", missed.join("; "))?,
    }
    println!("{text}");
    if asked.is_record() {
        kept::keep(suffix, |date| {
            Ok(format!(
                "# {date}: {title}\n\nWritten by `cargo bench --bench pack`.\n\n{text}"
            ))
        })?;
    }
    Ok(())
}

/// Tables of the packs, and what was missed.
fn packs(asked: &Asked, place: &Path) -> anyhow::Result<(String, Vec<String>)> {
    let rounds = asked.rounds(5);
    let commits = if asked.full { COMMITS } else { SMOKE_COMMITS };
    let mut text = "Both programs took turns on the same pack; a ratio is the median of the rounds' own ratios, in brackets the quarters and\n\
                    that of the two smallest times. At most 0.5 is wanted.\n\n\
                    | pack | objects | MB packed / resolved | index-pack | exeat scan --pack | ratio | MB held: index-pack / exeat |\n\
                    |---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut tables = String::new();
    let mut missed = Vec::new();
    for pack in &history::packs(place, commits)? {
        let turns = programs::turns(pack, place, rounds)?;
        let ratio = Ratio::of(&turns.exeat, &turns.git);
        let told = stages::inspect(pack, rounds)?;
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
        let beside = told.beside().median;
        if beside > BESIDE {
            missed.push(format!(
                "{} with the verdicts known: {beside:.2}, at most {BESIDE}",
                pack.name
            ));
        }
    }
    Ok((text + &tables, missed))
}
