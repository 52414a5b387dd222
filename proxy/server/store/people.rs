//! The statements about persons, groups and tokens.
//!
//! What the texts mean is `people`'s business. Reading works beside a running server; what changes something is a `Change`,
//! carried out together with its audit record, and expects the revision that whoever acts has seen.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::change::Change;
use super::{Error, Records, Snapshot, Store};

/// A person as the tables have it. Times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    pub id: String,
    /// Counted up with every change.
    pub revision: i64,
    /// Hex.
    pub salt: String,
    pub name: String,
    pub display: Option<String>,
    pub disabled: bool,
    pub created: i64,
    pub mails: Vec<MailRow>,
    /// Role and where it holds, which is empty for everywhere.
    pub roles: Vec<(String, String)>,
    pub accounts: Vec<AccountRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRow {
    /// With the domain in lower case.
    pub comparable: String,
    pub mail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub upstream: String,
    pub account: String,
    pub login: Option<String>,
    pub linked: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    pub id: String,
    pub revision: i64,
    pub salt: String,
    pub name: String,
    pub about: Option<String>,
    pub created: i64,
}

/// A token without its text, of which only a keyed hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub id: String,
    pub revision: i64,
    pub salt: String,
    /// Id of its owner.
    pub person: String,
    pub hash: String,
    /// Words with blanks between.
    pub scopes: String,
    pub service: bool,
    pub about: Option<String>,
    pub created: i64,
    pub expires: i64,
    pub revoked: Option<i64>,
    pub used: Option<i64>,
    /// When it was last put on record that it was refused.
    pub refused: Option<i64>,
}

/// One person, by one of the things that lead to one alone.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    Id(&'a str),
    Name(&'a str),
    Account { upstream: &'a str, account: &'a str },
}

/// Every column of a person that stands in its own row.
macro_rules! select_person {
    ($rest:literal) => {
        concat!(
            "SELECT id, revision, salt, name, display, disabled, created FROM person ",
            $rest
        )
    };
}

macro_rules! select_group {
    ($rest:literal) => {
        concat!(
            "SELECT id, revision, salt, name, about, created FROM people_group ",
            $rest
        )
    };
}

macro_rules! select_token {
    ($rest:literal) => {
        concat!(
            "SELECT id, revision, salt, person, hash, scopes, service, about, created, expires, \
             revoked, used, refused FROM token ",
            $rest
        )
    };
}

impl Records {
    pub async fn person(&self, wanted: Wanted<'_>) -> Result<Option<PersonRow>, Error> {
        let mut connection = self.pool().begin().await?;
        let found = match wanted {
            Wanted::Id(id) => sqlx::query(select_person!("WHERE id = $1")).bind(id),
            Wanted::Name(name) => sqlx::query(select_person!("WHERE name = $1")).bind(name),
            Wanted::Account { upstream, account } => sqlx::query(select_person!(
                "WHERE id = (SELECT person FROM person_account WHERE upstream = $1 AND account = $2)"
            ))
            .bind(upstream)
            .bind(account),
        };
        match found.fetch_optional(&mut *connection).await? {
            Some(row) => Ok(Some(person(&mut connection, &row).await?)),
            None => Ok(None),
        }
    }

    /// Persons by name, those after `after`.
    pub async fn persons(&self, after: &str, limit: u32) -> Result<Vec<PersonRow>, Error> {
        let mut connection = self.pool().begin().await?;
        let rows = sqlx::query(select_person!("WHERE name > $1 ORDER BY name LIMIT $2"))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await?;
        let mut persons = Vec::with_capacity(rows.len());
        for row in &rows {
            persons.push(person(&mut connection, row).await?);
        }
        Ok(persons)
    }

    /// Everybody who has this role anywhere, by name.
    pub async fn persons_with(&self, role: &str) -> Result<Vec<PersonRow>, Error> {
        let mut connection = self.pool().acquire().await?;
        let rows = sqlx::query(select_person!(
            "WHERE id IN (SELECT person FROM person_role WHERE role = $1) ORDER BY name"
        ))
        .bind(role)
        .fetch_all(&mut *connection)
        .await?;
        let mut persons = Vec::with_capacity(rows.len());
        for row in &rows {
            persons.push(person(&mut connection, row).await?);
        }
        Ok(persons)
    }

