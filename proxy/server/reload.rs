//! Takes a changed configuration into a running server: all of it, or nothing.
//!
//! Everything is read and checked before anything changes. Then what answers requests is swapped in one step: a request
//! sees the state of before or of after, and a push keeps the one it began with.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Config;

/// What answers requests now. Read once a request.
#[derive(Debug)]
pub struct Standing<T>(RwLock<Arc<T>>);

impl<T> Standing<T> {
    pub fn new(first: T) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(first))))
    }

    /// The state in force, to be kept for as long as a request takes.
    pub fn now(&self) -> Arc<T> {
        let standing = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&standing)
    }

    /// From here on requests see `next`.
    pub fn swap(&self, next: T) {
        let next = Arc::new(next);
        let mut standing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *standing, next);
        drop(standing);
        // Outside the lock: taking down what nobody uses any more may take a moment.
        drop(before);
    }
}

/// Puts back into `new` what takes a restart to change: sockets, what their connections are bounded by, and
/// the data folder. Returns the keys that were changed all the same.
pub fn keep(old: &Config, new: &mut Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    macro_rules! keep {
        ($($($name:ident).+;)+) => {$(
            if old.$($name).+ != new.$($name).+ {
                new.$($name).+ = old.$($name).+.clone();
                kept.push(stringify!($($name).+));
            }
        )+};
    }
    keep! {
        listen.address;
        listen.tls;
        console.address;
        console.tls;
        console.url;
        telemetry.address;
        data.directory;
        limits.connections;
        limits.header_seconds;
        limits.idle_seconds;
        limits.answer_idle_seconds;
        limits.drain_seconds;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_restart_is_named_and_kept() {
        let old = Config::defaults().unwrap();
        let mut new = old.clone();
        assert!(keep(&old, &mut new).is_empty());
        new.data.directory = "elsewhere".into();
        new.telemetry.address = None;
        new.limits.pushes = 1;
        let kept = keep(&old, &mut new);
        assert_eq!(kept, ["telemetry.address", "data.directory"]);
        assert_eq!(new.data.directory, old.data.directory);
        assert_eq!(new.limits.pushes, 1);
    }

    #[test]
    fn who_began_with_a_state_keeps_it() {
        let standing = Standing::new(1);
        let begun = standing.now();
        standing.swap(2);
        assert_eq!((*begun, *standing.now()), (1, 2));
    }
}
