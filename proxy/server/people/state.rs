//! The digests by which the audit names a person, group or token before and after a change.
//!
//! SHA-256 over compact JSON of what is kept, with the row's salt: names and addresses could be guessed from a digest
//! without one. Two records that name the same state have the same digest, so a change outside the audit shows.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::store::{GroupRow, PersonRow, TokenRow};

#[derive(Serialize)]
struct PersonState<'a> {
    salt: &'a str,
    id: &'a str,
    name: &'a str,
    display: Option<&'a str>,
    disabled: bool,
    mails: Vec<&'a str>,
    roles: Vec<(&'a str, &'a str)>,
    accounts: Vec<(&'a str, &'a str, Option<&'a str>)>,
}

pub(super) fn of_person(row: &PersonRow) -> String {
    let mut state = PersonState {
        salt: &row.salt,
        id: &row.id,
        name: &row.name,
        display: row.display.as_deref(),
        disabled: row.disabled,
        mails: row.mails.iter().map(|mail| mail.mail.as_str()).collect(),
        roles: row
            .roles
            .iter()
            .map(|(role, place)| (role.as_str(), place.as_str()))
            .collect(),
        accounts: row
            .accounts
            .iter()
            .map(|row| {
                (
                    row.upstream.as_str(),
                    row.account.as_str(),
                    row.login.as_deref(),
                )
            })
            .collect(),
    };
    // The store has no order of its own.
    state.mails.sort_unstable();
    state.roles.sort_unstable();
    state.accounts.sort_unstable();
    digest(&state)
}

#[derive(Serialize)]
struct GroupState<'a> {
    salt: &'a str,
    id: &'a str,
    name: &'a str,
    about: Option<&'a str>,
    members: Vec<&'a str>,
}

/// `members` are ids.
pub(super) fn of_group<'a>(row: &GroupRow, members: impl Iterator<Item = &'a str>) -> String {
    let mut members: Vec<&str> = members.collect();
    members.sort_unstable();
    digest(&GroupState {
        salt: &row.salt,
        id: &row.id,
        name: &row.name,
        about: row.about.as_deref(),
        members,
    })
}

#[derive(Serialize)]
struct TokenState<'a> {
    salt: &'a str,
    id: &'a str,
    hash: &'a str,
    person: &'a str,
    scopes: &'a str,
    service: bool,
    about: Option<&'a str>,
    expires: i64,
    revoked: Option<i64>,
}

pub(super) fn of_token(row: &TokenRow) -> String {
    digest(&TokenState {
        salt: &row.salt,
        id: &row.id,
        hash: &row.hash,
        person: &row.person,
        scopes: &row.scopes,
        service: row.service,
        about: row.about.as_deref(),
        expires: row.expires,
        revoked: row.revoked,
    })
}

fn digest(state: &impl Serialize) -> String {
    let text = serde_json::to_string(state)
        .expect("because structs of strings and numbers always serialise");
    hex::encode(Sha256::digest(text))
}

/// The salt of a new row, hex.
pub(super) fn salt() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
