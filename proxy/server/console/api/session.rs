//! Who you are here.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{problem::Problem, who::Somebody};
use crate::people::{rights::Right, time};

/// The owner of the token, and what it allows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// The person's name.
    #[schema(example = "ada")]
    name: String,
    display: Option<String>,
    /// Each as `role` or `role:upstream/pattern`.
    roles: Vec<String>,
    /// The token's.
    scopes: Vec<&'static str>,
    /// When the token ends, in UTC.
    #[schema(example = "2026-11-21T08:00:00.000Z")]
    expires: String,
    /// Whether there can be a held push that this token decides on.
    decides: bool,
}

/// Who the token belongs to.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "session",
    security(("token" = [])),
    responses((status = OK, body = Session), (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"))
)]
pub async fn who(somebody: Somebody) -> Json<Session> {
    let bearer = &somebody.bearer;
    Json(Session {
        name: bearer.person.name.clone(),
        display: bearer.person.display.clone(),
        roles: bearer
            .person
            .roles
            .iter()
            .map(ToString::to_string)
            .collect(),
        scopes: bearer
            .token
            .scopes
            .iter()
            .map(|scope| scope.name())
            .collect(),
        expires: time::text(bearer.token.expires),
        decides: bearer.powers().may_somewhere(Right::DecideCase),
    })
}
