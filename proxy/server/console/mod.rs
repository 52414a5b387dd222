//! Where people come in: an API under `/api/v1`, on a listener and an origin of its own.
//!
//! It knows people and cases and never the wire of git: bytes of a push are not here. Whoever asks is known by a token, and
//! asked for rights each time; the deed itself asks again, in the transaction that carries it out.

mod api;
mod problem;
mod who;

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::{answer::Body, people::People, review::Desk};

pub use api::document;

/// What the API works with. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    people: People,
    desk: Desk,
    /// Whether names on an upstream fold case; of those in the configuration.
    folding: Vec<(String, bool)>,
    /// Unix milliseconds; a test has its own.
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Rooms {
    pub fn new(people: People, desk: Desk, folding: Vec<(String, bool)>) -> Self {
        Self::with_clock(people, desk, folding, crate::people::now)
    }

    fn with_clock(
        people: People,
        desk: Desk,
        folding: Vec<(String, bool)>,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            people,
            desk,
            folding,
            clock: Box::new(clock),
        }))
    }

    fn people(&self) -> &People {
        &self.0.people
    }

    fn desk(&self) -> &Desk {
        &self.0.desk
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    /// An upstream that is no longer configured keeps its case.
    fn folds(&self, upstream: &str) -> bool {
        let known = self.0.folding.iter().find(|(name, _)| name == upstream);
        known.is_some_and(|(_, folds)| *folds)
    }
}

/// Every page of the listener.
#[derive(Clone)]
pub struct Console {
    router: Router,
}

impl Console {
    pub fn new(rooms: Rooms) -> Self {
        Self {
            router: api::router(rooms),
        }
    }

    /// Answers one request of `peer`.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(who::Source(peer.ip()));
        let answered = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        answered.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}

#[cfg(test)]
mod tests;
