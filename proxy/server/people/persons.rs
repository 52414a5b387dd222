//! Orders about persons: add, edit, give roles, link accounts, disable.

use std::collections::BTreeSet;

use super::form;
use super::id::PersonId;
use super::person::{Account, Person, RoleGrant};
use super::service::{Act, Done, Error, People, now};
use super::{register, state};
use crate::audit::{Actor, Kind};
use crate::store::{AccountRow, Change, MailRow, PersonRow, Wanted};

/// Mails, roles and accounts of one person.
const MOST: usize = 100;

/// A person to be added.
#[derive(Debug, Clone, Default)]
pub struct NewPerson {
    pub name: String,
    pub display: Option<String>,
    pub mails: Vec<String>,
    pub roles: Vec<RoleGrant>,
}

/// What is to be otherwise with a person. What is named on both sides is added.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Empty: none from here on.
    pub display: Option<String>,
    pub add_mails: Vec<String>,
    pub remove_mails: Vec<String>,
}

impl People {
    pub async fn add_person(&self, new: &NewPerson, actor: &Actor) -> Result<Person, Error> {
        let name = form::name(&new.name)?;
        let mut row = PersonRow {
            id: PersonId::random()?.as_str().to_owned(),
            revision: 1,
            salt: state::salt()?,
            name,
            display: None,
            disabled: false,
            created: now(),
            mails: Vec::new(),
            roles: Vec::new(),
            accounts: Vec::new(),
        };
        if let Some(display) = &new.display {
            row.display = Some(form::plain("display name", display)?);
        }
        add_mails(&mut row, &new.mails)?;
        row.roles = new.roles.iter().map(columns).collect();
        settle(&mut row)?;
        let records = self.store.records();
        if records.person(Wanted::Name(&row.name)).await?.is_some() {
            return Err(Error::PersonExists(row.name));
        }
        let act = Act {
            kind: Kind::Person,
            action: "add",
            actor,
            subject: row.id.clone(),
            before: None,
            after: Some(state::of_person(&row)),
            note: introduction(&row),
        };
        self.act(act, Change::add_person(&row)).await?;
        Ok(register::person(&row)?)
    }

    /// Changes display name and mail addresses.
    pub async fn edit_person(
        &self,
        name: &str,
        edit: &Edit,
        actor: &Actor,
    ) -> Result<Done<Person>, Error> {
        self.change(name, "edit", actor, |row| {
            match edit.display.as_deref().map(str::trim) {
                None => {}
                Some("") => row.display = None,
                Some(display) => row.display = Some(form::plain("display name", display)?),
            }
            for mail in &edit.remove_mails {
                let (_, comparable) = form::mail(mail)?;
                row.mails.retain(|kept| kept.comparable != comparable);
            }
            add_mails(row, &edit.add_mails)?;
            Ok(introduction(row))
        })
        .await
    }

    /// Takes roles away and gives others.
    pub async fn change_roles(
        &self,
        name: &str,
        give: &[RoleGrant],
        take: &[RoleGrant],
        actor: &Actor,
    ) -> Result<Done<Person>, Error> {
        self.change(name, "roles", actor, |row| {
            let taken: BTreeSet<(String, String)> = take.iter().map(columns).collect();
            row.roles.retain(|role| !taken.contains(role));
            row.roles.extend(give.iter().map(columns));
            let told = |sign: char, grants: &[RoleGrant]| {
                let words = grants.iter().map(|grant| format!(" {sign}{grant}"));
                words.collect::<String>()
            };
            Ok(format!(
                "{}:{}{}",
                row.name,
                told('+', give),
                told('-', take)
            ))
        })
        .await
    }

    /// Says that an account belongs to a person. `login` is for people to read.
    ///
    /// # Errors
    /// `Error::AccountTaken` where it is somebody else's.
    pub async fn link(
        &self,
        name: &str,
        account: &Account,
        login: Option<&str>,
        actor: &Actor,
    ) -> Result<Done<Person>, Error> {
        let owner = self.register().owner_of(account).await?;
        if let Some(owner) = owner.filter(|owner| owner.name != name) {
            return Err(Error::AccountTaken {
                account: account.to_string(),
                person: owner.name,
            });
        }
        let login = login.map(|login| form::plain("login", login)).transpose()?;
        self.change(name, "link", actor, |row| {
            let known = row.accounts.iter_mut().find(|known| same(known, account));
            match (known, &login) {
                (Some(known), Some(login)) => known.login = Some(login.clone()),
                (Some(_), None) => {}
                (None, login) => row.accounts.push(AccountRow {
                    upstream: account.upstream.clone(),
                    account: account.id.clone(),
                    login: login.clone(),
                    linked: now(),
                }),
            }
            let called = login.as_deref().map(|login| format!(" ({login})"));
            Ok(format!(
                "{}: {account}{}",
                row.name,
                called.unwrap_or_default()
            ))
        })
        .await
    }

