//! How long pushes and clones take through Exeat, against the same made directly.
//!
//! `cargo bench --bench push` pushes and clones with real git, in turns: over TLS to a small forge, and over TLS through Exeat
//! to the same forge; near, and over a link that takes 40 ms there and back; one pusher at a time, and 32 at once; two
//! hundred small pushes, for what nearly all of them take; clones through nginx as well, where it is installed; and what the review
//! queue adds (who pushes, sealing, gathering). Exeat is the built binary, serving as a user would have it serve, with its data on disk.
//! Only ratios of one run mean anything: both sides of a ratio saw the same machine. What comes out is written to
//! `benches/record/`. `-- --rounds 7` takes fewer rounds, `-- --only push` (or small, history, parallel, queue) a part, unrecorded.
//! `cargo test --bench push` does a little of everything, to see that it works.

#[path = "push/clones.rs"]
mod clones;
#[path = "push/content.rs"]
mod content;
#[path = "push/figures.rs"]
mod figures;
#[path = "push/ground.rs"]
mod ground;
#[path = "push/identity.rs"]
mod identity;
#[path = "push/kept.rs"]
mod kept;
#[path = "push/machine.rs"]
mod machine;
#[path = "push/nginx.rs"]
mod nginx;
#[path = "push/parallel.rs"]
mod parallel;
#[path = "push/pushes.rs"]
mod pushes;
#[path = "push/queue.rs"]
mod queue;
#[path = "push/recognition.rs"]
mod recognition;
#[path = "push/record.rs"]
mod record;
#[path = "push/relay.rs"]
mod relay;
#[path = "push/small.rs"]
mod small;
#[path = "push/text.rs"]
mod text;

use anyhow::Context as _;

use figures::milliseconds;
use ground::Ground;
use record::Record;

/// How much of everything is done.
pub(crate) struct Scale {
    /// Rounds that count of the small pushes; one before them does not.
    pub(crate) rounds: usize,
    /// The same where nearly all pushes are of interest.
    pub(crate) small_rounds: usize,
    pub(crate) history_rounds: usize,
    pub(crate) history_megabytes: usize,
    pub(crate) parallel_rounds: usize,
    pub(crate) pushers: usize,
    /// Files of a push that waits for reviewers.
    pub(crate) shown_files: usize,
}

const FULL: Scale = Scale {
    rounds: 21,
    small_rounds: 200,
    history_rounds: 7,
    history_megabytes: 100,
    parallel_rounds: 9,
    pushers: 32,
    shown_files: 1_000,
};
/// Where only the working is of interest.
const SMOKE: Scale = Scale {
    rounds: 1,
    small_rounds: 1,
    history_rounds: 0,
    history_megabytes: 2,
    parallel_rounds: 1,
    pushers: 3,
    shown_files: 20,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    let after = |word: &str| {
        let at = arguments.iter().position(|argument| argument == word)?;
        arguments.get(at + 1)
    };
    // `cargo bench` says `--bench`, `cargo test --bench push` does not.
    let full = says("--bench") && !says("--test");
    let mut scale = if full { FULL } else { SMOKE };
    if let Some(rounds) = after("--rounds") {
        let rounds = rounds.parse().ok().filter(|&rounds: &usize| rounds > 0);
        let rounds = rounds.context("--rounds needs a number")?;
        scale.rounds = rounds;
        scale.small_rounds = rounds;
        scale.history_rounds = rounds;
        scale.parallel_rounds = rounds;
    }
    let only = after("--only").map(String::as_str);
    let facts = machine::facts()?;
    let ground = Ground::prepare()?;
    for (name, fact) in &facts {
        println!("{name:<10} {fact}");
    }
    let mut record = Record::default();
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    if wanted("push") {
        pushes::commits(&ground, &scale, &mut record)?;
    }
    if wanted("small") {
        small::run(&ground, &scale, &mut record)?;
    }
    if wanted("history") {
        let repository = pushes::history(&ground, &scale, &mut record)?;
        clones::run(&ground, &scale, &repository, &mut record)?;
    }
    if wanted("parallel") {
        parallel::run(&ground, &scale, &mut record)?;
    }
    if wanted("queue") {
        recognition::run(&ground, &scale, &mut record)?;
        queue::sealing(&ground, &scale, &mut record)?;
        queue::shown(&ground, &scale, &mut record)?;
    }
    record.note(format!(
        "Recording a decision durably took {} on average. Load at the end: {}.",
        milliseconds(ground.mean_of("exeat_audit_append_duration_seconds")?),
        machine::load()
    ));
    record.note(
        "The far forge stands behind a relay that lets bytes through 20 ms late either way and connections after 40 ms; TCP's slow \
         start is not imitated, which would favour Exeat's kept connections further."
            .into(),
    );
    ground.end()?;
    if full && only.is_none() {
        record.write(&facts)?;
    }
    Ok(())
}
