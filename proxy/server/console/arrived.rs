//! The body of a request, read to its end before anything is done: small, and not waited for too long.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header::CONTENT_LENGTH, request::Parts};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use super::problem::Problem;

/// Most bytes of a body: words are 500 characters.
const MOST: usize = 64 * 1024;
/// Where a body may be as long as is read at all: a draft is a file.
const OF_FILES: &str = "/api/v1/drafts";
/// Long bodies that are held at once: they are read before anybody knows who asks.
static LONG: Semaphore = Semaphore::const_new(4);
/// Bytes that are read on past that, so that whoever sends them comes to read the answer.
const READ_ON: usize = 1024 * 1024;

/// All of it.
///
/// # Errors
/// When it is too long, takes too long or breaks off.
pub(super) async fn whole<B>(parts: &Parts, body: B, patience: Duration) -> Result<Bytes, Problem>
where
    B: hyper::body::Body<Data = Bytes>,
{
    match tokio::time::timeout(patience, read(parts, body)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow",
            "The request took too long to arrive",
            format!(
                "Nothing was done. A body has {} seconds.",
                patience.as_secs()
            ),
        )),
    }
}

async fn read<B>(parts: &Parts, body: B) -> Result<Bytes, Problem>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let declared = parts.headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > READ_ON as u64) {
        return Err(too_long());
    }
    let most = match parts.uri.path() == OF_FILES {
        true => READ_ON,
        false => MOST,
    };
    let mut long = None;
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    let mut passed = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::bad("The body broke off."));
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        passed = passed.saturating_add(data.len());
        if passed > READ_ON {
            return Err(too_long());
        }
        if passed > MOST && most > MOST && long.is_none() {
            long = Some(LONG.try_acquire().map_err(|_| busy())?);
        }
        if passed <= most {
            bytes.extend_from_slice(data);
        }
    }
    match passed > most {
        true => Err(too_long()),
        false => Ok(bytes.freeze()),
    }
}

fn busy() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Too many long requests at once",
        "Nothing was done. Ask again in a moment.",
    )
}

fn too_long() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-long",
        "The request is too long",
        format!("Nothing was done. A body has at most {MOST} bytes, a draft's {READ_ON}."),
    )
}
