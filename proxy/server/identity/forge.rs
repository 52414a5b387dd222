//! Whose a credential is, as the forge itself says: the account's own id, never its login.
//!
//! Sources, all of them the vendor's. GitHub: "Authenticating to the REST API" (`Authorization: Bearer`), "REST API endpoints
//! for users" (`GET /user`, `id`). GitLab: "REST API authentication" (`Authorization: Bearer` for personal, project, group and
//! OAuth tokens; deploy tokens and job tokens have no user), "Users API" (`GET /user`, `id`). Gitea and Forgejo: "API usage"
//! (HTTP Basic, as git sends it), "Get the authenticated user" (`id`). Bitbucket Cloud: "Authentication methods" of "The
//! Bitbucket Cloud REST API" (HTTP Basic; `Bearer` for access tokens), "Get current user" (`uuid`).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;

use super::{Credential, token_form};
use crate::{
    config::Forge,
    upstream::{self, Upstream},
};

/// How long the whole answer may take once there is a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer. GitHub's has four kilobytes.
const LONGEST: usize = 64 * 1024;
/// How long it holds that the forge knows nobody by a credential.
const NOBODY: Duration = Duration::from_secs(30);
/// How long a forge that did not answer is not asked again for one credential: a push asks more than once.
const SILENCE: Duration = Duration::from_secs(5);
/// Entries kept; beyond it all stale ones go, and then all.
const MOST: usize = 10_000;

/// Why the forge did not say whose a credential is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    #[error("it answered {0}")]
    Status(u16),
    #[error("its answer was not understood")]
    Answer,
    #[error("it did not answer a moment ago")]
    Lately,
}

impl Error {
    /// One word for the metric.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Upstream(error) => error.class(),
            Self::Status(429) => "busy",
            Self::Status(_) => "status",
            Self::Answer => "report",
            Self::Lately => "time",
        }
    }
}

/// What forges have lately said, by upstream and keyed hash of the credential.
#[derive(Default)]
pub struct Accounts(Mutex<HashMap<(String, String), Said>>);

#[derive(Clone)]
struct Said {
    until: Instant,
    what: What,
}

#[derive(Clone)]
enum What {
    Account(String),
    Nobody,
    Nothing,
}

impl Accounts {
    /// The account that a credential is of; `None` where the forge says that it knows none by it, or cannot be asked with it.
    ///
    /// # Errors
    /// When the forge gave no answer that can be understood.
    pub async fn of(
        &self,
        upstream: &Upstream,
        credential: &Credential,
    ) -> Result<Option<String>, Error> {
        match self.lately(&upstream.name, &credential.hash) {
            Some(What::Account(id)) => return Ok(Some(id)),
            Some(What::Nobody) => return Ok(None),
            Some(What::Nothing) => return Err(Error::Lately),
            None => {}
        }
        let asked = ask(upstream, credential).await;
        let cache = upstream.sources.cache;
        let (what, holds) = match &asked {
            Ok(Some(id)) => (What::Account(id.clone()), cache),
            Ok(None) => (What::Nobody, NOBODY.min(cache)),
            Err(_) => (What::Nothing, SILENCE.min(cache)),
        };
        self.note(&upstream.name, &credential.hash, what, holds);
        asked
    }

    /// The forge takes the credential no longer: what was said of it holds no longer either.
    pub fn forget(&self, upstream: &str, credential_hash: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.remove(&(upstream.to_owned(), credential_hash.to_owned()));
    }

    fn lately(&self, upstream: &str, credential_hash: &str) -> Option<What> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = said.get(&(upstream.to_owned(), credential_hash.to_owned()))?;
        (Instant::now() < said.until).then(|| said.what.clone())
    }

    fn note(&self, upstream: &str, credential_hash: &str, what: What, holds: Duration) {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, said| now < said.until);
            if all.len() >= MOST {
                all.clear();
            }
        }
        let until = now + holds;
        let key = (upstream.to_owned(), credential_hash.to_owned());
        all.insert(key, Said { until, what });
    }
}

async fn ask(upstream: &Upstream, credential: &Credential) -> Result<Option<String>, Error> {
    let Some(presented) = presented(upstream.forge, &credential.header) else {
        return Ok(None);
    };
    let Some(asked) = upstream.ask_user(presented, PATIENCE).await else {
        return Ok(None);
    };
    let answer = asked?;
    match answer.status() {
        StatusCode::OK => {}
        status if is_spent(answer.headers()) => return Err(Error::Status(status.as_u16())),
        // A credential that is for git alone, or for nobody.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            return Ok(None);
        }
        status => return Err(Error::Status(status.as_u16())),
    }
    let body = tokio::time::timeout(PATIENCE, whole(answer));
    let body = body.await.map_err(|_| upstream::Error::Time)??;
    match account(upstream.forge, &body) {
        Some(id) => Ok(Some(id)),
        None => Err(Error::Answer),
    }
}

