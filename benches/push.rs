//! How long a push takes through Exeat, against the same push made directly.
//!
//! `cargo bench --bench push` makes commits and pushes each of them with real git, in turns: to a path on this machine
//! (git's own floor), over TLS to a small forge, and over TLS through Exeat to the same forge. Exeat is the built binary,
//! serving as a user would have it serve, with its data on disk. One more way tells apart what Exeat takes and what git
//! takes because Exeat asks for packs that stand by themselves. Only ratios of one run mean anything: both sides of a
//! ratio saw the same machine. `cargo test --bench push` runs two rounds, to see that it works.

#[path = "push/figures.rs"]
mod figures;
#[path = "push/ground.rs"]
mod ground;
#[path = "push/tap.rs"]
mod tap;
#[path = "push/text.rs"]
mod text;

use std::time::{Duration, Instant};

use anyhow::Context as _;

use figures::{Figures, median_ratio, milliseconds};
use ground::{Ground, Way};
use text::Commits;

/// Rounds that count, unless `--rounds` says otherwise.
const ROUNDS: usize = 21;
/// Rounds where only the working is of interest.
const SMOKE: usize = 2;

/// What is pushed in each round: one commit with this many new files of this many bytes.
struct Case {
    name: &'static str,
    /// Part of the repositories' names.
    slug: &'static str,
    files: usize,
    bytes: usize,
}

const CASES: [Case; 2] = [
    Case {
        name: "1 file of 1 KB",
        slug: "small",
        files: 1,
        bytes: 1_000,
    },
    Case {
        name: "1 MB of source-like text in 40 files",
        slug: "large",
        files: 40,
        bytes: 25_000,
    },
];

fn main() -> anyhow::Result<()> {
    let rounds = rounds()?;
    let ground = Ground::prepare()?;
    println!("Pushes to a path, directly, and through Exeat: the same commits, in turns.\n");
    for (name, fact) in ground.facts()? {
        println!("{name:<10} {fact}");
    }
    println!("rounds     {rounds} of each, after one that does not count");
    for case in &CASES {
        run(&ground, case, rounds)?;
    }
    println!("\nLoad at the end: {}.", ground::load());
    println!(
        "Recording a decision durably took {} on average.",
        milliseconds(ground.mean_of("exeat_audit_append_duration_seconds")?)
    );
    ground.end()
}

/// `cargo bench` says `--bench`; without it (`cargo test --bench push`) two rounds do.
fn rounds() -> anyhow::Result<usize> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|word| word == "--rounds") {
        let number = arguments.get(at + 1).and_then(|word| word.parse().ok());
        return number
            .filter(|&number| number > 0)
            .context("--rounds needs a number");
    }
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    Ok(if says("--bench") && !says("--test") {
        ROUNDS
    } else {
        SMOKE
    })
}

fn run(ground: &Ground, case: &Case, rounds: usize) -> anyhow::Result<()> {
    let mut commits = Commits::begin(ground, case.slug, case.files, case.bytes)?;
    for way in Way::ALL {
        ground.make_repository(way, case.slug)?;
    }
    let before = ground.processor_time()?;
    let mut times = Way::ALL.map(|_| Vec::with_capacity(rounds));
    for round in 0..=rounds {
        commits.next()?;
        // Whoever goes first warms the caches for the others, so each way goes first in its turn.
        for step in 0..Way::ALL.len() {
            let index = (round + step) % Way::ALL.len();
            let took = push(ground, &commits, Way::ALL[index], case.slug)?;
            if round > 0 {
                times[index].push(took);
            }
        }
    }
    let taken = ground.processor_time()?.saturating_sub(before);
    let shares = shares(ground, &mut commits, case.slug, rounds)?;
    for way in Way::ALL {
        ground.check_arrived(way, case.slug, &commits)?;
    }
    print(case, &times, &shares);
    println!(
        "  Exeat took {} of processor time per push",
        milliseconds(taken / u32::try_from(rounds + 1)?)
    );
    Ok(())
}

fn push(ground: &Ground, commits: &Commits, way: Way, slug: &str) -> anyhow::Result<Duration> {
    let url = ground.url(way, slug);
    let start = Instant::now();
    ground.git(
        commits.folder(),
        &["push", "--quiet", way.packing(), &url, "main"],
    )?;
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
    for way in [Way::Path, Way::PathWhole, Way::Direct] {
        push(ground, commits, way, slug)?;
    }
    Ok(shares)
}

fn print(case: &Case, times: &[Vec<Duration>; 4], shares: &[Duration]) {
    println!("\n{}\n{:26}    median       min       max", case.name, "");
    for (way, times) in Way::ALL.iter().zip(times) {
        println!("  {:24}{}", way.name(), Figures::of(times));
    }
    println!("  {:24}{}", "Exeat's own share *", Figures::of(shares));
    let [path, whole, direct, through] = times;
    print_ratio("through / direct", through, direct);
    print_ratio("--no-thin / path", whole, path);
    println!(
        "  * from the last byte of the push to the first byte to the forge, in pushes of their own"
    );
}

fn print_ratio(name: &str, over: &[Duration], under: &[Duration]) {
    let (of_over, of_under) = (Figures::of(over), Figures::of(under));
    println!(
        "  {name:24}  {:.2} of medians, {:.2} of minima, {:.2} median of rounds",
        of_over.median.as_secs_f64() / of_under.median.as_secs_f64(),
        of_over.min.as_secs_f64() / of_under.min.as_secs_f64(),
        median_ratio(over, under),
    );
}
