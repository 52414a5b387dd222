//! Groups: persons who are named together.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    Rooms,
    problem::Problem,
    who::{Manager, Onlooker},
};
use super::people::Asked;
use crate::people::{self, Done, time};

/// Persons who are named together.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    id: String,
    #[schema(example = "core")]
    name: String,
    about: Option<String>,
    /// Names, in their order.
    members: Vec<String>,
    /// In UTC.
    created: String,
}

/// A page of groups, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    groups: Vec<Group>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

/// How a group stands after an order (before it, where it was removed), and whether that changed anything.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupDone {
    changed: bool,
    group: Group,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// At most 64 of a-z, 0-9, ".", "_" and "-".
    name: String,
    #[serde(default)]
    about: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The person's name.
    person: String,
}

/// Which groups there are.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    tag = "people",
    security(("token" = [])),
    params(Asked),
    responses((status = OK, body = Groups), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    _: Onlooker,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Groups>, Problem> {
    let Query(asked) = asked?;
    let (after, limit) = asked.page();
    let found = rooms.people().register().groups(&after, limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full);
    Ok(Json(Groups {
        next: next.map(|last| last.name.clone()),
        groups: found.into_iter().map(shown).collect(),
    }))
}

/// Adds a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups",
    tag = "people",
    security(("token" = [])),
    request_body = NewGroup,
    responses((status = CREATED, body = GroupDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn add(
    manager: Manager,
    new: Result<Json<NewGroup>, JsonRejection>,
) -> Result<(StatusCode, Json<GroupDone>), Problem> {
    let Json(new) = new?;
    let added = manager
        .people
        .add_group(&new.name, new.about.as_deref(), &manager.actor)
        .await?;
    Ok((StatusCode::CREATED, told(added, true)))
}

/// Takes a group away; its members stay.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{name}/remove",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = OK, body = GroupDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn remove(
    manager: Manager,
    Path(name): Path<String>,
) -> Result<Json<GroupDone>, Problem> {
    let removed = manager.people.remove_group(&name, &manager.actor).await?;
    Ok(told(removed, true))
}

/// Adds somebody to a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{name}/join",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Member,
    responses((status = OK, body = GroupDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn join(
    manager: Manager,
    Path(name): Path<String>,
    member: Result<Json<Member>, JsonRejection>,
) -> Result<Json<GroupDone>, Problem> {
    let Json(member) = member?;
    let done = manager.people.join(&name, &member.person, &manager.actor);
    let Done { now, changed } = done.await?;
    Ok(told(now, changed))
}

/// Takes somebody out of a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{name}/leave",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Member,
    responses((status = OK, body = GroupDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn leave(
    manager: Manager,
    Path(name): Path<String>,
    member: Result<Json<Member>, JsonRejection>,
) -> Result<Json<GroupDone>, Problem> {
    let Json(member) = member?;
    let done = manager.people.leave(&name, &member.person, &manager.actor);
    let Done { now, changed } = done.await?;
    Ok(told(now, changed))
}

fn told(group: people::Group, changed: bool) -> Json<GroupDone> {
    Json(GroupDone {
        changed,
        group: shown(group),
    })
}

fn shown(group: people::Group) -> Group {
    Group {
        id: group.id.as_str().to_owned(),
        name: group.name,
        about: group.about,
        members: group.members,
        created: time::text(group.created),
    }
}