/// Whether the credential has had its questions for now: GitHub says that with 403 as well ("Rate limits for the REST API").
fn is_spent(headers: &HeaderMap) -> bool {
    let left = headers.get("x-ratelimit-remaining");
    left.is_some_and(|left| left.as_bytes() == b"0") || headers.contains_key(RETRY_AFTER)
}

async fn whole(answer: Response<Incoming>) -> Result<Vec<u8>, Error> {
    let kind = answer.headers().get(CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return Err(Error::Answer);
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    let body = body.map_err(|_| Error::Answer)?;
    Ok(body.to_bytes().to_vec())
}

/// The credential of a git request as this forge's API takes it; `None` where it takes none of this kind.
pub(crate) fn presented(forge: Forge, header: &HeaderValue) -> Option<HeaderValue> {
    let (scheme, rest) = header.to_str().ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(header.clone());
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    match forge {
        Forge::GitHub => bearer(token(user, password)?),
        Forge::GitLab => bearer(token(user, password)?),
        Forge::Gitea => Some(header.clone()),
        Forge::Bitbucket if user == "x-token-auth" => bearer(password),
        // Its API knows an API token by a mail address alone, which git does not send.
        Forge::Bitbucket if user == "x-bitbucket-api-token-auth" => None,
        Forge::Bitbucket => Some(header.clone()),
        Forge::Other => None,
    }
}

/// The part that is the token. Where either could be, git's side of the forge might take the other one.
fn token<'a>(user: &'a str, password: &'a str) -> Option<&'a str> {
    let user_is_one = token_form::forge_of(user).is_some();
    match password {
        "" | "x-oauth-basic" => Some(user),
        _ if user_is_one => None,
        password => Some(password),
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || token.contains(|letter: char| !letter.is_ascii_graphic()) {
        return None;
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// A user of GitHub, GitLab, Gitea or Forgejo, as far as it identifies. A key that stands twice is refused.
#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

/// A user of Bitbucket Cloud. Its access tokens are of another type.
#[derive(Deserialize)]
struct Braced {
    uuid: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The account's own id in an answer of a forge's user API.
pub(crate) fn account(forge: Forge, answer: &[u8]) -> Option<String> {
    // A list would be read as the fields in their order.
    if answer.len() > LONGEST || answer.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    if forge == Forge::Bitbucket {
        let user: Braced = serde_json::from_slice(answer).ok()?;
        return (user.kind == "user" && is_uuid(&user.uuid)).then_some(user.uuid);
    }
    let user: Numbered = serde_json::from_slice(answer).ok()?;
    (user.id > 0).then(|| user.id.to_string())
}

/// Five groups of hexadecimal digits in braces.
fn is_uuid(text: &str) -> bool {
    let Some(inner) = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return false;
    };
    let groups = inner.split('-').map(|group| {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (group.bytes().all(digit), group.len())
    });
    groups.eq([8, 4, 4, 4, 12].map(|length| (true, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user: &str, password: &str) -> HeaderValue {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        HeaderValue::from_str(&format!("Basic {encoded}")).unwrap()
    }

    fn sent(forge: Forge, header: &HeaderValue) -> Option<String> {
        let header = presented(forge, header)?;
        let text = header.to_str().unwrap().to_owned();
        Some(match text.strip_prefix("Basic ") {
            None => text,
            Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap(),
        })
    }

    /// Recorded answers, shortened to what stands beside the id; nobody's own data.
    #[test]
    fn answers_of_forges_are_read() {
        let github = br#"{"login":"octocat","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ==","type":"User","site_admin":false,
            "name":"The Octocat","email":null,"two_factor_authentication":true,"plan":{"name":"pro","space":976562499}}"#;
        let gitlab = br#"{"id":1,"username":"john_smith","name":"John Smith","state":"active","locked":false,
            "email":"john@example.com","identities":[{"provider":"github","extern_uid":"2435223452345"}],"bot":false}"#;
        let gitea = br#"{"id":7,"login":"ada","login_name":"","source_id":0,"full_name":"","email":"ada@noreply.example",
            "is_admin":false,"active":true,"visibility":"public","username":"ada"}"#;
        let bitbucket = br#"{"display_name":"Ada","links":{},"created_on":"2013-11-11T15:00:00+00:00","type":"user",
            "uuid":"{d301aafa-d676-4ee0-88be-962be7417567}","has_2fa_enabled":null,"username":"ada",
            "account_id":"557058:ba8948b2-49da-43a9-9e8b-e7249b8e324a","account_status":"active"}"#;
        let of = |forge, answer: &[u8]| account(forge, answer);
        assert_eq!(of(Forge::GitHub, github).as_deref(), Some("583231"));
        assert_eq!(of(Forge::GitLab, gitlab).as_deref(), Some("1"));
        assert_eq!(of(Forge::Gitea, gitea).as_deref(), Some("7"));
        let uuid = "{d301aafa-d676-4ee0-88be-962be7417567}";
        assert_eq!(of(Forge::Bitbucket, bitbucket).as_deref(), Some(uuid));
        assert_eq!(of(Forge::GitHub, bitbucket), None);
        assert_eq!(of(Forge::Bitbucket, github), None);
        for id in ["583231", "1", "7", uuid] {
            crate::people::Account::new("forge", id).unwrap();
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_nobody() {
        for answer in [
            r#"{"id":1,"id":2}"#,
            r#"{"id":0}"#,
            r#"{"id":-1}"#,
            r#"{"id":1.0}"#,
            r#"{"id":"1"}"#,
            r#"{"id":null}"#,
            r#"{"id":18446744073709551616}"#,
            r#"{"login":"1"}"#,
            r#"[{"id":1}]"#,
            r#"{"id":1}{"id":2}"#,
            "[1]",
            "",
            "1",
        ] {
            assert_eq!(account(Forge::GitHub, answer.as_bytes()), None, "{answer}");
        }
        for uuid in [
            "x",
            "{}",
            "{d301aafa-d676-4ee0-88be-962be741756}",
            "{D301AAFA-d676-4ee0-88be-962be7417567}",
        ] {
            let answer = format!(r#"{{"type":"user","uuid":"{uuid}"}}"#);
            assert_eq!(account(Forge::Bitbucket, answer.as_bytes()), None, "{uuid}");
        }
        let team = r#"{"type":"team","uuid":"{d301aafa-d676-4ee0-88be-962be7417567}"}"#;
        assert_eq!(account(Forge::Bitbucket, team.as_bytes()), None);
        // What is passed over is not recursed into.
        let deep = format!(
            r#"{{"id":1,"x":{}1{}}}"#,
            "[".repeat(9_000),
            "]".repeat(9_000)
        );
        assert_eq!(
            account(Forge::GitHub, deep.as_bytes()).as_deref(),
            Some("1")
        );
        let long = format!(r#"{{"id":1,"x":"{}"}}"#, "x".repeat(LONGEST));
        assert_eq!(account(Forge::GitHub, long.as_bytes()), None);
    }

    #[test]
    fn credentials_take_the_form_of_the_api() {
        let github = format!("gh{}_{}", 'p', "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
        let bearer = format!("Bearer {github}");
        for header in [
            basic("ada", &github),
            basic(&github, ""),
            basic(&github, "x-oauth-basic"),
            basic("x-access-token", &github),
            HeaderValue::from_str(&bearer).unwrap(),
        ] {
            assert_eq!(sent(Forge::GitHub, &header), Some(bearer.clone()));
        }
        // Which of two would git's side take?
        assert_eq!(sent(Forge::GitHub, &basic(&github, &github)), None);
        assert_eq!(sent(Forge::GitHub, &basic("ada", "two words")), None);
        assert_eq!(sent(Forge::GitHub, &basic("", "")), None);
        let gitlab = sent(Forge::GitLab, &basic("oauth2", "words"));
        assert_eq!(gitlab.as_deref(), Some("Bearer words"));
        let gitea = sent(Forge::Gitea, &basic("ada", "words"));
        assert_eq!(gitea.as_deref(), Some("ada:words"));
        let bitbucket = |user: &str| sent(Forge::Bitbucket, &basic(user, "words"));
        assert_eq!(bitbucket("ada").as_deref(), Some("ada:words"));
        assert_eq!(bitbucket("x-token-auth").as_deref(), Some("Bearer words"));
        assert_eq!(bitbucket("x-bitbucket-api-token-auth"), None);
        assert_eq!(sent(Forge::Other, &basic("ada", "words")), None);
        let header = presented(Forge::GitHub, &basic("ada", &github)).unwrap();
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_limit_is_no_refusal() {
        let spent = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            is_spent(&headers)
        };
        assert!(spent("x-ratelimit-remaining", "0"));
        assert!(spent("retry-after", "60"));
        assert!(!spent("x-ratelimit-remaining", "4999"));
        assert!(!is_spent(&HeaderMap::new()));
    }

    #[test]
    fn what_was_said_is_kept_for_a_while_and_bounded() {
        let accounts = Accounts::default();
        let known = |hash: &str| match accounts.lately("forge", hash) {
            Some(What::Account(id)) => Some(id),
            _ => None,
        };
        let hour = Duration::from_secs(3600);
        accounts.note("forge", "a", What::Account("7".into()), hour);
        accounts.note("forge", "b", What::Account("8".into()), Duration::ZERO);
        assert_eq!(known("a").as_deref(), Some("7"));
        assert_eq!(known("b"), None);
        assert!(accounts.lately("other", "a").is_none());
        accounts.forget("other", "a");
        assert_eq!(known("a").as_deref(), Some("7"));
        accounts.forget("forge", "a");
        assert_eq!(known("a"), None);
        for number in 0..MOST + 10 {
            accounts.note("forge", &number.to_string(), What::Nobody, hour);
        }
        assert!(accounts.0.lock().unwrap().len() <= MOST);
    }
}
