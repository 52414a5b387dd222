//! Pushes that wait for a decision.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{Rooms, problem::Problem, who::Somebody};
use crate::{
    people::{PersonId, rights::Right, time},
    review::{self, Case, Filed, Reviewer, State as Standing, Verdict},
    store::{CaseFilter, Change},
};

/// Cases of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;
/// Looks that one page may take. It ends early after them, and may be empty: whoever sees little asks more often.
const LOOKS: usize = 10;

/// A held push.
#[derive(Debug, Serialize, ToSchema)]
pub struct Review {
    /// The id of the push that was held.
    #[schema(example = "P-7F3K9-Q2M4A-8HDWX")]
    id: String,
    /// To be named with a decision: it says what you saw.
    revision: u64,
    /// open, approved, forwarding, sent, unknown, rejected, withdrawn, expired or superseded.
    #[schema(example = "open")]
    state: &'static str,
    upstream: String,
    repository: String,
    pusher: Pusher,
    /// Approvals that it takes, and has.
    needed: u32,
    approvals: u32,
    decisions: Vec<Decision>,
    /// Of each of these lists of groups somebody has to be among those who approve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Vec<String>>,
    /// Those of the lists that are not heard yet: it waits for them also where the number is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_groups: Vec<Vec<String>>,
    /// Whether nobody approves a push of their own.
    four_eyes: bool,
    /// In UTC.
    created: String,
    expires: String,
    /// When the approval ends that it has.
    grant_expires: Option<String>,
    superseded_by: Option<String>,
    /// Whether you may decide on it as it stands.
    yours_to_decide: bool,
    /// Whether what was pushed and found is kept still. It is taken out some time after the push is over.
    contents_kept: bool,
    /// What was pushed and found, masked; absent for who may not see it, and once it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::review::dossier::Dossier>)]
    contents: Option<serde_json::Value>,
}

/// Who pushed, as far as it is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pusher {
    /// The person's name; absent where the pusher is not known.
    person: Option<String>,
    /// The forge's id of the account.
    account: Option<String>,
    /// Whether it is you.
    you: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Decision {
    by: String,
    /// approve or reject
    #[schema(example = "approve")]
    verdict: &'static str,
    words: String,
    /// In UTC.
    at: String,
}

/// A page of held pushes, oldest first. It may be shorter than asked for before the end.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    reviews: Vec<Review>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those in this state; all otherwise.
    #[param(example = "open")]
    state: Option<String>,
    upstream: Option<String>,
    repository: Option<String>,
    /// Of the page before.
    cursor: Option<String>,
    /// At most 200; 50 otherwise.
    limit: Option<u32>,
}

/// The pushes that you may see.
#[utoipa::path(
    get,
    path = "/api/v1/reviews",
    tag = "reviews",
    security(("token" = [])),
    params(Asked),
    responses((status = OK, body = Page), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(asked) = asked?;
    if let Some(state) = &asked.state
        && Standing::from_word(state).is_none()
    {
        let known = Standing::ALL.map(Standing::as_str).join(", ");
        return Err(Problem::bad(format!("state is one of {known}")));
    }
    if !somebody.bearer.powers().may_somewhere(Right::SeeCase) {
        return Err(Problem::forbidden("The token needs the scope read."));
    }
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let mut filter = CaseFilter {
        state: asked.state,
        upstream: asked.upstream,
        repository: asked.repository,
        pusher_person: None,
        after: asked.cursor.as_deref().map(cursor).transpose()?,
    };
    // What has just run out is not told to wait still.
    rooms.desk().expire(rooms.now()).await?;
    let mut reviews = Vec::new();
    // Those that one may not see are passed over, so a page may take several looks.
    for _ in 0..LOOKS {
        let found = rooms.desk().ids(&filter, LONGEST_PAGE).await?;
        let is_last = found.len() < LONGEST_PAGE as usize;
        for place in found {
            if reviews.len() == limit as usize {
                return Ok(Json(Page::ending_after(reviews, filter.after)));
            }
            let filed = rooms.desk().case(&place.1).await?;
            filter.after = Some(place);
            if somebody.may(Right::SeeCase, &filed, &rooms) {
                reviews.push(shown(&rooms, &somebody, &filed, false).await?);
            }
        }
        if is_last {
            return Ok(Json(Page::ending_after(reviews, None)));
        }
    }
    Ok(Json(Page::ending_after(reviews, filter.after)))
}

