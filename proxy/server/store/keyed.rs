//! The statements of requests that came with a key of their own.

use sqlx::Row as _;

use super::{Change, Error, Store};

/// Such a request as its columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRow {
    /// Of who asked and the key.
    pub hash: String,
    pub asker: String,
    /// Digest of what was asked.
    pub request: String,
    /// Whether it was carried out.
    pub done: bool,
    pub status: Option<i64>,
    pub body: Option<String>,
    pub created: i64,
}

impl Change {
    /// Says of a keyed request that it is carried out: together with that, and once.
    pub fn keyed_done(hash: &str) -> Self {
        Self::none().one(
            "UPDATE keyed_request SET done = 1 WHERE hash = $1 AND done = 0",
            [hash.into()],
        )
    }
}

impl Store {
    pub async fn keyed(&self, hash: &str) -> Result<Option<KeyedRow>, Error> {
        let found = sqlx::query("SELECT * FROM keyed_request WHERE hash = $1")
            .bind(hash)
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = found else {
            return Ok(None);
        };
        Ok(Some(KeyedRow {
            hash: row.try_get("hash")?,
            asker: row.try_get("asker")?,
            request: row.try_get("request")?,
            done: row.try_get::<i64, _>("done")? != 0,
            status: row.try_get("status")?,
            body: row.try_get("body")?,
            created: row.try_get("created")?,
        }))
    }

    /// How many an asker has.
    pub async fn keyed_of(&self, asker: &str) -> Result<i64, Error> {
        let count =
            sqlx::query_scalar("SELECT COUNT(*) FROM keyed_request WHERE asker = $1").bind(asker);
        Ok(count.fetch_one(self.pool()).await?)
    }

    /// Notes that a request has begun.
    pub async fn begin_keyed(&self, row: &KeyedRow) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO keyed_request (hash, asker, request, done, created) VALUES ($1, $2, $3, 0, $4)",
        )
        .bind(&row.hash)
        .bind(&row.asker)
        .bind(&row.request)
        .bind(row.created)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Keeps the answer.
    pub async fn answer_keyed(&self, hash: &str, status: u16, body: &str) -> Result<(), Error> {
        sqlx::query("UPDATE keyed_request SET status = $2, body = $3 WHERE hash = $1")
            .bind(hash)
            .bind(i64::from(status))
            .bind(body)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Forgets those that began at `until` or before.
    pub async fn forget_keyed(&self, until: i64) -> Result<(), Error> {
        sqlx::query("DELETE FROM keyed_request WHERE created <= $1")
            .bind(until)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
impl Store {
    /// For tests of what a crash leaves.
    pub(crate) async fn keyed_hashes(&self) -> Vec<String> {
        let found = sqlx::query_scalar("SELECT hash FROM keyed_request ORDER BY created");
        found.fetch_all(self.pool()).await.unwrap()
    }

    pub(crate) async fn unanswer_keyed(&self, hash: &str, done: bool) {
        sqlx::query(
            "UPDATE keyed_request SET status = NULL, body = NULL, done = $2 WHERE hash = $1",
        )
        .bind(hash)
        .bind(i64::from(done))
        .execute(self.pool())
        .await
        .unwrap();
    }
}
