//! Policies and rules that are kept in the database: proposed by one person, in force by the word of another.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{Rooms, problem::Problem, who::Somebody};
use super::reviews::{cursor, name};
use crate::{
    drafts::{self, Deed, Drafter, Kind, NewDraft, State as Stand},
    people::{rights::Right, time},
    store::DraftFilter,
};

/// Drafts of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// A policy or rules, but for their text.
#[derive(Debug, Serialize, ToSchema)]
pub struct Draft {
    #[schema(example = "d-7k3m9q2x4a")]
    id: String,
    /// policy or rules.
    #[schema(example = "policy")]
    kind: &'static str,
    title: String,
    /// open, in-force, retiring (in force, and somebody asks for its end), declined, withdrawn or retired.
    #[schema(example = "open")]
    state: &'static str,
    revision: u64,
    /// Whether pushes are decided by it now. What was just approved is a moment later; what cannot be used beside changed files
    /// is not, and /health/ready says so.
    effective: bool,
    /// Hex SHA-256 of the text.
    digest: String,
    /// Digest of the policy or the rules in force when it was proposed, and whether they still are.
    base: String,
    base_is_in_force: bool,
    author: String,
    /// In UTC, as the others.
    created: String,
    /// Who has said what since, oldest first.
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Step {
    /// approve, decline, withdraw or retire.
    #[schema(example = "approve")]
    deed: &'static str,
    by: String,
    words: String,
    at: String,
}

/// A draft and what it says.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeDraft {
    #[serde(flatten)]
    draft: Draft,
    /// TOML.
    text: String,
}

/// A draft that was kept, and what in it is probably not meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposed {
    #[serde(flatten)]
    draft: Draft,
    warnings: Vec<String>,
}

/// A page of drafts, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Drafts {
    drafts: Vec<Draft>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedForDrafts {
    /// policy or rules.
    kind: Option<String>,
    /// open, in-force, retiring, declined, withdrawn or retired.
    state: Option<String>,
    /// Of the page before.
    cursor: Option<String>,
    /// At most 200; 50 otherwise.
    limit: Option<u32>,
}

/// What you propose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// policy or rules.
    #[schema(example = "policy")]
    kind: String,
    /// What it is for, in at most 100 characters.
    title: String,
    /// TOML, as a policy file or a rule file, at most 256 KiB and without secrets.
    text: String,
}

/// What you say of a draft, or of its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaidOfDraft {
    /// approve or decline.
    #[schema(example = "approve")]
    verdict: String,
    /// The revision that you saw.
    revision: u64,
    /// At most 500 characters. decline needs them.
    #[serde(default)]
    words: String,
}

/// A wish about a draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishForDraft {
    /// The revision that you saw.
    revision: u64,
    /// At most 500 characters. The end of what is in force needs them.
    #[serde(default)]
    words: String,
}

/// Policies and rules in the database, those that ended too.
#[utoipa::path(
    get,
    path = "/api/v1/drafts",
    tag = "drafts",
    security(("token" = [])),
    params(AskedForDrafts),
    responses((status = OK, body = Drafts), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    asked: Result<Query<AskedForDrafts>, QueryRejection>,
) -> Result<Json<Drafts>, Problem> {
    let Query(asked) = asked?;
    may_see(&somebody)?;
    if let Some(word) = &asked.kind {
        kind(word)?;
    }
    let known = |word: &String| Stand::from_word(word).is_some();
    if asked.state.as_ref().is_some_and(|word| !known(word)) {
        let words = Stand::ALL.map(Stand::as_str).join(", ");
        return Err(Problem::bad(format!("state is one of {words}")));
    }
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let filter = DraftFilter {
        kind: asked.kind,
        state: asked.state,
        after: asked.cursor.as_deref().map(cursor).transpose()?,
    };
    let found = rooms.drafts().list(&filter, limit).await?;
    let is_full = found.len() == limit as usize;
    let last = found.last().filter(|_| is_full);
    let next = last.map(|last| format!("{}.{}", last.created, last.id));
    let mut drafts = Vec::new();
    for draft in found {
        drafts.push(shown(&rooms, draft).await?);
    }
    Ok(Json(Drafts { drafts, next }))
}

