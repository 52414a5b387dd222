//! What the command line of a bench asks for.

use anyhow::Context as _;

pub(crate) struct Asked {
    /// All of it: `cargo bench` says `--bench`, `cargo test --bench` does not.
    pub(crate) full: bool,
    /// How many rounds to take; a record is written only where nobody said.
    pub(crate) rounds: Option<usize>,
}

impl Asked {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().collect();
        let says = |word: &str| arguments.iter().any(|argument| argument == word);
        let at = arguments.iter().position(|argument| argument == "--rounds");
        let rounds = at.and_then(|at| arguments.get(at + 1));
        let rounds = rounds.map(|rounds| rounds.parse().context("--rounds needs a number"));
        Ok(Self {
            full: says("--bench") && !says("--test"),
            rounds: rounds.transpose()?,
        })
    }

    /// The rounds that were asked for; one where only the working is of interest.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.full { usual } else { 1 })
    }

    /// Whether what comes out is worth keeping.
    pub(crate) fn is_record(&self) -> bool {
        self.full && self.rounds.is_none()
    }
}
