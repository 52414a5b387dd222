//! Persons: who there is, with roles, mail addresses and accounts on forges.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    Rooms,
    problem::Problem,
    who::{Manager, Onlooker},
};
use crate::people::{self, Done, Edit, NewPerson, RoleGrant, time};

/// Persons, groups or tokens of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// Somebody who is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    #[schema(example = "u-4m8z0q2x7k")]
    id: String,
    #[schema(example = "ada")]
    name: String,
    display: Option<String>,
    /// That commits of this person may have.
    mails: Vec<String>,
    /// Each as `role` or `role:upstream/pattern`.
    roles: Vec<String>,
    accounts: Vec<Account>,
    /// Whether nothing of this person counts.
    disabled: bool,
    /// In UTC.
    created: String,
}

/// An account on a forge.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    upstream: String,
    /// The forge's own id of it.
    #[schema(example = "583231")]
    id: String,
    /// What the forge called it, for people to read.
    login: Option<String>,
    /// In UTC.
    linked: String,
}

/// A page of persons, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct People {
    people: Vec<Person>,
    /// Ask with it for the next page; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Of the page before.
    cursor: Option<String>,
    /// At most 200; 50 otherwise.
    limit: Option<u32>,
}

impl Asked {
    /// After which name or id, and how many.
    pub(super) fn page(self) -> (String, u32) {
        let limit = self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        (self.cursor.unwrap_or_default(), limit)
    }
}

/// How somebody stands after an order, and whether that changed anything.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonDone {
    changed: bool,
    person: Person,
}

/// A person to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// At most 64 of a-z, 0-9, ".", "_" and "-"; it stays.
    name: String,
    #[serde(default)]
    display: Option<String>,
    #[serde(default)]
    mails: Vec<String>,
    /// Each as `role` or `role:upstream/pattern`.
    #[serde(default)]
    roles: Vec<String>,
}

/// What is to be otherwise with a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edited {
    /// Empty: none from here on.
    #[serde(default)]
    display: Option<String>,
    #[serde(default)]
    add_mails: Vec<String>,
    #[serde(default)]
    remove_mails: Vec<String>,
}

/// Roles to give and to take away, each as `role` or `role:upstream/pattern`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// An account to link or to unlink.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    upstream: String,
    /// The forge's own id of it.
    account: String,
    /// What the forge calls it today.
    #[serde(default)]
    login: Option<String>,
}

