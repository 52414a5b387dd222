//! What a webhook is sent, signed in the form of Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! `webhook-signature` is `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`; while a secret is exchanged there
//! are two, with a blank between them. The id is that of the event: a receiver that gets it twice was told once.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE, header::USER_AGENT,
};
use serde::Serialize;
use url::Url;

use super::event::{Facts, Kind};
use super::fate::Fate;
use crate::config::{self, Secret};
use crate::people::time;
use crate::upstream::{self, Post};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const AGENT: &str = concat!("exeat/", env!("CARGO_PKG_VERSION"));

/// One program that is told.
pub(super) struct Webhook {
    post: Post,
    secrets: Vec<Secret>,
    pub(super) events: Vec<Kind>,
}

/// What it is told, as JSON. `handbook/schemas/notice.json` describes it.
#[derive(Serialize)]
struct Body<'a> {
    /// `case.` and what happened.
    r#type: String,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    revision: i64,
    state: &'a str,
    upstream: &'a str,
    repository: &'a str,
    approvals: u32,
    needed: u32,
    opened: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// What is to be told, of which case.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) case: &'a str,
    pub(super) revision: i64,
    pub(super) kind: Kind,
    /// Unix milliseconds.
    pub(super) at: i64,
    pub(super) facts: &'a Facts,
    /// Where people come in.
    pub(super) console: Option<&'a Url>,
}

impl Told<'_> {
    /// Where the case is.
    pub(super) fn link(&self) -> Option<String> {
        let base = self.console?.as_str().trim_end_matches('/');
        Some(format!("{base}/api/v1/reviews/{}", self.case))
    }

    /// The same for every receiver and every try.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.case, self.revision)
    }

    fn body(&self) -> Bytes {
        let facts = self.facts;
        let body = Body {
            r#type: format!("case.{}", self.kind.word()),
            timestamp: time::text(self.at),
            data: Data {
                id: self.case,
                revision: self.revision,
                state: &facts.state,
                upstream: &facts.upstream,
                repository: &facts.repository,
                approvals: facts.approvals,
                needed: facts.needed,
                opened: time::text(facts.opened),
                expires: time::text(facts.expires),
                url: self.link(),
            },
        };
        let text = serde_json::to_vec(&body).expect("because strings and numbers always serialise");
        text.into()
    }
}

impl Webhook {
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub(super) fn new(
        section: &config::Webhook,
        patience: Duration,
    ) -> Result<Self, upstream::Error> {
        Ok(Self {
            post: Post::new(section, patience)?,
            secrets: section.secrets.clone(),
            events: section.events.clone(),
        })
    }

    /// Sends once; `now` in Unix seconds.
    pub(super) async fn tell(&self, told: &Told<'_>, now: i64) -> Fate {
        self.send(&told.id(), told.body(), now).await
    }

    /// Sends a message that says nothing but that messages arrive.
    pub(super) async fn try_out(&self, id: &str, now: i64) -> Fate {
        let time = time::text(now.saturating_mul(1000));
        let body = serde_json::json!({ "type": "test", "timestamp": time, "data": {} });
        self.send(id, body.to_string().into(), now).await
    }

    async fn send(&self, id: &str, body: Bytes, now: i64) -> Fate {
        let now = now.to_string();
        let signature = signature(&self.secrets, id, &now, &body);
        let texts = [(ID, id), (TIMESTAMP, &now), (SIGNATURE, &signature)];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, text) in texts {
            match HeaderValue::from_str(text) {
                Ok(value) => headers.insert(name, value),
                Err(_) => return Fate::Never("its id cannot be sent".to_owned()),
            };
        }
        match self.post.send(headers, body).await {
            Ok((status, after)) => fate(status, after),
            Err(error) => Fate::later(error.to_string()),
        }
    }
}

fn fate(status: StatusCode, after: Option<u64>) -> Fate {
    match status.as_u16() {
        200..=299 => Fate::Delivered,
        410 => Fate::Never("it answered 410: it is gone".to_owned()),
        status => Fate::Later {
            trouble: match status {
                300..=399 => format!("it answered {status}; redirects are not followed"),
                _ => format!("it answered {status}"),
            },
            after: after.map(Duration::from_secs),
        },
    }
}

fn signature(secrets: &[Secret], id: &str, timestamp: &str, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
            let mut context = hmac::Context::with_key(&key);
            for piece in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                context.update(piece);
            }
            format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
        })
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn secret(base64: &str) -> Secret {
        Secret::new(Zeroizing::new(BASE64_STANDARD.decode(base64).unwrap()))
    }

    /// The example of the Standard Webhooks specification and its libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(&[secret], id, "1614265330", b"{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let one = secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let other = secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let signed = signature(&[one.clone(), other], "a", "1", b"{}");
        let (first, second) = signed.split_once(' ').unwrap();
        assert_eq!(first, signature(&[one], "a", "1", b"{}"));
        assert!(second.starts_with("v1,") && second != first);
    }

    #[test]
    fn what_is_told_is_this_and_no_more() {
        let facts = Facts {
            state: "open".into(),
            upstream: "github.com".into(),
            repository: "org/repo".into(),
            approvals: 1,
            needed: 2,
            opened: 0,
            expires: 86_400_000,
            person: Some("u-0000000001".into()),
            account: Some("42".into()),
        };
        let console = Url::parse("https://exeat.bank.example").unwrap();
        let told = Told {
            case: "P-7F3K9-QXA2M-4HDW8",
            revision: 2,
            kind: Kind::Decided,
            at: 1_767_323_045_678,
            facts: &facts,
            console: Some(&console),
        };
        let body = String::from_utf8(told.body().to_vec()).unwrap();
        let expected = "{\"type\":\"case.decided\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"data\":{\
            \"id\":\"P-7F3K9-QXA2M-4HDW8\",\"revision\":2,\"state\":\"open\",\"upstream\":\"github.com\",\
            \"repository\":\"org/repo\",\"approvals\":1,\"needed\":2,\"opened\":\"1970-01-01T00:00:00Z\",\
            \"expires\":\"1970-01-02T00:00:00Z\",\
            \"url\":\"https://exeat.bank.example/api/v1/reviews/P-7F3K9-QXA2M-4HDW8\"}}";
        assert_eq!(body, expected);
        assert_eq!(told.id(), "P-7F3K9-QXA2M-4HDW8-2");
    }

    #[test]
    fn answers_say_whether_to_try_again() {
        let status = |status: u16| fate(StatusCode::from_u16(status).unwrap(), None);
        assert!(matches!(status(204), Fate::Delivered));
        assert!(matches!(status(410), Fate::Never(_)));
        for again in [302, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(status(again), Fate::Later { .. }), "{again}");
        }
    }
}
