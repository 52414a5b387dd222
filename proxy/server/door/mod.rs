//! One look at method, host and path: a push, a fetch, an LFS request, or a refusal.
//!
//! Whatever is not recognised here is refused; nothing else in the server looks at a URL.

use std::sync::Arc;

use exeat_gitwire::advertise::Service;
use http::{Method, StatusCode, Version, request::Parts};

use crate::upstream::{Repository, Upstream, Upstreams, plain_segments};

/// What somebody at the door wants, and of which repository.
#[derive(Clone, Debug)]
pub struct Knock {
    pub upstream: Arc<Upstream>,
    pub repository: Repository,
    pub errand: Errand,
}

/// The requests of git-over-HTTP that are served (`gitprotocol-http`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// `GET info/refs?service=...`
    Advertise(Service),
    /// `POST git-receive-pack`
    Push,
    /// `POST git-upload-pack`
    Fetch,
    /// `GET info/refs` without a service, `HEAD`, `objects/...`: the path below the repository.
    DumbFetch(Vec<String>),
    /// `POST info/lfs/objects/batch`
    LfsBatch,
}

/// Why the door stays shut. The text is for whoever knocked.
#[derive(Debug, PartialEq, Eq)]
pub struct Shut {
    pub status: StatusCode,
    pub text: String,
    /// The git service whose discovery this was, if it was one: git shows an `ERR` line best.
    pub service: Option<Service>,
}

/// Reads method, host and path of a request.
///
/// # Errors
/// With what is wrong and, where there is one, the way to do it.
pub fn open(request: &Parts, upstreams: &Upstreams) -> Result<Knock, Shut> {
    let service = discovery(request);
    read(request, upstreams).map_err(|(status, text)| Shut {
        status,
        text,
        service,
    })
}

type Refusal = (StatusCode, String);

fn read(request: &Parts, upstreams: &Upstreams) -> Result<Knock, Refusal> {
    if !matches!(request.method, Method::GET | Method::POST) {
        return Err((
            StatusCode::METHOD_NOT_ALLOWED,
            "Only git's own requests pass here: smart HTTP pushes and fetches.".into(),
        ));
    }
    // A coding beneath chunked would be taken off by nobody.
    let codings = request.headers.get_all(http::header::TRANSFER_ENCODING);
    let is_chunked =
        |coding: &http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if !codings.iter().all(is_chunked) {
        return Err((
            StatusCode::BAD_REQUEST,
            "The request has a transfer coding that is not passed on.".into(),
        ));
    }
    let host = host(request)?;
    let segments = segments(request.uri.path())?;
    let (upstream, rest) = choose(upstreams, &host, &segments)?;
    let (path, errand) = errand(request, rest)?;
    let repository = Repository::new(path.to_vec()).ok_or_else(not_git)?;
    Ok(Knock {
        upstream,
        repository,
        errand,
    })
}

fn discovery(request: &Parts) -> Option<Service> {
    if request.method != Method::GET || !request.uri.path().ends_with("/info/refs") {
        return None;
    }
    request.uri.query().and_then(service)
}

fn service(query: &str) -> Option<Service> {
    match query {
        "service=git-receive-pack" => Some(Service::ReceivePack),
        "service=git-upload-pack" => Some(Service::UploadPack),
        _ => None,
    }
}

/// The host asked for, without port, in lower case. Two different ones are a smuggling attempt.
fn host(request: &Parts) -> Result<String, Refusal> {
    let bad = || {
        (
            StatusCode::BAD_REQUEST,
            "The Host header is malformed.".into(),
        )
    };
    let mut named = request.headers.get_all(http::header::HOST).iter();
    let header = named
        .next()
        .map(|value| value.to_str().map_err(|_| bad()))
        .transpose()?;
    if named.next().is_some() {
        return Err(bad());
    }
    let target = request.uri.authority().map(http::uri::Authority::as_str);
    let authority = match (header, target) {
        (Some(header), Some(target)) if !header.eq_ignore_ascii_case(target) => return Err(bad()),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) if request.version > Version::HTTP_10 => return Err(bad()),
        (None, None) => return Ok(String::new()),
    };
    if authority.contains('@') {
        return Err(bad());
    }
    let authority: http::uri::Authority = authority.parse().map_err(|_| bad())?;
    let port = authority.as_str().strip_prefix(authority.host());
    if !port.is_some_and(|port| port.is_empty() || is_port(port)) {
        return Err(bad());
    }
    Ok(authority.host().trim_end_matches('.').to_ascii_lowercase())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|digits| digits.parse::<u16>().is_ok())
}

