//! `exeat rules cost`: what each rule costs on files, the worst first.

use std::cmp::Reverse;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use exeat_rules::{Cost, Costs, Scratch};

use super::{Configured, Format, counted, read_below, told_left_out};

/// Largest file that is measured, in bytes: the engine reads larger ones in windows.
const MOST: u64 = 8 << 20;

/// Measure each rule on files, the worst first
///
/// Times depend on the machine; hits, runs, steps, fallbacks and matches are the same everywhere. A fallback is a search whose
/// automaton needed too many states, so that a slower way was taken. The rules run for themselves,
/// one after the other on one core, so the sum is a little more than a scan takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders to measure on
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Rule files, "builtin", "shipped", or the name of a pack that is off; without any, those of the configuration
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// At most this many rules
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    let rules = args.configured.compile(&args.rules)?;
    let mut scratch = Scratch::new(&rules);
    let mut costs = Costs::default();
    let left_out = read_below(&args.paths, MOST, &mut |content| {
        rules.measure(content, &mut scratch, &mut costs);
    });
    let mut order: Vec<usize> = (0..costs.rules.len()).collect();
    let cost = |index: usize| costs.rules.get(index).cloned().unwrap_or_default();
    order.sort_by_key(|&index| Reverse((cost(index).time, cost(index).steps)));
    let mut text = String::new();
    let sum: Duration = costs.rules.iter().map(|cost| cost.time).sum();
    if args.format == Format::Text {
        writeln!(
            text,
            "{} in {} bytes; keywords {:.1} ms, rules {:.1} ms{}",
            counted(usize::try_from(costs.texts).unwrap_or(usize::MAX), "file"),
            costs.bytes,
            milliseconds(costs.keywords),
            milliseconds(sum),
            told_left_out(left_out)
        )?;
        writeln!(
            text,
            "{:>9}  {:>9}  {:>9}  {:>12}  {:>9}  {:>8}  rule",
            "ms", "hits", "runs", "steps", "fallbacks", "matches"
        )?;
    }
    for index in order.into_iter().take(args.limit) {
        let cost = cost(index);
        let id = &rules.rule(index).id;
        match args.format {
            Format::Text => row(&mut text, id, &cost)?,
            Format::Jsonl => writeln!(text, "{}", json(id, &cost))?,
        }
    }
    Ok(text)
}

fn row(text: &mut String, id: &str, cost: &Cost) -> std::fmt::Result {
    let unread = match usize::try_from(cost.unread).unwrap_or(usize::MAX) {
        0 => String::new(),
        more => format!(" (too many steps for {})", counted(more, "file")),
    };
    writeln!(
        text,
        "{:>9.2}  {:>9}  {:>9}  {:>12}  {:>9}  {:>8}  {id}{unread}",
        milliseconds(cost.time),
        cost.keyword_hits,
        cost.regex_runs,
        cost.steps,
        cost.fallbacks,
        cost.matches
    )
}

fn json(id: &str, cost: &Cost) -> serde_json::Value {
    serde_json::json!({
        "rule": id,
        "microseconds": u64::try_from(cost.time.as_micros()).unwrap_or(u64::MAX),
        "keyword_hits": cost.keyword_hits,
        "regex_runs": cost.regex_runs,
        "steps": cost.steps,
        "fallbacks": cost.fallbacks,
        "unread": cost.unread,
        "matches": cost.matches,
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
