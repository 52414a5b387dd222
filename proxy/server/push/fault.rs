//! Everything that can stop a push besides a verdict, each with a stable id and words for the
//! developer.

use std::io;

use exeat_gitwire::{pack, push_request};

use super::loss::Loss;
use super::spool::{RoomFull, is_full};
use super::wishes;
use crate::{audit, gzip, quarantine, review, store::Trouble, upstream};

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
    #[error(transparent)]
    Gzip(#[from] gzip::Error),
    #[error(transparent)]
    Wish(#[from] wishes::Error),
    #[error("the request body stood still for {0} seconds (limits.body_idle_seconds)")]
    Body(u64),
    #[error("the connection ended before the push was whole")]
    Gone,
    #[error("the pack is larger than limits.pack_bytes allows ({0} bytes)")]
    PackBytes(u64),
    #[error("too many pushes are being inspected at this moment (limits.pushes)")]
    Busy,
    #[error("too many pushes of yours are being inspected at this moment (limits.pushes_per_user)")]
    BusyUser,
    #[error("the push took longer than {0} seconds (limits.push_seconds)")]
    Slow(u64),
    #[error("the inspection took longer than {0} seconds (limits.inspect_seconds)")]
    InspectionTime(u64),
    #[error("the push could not be kept on the proxy while it was inspected ({})", .0.kind())]
    Spool(io::Error),
    #[error("the disk of the proxy is full, so the push could not be kept for its inspection")]
    SpoolDisk,
    #[error(transparent)]
    SpoolTotal(#[from] RoomFull),
    #[error("the decision could not be recorded{}", trouble_of(.0))]
    Audit(#[from] audit::Error),
    #[error("it needs review, and the list of pushes that wait could not be read or written")]
    Desk(#[source] review::Error),
    #[error("it needs review, and {0} pushes of yours wait already (limits.held_per_user)")]
    ManyHeld(u64),
    /// Admitted when it was held, and no longer.
    #[error("it was approved, but {0}")]
    NoLonger(&'static str),
    #[error("it needs review and could not be kept for it: {}", trouble_of_keeping(.0))]
    Quarantine(#[from] quarantine::Error),
    #[error("a part of the proxy failed inside while it worked on this push")]
    Inside,
    #[error("a part of the proxy failed inside after it had begun to send this push")]
    InsideSent,
    #[error("the inspection was stopped before its end")]
    Stopped,
    #[error("{upstream} could not be reached: {source}")]
    Upstream {
        upstream: String,
        source: upstream::Error,
    },
    #[error("{upstream} answered {status} to the push")]
    UpstreamStatus { upstream: String, status: u16 },
    #[error("{upstream} takes no more requests for now (429){}", wait(.after))]
    UpstreamBusy {
        upstream: String,
        /// The seconds to wait, where it said so.
        after: Option<u64>,
    },
    /// 429 or 5xx, before anything of the push was sent.
    #[error("{upstream} answered {status} when it was asked for what the pack leaves out{}", wait(.after))]
    Asked {
        upstream: String,
        status: u16,
        /// The seconds to wait, where it said so.
        after: Option<u64>,
    },
    /// It did not get the last byte, or sent the push away unread.
    #[error("{upstream} did not take the push: {source}")]
    NotTaken {
        upstream: String,
        source: upstream::Error,
    },
    #[error("{upstream} {how}")]
    Lost { upstream: String, how: Loss },
}

fn wait(after: &Option<u64>) -> String {
    match after {
        Some(seconds) => format!("; it asks to wait {seconds} seconds"),
        None => String::new(),
    }
}

/// Some of what ends an inspection is not the pack's fault.
impl From<exeat_inspect::Error> for Fault {
    fn from(error: exeat_inspect::Error) -> Self {
        match error {
            exeat_inspect::Error::Pack(pack::Error::Spool(source)) => Self::spool(source),
            exeat_inspect::Error::Pack(pack::Error::PackBytes { limit }) => Self::PackBytes(limit),
            exeat_inspect::Error::WorkerFailed => Self::Inside,
            exeat_inspect::Error::Cancelled => Self::Stopped,
            other => Self::Pack(other),
        }
    }
}

/// What the developer is told of a pack that could not be kept. Paths of the proxy are none of it.
fn trouble_of_keeping(error: &quarantine::Error) -> &'static str {
    use quarantine::Error;
    match error {
        Error::NoKey => "no key is configured (quarantine.key)",
        Error::Full { .. } => "the packs that wait fill the quarantine (quarantine.bytes)",
        Error::NoSpace => "the disk of the proxy is full",
        Error::Absent(_) => "its pack is gone",
        Error::Damaged { .. } => "its pack was altered",
        Error::OtherKey { .. } => "its key is no longer configured (quarantine.old_keys)",
        Error::Present(_) | Error::BadName(_) | Error::Random(_) | Error::File { .. } => {
            "the quarantine cannot be used"
        }
    }
}

/// What the developer is told of a record that could not be written.
fn trouble_of(error: &audit::Error) -> &'static str {
    match error.trouble() {
        Trouble::Full => ": the disk of the proxy is full",
        Trouble::Locked => ": another program holds the audit database",
        Trouble::Damaged => ": the audit database is gone or damaged",
        Trouble::ReadOnly => ": the audit database is read-only",
        Trouble::Other => "",
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
    /// What failed when the spool was written or read.
    pub fn spool(error: io::Error) -> Self {
        let full = error.get_ref().and_then(|inner| inner.downcast_ref());
        match full {
            Some(full) => Self::SpoolTotal(RoomFull::clone(full)),
            None if is_full(&error) => Self::SpoolDisk,
            None => Self::Spool(error),
        }
    }

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
            Self::Gzip(_) => ("E-1004", "gzip", Blame::Push),
            Self::Body(_) => ("E-1005", "body", Blame::Push),
            Self::Slow(_) => ("E-1006", "slow", Blame::Push),
            Self::Trailers => ("E-1007", "trailers", Blame::Push),
            Self::Gone => ("E-1008", "client-gone", Blame::Push),
            Self::PackBytes(_) => ("E-1009", "pack-bytes", Blame::Push),
            Self::Wish(_) => ("E-1010", "push-option", Blame::Push),
            Self::Upstream { source, .. } => (source.id(), "upstream", Blame::Upstream),
            Self::NotTaken { source, .. } => (source.id(), "upstream", Blame::Upstream),
            Self::UpstreamStatus { .. } => ("E-2002", "upstream-status", Blame::Upstream),
            Self::UpstreamBusy { .. } => ("E-2019", "upstream-busy", Blame::Upstream),
            Self::Asked { status: 429, .. } => ("E-2019", "upstream-busy", Blame::Upstream),
            Self::Asked { .. } => ("E-2020", "upstream-status", Blame::Upstream),
            Self::Lost { how, .. } => (how.entry().0, "outcome-unknown", Blame::Upstream),
            Self::Busy => ("E-5001", "busy", Blame::Ours),
            Self::BusyUser => ("E-5014", "busy-user", Blame::Ours),
            Self::Spool(_) => ("E-5002", "spool", Blame::Ours),
            Self::Audit(error) => match error.trouble() {
                Trouble::Other => ("E-5003", "audit", Blame::Ours),
                Trouble::Full => ("E-5008", "audit-full", Blame::Ours),
                Trouble::Locked => ("E-5009", "audit-locked", Blame::Ours),
                Trouble::Damaged => ("E-5010", "audit-damaged", Blame::Ours),
                Trouble::ReadOnly => ("E-5011", "audit-read-only", Blame::Ours),
            },
            Self::Inside => ("E-5004", "inside", Blame::Ours),
            Self::InspectionTime(_) => ("E-5005", "inspection-time", Blame::Ours),
            Self::SpoolDisk => ("E-5006", "spool-disk", Blame::Ours),
            Self::SpoolTotal(_) => ("E-5007", "spool-total", Blame::Ours),
            Self::Stopped => ("E-5012", "stopped", Blame::Ours),
            Self::Desk(_) => ("E-5015", "desk", Blame::Ours),
            Self::Quarantine(quarantine::Error::Full { .. } | quarantine::Error::NoSpace) => {
                ("E-5016", "quarantine-full", Blame::Ours)
            }
            Self::Quarantine(_) => ("E-5017", "quarantine", Blame::Ours),
            Self::ManyHeld(_) => ("E-5018", "held-user", Blame::Ours),
            Self::NoLonger(_) => ("E-1011", "no-longer", Blame::Push),
            Self::InsideSent => ("E-5013", "inside-sent", Blame::Ours),
        }
    }

    /// What the developer can do, where nothing has left. One or two sentences.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Body(_) | Self::Gone | Self::Slow(_) => {
                "Your commits are safe on your machine. Push again, or fewer commits at a time."
            }
            Self::PackBytes(_) => {
                "Push fewer commits at a time: git push REMOTE COMMIT:BRANCH for an earlier commit first. \
                 Is one file as large as that? Limits are your security team's to raise."
            }
            Self::Wish(wishes::Error::Lost { .. }) => {
                "Push again without it. Options for Exeat (-o exeat.reason=..., -o exeat.wait) may stay."
            }
            Self::Wish(_) => {
                "Push again, for example with: -o exeat.reason=\"a sample, never valid\" -o exeat.wait"
            }
            Self::Busy => "Your commits are safe on your machine. Push again in a minute.",
            Self::BusyUser => {
                "Your commits are safe on your machine. Wait until your other pushes are through, then \
                 push again."
            }
            Self::ManyHeld(_) => {
                "Your commits are safe on your machine. Have some of them decided, or take back what you no \
                 longer want (exeat review withdraw), then push again."
            }
            Self::NoLonger(_) => {
                "Your commits are safe on your machine. Push again: it is looked at as any push."
            }
            Self::SpoolTotal(_) => {
                "Your commits are safe on your machine. Push again in a few minutes, when other pushes \
                 are through."
            }
            Self::SpoolDisk => {
                "Your commits are safe on your machine. Whoever runs Exeat has to make room; give them \
                 the id below, then push again."
            }
            Self::Audit(error) => match error.trouble() {
                Trouble::Locked => {
                    "Without a record nothing is sent. Your commits are safe on your machine: push again \
                     in a minute; if it stays, give the id below to whoever runs Exeat."
                }
                Trouble::Full | Trouble::Damaged | Trouble::ReadOnly | Trouble::Other => {
                    "Without a record nothing is sent. Your commits are safe on your machine. Whoever \
                     runs Exeat has to repair this; give them the id below, then push again."
                }
            },
            _ => match self.blame() {
                Blame::Push => {
                    "If a usual git made this push, tell your security team the id below; limits are \
                     theirs to raise."
                }
                Blame::Upstream => "Your commits are safe on your machine. Try again later.",
                Blame::Ours => {
                    "Your commits are safe on your machine. Try again later; if it stays, give the id \
                     below to whoever runs Exeat."
                }
            },
        }
    }

    /// What the metric of upstreams' failures calls it; `None` for what is no failure of an upstream.
    pub fn upstream_class(&self) -> Option<&'static str> {
        match self {
            Self::Upstream { source, .. } | Self::NotTaken { source, .. } => Some(source.class()),
            Self::UpstreamBusy { .. } | Self::Asked { status: 429, .. } => Some("busy"),
            Self::Asked { .. } => Some("status"),
            Self::Lost { how, .. } => Some(how.entry().1),
            _ => None,
        }
    }

    /// Whether the upstream said that it takes nothing of the push, or cannot have taken it.
    pub fn was_declined(&self) -> bool {
        matches!(
            self,
            Self::UpstreamStatus { .. } | Self::UpstreamBusy { .. } | Self::NotTaken { .. }
        )
    }

    /// Whether bytes of the push may have reached the upstream.
    pub fn may_have_left(&self) -> bool {
        self.was_declined() || self.leaves_unknown() || matches!(self, Self::InsideSent)
    }

    /// Whether the refs may have moved.
    pub fn leaves_unknown(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}
