//! What kind of trouble the database is in, as far as SQLite's result codes tell.
//!
//! Codes: <https://www.sqlite.org/rescode.html>; the lowest byte is the primary one.

use super::Error;

/// Told apart because each has another way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is full. Nothing is lost; it works again once there is room.
    Full,
    /// Another program holds the database.
    Locked,
    /// The file is gone, cannot be opened, or is no database any more.
    Damaged,
    /// The file or its folder cannot be written.
    ReadOnly,
    Other,
}

impl Error {
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Gone(_) | Self::Foreign(_) | Self::Absent(_) => Trouble::Damaged,
            Self::NoSpace => Trouble::Full,
            Self::Database(error) | Self::Open { source: error, .. } => of(error),
            _ => Trouble::Other,
        }
    }
}

fn of(error: &sqlx::Error) -> Trouble {
    let code = match error {
        sqlx::Error::PoolTimedOut => return Trouble::Locked,
        sqlx::Error::Database(error) => error.code(),
        _ => None,
    };
    let code = code.and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(13) => Trouble::Full,
        Some(5 | 6) => Trouble::Locked,
        Some(11 | 14 | 26) => Trouble::Damaged,
        Some(8) => Trouble::ReadOnly,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DATABASE, Records, Store};
    use super::*;

    async fn trouble_with(records: &Records, statement: &'static str) -> Trouble {
        let failed = sqlx::raw_sql(statement).execute(records.pool()).await;
        Error::from(failed.unwrap_err()).trouble()
    }

    #[tokio::test]
    async fn what_sqlite_says_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let insert = "INSERT INTO audit_head (size, root) VALUES (1, 'x')";
        let reading = Records::open(folder.path()).await.unwrap();
        assert_eq!(trouble_with(&reading, insert).await, Trouble::ReadOnly);
        reading.close().await;

        let full = "PRAGMA max_page_count = 1; CREATE TABLE t (b); INSERT INTO t VALUES (zeroblob(1000000))";
        assert_eq!(trouble_with(store.records(), full).await, Trouble::Full);

        let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
        let impatient = "PRAGMA busy_timeout = 1; BEGIN IMMEDIATE";
        assert_eq!(
            trouble_with(store.records(), impatient).await,
            Trouble::Locked
        );
        drop(held);

        let database = folder.path().join(DATABASE);
        std::fs::rename(&database, folder.path().join("aside")).unwrap();
        let gone = store.ping().await.unwrap_err();
        assert_eq!(gone.trouble(), Trouble::Damaged);
        store.close().await;

        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join(DATABASE), "x".repeat(5000)).unwrap();
        let error = Store::open(other.path()).await.unwrap_err();
        assert_eq!(error.trouble(), Trouble::Damaged);
    }
}
