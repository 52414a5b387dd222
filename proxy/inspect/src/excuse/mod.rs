//! What whoever writes a repository says in it to excuse findings: comments, ignore files, baselines.

pub mod baseline;
mod brought;
pub mod comment;
pub mod ignore;

use std::fmt;

pub use baseline::Baseline;
pub(crate) use brought::Brought;
pub use ignore::IgnoreFile;

/// How much of a file is read that excuses findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub bytes: usize,
    pub entries: usize,
}

impl Limits {
    /// For one ignore file of a scan, and for all files of a push together.
    pub const USUAL: Self = Self {
        bytes: 1 << 20,
        entries: 10_000,
    };
}

/// One way to excuse a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Excuse {
    /// A comment on one of its lines.
    Comment,
    /// A line of an ignore file.
    IgnoreFile,
    /// An entry of a baseline.
    Baseline,
}

impl Excuse {
    pub const ALL: [Self; 3] = [Self::Comment, Self::IgnoreFile, Self::Baseline];

    /// In words, as they stand in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Comment => "an inline comment",
            Self::IgnoreFile => "an ignore file",
            Self::Baseline => "a baseline",
        }
    }
}

impl fmt::Display for Excuse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Comment => "comment",
            Self::IgnoreFile => "ignore-file",
            Self::Baseline => "baseline",
        })
    }
}

/// Which ways to excuse a finding are heeded. Default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excuses([bool; 3]);

impl Excuses {
    /// These and no others.
    pub fn of(heeded: &[Excuse]) -> Self {
        Self(Excuse::ALL.map(|excuse| heeded.contains(&excuse)))
    }

    pub fn heeds(self, excuse: Excuse) -> bool {
        self.0[excuse as usize]
    }

    /// The heeded ones, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Excuse> {
        Excuse::ALL
            .into_iter()
            .filter(move |excuse| self.heeds(*excuse))
    }

    pub fn is_empty(self) -> bool {
        self.0 == [false; 3]
    }
}
