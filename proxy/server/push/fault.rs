//! Everything that can stop a push besides a verdict, each with a stable id and words for the
//! developer.

use std::io;

use exeat_gitwire::{pack, push_request};

use crate::{audit, upstream};

/// What went wrong, and by whom. Ids `E-1xxx` are the push's own, `E-2xxx` the upstream's,
/// `E-5xxx` ours.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the request is not a canonical push: {0}")]
    Request(#[from] push_request::Error),
    #[error("{0}")]
    Pack(exeat_inspect::Error),
    #[error("bytes follow the commands of a push that only deletes")]
    PackOnDelete,
    #[error("the request body has trailers, which git does not send")]
    Trailers,
    #[error("the compressed request body is malformed or of more than one part")]
    Gzip,
    #[error("the request body ended early or stood still for {0} seconds")]
    Body(u64),
    #[error("too many pushes are being inspected at this moment")]
    Busy,
    #[error("the push took longer than {0} seconds (limits.push_seconds)")]
    Slow(u64),
    #[error("the inspection took longer than {0} seconds (limits.inspect_seconds)")]
    InspectionTime(u64),
    #[error("there is no room for the push on the proxy ({0})")]
    Spool(io::Error),
    #[error("the decision could not be recorded")]
    Audit(#[from] audit::Error),
    #[error("the inspection failed inside")]
    Inside,
    #[error("{upstream} could not be reached: {source}")]
    Upstream {
        upstream: String,
        source: upstream::Error,
    },
    #[error("{upstream} answered {status} to the push")]
    UpstreamStatus { upstream: String, status: u16 },
    #[error("the connection to {upstream} was lost before its answer")]
    OutcomeUnknown { upstream: String },
}

/// Some of what ends an inspection is not the pack's fault.
impl From<exeat_inspect::Error> for Fault {
    fn from(error: exeat_inspect::Error) -> Self {
        match error {
            exeat_inspect::Error::Pack(pack::Error::Spool(source)) => Self::Spool(source),
            exeat_inspect::Error::WorkerFailed => Self::Inside,
            other => Self::Pack(other),
        }
    }
}

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Push,
    Upstream,
    Ours,
}

impl Fault {
    /// The stable id that operators search by.
    pub fn id(&self) -> &'static str {
        self.entry().0
    }

    /// One word for the metric.
    pub fn cause(&self) -> &'static str {
        self.entry().1
    }

    pub fn blame(&self) -> Blame {
        self.entry().2
    }

    /// The table of faults. Ids are never given anew.
    fn entry(&self) -> (&'static str, &'static str, Blame) {
        match self {
            Self::Request(_) => ("E-1001", "request", Blame::Push),
            Self::Pack(_) => ("E-1002", "pack", Blame::Push),
            Self::PackOnDelete => ("E-1003", "pack-on-delete", Blame::Push),
            Self::Gzip => ("E-1004", "gzip", Blame::Push),
            Self::Body(_) => ("E-1005", "body", Blame::Push),
            Self::Slow(_) => ("E-1006", "slow", Blame::Push),
            Self::Trailers => ("E-1007", "trailers", Blame::Push),
            Self::Upstream { .. } => ("E-2001", "upstream", Blame::Upstream),
            Self::UpstreamStatus { .. } => ("E-2002", "upstream-status", Blame::Upstream),
            Self::OutcomeUnknown { .. } => ("E-2003", "outcome-unknown", Blame::Upstream),
            Self::Busy => ("E-5001", "busy", Blame::Ours),
            Self::Spool(_) => ("E-5002", "spool", Blame::Ours),
            Self::Audit(_) => ("E-5003", "audit", Blame::Ours),
            Self::Inside => ("E-5004", "inside", Blame::Ours),
            Self::InspectionTime(_) => ("E-5005", "inspection-time", Blame::Ours),
        }
    }

    /// Whether the upstream read the push and took nothing of it.
    pub fn was_declined(&self) -> bool {
        matches!(self, Self::UpstreamStatus { status, .. } if (400..500).contains(status))
    }

    /// Whether bytes of the push may have reached the upstream.
    pub fn may_have_left(&self) -> bool {
        matches!(
            self,
            Self::OutcomeUnknown { .. } | Self::UpstreamStatus { .. }
        )
    }
}
