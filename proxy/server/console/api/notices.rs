//! What is told of held pushes: what waits, what was given up, and another try.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    Rooms,
    problem::Problem,
    who::{Onlooker, Operator},
};
use crate::notify::{self, RetryError};
use crate::people::time;
use crate::store::NoticeRow;

/// Something that one receiver is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notice {
    #[schema(example = "n-0123456789abcdef")]
    id: String,
    /// The push that was held.
    push: String,
    /// What happened to it.
    #[schema(example = "opened")]
    kind: String,
    /// When it happened.
    at: String,
    /// `webhook` or `mail`.
    channel: String,
    /// The name of a webhook, an address of the configuration, or the id of a person.
    receiver: String,
    /// `waiting`, `delivered` or `dead`.
    state: String,
    tries: i64,
    /// When it is tried next, where it waits.
    due: Option<String>,
    /// When it was delivered or given up.
    ended: Option<String>,
    /// What went wrong the last time.
    trouble: Option<String>,
}

/// A page of notices, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notices {
    notices: Vec<Notice>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `waiting`, `delivered` or `dead`; all without it.
    state: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 50 without it, 200 at most.
    limit: Option<u32>,
}

/// A notice that is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tried {
    changed: bool,
}

/// What is and was to be told.
#[utoipa::path(
    get,
    path = "/api/v1/notices",
    tag = "notices",
    security(("token" = [])),
    params(Wanted),
    responses((status = OK, body = Notices), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    _: Onlooker,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Notices>, Problem> {
    let Query(wanted) = wanted?;
    let state = wanted.state.as_deref();
    if state.is_some_and(|state| !["waiting", "delivered", "dead"].contains(&state)) {
        return Err(Problem::bad("The state is waiting, delivered or dead."));
    }
    let after = match &wanted.cursor {
        None => (i64::MIN, ""),
        Some(text) => cursor(text).ok_or_else(|| Problem::bad("This cursor is none of ours."))?,
    };
    let limit = wanted.limit.unwrap_or(50).clamp(1, 200);
    let records = rooms.store().records();
    let rows = records
        .notices(state, after, limit)
        .await
        .map_err(|error| Problem::ours(&error))?;
    let is_full = rows.len() == limit as usize;
    let next = rows.last().filter(|_| is_full);
    Ok(Json(Notices {
        next: next.map(|last| format!("{}.{}", last.event.at, last.id)),
        notices: rows.into_iter().map(shown).collect(),
    }))
}

/// Tries a notice again that was given up.
#[utoipa::path(
    post,
    path = "/api/v1/notices/{id}/retry",
    tag = "notices",
    security(("token" = [])),
    params(("id" = String, Path)),
    responses((status = OK, body = Tried), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn retry(
    State(rooms): State<Rooms>,
    operator: Operator,
    Path(id): Path<String>,
) -> Result<Json<Tried>, Problem> {
    let Operator { actor, guard } = operator;
    let tried = notify::retry(rooms.store(), rooms.desk().audit(), actor, guard, &id);
    match tried.await {
        Ok(()) => {
            rooms.desk().wake();
            Ok(Json(Tried { changed: true }))
        }
        Err(error @ RetryError::Absent(_)) => Err(Problem::absent(error.to_string())),
        Err(error @ (RetryError::Alive { .. } | RetryError::Stale)) => Err(Problem::new(
            StatusCode::CONFLICT,
            "closed",
            "It is not as you saw it",
            error.to_string(),
        )),
        Err(error) => Err(Problem::ours(&error)),
    }
}

/// When it happened and the notice's id, as `next` has them.
fn cursor(text: &str) -> Option<(i64, &str)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id))
}

fn shown(row: NoticeRow) -> Notice {
    let is_waiting = row.state == "waiting";
    Notice {
        push: row.event.case,
        kind: row.event.kind,
        at: time::text(row.event.at),
        channel: row.channel,
        receiver: row.receiver,
        tries: row.attempts,
        due: is_waiting.then(|| time::text(row.due)),
        ended: row.ended.map(time::text),
        state: row.state,
        trouble: row.trouble,
        id: row.id,
    }
}