    pub async fn unlink(
        &self,
        name: &str,
        account: &Account,
        actor: &Actor,
    ) -> Result<Done<Person>, Error> {
        self.change(name, "unlink", actor, |row| {
            row.accounts.retain(|known| !same(known, account));
            Ok(format!("{}: {account}", row.name))
        })
        .await
    }

    /// From here on nothing of this person counts: no token, no role, no account.
    pub async fn disable(&self, name: &str, actor: &Actor) -> Result<Done<Person>, Error> {
        self.change(name, "disable", actor, |row| {
            row.disabled = true;
            Ok(row.name.clone())
        })
        .await
    }

    /// Everything of this person counts again, tokens that were neither revoked nor have expired too.
    pub async fn enable(&self, name: &str, actor: &Actor) -> Result<Done<Person>, Error> {
        self.change(name, "enable", actor, |row| {
            row.disabled = false;
            Ok(row.name.clone())
        })
        .await
    }

    async fn change(
        &self,
        name: &str,
        action: &'static str,
        actor: &Actor,
        edit: impl FnOnce(&mut PersonRow) -> Result<String, Error>,
    ) -> Result<Done<Person>, Error> {
        let before = self.register().person_row(name).await?;
        let mut after = before.clone();
        let note = edit(&mut after)?;
        settle(&mut after)?;
        if after == before {
            return Ok(Done {
                now: register::person(&before)?,
                changed: false,
            });
        }
        after.revision = before.revision.saturating_add(1);
        let act = Act {
            kind: Kind::Person,
            action,
            actor,
            subject: before.id.clone(),
            before: Some(state::of_person(&before)),
            after: Some(state::of_person(&after)),
            note,
        };
        self.act(act, Change::person(&after)).await?;
        Ok(Done {
            now: register::person(&after)?,
            changed: true,
        })
    }
}

fn columns(grant: &RoleGrant) -> (String, String) {
    use super::person::Place;
    let place = match &grant.place {
        Place::Everywhere => String::new(),
        place => place.to_string(),
    };
    (grant.role.name().to_owned(), place)
}

fn same(row: &AccountRow, account: &Account) -> bool {
    row.upstream == account.upstream && row.account == account.id
}

fn add_mails(row: &mut PersonRow, mails: &[String]) -> Result<(), Error> {
    for mail in mails {
        let (mail, comparable) = form::mail(mail)?;
        if row.mails.iter().all(|kept| kept.comparable != comparable) {
            row.mails.push(MailRow { comparable, mail });
        }
    }
    Ok(())
}

/// In the order in which the store gives it back, each once, and not more than fits.
fn settle(row: &mut PersonRow) -> Result<(), Error> {
    row.mails.sort_by(|a, b| a.comparable.cmp(&b.comparable));
    row.roles.sort();
    row.roles.dedup();
    let key = |row: &AccountRow| (row.upstream.clone(), row.account.clone());
    row.accounts.sort_by_key(key);
    for (what, count) in [
        ("mail addresses", row.mails.len()),
        ("roles", row.roles.len()),
        ("accounts", row.accounts.len()),
    ] {
        if count > MOST {
            return Err(Error::TooMany { what, most: MOST });
        }
    }
    Ok(())
}

fn introduction(row: &PersonRow) -> String {
    let mut words = vec![row.name.clone()];
    words.extend(row.display.as_ref().map(|display| format!("({display})")));
    words.extend(row.mails.iter().map(|mail| format!("<{}>", mail.mail)));
    for (role, place) in &row.roles {
        words.push(match place.is_empty() {
            true => role.clone(),
            false => format!("{role}:{place}"),
        });
    }
    words.join(" ")
}
