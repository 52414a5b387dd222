//! What single findings of a held push are: said by who may, one by one.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Rooms, problem::Problem, who::Somebody};
use super::reviews::{name, seen};
use crate::{
    people::{rights::Right, time},
    review::{self, Filed, Judged, Judgement, Reviewer, Saying, waiver::USUAL_DAYS},
};

/// What was said of one finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingDecision {
    /// The id of the finding, or of what could not be read.
    #[schema(example = "f-7k3m9q2x4a")]
    finding: String,
    /// false-positive, test-data, accepted-risk or must-fix.
    #[schema(example = "test-data")]
    judgement: &'static str,
    words: String,
    by: String,
    /// In UTC.
    at: String,
    /// The waiver that was made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<String>,
}

/// What was said of the findings of a push; of each the last counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingDecisions {
    /// Of the push, as it is now.
    revision: u64,
    decisions: Vec<FindingDecision>,
}

/// What you say of a finding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaidOfFinding {
    /// false-positive, test-data, accepted-risk or must-fix. What must be fixed stops every approval.
    #[schema(example = "test-data")]
    judgement: String,
    /// The revision of the push that you saw.
    revision: u64,
    /// At most 500 characters. must-fix and a waiver need them.
    #[serde(default)]
    words: String,
    /// Makes a waiver of it: the finding stops no push to this repository any more, until the waiver ends.
    #[serde(default)]
    waive: bool,
    /// How long the waiver holds, at most 366; 90 otherwise.
    days: Option<u32>,
}

/// What was said of single findings.
#[utoipa::path(
    get,
    path = "/api/v1/reviews/{id}/findings/decisions",
    tag = "findings",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the push")),
    responses((status = OK, body = FindingDecisions), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path(id): Path<String>,
) -> Result<Json<FindingDecisions>, Problem> {
    let filed = seen(&rooms, &somebody, &id).await?;
    Ok(Json(shown(&rooms, &filed).await?))
}

/// Says what a finding is, and waives it where that is asked.
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/findings/{finding}/decisions",
    tag = "findings",
    security(("token" = [])),
    params(
        ("id" = String, Path, description = "The id of the push"),
        ("finding" = String, Path, description = "The id of the finding, as the push's contents name it")
    ),
    request_body = SaidOfFinding,
    responses(
        (status = OK, body = FindingDecisions),
        (status = CONFLICT, body = Problem, description = "It has changed since you looked, or cannot be waived", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub async fn decide(
    State(rooms): State<Rooms>,
    somebody: Somebody,
    Path((id, finding)): Path<(String, String)>,
    said: Result<Json<SaidOfFinding>, JsonRejection>,
) -> Result<Json<FindingDecisions>, Problem> {
    let Json(said) = said?;
    let Some(judgement) = Judgement::from_word(&said.judgement) else {
        let known = Judgement::ALL.map(Judgement::as_str).join(", ");
        return Err(Problem::bad(format!("judgement is one of {known}")));
    };
    if said.days.is_some() && !said.waive {
        return Err(Problem::bad("days are of a waiver: say waive as well"));
    }
    rooms.words().check(&said.words)?;
    let filed = seen(&rooms, &somebody, &id).await?;
    if somebody.made(&filed) {
        return Err(review::Error::from(review::Refused::Own).into());
    }
    if !somebody.may(Right::DecideFinding, &filed, &rooms) {
        return Err(Problem::forbidden(
            "It takes the role security, and a person's token with the scope decide.",
        ));
    }
    let saying = Saying {
        finding: &finding,
        revision: said.revision,
        judgement,
        words: said.words.trim(),
        days: said.waive.then(|| said.days.unwrap_or(USUAL_DAYS)),
    };
    let now = rooms.now();
    let reviewer = reviewer(&rooms, &somebody, now).await?;
    let (after, _) = rooms
        .desk()
        .judge(&filed.case.id, &saying, &reviewer, now)
        .await?;
    Ok(Json(shown(&rooms, &after).await?))
}

/// Whoever asks, as somebody who decides.
pub(super) async fn reviewer(
    rooms: &Rooms,
    somebody: &Somebody,
    now: i64,
) -> Result<Reviewer, Problem> {
    let person = &somebody.bearer.person;
    Ok(Reviewer {
        person: person.id.as_str().to_owned(),
        groups: rooms.people().register().groups_of(&person.id).await?,
        actor: somebody.actor(),
        accounts: person
            .accounts
            .iter()
            .map(|own| (own.account.upstream.clone(), own.account.id.clone()))
            .collect(),
        guard: somebody.guard(now),
    })
}

async fn shown(rooms: &Rooms, filed: &Filed) -> Result<FindingDecisions, Problem> {
    let mut decisions = Vec::new();
    for judged in &filed.case.judged {
        decisions.push(one(rooms, judged).await?);
    }
    Ok(FindingDecisions {
        revision: filed.case.revision,
        decisions,
    })
}

async fn one(rooms: &Rooms, judged: &Judged) -> Result<FindingDecision, Problem> {
    Ok(FindingDecision {
        finding: judged.finding.clone(),
        judgement: judged.judgement.as_str(),
        words: judged.words.clone(),
        by: name(rooms, &judged.by).await?,
        at: time::text(judged.at),
        waiver: judged.waiver.clone(),
    })
}
