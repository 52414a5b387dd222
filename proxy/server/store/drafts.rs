//! The statements of drafts: policies and rules that are kept in the database.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Change, Error, Records, Snapshot, Store};

/// A draft as its columns have it, but for its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    pub id: String,
    pub kind: String,
    pub title: String,
    /// Hex SHA-256 of the text.
    pub digest: String,
    pub base: String,
    pub author: String,
    pub state: String,
    pub revision: i64,
    /// JSON.
    pub steps: String,
    pub created: i64,
}

/// Which drafts are asked for; what is none does not count.
#[derive(Debug, Clone, Default)]
pub struct DraftFilter {
    pub kind: Option<String>,
    pub state: Option<String>,
    /// Only those that come after this one: when it was made, and its id.
    pub after: Option<(i64, String)>,
}

/// Stores a new draft, where fewer than `most` are in its state.
pub fn insert(row: &DraftRow, body: &str, most: i64) -> Change {
    Change::none().one(
        "INSERT INTO draft (id, kind, title, body, digest, base, author, state, revision, steps, created) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
         WHERE (SELECT COUNT(*) FROM draft WHERE state = $8) < $12",
        [
            row.id.as_str().into(),
            row.kind.as_str().into(),
            row.title.as_str().into(),
            body.into(),
            row.digest.as_str().into(),
            row.base.as_str().into(),
            row.author.as_str().into(),
            row.state.as_str().into(),
            row.revision.into(),
            row.steps.as_str().into(),
            row.created.into(),
            most.into(),
        ],
    )
}

/// Moves a draft on from the revision `before`. What it says never changes.
pub fn update(row: &DraftRow, before: i64) -> Change {
    Change::none().one(
        "UPDATE draft SET state = $3, revision = $4, steps = $5 WHERE id = $1 AND revision = $2",
        [
            row.id.as_str().into(),
            before.into(),
            row.state.as_str().into(),
            row.revision.into(),
            row.steps.as_str().into(),
        ],
    )
}

impl Store {
    /// The draft of this id.
    pub async fn draft(&self, id: &str) -> Result<Option<DraftRow>, Error> {
        let found = sqlx::query(
            "SELECT id, kind, title, digest, base, author, state, revision, steps, created FROM draft WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.pool())
        .await?;
        found.as_ref().map(row).transpose()
    }

    /// What the draft of this id says.
    pub async fn draft_body(&self, id: &str) -> Result<Option<String>, Error> {
        let found: Option<String> = sqlx::query_scalar("SELECT body FROM draft WHERE id = $1")
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        Ok(found)
    }

    /// Drafts, oldest first.
    pub async fn drafts(&self, filter: &DraftFilter, limit: u32) -> Result<Vec<DraftRow>, Error> {
        let (created, id) = match &filter.after {
            Some((created, id)) => (*created, id.as_str()),
            None => (i64::MIN, ""),
        };
        let found = sqlx::query(
            "SELECT id, kind, title, digest, base, author, state, revision, steps, created FROM draft \
             WHERE ($1 IS NULL OR kind = $1) AND ($2 IS NULL OR state = $2) \
             AND (created > $3 OR created = $3 AND id > $4) ORDER BY created, id LIMIT $5",
        )
        .bind(filter.kind.as_deref())
        .bind(filter.state.as_deref())
        .bind(created)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        found.iter().map(row).collect()
    }
}

impl Records {
    /// Id, digest and text of the drafts of a kind that are in one of two states, oldest first.
    pub async fn draft_texts(
        &self,
        kind: &str,
        states: [&str; 2],
    ) -> Result<Vec<(String, String, String)>, Error> {
        let [one, other] = states;
        let found: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT id, digest, body FROM draft WHERE kind = $1 AND state IN ($2, $3) ORDER BY created, id",
        )
        .bind(kind)
        .bind(one)
        .bind(other)
        .fetch_all(self.pool())
        .await?;
        Ok(found)
    }
}

impl Snapshot {
    /// The next draft after an id, and its text.
    pub async fn draft_after(&mut self, id: &str) -> Result<Option<(DraftRow, String)>, Error> {
        let found = sqlx::query("SELECT * FROM draft WHERE id > $1 ORDER BY id LIMIT 1")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        let whole = found
            .as_ref()
            .map(|found| Ok((row(found)?, found.try_get("body")?)));
        whole.transpose()
    }
}

fn row(row: &SqliteRow) -> Result<DraftRow, Error> {
    Ok(DraftRow {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        title: row.try_get("title")?,
        digest: row.try_get("digest")?,
        base: row.try_get("base")?,
        author: row.try_get("author")?,
        state: row.try_get("state")?,
        revision: row.try_get("revision")?,
        steps: row.try_get("steps")?,
        created: row.try_get("created")?,
    })
}
