//! How an answer to a push can be lost. The push was sent whole: the refs may have moved.

/// What the upstream did in place of a whole report. Reads as a sentence after the upstream's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    #[error("closed the connection before its answer")]
    NoAnswer,
    #[error("said nothing for {0} seconds after it had the whole push")]
    Silent(u64),
    #[error("stood still for {0} seconds within its answer")]
    Stalled(u64),
    #[error("broke off within its answer")]
    BrokenOff,
    #[error("answered {0} to the push")]
    Status(u16),
    #[error("gave an answer that is no whole report: {0}")]
    Malformed(String),
    #[error("did not end its answer within {0} seconds (limits.upstream_answer_seconds)")]
    Endless(u64),
    #[error("did not end its answer within {0} bytes (limits.upstream_answer_bytes)")]
    Long(u64),
}

impl Loss {
    /// The stable id that operators search by, and one word for the metric.
    pub fn entry(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoAnswer => ("E-2003", "lost"),
            Self::Silent(_) => ("E-2016", "time"),
            Self::Stalled(_) => ("E-2017", "stall"),
            Self::BrokenOff => ("E-2018", "lost"),
            Self::Status(_) => ("E-2020", "status"),
            Self::Malformed(_) => ("E-2021", "report"),
            Self::Endless(_) | Self::Long(_) => ("E-2022", "endless"),
        }
    }
}
