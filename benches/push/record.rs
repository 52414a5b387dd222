//! What was found, on the screen and in `benches/record/`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures::{Figures, Ratio, milliseconds, percentile};
use crate::ground::Way;
use crate::kept::keep;

/// What a ratio is measured against.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most.
    Most(f64),
    /// At least; the ratio is then of throughputs, times turned around.
    Least(f64),
    /// Told to explain others, and of throughputs.
    Speed,
    /// Told to explain others.
    None,
}

/// All that was found so far.
#[derive(Default)]
pub(crate) struct Record {
    rows: Vec<String>,
    notes: Vec<String>,
    missed: Vec<String>,
}

impl Record {
    /// Compares two rows of times of the same rounds, by the ways they went.
    pub(crate) fn compare(
        &mut self,
        what: &str,
        (under_way, under): (Way, &[Duration]),
        (over_way, over): (Way, &[Duration]),
        goal: Goal,
    ) {
        self.compare_named(
            what,
            (under_way.name(), under),
            (over_way.name(), over),
            goal,
        );
    }

    /// Compares two rows of times of the same rounds.
    pub(crate) fn compare_named(
        &mut self,
        what: &str,
        (under_name, under): (&str, &[Duration]),
        (over_name, over): (&str, &[Duration]),
        goal: Goal,
    ) {
        let ratio = match goal {
            Goal::Most(_) | Goal::None => Ratio::of(over, under),
            Goal::Least(_) | Goal::Speed => Ratio::of(under, over),
        };
        let (wanted, reached) = match goal {
            Goal::Most(most) => (format!("at most {most}"), ratio.median <= most),
            Goal::Least(least) => (format!("at least {least}"), ratio.median >= least),
            Goal::None | Goal::Speed => (String::new(), true),
        };
        if !reached {
            self.missed
                .push(format!("{what}: {:.2}, {wanted}", ratio.median));
        }
        let (under, over) = (Figures::of(under), Figures::of(over));
        println!(
            "{what}\n  {under_name:32} {under}\n  {over_name:32} {over}\n  ratio {ratio}  {wanted}{}",
            if reached { "" } else { "  MISSED" }
        );
        self.rows.push(format!(
            "| {what} | {under_name}: {under} | {over_name}: {over} | **{:.2}** ({:.2} to {:.2}) | {wanted} |",
            ratio.median, ratio.quarters.0, ratio.quarters.1
        ));
    }

    /// Tells what pushes through Exeat take longer than direct ones: half of them, and 99 of 100.
    pub(crate) fn added(
        &mut self,
        what: &str,
        [direct, through]: &[Vec<Duration>; 2],
        most: Option<Duration>,
    ) {
        let at = |part| [direct, through].map(|times| percentile(times, part));
        let [half, nearly] = [50, 99].map(|part| {
            let [direct, through] = at(part);
            through.as_secs_f64() - direct.as_secs_f64()
        });
        let [direct, through] = [direct, through].map(|times| both(times));
        let wanted = most.map_or(String::new(), |most| {
            format!("at most {} more in 99 of 100", milliseconds(most))
        });
        let added = format!("{:.1} ms, {:.1} ms", half * 1e3, nearly * 1e3);
        let is_missed = most.is_some_and(|most| nearly > most.as_secs_f64());
        let row = [&direct, &through, &added, &wanted].map(String::as_str);
        self.percentiles(what, row, is_missed);
    }

    /// Tells what something took in half of all cases, and in 99 of 100, which is to be at most `most`.
    pub(crate) fn within(&mut self, what: &str, times: &[Duration], most: Duration) {
        let wanted = format!("at most {}", milliseconds(most));
        let is_missed = percentile(times, 99) > most;
        self.percentiles(what, ["", &both(times), "", &wanted], is_missed);
    }

    fn percentiles(
        &mut self,
        what: &str,
        [direct, through, added, wanted]: [&str; 4],
        is_missed: bool,
    ) {
        let missed = if is_missed { "MISSED" } else { "" };
        println!("{what}, p50 and p99\n  {direct}\n  {through}\n  {added}  {wanted}  {missed}");
        self.rows.push(format!(
            "| {what}, p50 and p99 | {direct} | {through} | {added} | {wanted} |"
        ));
        if is_missed {
            self.missed
                .push(format!("{what}: {added} {through}, {wanted}"));
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        println!("  {note}");
        self.notes.push(note);
    }

    pub(crate) fn write(&self, facts: &[(&str, String)]) -> anyhow::Result<()> {
        keep("", |date| self.text(date, facts))
    }

    fn text(&self, date: &str, facts: &[(&str, String)]) -> anyhow::Result<String> {
        let mut text = format!(
            "# {date}: pushes and clones directly and through Exeat\n\n\
             Written by `cargo bench --bench push`. Client, Exeat and forge share one machine; all ways are over TLS and took\n\
             turns. Times are medians with the smallest and the largest. A ratio is the median of the rounds' own ratios, in\n\
             brackets the quarters; it says nothing about another machine.\n\n"
        );
        for (name, fact) in facts {
            writeln!(text, "- {name}: {fact}")?;
        }
        writeln!(
            text,
            "\n| what | against | measured | ratio | to reach |\n|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            writeln!(text, "{row}")?;
        }
        writeln!(text)?;
        for note in &self.notes {
            writeln!(text, "- {note}")?;
        }
        match self.missed.as_slice() {
            [] => writeln!(text, "- Every goal was reached.")?,
            missed => writeln!(text, "- Missed: {}.", missed.join("; "))?,
        }
        Ok(text)
    }
}

/// The median, and what 99 of 100 do not exceed.
fn both(times: &[Duration]) -> String {
    [50, 99]
        .map(|part| milliseconds(percentile(times, part)))
        .join(", ")
}

/// The median as a note tells it.
pub(crate) fn median(times: &[Duration]) -> String {
    milliseconds(Figures::of(times).median)
}
