//! Brings the schema up to date, forward only.

use std::path::Path;

use sqlx::SqlitePool;

use super::Error;

/// In order; the first one brings the schema to version 1. A migration that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_audit.sql"),
    include_str!("migrations/0002_people.sql"),
    include_str!("migrations/0003_cases.sql"),
    include_str!("migrations/0004_outbox.sql"),
    include_str!("migrations/0005_terms.sql"),
    include_str!("migrations/0006_pushed.sql"),
    include_str!("migrations/0007_waivers.sql"),
    include_str!("migrations/0008_console.sql"),
    include_str!("migrations/0009_drafts.sql"),
    include_str!("migrations/0010_closed.sql"),
];

/// The version that they lead to.
#[cfg(test)]
pub(super) const NEWEST: usize = MIGRATIONS.len();

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

#[cfg(test)]
mod tests {
    use super::super::{DATABASE, Store};
    use super::*;
    use crate::audit::{self, Audit};
    use crate::people::{NewPerson, People};

    /// A database as the first version left it, with the record of its start.
    const FIRST: &str = r#"
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO schema_version VALUES (1);
INSERT INTO audit_leaf VALUES (1, NULL, '{"version":1,"seq":1,"time":"2026-11-21T06:15:13.711Z","run":"ecbb948e13fa1c90","monotonic_ns":150727,"kind":"start","action":"serve","digests":{"rules":"326193e620b7831f0fbc9752b8e9e155702d2e5bee5b6d4a66855a24da6002a0","policy":"3e9e5a75c5f8050272e047b86bdf17c8f7cad9857ce548f93e2ff7c77bc7d68f","config":"9c6470906b862e5e92748846c63370e78e45fe062cb467c6919c0e72438d66fc"},"binary":"0.1.0","commitments":{"actor":"0693df799722d7e519a0a36b68bdd2ed45d3bc63358e9f308d97659918423de1"}}', 'dd004d3146c6c6064696d880d75bf0684a8b9a5e427f290d8780f3ce17173eb0');
INSERT INTO audit_payload VALUES (1, '96747f0d003eeecadb2f5cef6f4e5676621e41cddf7d2ec916514d835690f6c2', '{"actor":{"kind":"system","verified":true}}');
INSERT INTO audit_head VALUES (1, 'dd004d3146c6c6064696d880d75bf0684a8b9a5e427f290d8780f3ce17173eb0');
"#;

    #[tokio::test]
    async fn a_folder_of_the_first_version_verifies_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(folder.path().join(DATABASE))
            .create_if_missing(true);
        let old = SqlitePool::connect_with(options).await.unwrap();
        for text in [MIGRATIONS[0], FIRST] {
            sqlx::raw_sql(text).execute(&old).await.unwrap();
        }
        old.close().await;

        let store = Store::open(folder.path()).await.unwrap();
        let verified = async || {
            let mut snapshot = store.records().snapshot().await.unwrap();
            let report = audit::verify(&mut snapshot, None).await.unwrap();
            assert_eq!(report.problem, None);
            report.head
        };
        let head = verified().await;
        let root = "dd004d3146c6c6064696d880d75bf0684a8b9a5e427f290d8780f3ce17173eb0";
        assert_eq!((head.size, hex::encode(head.root).as_str()), (1, root));

        let audit = Audit::open(store.clone()).await.unwrap();
        let people = People::new(&store, &audit);
        let ada = NewPerson {
            name: "ada".into(),
            ..NewPerson::default()
        };
        let actor = audit::samples::actor();
        people.add_person(&ada, &actor).await.unwrap();
        assert_eq!(verified().await.size, 2);
        store.close().await;
    }
}
