//! What was found, on the screen and in `benches/record/`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures::{Figures, Ratio, milliseconds};
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

/// The median as a note tells it.
pub(crate) fn median(times: &[Duration]) -> String {
    milliseconds(Figures::of(times).median)
}
