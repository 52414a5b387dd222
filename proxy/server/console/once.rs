//! Requests with a key of their own (`Idempotency-Key`): what is asked twice is done once, and answered the same for a day.
//!
//! That the key was seen is in the database before anything is done, and that it was done is there together with the deed. So a
//! crash at any point leaves one effect or none: none is done again, and one whose answer was lost says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::{
    Rooms,
    problem::Problem,
    who::{self, Claim},
};
use crate::{
    crashpoint,
    store::{Change, KeyedRow},
};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// Keys of one asker within a day.
const MOST: i64 = 1_000;
/// Longest answer that is kept, in bytes. None is as long.
const LONGEST: usize = 256 * 1024;

/// Stands on an answer that is given once, because a secret is in it.
#[derive(Clone, Copy)]
pub struct Secret;

/// What is being carried out now, by the hash of its key: what was asked.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<String, String>>>);

/// One of them, for as long as it runs.
struct Turn {
    running: Running,
    hash: String,
}

impl Running {
    /// # Errors
    /// With what is asked under this key at the moment.
    fn begin(&self, hash: &str, request: &str) -> Result<Turn, String> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = running.get(hash) {
            return Err(other.clone());
        }
        running.insert(hash.to_owned(), request.to_owned());
        Ok(Turn {
            running: self.clone(),
            hash: hash.to_owned(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.hash);
    }
}

/// Carries out what changes something, to its end also where nobody waits for the answer any more.
pub(super) async fn once(State(rooms): State<Rooms>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // It has been read to its end before.
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Problem::bad("The body broke off.").into_response(),
    };
    let carried_out = tokio::spawn(carry_out(rooms, parts, body, next));
    match carried_out.await {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(error) => Problem::ours(&error).into_response(),
    }
}

async fn carry_out(
    rooms: Rooms,
    mut parts: Parts,
    body: Bytes,
    next: Next,
) -> Result<Response, Problem> {
    let Some(key) = key(&parts.headers)? else {
        return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
    };
    let asker = who::asker(&mut parts, &rooms).await?;
    let hash = digest(&[asker.as_bytes(), key.as_bytes()]);
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let request = digest(&[parts.method.as_str().as_bytes(), target.as_bytes(), &body]);
    let turn = match rooms.running().begin(&hash, &request) {
        Ok(turn) => turn,
        Err(other) if other == request => return Err(busy()),
        Err(_) => return Err(other_request()),
    };
    if let Some(answer) = begun(&rooms, asker, &hash, request).await? {
        return Ok(answer);
    }
    let claim = who::Claim(Change::keyed_done(&hash));
    // Who asks was found out before the claim was known.
    if let Some(known) = parts.extensions.get_mut::<who::Somebody>() {
        known.claim = claim.0.clone();
    }
    parts.extensions.insert::<Claim>(claim);
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // A test that asks for a full disk finds out nothing here.
    let _ = crashpoint::pass_in_task(crashpoint::Point::ConsoleDone).await;
    let kept = keep(&rooms, &hash, response).await;
    drop(turn);
    Ok(kept)
}

/// The answer where there was one; otherwise it is noted that it begins.
async fn begun(
    rooms: &Rooms,
    asker: String,
    hash: &str,
    request: String,
) -> Result<Option<Response>, Problem> {
    let now = rooms.now();
    let store = rooms.store();
    let row = store.keyed(hash).await?;
    let Some(row) = row.filter(|row| row.created > now.saturating_sub(DAY)) else {
        store.forget_keyed(now.saturating_sub(DAY)).await?;
        if store.keyed_of(&asker).await? >= MOST {
            return Err(too_many());
        }
        let row = KeyedRow {
            hash: hash.to_owned(),
            asker,
            request,
            done: false,
            status: None,
            body: None,
            created: now,
        };
        store.begin_keyed(&row).await?;
        return Ok(None);
    };
    if row.request != request {
        return Err(other_request());
    }
    match (row.status, row.body) {
        (Some(status), Some(body)) => Ok(Some(again(status, body))),
        _ if row.done => Err(lost()),
        // Asked before a restart, and not carried out.
        _ => Ok(None),
    }
}

/// Keeps an answer for whoever asks again.
async fn keep(rooms: &Rooms, hash: &str, response: Response) -> Response {
    let status = response.status();
    if status.is_server_error() {
        // It may be asked again.
        return response;
    }
    let is_secret = response.extensions().get::<Secret>().is_some();
    let (parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Problem::ours(&error).into_response(),
    };
    let text = match is_secret || bytes.len() > LONGEST {
        true => None,
        false => std::str::from_utf8(&bytes).ok(),
    };
    let (status, text) = match text {
        Some(text) => (status.as_u16(), text.to_owned()),
        None => {
            let problem = serde_json::to_string(&told_once()).unwrap_or_default();
            (StatusCode::CONFLICT.as_u16(), problem)
        }
    };
    if let Err(error) = rooms.store().answer_keyed(hash, status, &text).await {
        tracing::warn!(%error, "the answer to a keyed request could not be kept");
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// An answer that was given before.
fn again(status: i64, body: String) -> Response {
    let status = u16::try_from(status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = match status.is_success() {
        true => "application/json",
        false => "application/problem+json",
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let key = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => key.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => "",
    };
    match (1..=128).contains(&key.len()) {
        true => Ok(Some(key.to_owned())),
        false => Err(Problem::bad(
            "An Idempotency-Key has 1 to 128 printable ASCII characters, and there is one.",
        )),
    }
}

/// Hex SHA-256 over the parts, each with its length.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

fn busy() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "in-progress",
        "It is being done",
        "The same request is being carried out. Ask again in a moment.",
    )
}

fn other_request() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "other-request",
        "The key belongs to another request",
        "Another request had this Idempotency-Key within the last day. Nothing was done: use a new key for a new request.",
    )
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-keys",
        "Too many keys",
        format!("Nothing was done: you have used {MOST} keys within the last day."),
    )
}

fn lost() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "done-before",
        "It was done",
        "It was carried out once, and its answer was lost. Look at it as it is now.",
    )
}

fn told_once() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "done-before",
        "It was done",
        "It was carried out once, and its answer is not given twice. Look at it as it is now.",
    )
}
