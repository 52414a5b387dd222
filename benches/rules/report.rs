//! What was measured, for people.

use std::fmt::Write as _;

use crate::corpus::Corpus;
use crate::kept::{keep, revision};

pub(crate) struct Report {
    text: String,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn begin(corpus: &Corpus) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown");
        let mut text = format!(
            "Written by `cargo bench --bench rules`. Times are medians with the smallest and the largest; ratios say more than\n\
             figures, which say nothing about another machine.\n\n\
             - tree: {}, {} files, {:.1} MB\n- machine: {cores} cores, load {load} at the start\n- exeat: {} at {}{}\n\n",
            corpus.name,
            corpus.files.len(),
            corpus.bytes as f64 / 1e6,
            env!("CARGO_PKG_VERSION"),
            revision(),
            if cfg!(debug_assertions) {
                " (built for tests: its figures mean nothing)"
            } else {
                ""
            },
        );
        print!("{text}");
        text.push_str("| what | measured | to reach |\n|---|---|---|\n");
        Self {
            text,
            notes: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, what: &str, measured: &str, goal: &str) {
        println!("{what}\n  {measured}  {goal}");
        let _ = writeln!(self.text, "| {what} | {measured} | {goal} |");
    }

    /// A goal, and whether it was reached.
    pub(crate) fn judged(&self, reached: bool, goal: &str) -> String {
        format!("{goal}{}", if reached { "" } else { " **missed**" })
    }

    pub(crate) fn note(&mut self, note: String) {
        println!("{note}");
        self.notes.push(note);
    }

    /// Writes it where it is to be kept.
    pub(crate) fn end(mut self, kept: bool) -> anyhow::Result<()> {
        if !kept {
            return Ok(());
        }
        for note in &self.notes {
            let _ = write!(self.text, "\n- {note}");
        }
        keep("-rules", |date| {
            Ok(format!("# {date}: the rules' speed\n\n{}", self.text))
        })
    }
}
