//! The statements of waivers.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Change, Error, Store};

/// A waiver as its columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverRow {
    pub id: String,
    pub upstream: String,
    pub repository: String,
    pub case: String,
    pub finding: String,
    pub rule: String,
    pub path: Option<String>,
    pub judgement: String,
    pub reason: String,
    pub author: String,
    /// JSON.
    pub covers: String,
    pub created: i64,
    pub expires: i64,
    pub revoked: Option<i64>,
    pub revoked_by: Option<String>,
}

/// Which waivers are asked for; what is none does not count.
#[derive(Debug, Clone, Default)]
pub struct WaiverFilter {
    pub upstream: Option<String>,
    pub repository: Option<String>,
    /// Only those that hold at this time.
    pub holding: Option<i64>,
    /// Only those that come after this one: when it was made, and its id.
    pub after: Option<(i64, String)>,
}

/// Stores a new waiver.
pub fn insert(row: &WaiverRow) -> Change {
    Change::none().one(
        "INSERT INTO waiver (id, upstream, repository, review_case, finding, rule, path, judgement, reason, author, covers, \
         created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        [
            row.id.as_str().into(),
            row.upstream.as_str().into(),
            row.repository.as_str().into(),
            row.case.as_str().into(),
            row.finding.as_str().into(),
            row.rule.as_str().into(),
            row.path.as_deref().into(),
            row.judgement.as_str().into(),
            row.reason.as_str().into(),
            row.author.as_str().into(),
            row.covers.as_str().into(),
            row.created.into(),
            row.expires.into(),
        ],
    )
}

/// Ends a waiver that nobody has revoked yet.
pub fn revoke(id: &str, by: &str, at: i64) -> Change {
    Change::none().one(
        "UPDATE waiver SET revoked = $3, revoked_by = $2 WHERE id = $1 AND revoked IS NULL",
        [id.into(), by.into(), at.into()],
    )
}

impl Store {
    /// The waiver of this id.
    pub async fn waiver(&self, id: &str) -> Result<Option<WaiverRow>, Error> {
        let found = sqlx::query("SELECT * FROM waiver WHERE id = $1")
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        found.as_ref().map(row).transpose()
    }

    /// Waivers, oldest first.
    pub async fn waivers(
        &self,
        filter: &WaiverFilter,
        limit: u32,
    ) -> Result<Vec<WaiverRow>, Error> {
        let (created, id) = match &filter.after {
            Some((created, id)) => (*created, id.as_str()),
            None => (i64::MIN, ""),
        };
        let found = sqlx::query(
            "SELECT * FROM waiver WHERE ($1 IS NULL OR upstream = $1) AND ($2 IS NULL OR repository = $2) \
             AND ($3 IS NULL OR revoked IS NULL AND expires > $3) \
             AND (created > $4 OR created = $4 AND id > $5) ORDER BY created, id LIMIT $6",
        )
        .bind(filter.upstream.as_deref())
        .bind(filter.repository.as_deref())
        .bind(filter.holding)
        .bind(created)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        found.iter().map(row).collect()
    }
}

fn row(row: &SqliteRow) -> Result<WaiverRow, Error> {
    Ok(WaiverRow {
        id: row.try_get("id")?,
        upstream: row.try_get("upstream")?,
        repository: row.try_get("repository")?,
        case: row.try_get("review_case")?,
        finding: row.try_get("finding")?,
        rule: row.try_get("rule")?,
        path: row.try_get("path")?,
        judgement: row.try_get("judgement")?,
        reason: row.try_get("reason")?,
        author: row.try_get("author")?,
        covers: row.try_get("covers")?,
        created: row.try_get("created")?,
        expires: row.try_get("expires")?,
        revoked: row.try_get("revoked")?,
        revoked_by: row.try_get("revoked_by")?,
    })
}
