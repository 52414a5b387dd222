//! Orders about groups: add, remove, join, leave.

use super::form;
use super::id::GroupId;
use super::register::Group;
use super::service::{Act, Done, Error, People, now};
use super::state;
use crate::audit::{Actor, Kind};
use crate::store::{Change, GroupRow};

impl People {
    pub async fn add_group(
        &self,
        name: &str,
        about: Option<&str>,
        actor: &Actor,
    ) -> Result<Group, Error> {
        let row = GroupRow {
            id: GroupId::random()?.as_str().to_owned(),
            revision: 1,
            salt: state::salt()?,
            name: form::name(name)?,
            about: about
                .map(|about| form::plain("description", about))
                .transpose()?,
            created: now(),
        };
        if self.store.records().group(&row.name).await?.is_some() {
            return Err(Error::GroupExists(row.name));
        }
        let act = Act {
            kind: Kind::Group,
            action: "add",
            actor,
            subject: row.id.clone(),
            before: None,
            after: Some(state::of_group(&row, std::iter::empty())),
            note: row.name.clone(),
        };
        self.act(act, Change::add_group(&row)).await?;
        self.register().group(&row.name).await
    }

    /// Takes a group away; its members stay.
    pub async fn remove_group(&self, name: &str, actor: &Actor) -> Result<Group, Error> {
        let group = self.register().group(name).await?;
        let row = self.register().group_row(name).await?;
        let members = self.register().members(&row.id).await?;
        let act = Act {
            kind: Kind::Group,
            action: "remove",
            actor,
            subject: row.id.clone(),
            before: Some(of(&row, &members)),
            after: None,
            note: row.name.clone(),
        };
        self.act(act, Change::remove_group(&row)).await?;
        Ok(group)
    }

    pub async fn join(
        &self,
        group: &str,
        person: &str,
        actor: &Actor,
    ) -> Result<Done<Group>, Error> {
        self.move_member(group, person, true, actor).await
    }

    pub async fn leave(
        &self,
        group: &str,
        person: &str,
        actor: &Actor,
    ) -> Result<Done<Group>, Error> {
        self.move_member(group, person, false, actor).await
    }

    async fn move_member(
        &self,
        group: &str,
        person: &str,
        joins: bool,
        actor: &Actor,
    ) -> Result<Done<Group>, Error> {
        let row = self.register().group_row(group).await?;
        let person = self.register().person_row(person).await?;
        let before = self.register().members(&row.id).await?;
        let member = before.iter().any(|(id, _)| *id == person.id);
        if member == joins {
            return Ok(Done {
                now: self.register().group(group).await?,
                changed: false,
            });
        }
        let mut after = before.clone();
        let (action, change) = match joins {
            true => {
                after.push((person.id.clone(), person.name.clone()));
                ("join", Change::join_group(&row, &person.id))
            }
            false => {
                after.retain(|(id, _)| *id != person.id);
                ("leave", Change::leave_group(&row, &person.id))
            }
        };
        let act = Act {
            kind: Kind::Group,
            action,
            actor,
            subject: row.id.clone(),
            before: Some(of(&row, &before)),
            after: Some(of(&row, &after)),
            note: format!("{}: {}", row.name, person.name),
        };
        self.act(act, change).await?;
        Ok(Done {
            now: self.register().group(group).await?,
            changed: true,
        })
    }
}

fn of(row: &GroupRow, members: &[(String, String)]) -> String {
    state::of_group(row, members.iter().map(|(id, _)| id.as_str()))
}