impl Page {
    fn ending_after(reviews: Vec<Review>, last: Option<(i64, String)>) -> Self {
        let next = last.map(|(created, id)| format!("{created}.{id}"));
        Self { reviews, next }
    }
}

/// One push, with what was found in it. Looking at the contents is put on record.
#[utoipa::path(
    get,
    path = "/api/v1/reviews/{id}",
    tag = "reviews",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    responses((status = OK, body = Review), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn show(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<Review>, Problem> {
    let filed = seen(&rooms, &somebody, &id).await?;
    let with_contents = somebody.may(Right::SeeContext, &filed, &rooms);
    if with_contents {
        // On record before anything is shown.
        let actor = somebody.actor();
        rooms.desk().viewed(&filed.case.id, &actor).await?;
    }
    Ok(Json(shown(&rooms, &somebody, &filed, with_contents).await?))
}

/// What you say of a push.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// approve or reject
    #[schema(example = "approve")]
    verdict: String,
    /// The revision that you saw.
    revision: u64,
    /// For the developer to read; a reject needs it. At most 500 characters.
    #[serde(default)]
    words: String,
}

/// Approves or rejects a push as you saw it.
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/decisions",
    tag = "reviews",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    request_body = Said,
    responses(
        (status = OK, body = Review),
        (status = CONFLICT, body = Problem, description = "It has changed since you looked", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn decide(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
    said: Result<Json<Said>, JsonRejection>,
) -> Result<Json<Review>, Problem> {
    let Json(said) = said?;
    let verdict = match said.verdict.as_str() {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return Err(Problem::bad("verdict is approve or reject")),
    };
    rooms.words().check(&said.words)?;
    let filed = seen(&rooms, &somebody, &id).await?;
    if somebody.made(&filed) && filed.case.terms.four_eyes {
        return Err(review::Error::from(review::Refused::Own).into());
    }
    if !somebody.may(Right::DecideCase, &filed, &rooms) {
        return Err(Problem::forbidden(
            "It takes the role reviewer for this repository, and a person's token with the scope decide.",
        ));
    }
    let now = rooms.now();
    let person = &somebody.bearer.person;
    let groups = rooms.people().register().groups_of(&person.id).await?;
    // Those by which the voice counts are asked for again when it is written.
    let is_asked_for = |group: &&String| {
        filed
            .case
            .terms
            .reviewers
            .iter()
            .flatten()
            .any(|asked| asked == *group)
    };
    let guard = groups
        .iter()
        .filter(is_asked_for)
        .fold(somebody.guard(now), |guard, group| {
            guard.and(Change::is_in_group(group, person.id.as_str()))
        });
    let reviewer = Reviewer {
        person: person.id.as_str().to_owned(),
        actor: somebody.actor(),
        accounts: person
            .accounts
            .iter()
            .map(|own| (own.account.upstream.clone(), own.account.id.clone()))
            .collect(),
        groups,
        guard,
    };
    let decided = rooms
        .desk()
        .decide(
            &filed.case.id,
            said.revision,
            &reviewer,
            verdict,
            &said.words,
            now,
        )
        .await;
    let decided = match decided {
        Err(review::Error::Refused(review::Refused::MustFix(_))) => {
            return Err(to_be_fixed(&rooms, &filed).await?);
        }
        decided => decided?,
    };
    Ok(Json(shown(&rooms, &somebody, &decided, false).await?))
}

/// Findings that are named one by one where they stand in the way.
const NAMED: usize = 3;

/// That findings have to be fixed first: which, and who says why.
async fn to_be_fixed(rooms: &Rooms, filed: &Filed) -> Result<Problem, Problem> {
    let found = filed.to_fix();
    let mut detail = review::Refused::MustFix(found.len()).to_string();
    for one in found.iter().take(NAMED) {
        let by = name(rooms, &one.by).await?;
        detail.push_str(&format!(
            "; {} ({}), says {by}: {}",
            one.what(),
            one.finding,
            one.words
        ));
    }
    Ok(Problem::must_fix(detail))
}

/// Takes back a push of your own.
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/withdraw",
    tag = "reviews",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    responses((status = OK, body = Review), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn withdraw(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<Review>, Problem> {
    let filed = seen(&rooms, &somebody, &id).await?;
    if !somebody.made(&filed) {
        return Err(Problem::forbidden(
            "Only who pushed it can take it back; a reviewer rejects it.",
        ));
    }
    if somebody.bearer.token.service {
        return Err(Problem::forbidden("A service token takes nothing back."));
    }
    let now = rooms.now();
    let guard = somebody.guard(now);
    let withdrawn = rooms
        .desk()
        .withdraw(&filed.case.id, &somebody.actor(), &guard, now)
        .await?;
    Ok(Json(shown(&rooms, &somebody, &withdrawn, false).await?))
}

/// A case that may be seen, by its own id or by that of a push that met it. One that may not is as if it were not there.
pub(super) async fn seen(rooms: &Rooms, somebody: &Somebody, id: &str) -> Result<Filed, Problem> {
    let absent = || Problem::absent("There is no held push of this id that you may see.");
    let filed = match rooms.desk().find(id).await {
        Err(review::Error::Absent(_)) => return Err(absent()),
        found => rooms.desk().on_time(found?, rooms.now()).await?,
    };
    match somebody.may(Right::SeeCase, &filed, rooms) {
        true => Ok(filed),
        false => Err(absent()),
    }
}

async fn shown(
    rooms: &Rooms,
    somebody: &Somebody,
    filed: &Filed,
    with_contents: bool,
) -> Result<Review, Problem> {
    let case = &filed.case;
    let mut decisions = Vec::new();
    for decision in &case.decisions {
        decisions.push(Decision {
            by: name(rooms, &decision.by).await?,
            verdict: decision.verdict.as_str(),
            words: decision.words.clone(),
            at: time::text(decision.at),
        });
    }
    let person = match &case.pusher.person {
        Some(id) => Some(name(rooms, id).await?),
        None => None,
    };
    Ok(Review {
        id: case.id.clone(),
        revision: case.revision,
        state: case.state.as_str(),
        upstream: filed.upstream.clone(),
        repository: filed.repository.clone(),
        pusher: Pusher {
            person,
            account: case.pusher.account.clone(),
            you: somebody.made(filed),
        },
        needed: case.terms.approvers,
        approvals: case.approvals(),
        decisions,
        groups: case.terms.reviewers.clone(),
        missing_groups: case.terms.lacks(&case.decisions).groups,
        four_eyes: case.terms.four_eyes,
        created: time::text(case.created),
        expires: time::text(case.expires),
        grant_expires: case.grant_expires.map(time::text),
        superseded_by: case.superseded_by.clone(),
        yours_to_decide: yours(rooms, somebody, filed, case).await?,
        contents_kept: !filed.body.is_empty(),
        contents: match with_contents {
            true => serde_json::from_str(&filed.body).ok(),
            false => None,
        },
    })
}

async fn yours(
    rooms: &Rooms,
    somebody: &Somebody,
    filed: &Filed,
    case: &Case,
) -> Result<bool, Problem> {
    let person = &somebody.bearer.person.id;
    let id = person.as_str();
    let may = case.state == Standing::Open
        && !case.is_late(rooms.now())
        && somebody.may(Right::DecideCase, filed, rooms)
        && !case.waived_by.iter().any(|by| by == id);
    if !may || !case.decisions.iter().any(|decision| decision.by == id) {
        return Ok(may);
    }
    if case.terms.unheard(&case.decisions).next().is_none() {
        return Ok(false);
    }
    // Whoever has joined a missing group since speaks for it.
    let groups = rooms.people().register().groups_of(person).await?;
    Ok(case.terms.hears_again(&case.decisions, id, &groups))
}

/// The name of a person, or the id of one who is not there any more.
pub(super) async fn name(rooms: &Rooms, id: &str) -> Result<String, Problem> {
    let Some(known) = PersonId::read(id) else {
        return Ok(id.to_owned());
    };
    let person = rooms.people().register().person_of_id(&known).await?;
    Ok(person.map_or_else(|| id.to_owned(), |person| person.name))
}

pub(super) fn cursor(text: &str) -> Result<(i64, String), Problem> {
    let (created, id) = text.split_once('.').unwrap_or_default();
    let created = created
        .parse()
        .map_err(|_| Problem::bad("cursor is not one that a page gave"))?;
    Ok((created, id.to_owned()))
}
