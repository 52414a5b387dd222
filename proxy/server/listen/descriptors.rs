//! How many files the system lets us open: connections are files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides connections and pushes: database, log, pools of upstreams.
const OURS: u64 = 128;
/// A push holds a spool, a connection to its upstream, and for a moment one more.
const OF_A_PUSH: u64 = 3;

/// Raises the soft limit of open files to the hard one and gives it; `None` where there is no limit.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it was");
            limit.current
        }
    }
}

/// The connections that fit within `limit` open files, at most `wanted` and at least one.
pub fn fitting(wanted: usize, pushes: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else {
        return wanted;
    };
    let others = OURS.saturating_add(OF_A_PUSH.saturating_mul(pushes as u64));
    let fitting = usize::try_from(limit.saturating_sub(others)).unwrap_or(usize::MAX);
    wanted.min(fitting.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_pushes_and_for_us() {
        assert_eq!(fitting(16_384, 64, None), 16_384);
        assert_eq!(fitting(16_384, 64, Some(20_000)), 16_384);
        assert_eq!(fitting(16_384, 64, Some(1_024)), 704);
        assert_eq!(fitting(100, 64, Some(1_024)), 100);
        assert_eq!(fitting(16_384, 400, Some(256)), 1);
    }
}
