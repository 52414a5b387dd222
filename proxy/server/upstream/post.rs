//! A message to a program that wants to be told: one POST over a connection of its own. Nothing of the answer counts but its
//! head, and a redirect is an answer like any other.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header::CONNECTION, header::HOST,
    uri::PathAndQuery,
};

use super::{connect::Connector, error::Error, headers::retry_after};
use crate::{answer, config};

/// The way to one receiver.
pub struct Post {
    connector: Connector,
    host: HeaderValue,
    path: PathAndQuery,
    patience: Duration,
}

impl Post {
    /// `patience`: for connecting, and again for the answer.
    ///
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub fn new(webhook: &config::Webhook, patience: Duration) -> Result<Self, Error> {
        let host = HeaderValue::from_str(webhook.host.as_str());
        Ok(Self {
            connector: Connector::new(&webhook.reach, Some("http/1.1"), patience)?,
            host: host.map_err(|_| Error::Address(webhook.host.to_string()))?,
            path: webhook.path.clone(),
            patience,
        })
    }

    /// What the receiver answered, and in how many seconds it wants to be asked again.
    ///
    /// # Errors
    /// As for requests to an upstream. Whether it was received is not known then.
    pub async fn send(
        &self,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Option<u64>), Error> {
        let mut request = Request::new(answer::full(body));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = self.path.clone().into();
        *request.headers_mut() = headers;
        let own = [
            (HOST, self.host.clone()),
            (CONNECTION, HeaderValue::from_static("close")),
        ];
        request.headers_mut().extend(own);
        let mut connection = self.connector.connect().await?;
        let answer = tokio::time::timeout(self.patience, connection.send_request(request)).await;
        let answer = answer.map_err(|_| Error::Time)?;
        let answer = answer.map_err(|error| Error::of_exchange(&error))?;
        Ok((answer.status(), retry_after(answer.headers())))
    }
}
