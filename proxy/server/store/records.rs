//! The statements of the audit chain.
//!
//! What the columns mean is `audit`'s business; here they are texts under a sequence number.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _, Sqlite, SqlitePool, Transaction};

use super::change::{Change, Undone};
use super::{Error, Store};
use crate::crashpoint::{self, Point};

/// A record to be written.
#[derive(Debug)]
pub struct NewRow {
    pub seq: u64,
    pub push: Option<String>,
    pub leaf: String,
    /// Hex.
    pub hash: String,
    /// Hex salt and JSON.
    pub payload: Option<(String, String)>,
    /// Hex root of the tree that ends with this record.
    pub root: String,
    /// The push is under way from here on, or no longer.
    pub under_way: Option<bool>,
    /// The records whose payload goes.
    pub erases: Vec<u64>,
    /// What else the transaction does.
    pub change: Change,
}

/// A record as it stands in the tables. A column is none where it is absent or not what it should be: whoever reads this
/// may be looking for tampering, so a bad column is an answer and no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub seq: Option<u64>,
    pub push: Option<String>,
    pub leaf: Option<String>,
    pub hash: Option<String>,
    pub salt: Option<String>,
    pub payload: Option<String>,
    pub root: Option<String>,
}

/// The tables of the audit chain, for reading.
#[derive(Debug, Clone)]
pub struct Records {
    pool: SqlitePool,
}

/// One unchanging view of the tables, while a server may go on writing.
pub struct Snapshot {
    transaction: Transaction<'static, Sqlite>,
}

impl Records {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Waits for statements under way and closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let transaction = self.pool.begin().await?;
        Ok(Snapshot { transaction })
    }
}

/// Every column of a record, in one row.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT l.seq AS seq, l.push AS push, l.leaf AS leaf, l.hash AS hash, \
             p.salt AS salt, p.payload AS payload, h.root AS root \
             FROM audit_leaf l LEFT JOIN audit_payload p ON p.seq = l.seq \
             LEFT JOIN audit_head h ON h.size = l.seq ",
            $rest
        )
    };
}

