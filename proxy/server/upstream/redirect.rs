//! Redirects of an upstream: read as a repository's new name, followed inside, and remembered for the requests that
//! belong to the one that was redirected.
//!
//! git itself goes on with the new name after ref discovery was redirected. A client of ours does not see the redirect, so
//! its later requests still say the old name.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use exeat_gitwire::text::escape_short;
use http::{HeaderMap, StatusCode, Uri, header::LOCATION};
use url::Url;

use super::{Repository, error::Error};

/// Redirects that are followed in a row.
pub(super) const MOST: usize = 3;
/// Bytes of a foreign server's name that are repeated.
const NAME: usize = 100;
/// How long a new name holds for further requests, and how many are remembered.
const FRESH: Duration = Duration::from_secs(600);
const REMEMBERED: usize = 10_000;

/// Whether an answer says that what was asked for is somewhere else, in a way that keeps the method: for a GET every
/// redirect does (RFC 9110 section 15.4), for others 307 and 308.
pub fn leads_elsewhere(status: StatusCode, is_get: bool) -> bool {
    match status.as_u16() {
        301..=303 => is_get,
        307 | 308 => true,
        _ => false,
    }
}

/// The repository that a redirect of `asked`, a request for `tail` below some repository, names.
///
/// # Errors
/// When it leads to another scheme, host or port, or to anything else than `tail` below a repository.
pub(super) fn target(asked: &Uri, tail: &str, headers: &HeaderMap) -> Result<Repository, Error> {
    let mut locations = headers.get_all(LOCATION).iter();
    let location = match (locations.next(), locations.next()) {
        (Some(location), None) => location.to_str().map_err(|_| Error::Misdirected)?,
        _ => return Err(Error::Misdirected),
    };
    let base = Url::parse(&asked.to_string()).map_err(|_| Error::Misdirected)?;
    let target = base.join(location).map_err(|_| Error::Misdirected)?;
    let same_server = target.scheme() == base.scheme()
        && target.host() == base.host()
        && target.port_or_known_default() == base.port_or_known_default();
    if !same_server {
        return Err(Error::Elsewhere(server(&target)));
    }
    let plain =
        target.username().is_empty() && target.password().is_none() && target.fragment().is_none();
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    if !plain || target.query() != query {
        return Err(Error::Misdirected);
    }
    let repository = target
        .path()
        .strip_suffix(path)
        .and_then(|rest| rest.strip_suffix('/'))
        .and_then(Repository::from_path);
    repository.ok_or(Error::Misdirected)
}

/// Scheme, host and port alone: a path may hold what is nobody's business.
fn server(target: &Url) -> String {
    let host = target.host_str().unwrap_or("nowhere");
    let text = match target.port() {
        Some(port) => format!("{}://{host}:{port}", target.scheme()),
        None => format!("{}://{host}", target.scheme()),
    };
    escape_short(text.as_bytes(), NAME)
}

/// New names, by old name and the keyed hash of the credential that was told.
#[derive(Default)]
pub(super) struct Moved {
    seen: Mutex<HashMap<(String, String), (Repository, Instant)>>,
}