/// What stands between the slashes, where the path is in its plain form.
fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let refused = || {
        (
            StatusCode::BAD_REQUEST,
            "The path is not in its plain form, so it is not passed on.".into(),
        )
    };
    plain_segments(path).ok_or_else(refused)
}

/// The upstream by virtual host, whose whole path space is the upstream's, or by first segment.
fn choose<'a>(
    upstreams: &Upstreams,
    host: &str,
    segments: &'a [String],
) -> Result<(Arc<Upstream>, &'a [String]), Refusal> {
    if let Some(upstream) = upstreams.by_host(host) {
        return Ok((upstream, segments));
    }
    let (name, rest) = segments.split_first().ok_or_else(not_git)?;
    match upstreams.by_name(name) {
        Some(upstream) => Ok((upstream, rest)),
        None => Err((
            StatusCode::NOT_FOUND,
            format!(
                "No forge \"{}\" is configured here. Known are: {}.",
                exeat_gitwire::text::escape(name.as_bytes()),
                upstreams.names().join(", ")
            ),
        )),
    }
}

/// Splits the path below the upstream into repository and errand.
fn errand<'a>(request: &Parts, path: &'a [String]) -> Result<(&'a [String], Errand), Refusal> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = request.uri.query();
    let get = request.method == Method::GET;
    match (get, parts.as_slice()) {
        (true, [.., "info", "refs"]) => {
            let repository = below(path, 2);
            match query {
                None => Ok((
                    repository,
                    Errand::DumbFetch(path[path.len() - 2..].to_vec()),
                )),
                Some(query) => service(query)
                    .map(|service| (repository, Errand::Advertise(service)))
                    .ok_or_else(not_git),
            }
        }
        (false, [.., "git-receive-pack"]) if query.is_none() => Ok((below(path, 1), Errand::Push)),
        (false, [.., "git-upload-pack"]) if query.is_none() => Ok((below(path, 1), Errand::Fetch)),
        (false, [.., "info", "lfs", "objects", "batch"]) if query.is_none() => {
            Ok((below(path, 4), Errand::LfsBatch))
        }
        (true, _) if query.is_none() => dumb(path).ok_or_else(not_git),
        _ => Err(not_git()),
    }
}

fn below(path: &[String], depth: usize) -> &[String] {
    &path[..path.len() - depth]
}

/// The files a dumb client reads (`gitprotocol-http`, Dumb Clients): `HEAD`, loose objects, packs
/// and the lists of both.
fn dumb(path: &[String]) -> Option<(&[String], Errand)> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let depth = match parts.as_slice() {
        [
            ..,
            "objects",
            "info",
            "packs" | "alternates" | "http-alternates",
        ] => 3,
        [.., "objects", "pack", pack] if is_pack_file(pack) => 3,
        [.., "objects", fan, rest] if is_hex(fan, &[2]) && is_hex(rest, &[38, 62]) => 3,
        [.., "HEAD"] => 1,
        _ => return None,
    };
    let file = path[path.len() - depth..].to_vec();
    Some((below(path, depth), Errand::DumbFetch(file)))
}

fn is_pack_file(name: &str) -> bool {
    name.strip_prefix("pack-")
        .and_then(|rest| rest.strip_suffix(".pack").or(rest.strip_suffix(".idx")))
        .is_some_and(|id| is_hex(id, &[40, 64]))
}

fn is_hex(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn not_git() -> Refusal {
    (
        StatusCode::FORBIDDEN,
        "Only git pushes and fetches pass here. Web pages and APIs of the forge do not.".into(),
    )
}

#[cfg(test)]
mod tests;
