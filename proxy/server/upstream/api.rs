//! The one question that is put to a forge's API: whose credential is this?
//!
//! It goes to the host that the configuration names, over connections of its own, and no redirect is followed.

use std::time::Duration;

use http::{
    HeaderValue, Request, Response, Uri,
    header::{ACCEPT, AUTHORIZATION, USER_AGENT},
    uri::Scheme,
};
use hyper::body::Incoming;

use super::{client::Client, error::Error, headers};
use crate::{answer, config};

/// The way to one forge's API.
pub(super) struct Api {
    client: Client,
    user: Uri,
}

impl Api {
    pub(super) fn new(
        section: &config::Upstream,
        api: &config::Api,
        limits: &config::Limits,
    ) -> Result<Self, Error> {
        let there = config::Upstream {
            url: api.url.clone(),
            authority: api.authority.clone(),
            via: api.via.clone(),
            ..section.clone()
        };
        let scheme = match api.url.scheme() {
            "http" => Scheme::HTTP,
            _ => Scheme::HTTPS,
        };
        let path = format!("{}/user", api.url.path().trim_end_matches('/'));
        let user = Uri::builder()
            .scheme(scheme)
            .authority(api.authority.clone())
            .path_and_query(path)
            .build();
        Ok(Self {
            client: Client::new(&there, limits)?,
            user: user.map_err(|error| Error::Address(error.to_string()))?,
        })
    }

    /// The head of the answer, and its body still to come.
    pub(super) async fn user(
        &self,
        credential: HeaderValue,
        patience: Duration,
    ) -> Result<Response<Incoming>, Error> {
        let request = Request::get(self.user.clone())
            .header(USER_AGENT, headers::USER_AGENT)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, credential)
            .body(answer::empty())
            .map_err(|error| Error::Address(error.to_string()))?;
        self.client.send(request, patience).await
    }
}
