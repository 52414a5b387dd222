//! Findings that are waived in a repository: which there are, and their end.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{Rooms, problem::Problem, who::Somebody};
use super::{findings::reviewer, reviews::name};
use crate::{
    people::{
        rights::{Case, Matter, Right},
        time,
    },
    review,
    store::WaiverFilter,
};

/// Waivers of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// A finding that stops no push to this repository.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiver {
    #[schema(example = "w-7k3m9q2x4a")]
    id: String,
    /// holding, ended or revoked.
    #[schema(example = "holding")]
    state: &'static str,
    upstream: String,
    repository: String,
    /// The push and the finding of which it was made.
    review: String,
    finding: String,
    rule: String,
    path: Option<String>,
    /// Every rule and path that it covers.
    covers: Vec<Covered>,
    /// false-positive, test-data or accepted-risk.
    #[schema(example = "test-data")]
    judgement: &'static str,
    reason: String,
    author: String,
    /// In UTC.
    created: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_by: Option<String>,
    /// Where it was just revoked: other waivers that cover something of it still.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    still_waived_by: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Covered {
    rule: String,
    /// Of the rule: once it is edited, the waiver does not hold any more.
    version: String,
    path: String,
}

/// A page of waivers, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waivers {
    waivers: Vec<Waiver>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedForWaivers {
    upstream: Option<String>,
    repository: Option<String>,
    /// Only those that hold now.
    #[serde(default)]
    holding: bool,
    /// Of the page before.
    cursor: Option<String>,
    /// At most 200; 50 otherwise.
    limit: Option<u32>,
}

/// The waivers that you may see.
#[utoipa::path(
    get,
    path = "/api/v1/waivers",
    tag = "waivers",
    security(("token" = [])),
    params(AskedForWaivers),
    responses((status = OK, body = Waivers), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    asked: Result<Query<AskedForWaivers>, QueryRejection>,
) -> Result<Json<Waivers>, Problem> {
    let Query(asked) = asked?;
    if !somebody.bearer.powers().may_somewhere(Right::SeeContext) {
        return Err(Problem::forbidden(
            "It takes a role that sees findings, and a token with the scope read.",
        ));
    }
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let mut filter = WaiverFilter {
        upstream: asked.upstream,
        repository: asked.repository,
        holding: asked.holding.then(|| rooms.now()),
        after: asked.cursor.as_deref().map(cursor).transpose()?,
    };
    let mut waivers = Vec::new();
    // Those that one may not see are passed over, so a page may take several looks.
    loop {
        let found = rooms.desk().waivers(&filter, LONGEST_PAGE).await?;
        let is_last = found.len() < LONGEST_PAGE as usize;
        for waiver in found {
            if waivers.len() == limit as usize {
                let next = filter.after.map(|(created, id)| format!("{created}.{id}"));
                return Ok(Json(Waivers { waivers, next }));
            }
            filter.after = Some((waiver.created, waiver.id.clone()));
            if may(&rooms, &somebody, Right::SeeContext, &waiver) {
                waivers.push(shown(&rooms, waiver).await?);
            }
        }
        if is_last {
            let next = None;
            return Ok(Json(Waivers { waivers, next }));
        }
    }
}

/// One waiver.
#[utoipa::path(
    get,
    path = "/api/v1/waivers/{id}",
    tag = "waivers",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the waiver")),
    responses((status = OK, body = Waiver), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn show(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<Waiver>, Problem> {
    let waiver = seen(&rooms, &somebody, &id).await?;
    Ok(Json(shown(&rooms, waiver).await?))
}

/// Why a waiver shall end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaidOfWaiver {
    /// At most 500 characters.
    #[serde(default)]
    words: String,
}

/// Ends a waiver at once: what it covers stops pushes again.
#[utoipa::path(
    post,
    path = "/api/v1/waivers/{id}/revoke",
    tag = "waivers",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the waiver")),
    request_body = SaidOfWaiver,
    responses((status = OK, body = Waiver), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn revoke(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    said: Result<Json<SaidOfWaiver>, JsonRejection>,
) -> Result<Json<Waiver>, Problem> {
    let Json(said) = said?;
    let waiver = seen(&rooms, &somebody, &id).await?;
    if !may(&rooms, &somebody, Right::DecideFinding, &waiver) {
        return Err(Problem::forbidden(
            "It takes the role security, and a person's token with the scope decide.",
        ));
    }
    rooms.words().check(&said.words)?;
    let now = rooms.now();
    let reviewer = reviewer(&rooms, &somebody, now).await?;
    let words = said.words.trim();
    let revoked = rooms.desk().revoke(&id, &reviewer, words, now).await?;
    let others = rooms.desk().beside(&revoked, now).await?;
    Ok(Json(Waiver {
        still_waived_by: others,
        ..shown(&rooms, revoked).await?
    }))
}

/// A waiver that may be seen. One that may not is as if it were not there.
async fn seen(rooms: &Rooms, somebody: &Somebody, id: &str) -> Result<review::Waiver, Problem> {
    let absent = || Problem::absent("There is no waiver of this id that you may see.");
    let waiver = match rooms.desk().waiver(id).await {
        Err(review::waiver::Error::Absent(_)) => return Err(absent()),
        found => found?,
    };
    match may(rooms, somebody, Right::SeeContext, &waiver) {
        true => Ok(waiver),
        false => Err(absent()),
    }
}

fn may(rooms: &Rooms, somebody: &Somebody, right: Right, waiver: &review::Waiver) -> bool {
    let case = Case {
        upstream: &waiver.upstream,
        repository: &waiver.repository,
        folds: rooms.folds(&waiver.upstream),
        own: false,
    };
    somebody.bearer.powers().may(right, &Matter::Case(case))
}

async fn shown(rooms: &Rooms, waiver: review::Waiver) -> Result<Waiver, Problem> {
    let state = match waiver.revoked {
        Some(_) => "revoked",
        None if waiver.holds(rooms.now()) => "holding",
        None => "ended",
    };
    let revoked_by = match &waiver.revoked_by {
        Some(id) => Some(name(rooms, id).await?),
        None => None,
    };
    let covers = waiver.covers.into_iter().map(|cover| Covered {
        rule: cover.rule,
        version: cover.version,
        path: cover.path,
    });
    Ok(Waiver {
        author: name(rooms, &waiver.author).await?,
        id: waiver.id,
        state,
        upstream: waiver.upstream,
        repository: waiver.repository,
        review: waiver.case,
        finding: waiver.finding,
        rule: waiver.rule,
        path: waiver.path,
        covers: covers.collect(),
        judgement: waiver.judgement.as_str(),
        reason: waiver.reason,
        created: time::text(waiver.created),
        expires: time::text(waiver.expires),
        revoked: waiver.revoked.map(time::text),
        revoked_by,
        still_waived_by: Vec::new(),
    })
}

fn cursor(text: &str) -> Result<(i64, String), Problem> {
    let (created, id) = text.split_once('.').unwrap_or_default();
    let created = created
        .parse()
        .map_err(|_| Problem::bad("cursor is not one that a page gave"))?;
    Ok((created, id.to_owned()))
}