/// Who there is.
#[utoipa::path(
    get,
    path = "/api/v1/people",
    tag = "people",
    security(("token" = [])),
    params(Asked),
    responses((status = OK, body = People), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn list(
    State(rooms): State<Rooms>,
    _: Onlooker,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<People>, Problem> {
    let Query(asked) = asked?;
    let (after, limit) = asked.page();
    let found = rooms.people().register().persons(&after, limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full);
    Ok(Json(People {
        next: next.map(|last| last.name.clone()),
        people: found.into_iter().map(shown).collect(),
    }))
}

/// One person.
#[utoipa::path(
    get,
    path = "/api/v1/people/{name}",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = OK, body = Person), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn show(
    State(rooms): State<Rooms>,
    _: Onlooker,
    Path(name): Path<String>,
) -> Result<Json<Person>, Problem> {
    let person = rooms.people().register().person(&name).await?;
    Ok(Json(shown(person)))
}

/// Adds somebody.
#[utoipa::path(
    post,
    path = "/api/v1/people",
    tag = "people",
    security(("token" = [])),
    request_body = Newcomer,
    responses((status = CREATED, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn add(
    manager: Manager,
    new: Result<Json<Newcomer>, JsonRejection>,
) -> Result<(StatusCode, Json<PersonDone>), Problem> {
    let Json(new) = new?;
    let new = NewPerson {
        roles: grants(&new.roles)?,
        name: new.name,
        display: new.display,
        mails: new.mails,
    };
    let person = manager.people.add_person(&new, &manager.actor).await?;
    let done = PersonDone {
        changed: true,
        person: shown(person),
    };
    Ok((StatusCode::CREATED, Json(done)))
}

/// Changes a display name and mail addresses.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/edit",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Edited,
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn edit(
    manager: Manager,
    Path(name): Path<String>,
    edited: Result<Json<Edited>, JsonRejection>,
) -> Result<Json<PersonDone>, Problem> {
    let Json(edited) = edited?;
    let edit = Edit {
        display: edited.display,
        add_mails: edited.add_mails,
        remove_mails: edited.remove_mails,
    };
    let done = manager.people.edit_person(&name, &edit, &manager.actor);
    Ok(told(done.await?))
}

/// Gives roles and takes others away.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/roles",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Roles,
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn change_roles(
    manager: Manager,
    Path(name): Path<String>,
    roles: Result<Json<Roles>, JsonRejection>,
) -> Result<Json<PersonDone>, Problem> {
    let Json(roles) = roles?;
    let (give, take) = (grants(&roles.add)?, grants(&roles.remove)?);
    let done = manager
        .people
        .change_roles(&name, &give, &take, &manager.actor);
    Ok(told(done.await?))
}

/// Says that an account on a forge is this person's.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/link",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Link,
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn link(
    manager: Manager,
    Path(name): Path<String>,
    link: Result<Json<Link>, JsonRejection>,
) -> Result<Json<PersonDone>, Problem> {
    let Json(link) = link?;
    let account = account(&link)?;
    let login = link.login.as_deref();
    let done = manager.people.link(&name, &account, login, &manager.actor);
    Ok(told(done.await?))
}

/// Says that an account is this person's no longer.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/unlink",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    request_body = Link,
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn unlink(
    manager: Manager,
    Path(name): Path<String>,
    link: Result<Json<Link>, JsonRejection>,
) -> Result<Json<PersonDone>, Problem> {
    let Json(link) = link?;
    let account = account(&link)?;
    let done = manager.people.unlink(&name, &account, &manager.actor);
    Ok(told(done.await?))
}

/// Lets nothing of a person count, at once.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/disable",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn disable(
    manager: Manager,
    Path(name): Path<String>,
) -> Result<Json<PersonDone>, Problem> {
    let done = manager.people.disable(&name, &manager.actor).await?;
    Ok(told(done))
}

/// Lets everything of a person count again.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/enable",
    tag = "people",
    security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = OK, body = PersonDone), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
pub async fn enable(
    manager: Manager,
    Path(name): Path<String>,
) -> Result<Json<PersonDone>, Problem> {
    let done = manager.people.enable(&name, &manager.actor).await?;
    Ok(told(done))
}

fn grants(texts: &[String]) -> Result<Vec<RoleGrant>, Problem> {
    let read = |text: &String| text.parse::<RoleGrant>();
    let grants: Result<Vec<RoleGrant>, _> = texts.iter().map(read).collect();
    grants.map_err(|error| Problem::bad(error.to_string()))
}

fn account(link: &Link) -> Result<people::Account, Problem> {
    people::Account::new(&link.upstream, &link.account)
        .map_err(|error| Problem::bad(error.to_string()))
}

fn told(done: Done<people::Person>) -> Json<PersonDone> {
    Json(PersonDone {
        changed: done.changed,
        person: shown(done.now),
    })
}

fn shown(person: people::Person) -> Person {
    let account = |linked: people::Linked| Account {
        upstream: linked.account.upstream,
        id: linked.account.id,
        login: linked.login,
        linked: time::text(linked.linked),
    };
    Person {
        id: person.id.as_str().to_owned(),
        name: person.name,
        display: person.display,
        mails: person.mails,
        roles: person.roles.iter().map(ToString::to_string).collect(),
        accounts: person.accounts.into_iter().map(account).collect(),
        disabled: person.disabled,
        created: time::text(person.created),
    }
}