impl Moved {
    /// Notes what ref discovery just said: another name, or the one asked for.
    pub(super) fn note(&self, asked: &Repository, found: &Repository, credential_hash: &str) {
        let key = key(asked, credential_hash);
        let mut seen = self.seen();
        if asked == found {
            seen.remove(&key);
            return;
        }
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (_, since)| since.elapsed() < FRESH);
        }
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(key, (found.clone(), Instant::now()));
    }

    /// The name to use for `asked`.
    pub(super) fn settled(&self, asked: &Repository, credential_hash: &str) -> Repository {
        let seen = self.seen();
        match seen.get(&key(asked, credential_hash)) {
            Some((found, since)) if since.elapsed() < FRESH => found.clone(),
            _ => asked.clone(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<(String, String), (Repository, Instant)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(asked: &Repository, credential_hash: &str) -> (String, String) {
    (asked.encoded(), credential_hash.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TAIL: &str = "info/refs?service=git-receive-pack";

    fn read(location: &str) -> Result<String, String> {
        let asked = format!("https://forge.example/org/old.git/{TAIL}");
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
        target(&asked.parse().unwrap(), TAIL, &headers)
            .map(|repository| repository.encoded())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_new_name_on_the_same_server_is_read() {
        for location in [
            "https://forge.example/org/new.git/info/refs?service=git-receive-pack",
            "https://FORGE.example:443/org/new.git/info/refs?service=git-receive-pack",
            "/org/new.git/info/refs?service=git-receive-pack",
            "//forge.example/org/new.git/info/refs?service=git-receive-pack",
            "../../new.git/info/refs?service=git-receive-pack",
        ] {
            assert_eq!(read(location).as_deref(), Ok("org/new.git"), "{location}");
        }
        let spaced = "/a%20b/new/info/refs?service=git-receive-pack";
        assert_eq!(read(spaced).as_deref(), Ok("a%20b/new"));
    }

    #[test]
    fn another_server_is_named_and_not_followed() {
        let rest = "org/new.git/info/refs?service=git-receive-pack";
        for (server, named) in [
            ("http://forge.example", "http://forge.example"),
            ("https://forge.example:8443", "https://forge.example:8443"),
            ("https://other.example", "https://other.example"),
            (
                "https://forge.example.evil.example",
                "https://forge.example.evil.example",
            ),
            ("https://forge.example@evil.example", "https://evil.example"),
            ("https://forge.example.", "https://forge.example."),
            ("https://2130706433", "https://127.0.0.1"),
            ("https://0x7f.1", "https://127.0.0.1"),
            ("https://017700000001", "https://127.0.0.1"),
            ("https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]"),
            ("https://f\u{f6}rge.example", ""),
            ("//evil.example", "https://evil.example"),
            ("\\\\evil.example", "https://evil.example"),
            ("ftp://forge.example", "ftp://forge.example"),
        ] {
            let said = read(&format!("{server}/{rest}")).unwrap_err();
            assert!(said.contains(named), "{server}: {said}");
        }
    }

    #[test]
    fn what_is_no_repository_is_not_followed() {
        for location in [
            "/login",
            "/org/new.git/info/refs",
            "/org/new.git/info/refs?service=git-upload-pack",
            "/org/new.git/info/refs?service=git-receive-pack&x=y",
            "/org/new.git/info/refs?service=git-receive-pack#x",
            "/info/refs?service=git-receive-pack",
            "//forge.example/info/refs?service=git-receive-pack",
            "/org/new.gitinfo/refs?service=git-receive-pack",
            "/org//new.git/info/refs?service=git-receive-pack",
            "/org%2fnew.git/info/refs?service=git-receive-pack",
            "/org/%2e%2e%2fnew/info/refs?service=git-receive-pack",
            "/org/a;b/info/refs?service=git-receive-pack",
            "https://ada:pw@forge.example/org/new.git/info/refs?service=git-receive-pack",
            "https://",
        ] {
            let said = read(location);
            assert_eq!(said, Err(Error::Misdirected.to_string()), "{location}");
        }
    }

    #[test]
    fn a_new_name_is_remembered_for_whoever_was_told() {
        let name = |path: &str| Repository::from_path(path).unwrap();
        let moved = Moved::default();
        moved.note(&name("/o/old"), &name("/o/new"), "ada");
        assert_eq!(moved.settled(&name("/o/old"), "ada"), name("/o/new"));
        assert_eq!(moved.settled(&name("/o/old"), "eve"), name("/o/old"));
        moved.note(&name("/o/old"), &name("/o/old"), "ada");
        assert_eq!(moved.settled(&name("/o/old"), "ada"), name("/o/old"));
    }
}