impl Snapshot {
    /// The records after `seq`, oldest first.
    pub async fn after(&mut self, seq: u64, limit: u32) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(select!("WHERE l.seq > $1 ORDER BY l.seq LIMIT $2"))
            .bind(number(seq))
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        Ok(rows.iter().map(row).collect())
    }

    /// The newest records, newest first.
    pub async fn newest(&mut self, limit: u32) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(select!("ORDER BY l.seq DESC LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        Ok(rows.iter().map(row).collect())
    }

    /// The newest records of one push, newest first.
    pub async fn of_push(&mut self, push: &str, limit: u32) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(select!("WHERE l.push = $1 ORDER BY l.seq DESC LIMIT $2"))
            .bind(push)
            .bind(i64::from(limit))
            .fetch_all(self.connection())
            .await?;
        Ok(rows.iter().map(row).collect())
    }

    /// A position outside 1 to `size` at which any of the tables has something all the same.
    pub async fn stray(&mut self, size: u64) -> Result<Option<i64>, Error> {
        let stray: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(seq) FROM (SELECT seq FROM audit_leaf UNION SELECT seq FROM audit_payload \
             UNION SELECT size FROM audit_head UNION SELECT seq FROM audit_open) AS positions \
             WHERE seq < 1 OR seq > $1",
        )
        .bind(number(size))
        .fetch_one(self.connection())
        .await?;
        Ok(stray)
    }

    /// The newest tree head: size and hex root.
    pub async fn head(&mut self) -> Result<Option<(u64, String)>, Error> {
        let head: Option<(i64, String)> =
            sqlx::query_as("SELECT size, root FROM audit_head ORDER BY size DESC LIMIT 1")
                .fetch_optional(self.connection())
                .await?;
        Ok(head.map(|(size, root)| (u64::try_from(size).unwrap_or(0), root)))
    }

    /// The leaf hashes after `seq`, oldest first.
    pub async fn hashes_after(
        &mut self,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, Error> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT seq, hash FROM audit_leaf WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(number(seq))
                .bind(i64::from(limit))
                .fetch_all(self.connection())
                .await?;
        let positive = |(seq, hash)| (u64::try_from(seq).unwrap_or(0), hash);
        Ok(rows.into_iter().map(positive).collect())
    }

    /// The pushes whose outcome is not recorded, oldest first.
    pub async fn under_way(&mut self) -> Result<Vec<String>, Error> {
        Ok(
            sqlx::query_scalar("SELECT push FROM audit_open ORDER BY seq")
                .fetch_all(self.connection())
                .await?,
        )
    }

    #[cfg(test)]
    pub(crate) async fn count_of_test(&mut self, table: &'static str) -> i64 {
        let text = format!("SELECT COUNT(*) FROM {table}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(text));
        count.fetch_one(self.connection()).await.expect("a table")
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl Store {
    /// Writes records and their changes in one transaction; when this returns, all is on disk, or nothing is.
    ///
    /// # Errors
    /// `Error::Stale` where a change finds the tables other than it expects them.
    pub async fn append(&self, rows: &[NewRow]) -> Result<(), Error> {
        let room = |_| Error::NoSpace;
        crashpoint::pass_in_task(Point::AuditAppend)
            .await
            .map_err(room)?;
        let mut connection = self.pool().acquire().await?;
        if let Err(spoiled) = self.write(&mut connection, rows).await {
            if spoiled.within_transaction {
                connection.close_on_drop();
            }
            return Err(spoiled.error);
        }
        drop(connection);
        if rows.iter().any(|row| !row.erases.is_empty()) {
            self.forget().await;
        }
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        rows: &[NewRow],
    ) -> Result<(), Spoiled> {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        match self.fill(&mut transaction, rows).await {
            Ok(()) => transaction.commit().await.map_err(|error| Spoiled {
                error: error.into(),
                within_transaction: true,
            }),
            Err(error) => Err(Spoiled {
                error,
                within_transaction: transaction.rollback().await.is_err(),
            }),
        }
    }

    async fn fill(&self, connection: &mut SqliteConnection, rows: &[NewRow]) -> Result<(), Error> {
        for row in rows {
            row.change
                .carry_out(connection)
                .await
                .map_err(|undone| match undone {
                    Undone::Stale => Error::Stale,
                    Undone::Failed(error) => error,
                })?;
            insert(connection, row).await?;
        }
        crashpoint::pass_in_task(Point::AuditCommit)
            .await
            .map_err(|_| Error::NoSpace)?;
        self.there()
    }

    /// What was erased is overwritten in the database file and may still stand in the write-ahead log, which is cut here.
    /// A reader's snapshot can keep the log for its own time; SQLite overwrites it once that reader is gone.
    async fn forget(&self) {
        let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) = cut.execute(self.pool()).await {
            tracing::warn!(%error, "the write-ahead log could not be cut after an erasure");
        }
    }
}

/// A transaction that was not committed. On a full disk SQLite ends it by itself, and the connection would be taken for
/// one within it for good: such a one must not be used again.
struct Spoiled {
    error: Error,
    within_transaction: bool,
}

impl From<sqlx::Error> for Spoiled {
    fn from(error: sqlx::Error) -> Self {
        Self {
            error: error.into(),
            within_transaction: false,
        }
    }
}

async fn insert(connection: &mut SqliteConnection, row: &NewRow) -> Result<(), Error> {
    let seq = number(row.seq);
    sqlx::query("INSERT INTO audit_leaf (seq, push, leaf, hash) VALUES ($1, $2, $3, $4)")
        .bind(seq)
        .bind(row.push.as_deref())
        .bind(row.leaf.as_str())
        .bind(row.hash.as_str())
        .execute(&mut *connection)
        .await?;
    if let Some((salt, payload)) = &row.payload {
        sqlx::query("INSERT INTO audit_payload (seq, salt, payload) VALUES ($1, $2, $3)")
            .bind(seq)
            .bind(salt.as_str())
            .bind(payload.as_str())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("INSERT INTO audit_head (size, root) VALUES ($1, $2)")
        .bind(seq)
        .bind(row.root.as_str())
        .execute(&mut *connection)
        .await?;
    for erased in &row.erases {
        sqlx::query("DELETE FROM audit_payload WHERE seq = $1")
            .bind(number(*erased))
            .execute(&mut *connection)
            .await?;
    }
    match row.under_way {
        Some(true) => {
            sqlx::query("INSERT INTO audit_open (push, seq) VALUES ($1, $2)")
                .bind(row.push.as_deref())
                .bind(seq)
                .execute(&mut *connection)
                .await?;
        }
        Some(false) => {
            sqlx::query("DELETE FROM audit_open WHERE push = $1")
                .bind(row.push.as_deref())
                .execute(&mut *connection)
                .await?;
        }
        None => {}
    }
    Ok(())
}

fn row(row: &SqliteRow) -> Row {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).ok().flatten();
    let seq = row.try_get::<i64, _>("seq").ok();
    Row {
        seq: seq.and_then(|seq| u64::try_from(seq).ok()),
        push: text("push"),
        leaf: text("leaf"),
        hash: text("hash"),
        salt: text("salt"),
        payload: text("payload"),
        root: text("root"),
    }
}

/// Positions come from counting records; none reaches 2^63.
fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: u64) -> NewRow {
        NewRow {
            seq,
            push: None,
            leaf: "{}".into(),
            hash: "00".into(),
            payload: None,
            root: "00".into(),
            under_way: None,
            erases: Vec::new(),
            change: Change::none(),
        }
    }

    /// What SQLite does by itself when the disk is full, the trigger does on demand.
    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_itself_spoils_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let trigger = "CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
        store.execute(trigger).await;
        for seq in 0..8 {
            let error = store.append(&[row(seq)]).await.unwrap_err();
            assert!(error.to_string().ends_with("full"), "{error}");
        }
        store.execute("DROP TRIGGER full").await;
        for seq in 0..8 {
            store.append(&[row(seq)]).await.unwrap();
        }
        store.close().await;
    }
}