/// One draft, with its text.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}",
    tag = "drafts",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the draft")),
    responses((status = OK, body = WholeDraft), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn show(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<WholeDraft>, Problem> {
    may_see(&somebody)?;
    let draft = rooms.drafts().draft(&id).await?;
    let text = rooms.drafts().text(&id).await?;
    let draft = shown(&rooms, draft).await?;
    Ok(Json(WholeDraft { draft, text }))
}

/// Proposes a policy or rules. They are tried as a file of them would be, and wait for a second person.
#[utoipa::path(
    post,
    path = "/api/v1/drafts",
    tag = "drafts",
    security(("token" = [])),
    request_body = Proposal,
    responses(
        (status = CREATED, body = Proposed),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "There is a secret in it, or it could not come into force", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn propose(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    proposal: Result<Json<Proposal>, JsonRejection>,
) -> Result<(StatusCode, Json<Proposed>), Problem> {
    let Json(proposal) = proposal?;
    let now = rooms.now();
    let drafter = drafter(&somebody, now)?;
    let kind = kind(&proposal.kind)?;
    rooms.words().check(&proposal.title)?;
    if proposal.text.len() > drafts::TEXT {
        return Err(drafts::Error::TooLong.into());
    }
    rooms.words().check_text(&proposal.text)?;
    let new = NewDraft {
        kind,
        title: proposal.title,
        text: proposal.text,
    };
    let kept = rooms.drafts().propose(&new, &drafter, rooms.bench(), now);
    let (draft, warnings) = kept.await?;
    let draft = shown(&rooms, draft).await?;
    Ok((StatusCode::CREATED, Json(Proposed { draft, warnings })))
}

/// Says yes or no to a draft that waits, or to the end of one that is in force. It takes somebody else than who asked for it.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/decisions",
    tag = "drafts",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the draft")),
    request_body = SaidOfDraft,
    responses(
        (status = OK, body = Draft),
        (status = CONFLICT, body = Problem, description = "It has changed since you looked", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn decide(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    said: Result<Json<SaidOfDraft>, JsonRejection>,
) -> Result<Json<Draft>, Problem> {
    let Json(said) = said?;
    let deed = match said.verdict.as_str() {
        "approve" => Deed::Approve,
        "decline" => Deed::Decline,
        _ => return Err(Problem::bad("verdict is approve or decline")),
    };
    act_on(&rooms, &somebody, &id, deed, (said.revision, &said.words)).await
}

/// Takes back what you asked for: a draft that waits, or the end of one that is in force.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/withdraw",
    tag = "drafts",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the draft")),
    request_body = WishForDraft,
    responses((status = OK, body = Draft), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn withdraw(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    wish: Result<Json<WishForDraft>, JsonRejection>,
) -> Result<Json<Draft>, Problem> {
    let Json(wish) = wish?;
    let said = (wish.revision, wish.words.as_str());
    act_on(&rooms, &somebody, &id, Deed::Withdraw, said).await
}

/// Asks for the end of what is in force. It stays so until a second person approves.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/retire",
    tag = "drafts",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the draft")),
    request_body = WishForDraft,
    responses((status = OK, body = Draft), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn retire(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    wish: Result<Json<WishForDraft>, JsonRejection>,
) -> Result<Json<Draft>, Problem> {
    let Json(wish) = wish?;
    let said = (wish.revision, wish.words.as_str());
    act_on(&rooms, &somebody, &id, Deed::Retire, said).await
}

async fn act_on(
    rooms: &Rooms,
    somebody: &Somebody,
    id: &str,
    deed: Deed,
    (revision, words): (u64, &str),
) -> Result<Json<Draft>, Problem> {
    let now = rooms.now();
    let drafter = drafter(somebody, now)?;
    rooms.words().check(words)?;
    let said = (deed, revision, words.trim());
    let acted = rooms
        .drafts()
        .act_on(id, said, &drafter, rooms.bench(), now);
    Ok(Json(shown(rooms, acted.await?).await?))
}

/// Whoever asks, as somebody who proposes or decides.
fn drafter(somebody: &Somebody, now: i64) -> Result<Drafter, Problem> {
    match somebody.rules(&[Right::DraftRule]) {
        true => Ok(Drafter {
            person: somebody.bearer.person.id.clone(),
            actor: somebody.actor(),
            guard: somebody.guard(now),
        }),
        false => Err(Problem::forbidden(
            "It takes the role security, and a person's token with the scope admin.",
        )),
    }
}

fn may_see(somebody: &Somebody) -> Result<(), Problem> {
    match somebody.rules(&[Right::DraftRule, Right::SeeAudit, Right::ManageConfig]) {
        true => Ok(()),
        false => Err(Problem::forbidden(
            "It takes the role security or operator and a token with the scope admin, or the role auditor and one with the \
             scope read.",
        )),
    }
}

fn kind(word: &str) -> Result<Kind, Problem> {
    let kind = Kind::from_word(word);
    kind.ok_or_else(|| Problem::bad("kind is policy or rules"))
}

async fn shown(rooms: &Rooms, draft: drafts::Draft) -> Result<Draft, Problem> {
    let mut steps = Vec::new();
    for step in &draft.steps {
        steps.push(Step {
            deed: step.deed.as_str(),
            by: name(rooms, &step.by).await?,
            words: step.words.clone(),
            at: time::text(step.at),
        });
    }
    let bench = rooms.bench();
    Ok(Draft {
        kind: draft.kind.as_str(),
        state: draft.state.as_str(),
        revision: draft.revision,
        effective: bench.is_effective(&draft.id),
        base_is_in_force: bench.digest(draft.kind) == draft.base,
        author: name(rooms, &draft.author).await?,
        created: time::text(draft.created),
        id: draft.id,
        title: draft.title,
        digest: draft.digest,
        base: draft.base,
        steps,
    })
}
