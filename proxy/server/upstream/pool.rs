//! Connections to an upstream that wait for their next request.
//!
//! For a far forge a new TLS connection costs three round trips, so they are kept. A forge may close one at any time, also
//! while a request is on its way to it; who sends decides how much of that risk it takes, by how long a connection may
//! have been idle.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hyper::client::conn::http1::SendRequest;

use crate::answer::Body;

/// How long a connection is kept. Less than the 60 s after which common balancers and firewalls forget one without a
/// word; servers that close earlier (Apache 5 s) say so, and their connections leave the pool at that moment.
pub(super) const KEPT: Duration = Duration::from_secs(55);

/// How long a connection may have been idle that carries a push. A push cannot be sent twice, so it uses one only where
/// no common server would just be closing it (Apache and Node 5 s, nginx 75 s). Ref discovery comes right before a push
/// and leaves a connection that is fresh.
pub(super) const FRESH: Duration = Duration::from_secs(4);

/// Connections kept for one upstream.
const MOST: usize = 64;

/// The idle connections of one upstream.
#[derive(Clone, Default)]
pub(super) struct Pool {
    idle: Arc<Mutex<Vec<Idle>>>,
}

struct Idle {
    connection: SendRequest<Body>,
    since: Instant,
}

impl Pool {
    /// The connection that became idle last, unless that was longer ago than `longest`.
    pub(super) fn take(&self, longest: Duration) -> Option<SendRequest<Body>> {
        let mut idle = self.lock();
        sweep(&mut idle);
        let last = idle.pop_if(|last| last.since.elapsed() <= longest)?;
        Some(last.connection)
    }

    /// Keeps a connection from the moment on when it can take another request, if that comes.
    pub(super) fn keep(&self, mut connection: SendRequest<Body>) {
        let pool = self.clone();
        tokio::spawn(async move {
            if connection.ready().await.is_err() {
                return;
            }
            pool.put(connection);
            tokio::time::sleep(KEPT).await;
            sweep(&mut pool.lock());
        });
    }

    fn put(&self, connection: SendRequest<Body>) {
        let mut idle = self.lock();
        sweep(&mut idle);
        if idle.len() >= MOST {
            idle.remove(0);
        }
        let since = Instant::now();
        idle.push(Idle { connection, since });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of what has ended or was kept long enough.
fn sweep(idle: &mut Vec<Idle>) {
    idle.retain(|one| one.connection.is_ready() && one.since.elapsed() < KEPT);
}