    pub async fn group(&self, name: &str) -> Result<Option<GroupRow>, Error> {
        let row = sqlx::query(select_group!("WHERE name = $1"))
            .bind(name)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.as_ref().map(group).transpose()?)
    }

    /// Groups by name, those after `after`.
    pub async fn groups(&self, after: &str, limit: u32) -> Result<Vec<GroupRow>, Error> {
        let rows = sqlx::query(select_group!("WHERE name > $1 ORDER BY name LIMIT $2"))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        Ok(rows.iter().map(group).collect::<Result<_, _>>()?)
    }

    /// Id and name of a group's members, by name.
    pub async fn members(&self, group: &str) -> Result<Vec<(String, String)>, Error> {
        let members = sqlx::query_as(
            "SELECT p.id, p.name FROM people_group_member m JOIN person p ON p.id = m.person \
             WHERE m.people_group = $1 ORDER BY p.name",
        );
        Ok(members.bind(group).fetch_all(self.pool()).await?)
    }

    /// The names of the groups a person is in.
    pub async fn groups_of(&self, person: &str) -> Result<Vec<String>, Error> {
        let names = sqlx::query_scalar(
            "SELECT g.name FROM people_group_member m JOIN people_group g ON g.id = m.people_group \
             WHERE m.person = $1 ORDER BY g.name",
        );
        Ok(names.bind(person).fetch_all(self.pool()).await?)
    }

    pub async fn token(&self, id: &str) -> Result<Option<TokenRow>, Error> {
        let row = sqlx::query(select_token!("WHERE id = $1"))
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// By the keyed hash of its text.
    pub async fn token_of_hash(&self, hash: &str) -> Result<Option<TokenRow>, Error> {
        let row = sqlx::query(select_token!("WHERE hash = $1"))
            .bind(hash)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.as_ref().map(token).transpose()?)
    }

    /// Tokens by id, those after `after`; of one person, or of all.
    pub async fn tokens(
        &self,
        person: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<TokenRow>, Error> {
        let query = match person {
            Some(person) => sqlx::query(select_token!(
                "WHERE id > $1 AND person = $3 ORDER BY id LIMIT $2"
            ))
            .bind(after)
            .bind(i64::from(limit))
            .bind(person),
            None => sqlx::query(select_token!("WHERE id > $1 ORDER BY id LIMIT $2"))
                .bind(after)
                .bind(i64::from(limit)),
        };
        let rows = query.fetch_all(self.pool()).await?;
        Ok(rows.iter().map(token).collect::<Result<_, _>>()?)
    }
}

/// A group and the ids of its members.
pub type WithMembers = (GroupRow, Vec<String>);

/// All persons, groups and tokens one after the other, each kind in the order of its ids, with the rest of the tables as it
/// was when the snapshot was taken. A row that cannot be read is an error: this is for whoever looks for tampering.
impl Snapshot {
    pub async fn person_after(&mut self, id: &str) -> Result<Option<PersonRow>, Error> {
        let row = sqlx::query(select_person!("WHERE id > $1 ORDER BY id LIMIT 1"))
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        match row {
            Some(row) => Ok(Some(person(self.connection(), &row).await?)),
            None => Ok(None),
        }
    }

    pub async fn group_after(&mut self, id: &str) -> Result<Option<WithMembers>, Error> {
        let row = sqlx::query(select_group!("WHERE id > $1 ORDER BY id LIMIT 1"))
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        let Some(group) = row.as_ref().map(group).transpose()? else {
            return Ok(None);
        };
        let members =
            sqlx::query_scalar("SELECT person FROM people_group_member WHERE people_group = $1")
                .bind(&group.id)
                .fetch_all(self.connection())
                .await?;
        Ok(Some((group, members)))
    }

    pub async fn token_after(&mut self, id: &str) -> Result<Option<TokenRow>, Error> {
        let row = sqlx::query(select_token!("WHERE id > $1 ORDER BY id LIMIT 1"))
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        Ok(row.as_ref().map(token).transpose()?)
    }
}

