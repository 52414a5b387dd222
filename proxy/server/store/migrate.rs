//! Brings the schema up to date, forward only.

use std::path::Path;

use sqlx::SqlitePool;

use super::Error;

/// In order; the first one brings the schema to version 1. A migration that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_audit.sql"),
    include_str!("migrations/0002_people.sql"),
    include_str!("migrations/0003_cases.sql"),
];

/// All missing migrations in one transaction: a database is never between two versions.
pub(super) async fn migrate(pool: &SqlitePool, database: &Path) -> Result<(), Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)")
        .execute(&mut *transaction)
        .await?;
    let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM schema_version")
        .fetch_one(&mut *transaction)
        .await?;
    let found = found.unwrap_or(0);
    not_newer(found, database)?;
    for (version, text) in (1_i64..).zip(MIGRATIONS) {
        if version <= found {
            continue;
        }
        sqlx::raw_sql(*text).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whether a database that may not be written has the version this binary reads.
pub(super) async fn check(pool: &SqlitePool, database: &Path) -> Result<(), Error> {
    let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM schema_version")
        .fetch_one(pool)
        .await
        .map_err(|error| match error {
            sqlx::Error::Database(_) => Error::Foreign(database.to_owned()),
            other => Error::Database(other),
        })?;
    let found = found.unwrap_or(0);
    not_newer(found, database)?;
    match found < known() {
        true => Err(Error::Older {
            database: database.to_owned(),
            found,
            known: known(),
        }),
        false => Ok(()),
    }
}

fn not_newer(found: i64, database: &Path) -> Result<(), Error> {
    match found > known() {
        true => Err(Error::Newer {
            database: database.to_owned(),
            found,
            known: known(),
        }),
        false => Ok(()),
    }
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
