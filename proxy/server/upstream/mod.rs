//! The forges behind the proxy: which there are, and the only way bytes go out to them.

mod address;
mod api;
mod client;
mod connect;
mod error;
mod headers;
mod line;
mod pool;
mod post;
mod progress;
mod redirect;
mod repository;

use std::{collections::HashMap, sync::Arc};

use exeat_inspect::{Demands, Excuses};
use http::{Method, Request, Response, Uri, uri::Authority};
use hyper::body::Incoming;

pub use client::Silence;
pub use error::Error;
pub use headers::{relay, retry_after, unsigned_in};
pub use line::{Duplex, Line};
pub use post::Post;
pub use progress::Progress;
pub use redirect::leads_elsewhere;
pub use repository::{Repository, plain_segments};

use crate::{
    answer::Body,
    config::{self, Forge},
    identity::Actor,
};
use api::Api;
use client::Client;
use redirect::Moved;

/// All configured upstreams, by name and by virtual host.
pub struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
    by_host: HashMap<String, Arc<Upstream>>,
}

/// One forge.
pub struct Upstream {
    pub name: String,
    pub forge: Forge,
    /// What its pushers may excuse their own findings with.
    pub excuses: Excuses,
    /// With what approved pushes go by themselves.
    pub organisation: Option<config::Organisation>,
    /// What is asked of what commits and tags say of people.
    pub identity: Arc<Demands>,
    /// By what its pushers are known.
    pub sources: config::Sources,
    scheme: &'static str,
    authority: Authority,
    allow: Option<config::Repositories>,
    client: Client,
    api: Option<Api>,
    moved: Moved,
}

impl Upstreams {
    /// Prepares a client for every upstream of the configuration.
    ///
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub fn new(upstreams: &[config::Upstream], limits: &config::Limits) -> Result<Self, Error> {
        let mut by_name = HashMap::new();
        let mut by_host = HashMap::new();
        for section in upstreams {
            let upstream = Arc::new(Upstream::new(section, limits)?);
            if let Some(host) = &section.host {
                by_host.insert(host.to_ascii_lowercase(), Arc::clone(&upstream));
            }
            by_name.insert(section.name.clone(), upstream);
        }
        Ok(Self { by_name, by_host })
    }

    pub fn by_name(&self, name: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(name).cloned()
    }

    pub fn by_host(&self, host: &str) -> Option<Arc<Upstream>> {
        self.by_host.get(host).cloned()
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_name.keys().cloned().collect();
        names.sort();
        names
    }
}

impl Upstream {
    fn new(section: &config::Upstream, limits: &config::Limits) -> Result<Self, Error> {
        Ok(Self {
            name: section.name.clone(),
            forge: section.forge,
            excuses: section.excuses,
            organisation: section.organisation.clone(),
            identity: Arc::clone(&section.identity),
            sources: section.sources.clone(),
            scheme: if section.url.scheme() == "http" {
                "http"
            } else {
                "https"
            },
            authority: section.authority.clone(),
            allow: section.allow.clone(),
            client: Client::new(section, limits)?,
            api: match &section.api {
                Some(api) => Some(Api::new(section, api, limits)?),
                None => None,
            },
            moved: Moved::default(),
        })
    }

    /// Scheme, host and port.
    pub fn server(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Whether `repository` may be pushed to at all.
    pub fn allows(&self, repository: &Repository) -> bool {
        match &self.allow {
            None => true,
            Some(listed) => listed.contains(&repository.comparable(self.forge)),
        }
    }

    /// A request to `rest` below `repository`, with the actor's credential and freshly made headers.
    pub fn request(
        &self,
        method: Method,
        repository: &Repository,
        rest: &str,
        actor: &Actor,
    ) -> http::request::Builder {
        let mut builder = Request::builder()
            .method(method)
            .uri(self.uri(repository, rest).unwrap_or_default())
            .header(http::header::USER_AGENT, headers::USER_AGENT)
            .header(http::header::ACCEPT, "*/*");
        if let Some(credential) = &actor.credential {
            builder = builder.header(http::header::AUTHORIZATION, credential.header.clone());
        }
        builder
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// By class: name, connection, TLS, time, or lost on the way.
    pub async fn send(
        &self,
        request: Request<Body>,
        patience: std::time::Duration,
    ) -> Result<Response<Incoming>, Error> {
        self.client.send(request, patience).await
    }

    /// Asks the forge's API whose `credential` is, which is in the form that the API takes; `None` where it is not asked.
    ///
    /// # Errors
    /// As `send`.
    pub async fn ask_user(
        &self,
        credential: http::HeaderValue,
        patience: std::time::Duration,
    ) -> Option<Result<Response<Incoming>, Error>> {
        Some(self.api.as_ref()?.user(credential, patience).await)
    }

    /// Sends a push, whose body `progress` watches, and waits for the head of the answer.
    ///
    /// # Errors
    /// As `send`; also when the upstream is silent for longer than `silence` allows.
    pub async fn send_push(
        &self,
        request: Request<Body>,
        progress: &Progress,
        silence: Silence,
    ) -> Result<Response<Incoming>, Error> {
        self.client.send_push(request, progress, silence).await
    }

    /// Asks for `rest` below a repository with `make`'s request, and follows where the upstream says that the repository
    /// has another name: on this server alone, and only to what `permitted` lets pass. Gives the answer and the name under
    /// which the repository was found, which further requests of the same actor use.
    ///
    /// # Errors
    /// As `send`; also when a redirect is not one that is followed.
    pub async fn discover(
        &self,
        repository: &Repository,
        rest: &str,
        actor: &Actor,
        permitted: impl Fn(&Repository) -> bool,
        make: impl Fn(http::request::Builder) -> http::request::Builder,
        patience: std::time::Duration,
    ) -> Result<(Response<Incoming>, Repository), Error> {
        let mut found = repository.clone();
        for _ in 0..=redirect::MOST {
            let request = make(self.request(Method::GET, &found, rest, actor))
                .body(crate::answer::empty())
                .map_err(|error| Error::Address(error.to_string()))?;
            let asked = request.uri().clone();
            let answer = self.send(request, patience).await?;
            if !leads_elsewhere(answer.status(), true) {
                self.moved.note(repository, &found, actor.credential_hash());
                return Ok((answer, found));
            }
            found = redirect::target(&asked, rest, answer.headers())?;
            if !permitted(&found) {
                return Err(Error::NotListed(found.to_string()));
            }
            tracing::info!(upstream = self.name, from = %repository, to = %found, "redirect followed");
        }
        Err(Error::Redirects(redirect::MOST))
    }

    /// Where a redirected POST for `rest` below `repository` leads.
    ///
    /// # Errors
    /// When it leads to another server, or to no repository.
    pub fn redirected(
        &self,
        repository: &Repository,
        rest: &str,
        answer: &Response<Incoming>,
    ) -> Result<Repository, Error> {
        redirect::target(&self.uri(repository, rest)?, rest, answer.headers())
    }

    /// The name under which this actor's last ref discovery found a repository.
    pub fn settled(&self, repository: &Repository, actor: &Actor) -> Repository {
        self.moved.settled(repository, actor.credential_hash())
    }

    fn uri(&self, repository: &Repository, rest: &str) -> Result<Uri, Error> {
        let path = format!("/{}/{rest}", repository.encoded());
        Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|error| Error::Address(error.to_string()))
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uri = Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.clone())
            .path_and_query("/")
            .build();
        formatter
            .debug_struct("Upstream")
            .field("name", &self.name)
            .field("uri", &uri.map(|uri| uri.to_string()).unwrap_or_default())
            .finish_non_exhaustive()
    }
}