impl Store {
    /// Notes that a token was used, unless that was noted after `since` already. No deed, and not recorded.
    pub async fn note_use(&self, token: &str, now: i64, since: i64) -> Result<(), Error> {
        sqlx::query("UPDATE token SET used = $2 WHERE id = $1 AND (used IS NULL OR used <= $3)")
            .bind(token)
            .bind(now)
            .bind(since)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

impl Change {
    pub fn add_person(row: &PersonRow) -> Self {
        let change = Self::none().one(
            "INSERT INTO person (id, revision, salt, name, display, disabled, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                row.id.as_str().into(),
                row.revision.into(),
                row.salt.as_str().into(),
                row.name.as_str().into(),
                row.display.as_deref().into(),
                i64::from(row.disabled).into(),
                row.created.into(),
            ],
        );
        change.belongings(row)
    }

    /// Makes the person of this id what `row` says. Expects the revision before the one that `row` has.
    pub fn person(row: &PersonRow) -> Self {
        let change = Self::none()
            .one(
                "UPDATE person SET revision = $3, display = $4, disabled = $5 \
                 WHERE id = $1 AND revision = $2",
                [
                    row.id.as_str().into(),
                    row.revision.saturating_sub(1).into(),
                    row.revision.into(),
                    row.display.as_deref().into(),
                    i64::from(row.disabled).into(),
                ],
            )
            .any(
                "DELETE FROM person_mail WHERE person = $1",
                [row.id.as_str().into()],
            )
            .any(
                "DELETE FROM person_role WHERE person = $1",
                [row.id.as_str().into()],
            )
            .any(
                "DELETE FROM person_account WHERE person = $1",
                [row.id.as_str().into()],
            );
        change.belongings(row)
    }

    fn belongings(mut self, row: &PersonRow) -> Self {
        for MailRow { comparable, mail } in &row.mails {
            self = self.one(
                "INSERT INTO person_mail (person, comparable, mail) VALUES ($1, $2, $3)",
                [
                    row.id.as_str().into(),
                    comparable.as_str().into(),
                    mail.as_str().into(),
                ],
            );
        }
        for (role, place) in &row.roles {
            self = self.one(
                "INSERT INTO person_role (person, role, place) VALUES ($1, $2, $3)",
                [
                    row.id.as_str().into(),
                    role.as_str().into(),
                    place.as_str().into(),
                ],
            );
        }
        for account in &row.accounts {
            self = self.one(
                "INSERT INTO person_account (upstream, account, person, login, linked) \
                 VALUES ($1, $2, $3, $4, $5)",
                [
                    account.upstream.as_str().into(),
                    account.account.as_str().into(),
                    row.id.as_str().into(),
                    account.login.as_deref().into(),
                    account.linked.into(),
                ],
            );
        }
        self
    }

    pub fn add_group(row: &GroupRow) -> Self {
        Self::none().one(
            "INSERT INTO people_group (id, revision, salt, name, about, created) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            [
                row.id.as_str().into(),
                row.revision.into(),
                row.salt.as_str().into(),
                row.name.as_str().into(),
                row.about.as_deref().into(),
                row.created.into(),
            ],
        )
    }

    /// Takes a group and its memberships away. Expects it as `row` has it.
    pub fn remove_group(row: &GroupRow) -> Self {
        Self::none()
            .any(
                "DELETE FROM people_group_member WHERE people_group = $1",
                [row.id.as_str().into()],
            )
            .one(
                "DELETE FROM people_group WHERE id = $1 AND revision = $2",
                [row.id.as_str().into(), row.revision.into()],
            )
    }

    pub fn join_group(row: &GroupRow, person: &str) -> Self {
        Self::next_of_group(row).one(
            "INSERT INTO people_group_member (people_group, person) VALUES ($1, $2)",
            [row.id.as_str().into(), person.into()],
        )
    }

    pub fn leave_group(row: &GroupRow, person: &str) -> Self {
        Self::next_of_group(row).one(
            "DELETE FROM people_group_member WHERE people_group = $1 AND person = $2",
            [row.id.as_str().into(), person.into()],
        )
    }

    fn next_of_group(row: &GroupRow) -> Self {
        Self::none().one(
            "UPDATE people_group SET revision = $3 WHERE id = $1 AND revision = $2",
            [
                row.id.as_str().into(),
                row.revision.into(),
                row.revision.saturating_add(1).into(),
            ],
        )
    }

