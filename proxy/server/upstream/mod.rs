//! The forges behind the proxy: which there are, and the only way bytes go out to them.

mod client;
mod headers;
mod repository;

use std::{collections::HashMap, sync::Arc};

use http::{Method, Request, Response, Uri, uri::Authority};
use hyper::body::Incoming;

pub use client::Error;
pub use headers::{relay, unsigned_in};
pub use repository::Repository;

use crate::{
    answer::Body,
    config::{self, Forge},
    identity::Actor,
};
use client::Client;

/// All configured upstreams, by name and by virtual host.
pub struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
    by_host: HashMap<String, Arc<Upstream>>,
}

/// One forge.
pub struct Upstream {
    pub name: String,
    pub forge: Forge,
    scheme: &'static str,
    authority: Authority,
    allow: Option<config::Repositories>,
    client: Client,
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
            scheme: if section.url.scheme() == "http" {
                "http"
            } else {
                "https"
            },
            authority: section.authority.clone(),
            allow: section.allow.clone(),
            client: Client::new(section, limits)?,
        })
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
        let target = format!(
            "{}://{}/{}/{rest}",
            self.scheme,
            self.authority,
            repository.encoded()
        );
        let mut builder = Request::builder()
            .method(method)
            .uri(target)
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
