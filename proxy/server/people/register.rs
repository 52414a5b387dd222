//! Reads who there is, also beside a running server.

use serde::Serialize;

use super::id::{GroupId, PersonId, TokenId};
use super::person::{Account, Linked, Person, Role, RoleGrant};
use super::service::Error;
use super::token::{Scopes, Token};
use crate::store::{GroupRow, PersonRow, Records, TokenRow, Wanted};

/// Rows read at once.
const PAGE: u32 = 200;

/// Persons, groups and tokens, for reading. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Register {
    records: Records,
}

/// Persons who are named together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub about: Option<String>,
    /// Names, in their order.
    pub members: Vec<String>,
    /// Unix milliseconds.
    #[serde(serialize_with = "super::time::one")]
    pub created: i64,
}

impl Register {
    pub fn new(records: &Records) -> Self {
        Self {
            records: records.clone(),
        }
    }

    /// # Errors
    /// `Error::NoPerson` where nobody has this name.
    pub async fn person(&self, name: &str) -> Result<Person, Error> {
        Ok(person(&self.person_row(name).await?)?)
    }

    pub async fn person_of_id(&self, id: &PersonId) -> Result<Option<Person>, Error> {
        let row = self.records.person(Wanted::Id(id.as_str())).await?;
        Ok(row.as_ref().map(person).transpose()?)
    }

    /// Who is known by this account: its owner, unless disabled.
    pub async fn known_by(&self, account: &Account) -> Result<Option<Person>, Error> {
        let owner = self.owner_of(account).await?;
        Ok(owner.filter(|owner| !owner.disabled))
    }

    /// Whose account this is, disabled or not. For keeping accounts; `known_by` is for knowing people.
    pub async fn owner_of(&self, account: &Account) -> Result<Option<Person>, Error> {
        let wanted = Wanted::Account {
            upstream: &account.upstream,
            account: &account.id,
        };
        let row = self.records.person(wanted).await?;
        Ok(row.as_ref().map(person).transpose()?)
    }

    /// Persons by name, those after `after`, at most `limit`.
    pub async fn persons(&self, after: &str, limit: u32) -> Result<Vec<Person>, Error> {
        let rows = self.records.persons(after, limit).await?;
        Ok(rows.iter().map(person).collect::<Result<_, _>>()?)
    }

    pub async fn all_persons(&self) -> Result<Vec<Person>, Error> {
        let mut all: Vec<Person> = Vec::new();
        loop {
            let after = all.last().map_or("", |last| &last.name);
            let page = self.persons(after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Everybody who has the role of a reviewer somewhere: nobody else may decide on a push.
    pub async fn reviewers(&self) -> Result<Vec<Person>, Error> {
        let rows = self.records.persons_with(Role::Reviewer.name()).await?;
        Ok(rows.iter().map(person).collect::<Result<_, _>>()?)
    }

    /// The names of the groups a person is in.
    pub async fn groups_of(&self, person: &PersonId) -> Result<Vec<String>, Error> {
        Ok(self.records.groups_of(person.as_str()).await?)
    }

    /// # Errors
    /// `Error::NoGroup` where none has this name.
    pub async fn group(&self, name: &str) -> Result<Group, Error> {
        let row = self.group_row(name).await?;
        self.with_members(row).await
    }

    /// Groups by name, those after `after`, at most `limit`.
    pub async fn groups(&self, after: &str, limit: u32) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        for row in self.records.groups(after, limit).await? {
            groups.push(self.with_members(row).await?);
        }
        Ok(groups)
    }

    pub async fn all_groups(&self) -> Result<Vec<Group>, Error> {
        let mut all: Vec<Group> = Vec::new();
        loop {
            let after = all.last().map_or("", |last| &last.name);
            let page = self.groups(after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// # Errors
    /// `Error::NoToken` where none has this id.
    pub async fn token(&self, id: &str) -> Result<Token, Error> {
        Ok(token(&self.token_row(id).await?)?)
    }

    /// Tokens by id, those after `after`, at most `limit`; of one person, or of all.
    pub async fn tokens(
        &self,
        person: Option<&PersonId>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Token>, Error> {
        let person = person.map(PersonId::as_str);
        let rows = self.records.tokens(person, after, limit).await?;
        Ok(rows.iter().map(token).collect::<Result<_, _>>()?)
    }

    pub async fn all_tokens(&self, person: Option<&PersonId>) -> Result<Vec<Token>, Error> {
        let mut all: Vec<Token> = Vec::new();
        loop {
            let after = all.last().map_or("", |last| last.id.as_str());
            let page = self.tokens(person, after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(super) async fn person_row(&self, name: &str) -> Result<PersonRow, Error> {
        let row = self.records.person(Wanted::Name(name)).await?;
        row.ok_or_else(|| Error::NoPerson(printable(name)))
    }

    pub(super) async fn group_row(&self, name: &str) -> Result<GroupRow, Error> {
        let row = self.records.group(name).await?;
        row.ok_or_else(|| Error::NoGroup(printable(name)))
    }

    pub(super) async fn token_row(&self, id: &str) -> Result<TokenRow, Error> {
        let row = self.records.token(id).await?;
        row.ok_or_else(|| Error::NoToken(printable(id)))
    }

    pub(super) async fn token_of_hash(&self, hash: &str) -> Result<Option<TokenRow>, Error> {
        Ok(self.records.token_of_hash(hash).await?)
    }

    /// Id and name.
    pub(super) async fn members(&self, group: &str) -> Result<Vec<(String, String)>, Error> {
        Ok(self.records.members(group).await?)
    }

    async fn with_members(&self, row: GroupRow) -> Result<Group, Error> {
        let members = self.members(&row.id).await?;
        Ok(Group {
            members: members.into_iter().map(|(_, name)| name).collect(),
            id: GroupId::stored(row.id),
            name: row.name,
            about: row.about,
            created: row.created,
        })
    }
}

/// Somebody asked for a name that is none; it is told back without what does not print.
fn printable(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    short.escape_default().to_string()
}

/// What a row holds that this binary does not know. Ignoring it could give rights.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) String);

pub(super) fn person(row: &PersonRow) -> Result<Person, Unreadable> {
    let roles: Result<Vec<RoleGrant>, _> = row
        .roles
        .iter()
        .map(|(role, place)| RoleGrant::stored(role, place))
        .collect();
    let accounts = row.accounts.iter().map(|row| Linked {
        account: Account {
            upstream: row.upstream.clone(),
            id: row.account.clone(),
        },
        login: row.login.clone(),
        linked: row.linked,
    });
    Ok(Person {
        id: PersonId::stored(row.id.clone()),
        revision: row.revision,
        name: row.name.clone(),
        display: row.display.clone(),
        mails: row.mails.iter().map(|mail| mail.mail.clone()).collect(),
        roles: roles.map_err(|_| Unreadable(row.name.clone()))?,
        accounts: accounts.collect(),
        disabled: row.disabled,
        created: row.created,
    })
}

pub(super) fn token(row: &TokenRow) -> Result<Token, Unreadable> {
    Ok(Token {
        id: TokenId::stored(row.id.clone()),
        person: PersonId::stored(row.person.clone()),
        scopes: Scopes::stored(&row.scopes).map_err(|_| Unreadable(row.id.clone()))?,
        service: row.service,
        about: row.about.clone(),
        created: row.created,
        expires: row.expires,
        revoked: row.revoked,
        used: row.used,
    })
}