    pub fn add_token(row: &TokenRow) -> Self {
        Self::none().one(
            "INSERT INTO token (id, revision, salt, person, hash, scopes, service, about, created, \
             expires, revoked, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                row.id.as_str().into(),
                row.revision.into(),
                row.salt.as_str().into(),
                row.person.as_str().into(),
                row.hash.as_str().into(),
                row.scopes.as_str().into(),
                i64::from(row.service).into(),
                row.about.as_deref().into(),
                row.created.into(),
                row.expires.into(),
                row.revoked.into(),
                row.used.into(),
            ],
        )
    }

    /// Ends a token at `now`. Expects it as `row` has it.
    pub fn revoke_token(row: &TokenRow, now: i64) -> Self {
        Self::none().one(
            "UPDATE token SET revision = $3, revoked = $4 \
             WHERE id = $1 AND revision = $2 AND revoked IS NULL",
            [
                row.id.as_str().into(),
                row.revision.into(),
                row.revision.saturating_add(1).into(),
                now.into(),
            ],
        )
    }

    /// Changes nothing, and is stale unless this person is as he was in this revision, and not disabled.
    pub fn person_holds(id: &str, revision: i64) -> Self {
        Self::none().one(
            "UPDATE person SET disabled = 0 WHERE id = $1 AND revision = $2 AND disabled = 0",
            [id.into(), revision.into()],
        )
    }

    /// Changes nothing, and is stale unless this person is in the group of this name.
    pub fn is_in_group(group: &str, person: &str) -> Self {
        Self::none().one(
            "UPDATE people_group_member SET person = person WHERE person = $2 \
             AND people_group = (SELECT id FROM people_group WHERE name = $1)",
            [group.into(), person.into()],
        )
    }

    /// Changes nothing, and is stale unless this token is neither revoked nor expired at `now`.
    pub fn token_holds(id: &str, now: i64) -> Self {
        Self::none().one(
            "UPDATE token SET revoked = NULL WHERE id = $1 AND revoked IS NULL AND expires > $2",
            [id.into(), now.into()],
        )
    }

    /// Notes that a token was refused. Stale where that was noted after `since` already.
    pub fn refuse_token(token: &str, now: i64, since: i64) -> Self {
        Self::none().one(
            "UPDATE token SET refused = $2 WHERE id = $1 AND (refused IS NULL OR refused <= $3)",
            [token.into(), now.into(), since.into()],
        )
    }
}

async fn person(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<PersonRow, Error> {
    let id: String = row.try_get("id")?;
    let mails: Vec<(String, String)> = sqlx::query_as(
        "SELECT comparable, mail FROM person_mail WHERE person = $1 ORDER BY comparable",
    )
    .bind(&id)
    .fetch_all(&mut *connection)
    .await?;
    let roles = sqlx::query_as(
        "SELECT role, place FROM person_role WHERE person = $1 ORDER BY role, place",
    )
    .bind(&id)
    .fetch_all(&mut *connection)
    .await?;
    let accounts: Vec<(String, String, Option<String>, i64)> = sqlx::query_as(
        "SELECT upstream, account, login, linked FROM person_account WHERE person = $1 \
         ORDER BY upstream, account",
    )
    .bind(&id)
    .fetch_all(&mut *connection)
    .await?;
    let mail = |(comparable, mail)| MailRow { comparable, mail };
    let account = |(upstream, account, login, linked)| AccountRow {
        upstream,
        account,
        login,
        linked,
    };
    Ok(PersonRow {
        revision: row.try_get("revision")?,
        salt: row.try_get("salt")?,
        name: row.try_get("name")?,
        display: row.try_get("display")?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        created: row.try_get("created")?,
        mails: mails.into_iter().map(mail).collect(),
        roles,
        accounts: accounts.into_iter().map(account).collect(),
        id,
    })
}

fn group(row: &SqliteRow) -> Result<GroupRow, sqlx::Error> {
    Ok(GroupRow {
        id: row.try_get("id")?,
        revision: row.try_get("revision")?,
        salt: row.try_get("salt")?,
        name: row.try_get("name")?,
        about: row.try_get("about")?,
        created: row.try_get("created")?,
    })
}

fn token(row: &SqliteRow) -> Result<TokenRow, sqlx::Error> {
    Ok(TokenRow {
        id: row.try_get("id")?,
        revision: row.try_get("revision")?,
        salt: row.try_get("salt")?,
        person: row.try_get("person")?,
        hash: row.try_get("hash")?,
        scopes: row.try_get("scopes")?,
        service: row.try_get::<i64, _>("service")? != 0,
        about: row.try_get("about")?,
        created: row.try_get("created")?,
        expires: row.try_get("expires")?,
        revoked: row.try_get("revoked")?,
        used: row.try_get("used")?,
        refused: row.try_get("refused")?,
    })
}
