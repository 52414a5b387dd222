//! Tokens of people and machines for Exeat itself.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    Rooms, once,
    problem::Problem,
    who::{Manager, Onlooker},
};
use crate::people::{self, Done, Lifetime, Scope, Scopes, time};

/// Tokens of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// What is known of a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    #[schema(example = "t-4m8z0q2x7k")]
    id: String,
    /// The id of its owner.
    person: String,
    scopes: Vec<&'static str>,
    /// For a machine: it never decides.
    service: bool,
    about: Option<String>,
    /// In UTC, as the others.
    created: String,
    expires: String,
    revoked: Option<String>,
    /// To the hour.
    used: Option<String>,
}

/// A page of tokens, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    tokens: Vec<Token>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those of the person of this name.
    person: Option<String>,
    /// Of the page before.
    cursor: Option<String>,
    /// At most 200; 50 otherwise.
    limit: Option<u32>,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// The name of its owner.
    person: String,
    /// push, read, decide or admin
    scopes: Vec<String>,
    #[serde(default)]
    service: bool,
    #[serde(default)]
    about: Option<String>,
    /// From 1h to 366d; 90d otherwise.
    #[serde(default)]
    expires: Option<String>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Made {
    /// Its text. It is not shown again.
    secret: String,
    token: Token,
}

/// How a token stands after an order, and whether that changed anything.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenDone {
    changed: bool,
    token: Token,
}

/// Which tokens there are, those that ended too.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "people",
    security(("token" = [])),
    params(Asked),
    responses((status = OK, body = Tokens), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    _: Onlooker,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Tokens>, Problem> {
    let Query(asked) = asked?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let after = asked.cursor.unwrap_or_default();
    let register = rooms.people().register();
    let person = match &asked.person {
        Some(name) => Some(register.person(name).await?.id),
        None => None,
    };
    let found = register.tokens(person.as_ref(), &after, limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full);
    Ok(Json(Tokens {
        next: next.map(|last| last.id.as_str().to_owned()),
        tokens: found.iter().map(shown).collect(),
    }))
}

/// Makes a token. Its text is in this answer and nowhere else, also where the request is made again under its key.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "people",
    security(("token" = [])),
    request_body = NewToken,
    responses((status = CREATED, body = Made), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn create(
    State(rooms): State<Rooms>,
    manager: Manager,
    new: Result<Json<NewToken>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(new) = new?;
    let bad = |error: people::FormError| Problem::bad(error.to_string());
    let scopes: Result<Vec<Scope>, _> = new.scopes.iter().map(|scope| scope.parse()).collect();
    let lifetime = match &new.expires {
        Some(text) => text.parse().map_err(bad)?,
        None => Lifetime::default(),
    };
    let new = people::NewToken {
        person: new.person,
        scopes: Scopes::new(&scopes.map_err(bad)?),
        service: new.service,
        about: new.about,
        lifetime,
    };
    let made = manager
        .people
        .create_token(&new, rooms.now(), &manager.actor);
    let (token, secret) = made.await?;
    let made = Made {
        secret: secret.expose().to_owned(),
        token: shown(&token),
    };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.extensions_mut().insert(once::Secret);
    Ok(response)
}

/// Ends a token at once and for good.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/{id}/revoke",
    tag = "people",
    security(("token" = [])),
    params(("id" = String, Path)),
    responses((status = OK, body = TokenDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn revoke(
    State(rooms): State<Rooms>,
    manager: Manager,
    Path(id): Path<String>,
) -> Result<Json<TokenDone>, Problem> {
    let done = manager
        .people
        .revoke_token(&id, rooms.now(), &manager.actor);
    let Done { now, changed } = done.await?;
    Ok(Json(TokenDone {
        changed,
        token: shown(&now),
    }))
}

fn shown(token: &people::Token) -> Token {
    Token {
        id: token.id.as_str().to_owned(),
        person: token.person.as_str().to_owned(),
        scopes: token.scopes.iter().map(Scope::name).collect(),
        service: token.service,
        about: token.about.clone(),
        created: time::text(token.created),
        expires: time::text(token.expires),
        revoked: token.revoked.map(time::text),
        used: token.used.map(time::text),
    }
}
