//! What people say of a held push besides deciding on it.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Rooms, problem::Problem, who::Somebody};
use super::reviews::{name, seen};
use crate::{
    people::{rights::Right, time},
    review::{self, Filed},
};

#[derive(Debug, Serialize, ToSchema)]
pub struct Comment {
    id: String,
    by: String,
    words: String,
    /// In UTC.
    at: String,
}

/// All comments on a push, oldest first; there are at most 500.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comments {
    comments: Vec<Comment>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// At most 500 characters, without secrets. The developer sees them.
    words: String,
}

/// What was said of a push.
#[utoipa::path(
    get,
    path = "/api/v1/reviews/{id}/comments",
    tag = "reviews",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    responses((status = OK, body = Comments), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<Comments>, Problem> {
    let filed = seen(&rooms, &somebody, &id).await?;
    let mut comments = Vec::new();
    for comment in rooms.comments().of(&filed.case.id).await? {
        comments.push(shown(&rooms, comment).await?);
    }
    Ok(Json(Comments { comments }))
}

/// Says something of a push: who pushed it may, and who decides on it.
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/comments",
    tag = "reviews",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    request_body = NewComment,
    responses(
        (status = CREATED, body = Comment),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "There is a secret in the words", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn add(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    new: Result<Json<NewComment>, JsonRejection>,
) -> Result<(StatusCode, Json<Comment>), Problem> {
    let Json(new) = new?;
    let filed = seen(&rooms, &somebody, &id).await?;
    if !may_speak(&somebody, &filed, &rooms) {
        return Err(Problem::forbidden(
            "Who pushed it may comment on it, and who decides on it, by a token with the scope decide.",
        ));
    }
    let words = new.words.trim();
    if words.is_empty() {
        return Err(Problem::bad("a comment says something"));
    }
    rooms.words().check(words)?;
    let now = rooms.now();
    let by = somebody.bearer.person.id.as_str();
    let guard = somebody.guard(now);
    let added = rooms
        .comments()
        .add(&filed.case.id, (by, &somebody.actor()), words, guard, now)
        .await?;
    // Who keeps the push open hears it.
    rooms.desk().wake();
    Ok((StatusCode::CREATED, Json(shown(&rooms, added).await?)))
}

fn may_speak(somebody: &Somebody, filed: &Filed, rooms: &Rooms) -> bool {
    let rights = [
        Right::DecideCase,
        Right::DecideFinding,
        Right::DecideRequest,
    ];
    let mut rights = rights.into_iter();
    somebody.made(filed) || rights.any(|right| somebody.may(right, filed, rooms))
}

async fn shown(rooms: &Rooms, comment: review::Comment) -> Result<Comment, Problem> {
    Ok(Comment {
        by: name(rooms, &comment.by).await?,
        id: comment.id,
        words: comment.words,
        at: time::text(comment.at),
    })
}
