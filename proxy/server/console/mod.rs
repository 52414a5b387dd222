//! Where people come in: an API under `/api/v1`, on a listener and an origin of its own.
//!
//! It knows people and cases and never the wire of git: bytes of a push are not here. Whoever asks is known by a token, and
//! asked for rights each time; the deed itself asks again, in the transaction that carries it out.

mod api;
mod arrived;
mod lately;
mod names;
mod once;
mod page;
mod problem;
mod who;
mod words;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, response::IntoResponse};
use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use tower::ServiceExt;

use self::{lately::Lately, problem::Problem};
use crate::{
    answer::Body,
    audit,
    drafts::{Bench, Drafts},
    people::{People, TokenId},
    review::{Comments, Desk},
    store::Store,
};

pub use api::document;
pub use names::Names;
pub use words::Words;

/// What the console works with.
pub struct Fittings {
    pub people: People,
    pub desk: Desk,
    pub comments: Comments,
    pub words: Words,
    pub drafts: Drafts,
    /// Where drafts are tried, against what is in force.
    pub bench: Bench,
    pub store: Store,
    pub memory: Memory,
    /// Whether names on an upstream fold case; of those in the configuration.
    pub folding: Vec<(String, bool)>,
    /// By which names the listener answers; none where there is no listener.
    pub names: Option<Names>,
    /// How long a request's body may take to arrive.
    pub patience: Duration,
}

/// What outlives a change of the configuration. Cheap to clone.
#[derive(Clone)]
pub struct Memory(Arc<Remembered>);

struct Remembered {
    logins: Lately<(TokenId, Option<IpAddr>)>,
    strangers: Lately<Option<IpAddr>>,
    running: once::Running,
}

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Remembered {
            logins: Lately::new(10_000),
            strangers: Lately::new(1_000),
            running: once::Running::default(),
        }))
    }
}

/// The fittings, as the API reaches for them. Cheap to clone.
#[derive(Clone)]
struct Rooms(Arc<Inner>);

struct Inner {
    fittings: Fittings,
    /// Unix milliseconds; a test has its own.
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Rooms {
    fn new(fittings: Fittings, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            fittings,
            clock: Box::new(clock),
        }))
    }

    fn people(&self) -> &People {
        &self.0.fittings.people
    }

    fn desk(&self) -> &Desk {
        &self.0.fittings.desk
    }

    fn comments(&self) -> &Comments {
        &self.0.fittings.comments
    }

    fn words(&self) -> &Words {
        &self.0.fittings.words
    }

    fn drafts(&self) -> &Drafts {
        &self.0.fittings.drafts
    }

    fn bench(&self) -> &Bench {
        &self.0.fittings.bench
    }

    fn store(&self) -> &Store {
        &self.0.fittings.store
    }

    fn logins(&self) -> &Lately<(TokenId, Option<IpAddr>)> {
        &self.0.fittings.memory.0.logins
    }

    fn strangers(&self) -> &Lately<Option<IpAddr>> {
        &self.0.fittings.memory.0.strangers
    }

    /// The keyed requests that are being carried out.
    fn running(&self) -> &once::Running {
        &self.0.fittings.memory.0.running
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    /// An upstream that is no longer configured keeps its case.
    fn folds(&self, upstream: &str) -> bool {
        let mut folding = self.0.fittings.folding.iter();
        let known = folding.find(|(name, _)| name == upstream);
        known.is_some_and(|(_, folds)| *folds)
    }
}

/// Every page of the listener.
#[derive(Clone)]
pub struct Console {
    rooms: Rooms,
    router: Router,
}

impl Console {
    pub fn new(fittings: Fittings) -> Self {
        Self::in_rooms(Rooms::new(fittings, crate::people::now))
    }

    fn in_rooms(rooms: Rooms) -> Self {
        Self {
            router: api::router(rooms.clone()),
            rooms,
        }
    }

    /// Answers one request that `peer` made of the listener.
    pub async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let (parts, body) = request.into_parts();
        let ours = match &self.rooms.0.fittings.names {
            Some(names) => names.check(&parts),
            None => Err(Problem::absent("The console is off.")),
        };
        let answered = match ours {
            Ok(()) => {
                self.turn(parts, body, who::Source::Address(peer.ip()))
                    .await
            }
            Err(problem) => Err(problem),
        };
        finished(answered)
    }

    /// Answers one request of the control socket, made by `operator`.
    pub async fn answer_here<B>(
        &self,
        request: Request<B>,
        operator: audit::Actor,
    ) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let (parts, body) = request.into_parts();
        finished(self.turn(parts, body, who::Source::Here(operator)).await)
    }

    /// Reads a request to its end and hands it on.
    async fn turn<B>(
        &self,
        mut parts: Parts,
        body: B,
        source: who::Source,
    ) -> Result<axum::response::Response, Problem>
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let body = arrived::whole(&parts, body, self.rooms.0.fittings.patience).await?;
        parts.extensions.insert(source);
        let request = Request::from_parts(parts, axum::body::Body::from(body));
        match self.router.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

fn finished(answered: Result<axum::response::Response, Problem>) -> Response<Body> {
    let response = answered.unwrap_or_else(|problem| api::guarded(problem.into_response()));
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

#[cfg(test)]
mod tests;
