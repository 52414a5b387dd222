//! The database and the data folder it lives in. The only SQL of the server is below this module.
//!
//! SQLite in WAL mode with full synchronisation: a commit that returned survives a power cut. Statements are kept to what
//! PostgreSQL understands as well; what only SQLite knows is in this file.

pub mod cases;
mod change;
mod comments;
pub mod drafts;
mod folder;
mod keyed;
mod migrate;
pub mod outbox;
mod people;
mod pushed;
mod records;
mod trouble;
pub mod waivers;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub use self::cases::{CaseFilter, CaseRow, PusherRow};
pub use self::change::Change;
pub use self::comments::CommentRow;
pub use self::drafts::{DraftFilter, DraftRow};
pub use self::folder::SecretKey;
use self::folder::{FileId, Lock};
pub use self::keyed::KeyedRow;
pub use self::outbox::{EventRow, NoticeRow, Pile};
pub use self::people::{AccountRow, GroupRow, MailRow, PersonRow, TokenRow, Wanted};
pub use self::records::{NewRow, Records, Row, Snapshot};
pub use self::trouble::Trouble;
pub use self::waivers::{WaiverFilter, WaiverRow};

/// The database's name in the data folder.
const DATABASE: &str = "exeat.db";

/// How long a statement waits for another one's lock before it fails.
const BUSY: Duration = Duration::from_secs(10);

/// The open data folder. Cheap to clone; one process at a time holds it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    records: Records,
    directory: PathBuf,
    /// The database file that was opened.
    file: FileId,
    fingerprint_key: SecretKey,
    /// Taken out when the store is closed.
    lock: Mutex<Option<Lock>>,
}

impl Store {
    /// Opens the folder, making it, its key and its database where they are missing, and brings the schema up to date.
    ///
    /// The folder is made with mode 0700, files with 0600. Fails where another process holds it, or where its schema is
    /// newer than this binary.
    pub async fn open(directory: &Path) -> Result<Self, Error> {
        folder::make(directory)?;
        let lock = Lock::take(directory)?;
        let fingerprint_key = SecretKey::open(&directory.join("fingerprint.key"))?;
        let database = directory.join(DATABASE);
        // SQLite gives its -wal and -shm files the mode of the database file.
        folder::touch(&database)?;
        let options = SqliteConnectOptions::new()
            .filename(&database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // Erased payloads are overwritten, not only unlinked.
            .pragma("secure_delete", "ON");
        let pool = connect(options, &database).await?;
        migrate::migrate(&pool, &database).await?;
        let file = FileId::of(&database).ok_or_else(|| Error::Gone(database.clone()))?;
        Ok(Self(Arc::new(Inner {
            records: Records::new(pool),
            file,
            directory: directory.to_owned(),
            fingerprint_key,
            lock: Mutex::new(Some(lock)),
        })))
    }

    /// The folder this store lives in.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// The key under which secrets and credentials are hashed before they are recorded. Made once per data folder.
    pub fn fingerprint_key(&self) -> &SecretKey {
        &self.0.fingerprint_key
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.there()?;
        self.0.records.ping().await
    }

    /// Whether the database still has its name. SQLite would write on into a file that was taken away, and
    /// what it wrote would end with this process.
    fn there(&self) -> Result<(), Error> {
        let database = self.0.directory.join(DATABASE);
        if FileId::of(&database) != Some(self.0.file) {
            return Err(Error::Gone(database));
        }
        Ok(())
    }

    /// Waits for statements under way, closes the database and lets go of the folder.
    pub async fn close(&self) {
        self.pool().close().await;
        let mut lock = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(lock.take());
    }

    /// The audit chain's tables, for reading.
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    fn pool(&self) -> &SqlitePool {
        self.0.records.pool()
    }

    /// What somebody with the database file could do to it.
    #[cfg(test)]
    pub(crate) async fn execute(&self, statement: &'static str) {
        let mut connection = self.pool().acquire().await.expect("a connection");
        // Enforcement is per connection and comes back with the next one.
        let unbound = sqlx::raw_sql("PRAGMA foreign_keys = OFF");
        unbound.execute(&mut *connection).await.expect("a pragma");
        let done = sqlx::raw_sql(statement).execute(&mut *connection).await;
        done.expect("a statement");
        connection.close().await.expect("a connection to close");
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("directory", &self.0.directory)
            .finish_non_exhaustive()
    }
}

impl Records {
    /// Opens the database of a data folder for reading only, beside a server that may be running on it.
    pub async fn open(directory: &Path) -> Result<Self, Error> {
        let database = directory.join(DATABASE);
        if !database.is_file() {
            return Err(Error::Absent(database));
        }
        let options = SqliteConnectOptions::new()
            .filename(&database)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY);
        let pool = connect(options, &database).await?;
        migrate::check(&pool, &database).await?;
        Ok(Self::new(pool))
    }
}

async fn connect(options: SqliteConnectOptions, database: &Path) -> Result<SqlitePool, Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(BUSY)
        .connect_with(options);
    pool.await.map_err(|source| Error::Open {
        database: database.to_owned(),
        source,
    })
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the data folder {} is in use by another process ({holder})", directory.display())]
    Held { directory: PathBuf, holder: String },
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is {length} bytes long and must be 32; restore it from a backup", path.display())]
    Key { path: PathBuf, length: usize },
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    #[error("there is no database at {}", .0.display())]
    Absent(PathBuf),
    #[error("cannot open the database {}: {source}", database.display())]
    Open {
        database: PathBuf,
        source: sqlx::Error,
    },
    #[error("{} is not a database of Exeat", .0.display())]
    Foreign(PathBuf),
    #[error("{} was taken away or replaced while this process used it; restart it", .0.display())]
    Gone(PathBuf),
    #[error("no space is left for the database")]
    NoSpace,
    /// Nothing was written.
    #[error("it has changed since it was looked at")]
    Stale,
    #[error(
        "{} has schema version {found}, this binary knows up to {known}: a newer Exeat has used this folder; run that one",
        database.display()
    )]
    Newer {
        database: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("{} has schema version {found}, this binary needs {known}: start the server once", database.display())]
    Older {
        database: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_second_store_on_the_same_folder_is_refused_until_the_first_closes() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::open(folder.path()).await.unwrap();
        let error = Store::open(folder.path()).await.unwrap_err();
        let expected = format!(
            "the data folder {} is in use by another process (pid {})",
            folder.path().display(),
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        first.close().await;
        Store::open(folder.path()).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn the_folder_and_its_files_are_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deep/data");
        let store = Store::open(&data).await.unwrap();
        assert_eq!(mode(&data), 0o700);
        let mut files: Vec<String> = std::fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let expected = [
            "exeat.db",
            "exeat.db-shm",
            "exeat.db-wal",
            "fingerprint.key",
            "lock",
        ];
        assert_eq!(files, expected);
        for file in files {
            assert_eq!(mode(&data.join(&file)), 0o600, "{file}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn the_key_is_made_once_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let key = *store.fingerprint_key().expose();
        assert_ne!(key, [0; 32]);
        assert_eq!(format!("{:?}", store.fingerprint_key()), "SecretKey(..)");
        store.close().await;
        let store = Store::open(folder.path()).await.unwrap();
        assert_eq!(*store.fingerprint_key().expose(), key);
        store.close().await;

        let path = folder.path().join("fingerprint.key");
        std::fs::write(&path, "short").unwrap();
        let error = Store::open(folder.path()).await.unwrap_err();
        let expected = "is 5 bytes long and must be 32; restore it from a backup";
        assert!(error.to_string().ends_with(expected), "{error}");
    }

    #[tokio::test]
    async fn a_commit_is_synchronised_fully() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        for (pragma, expected) in [
            ("PRAGMA synchronous", "2"),
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA foreign_keys", "1"),
            ("PRAGMA secure_delete", "1"),
        ] {
            let row = sqlx::query(pragma).fetch_one(store.pool()).await.unwrap();
            let value = sqlx::Row::try_get::<i64, _>(&row, 0)
                .map(|number| number.to_string())
                .or_else(|_| sqlx::Row::try_get::<String, _>(&row, 0))
                .unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused_by_both_openings() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        sqlx::query("INSERT INTO schema_version (version) VALUES (99)")
            .execute(store.pool())
            .await
            .unwrap();
        store.close().await;
        let sentence = format!(
            "has schema version 99, this binary knows up to {}: a newer Exeat has used this folder; run that one",
            migrate::NEWEST
        );
        let error = Store::open(folder.path()).await.unwrap_err();
        assert!(error.to_string().ends_with(&sentence), "{error}");
        let error = Records::open(folder.path()).await.unwrap_err();
        assert!(error.to_string().ends_with(&sentence), "{error}");
    }

    #[tokio::test]
    async fn reading_needs_a_database_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let error = Records::open(folder.path()).await.unwrap_err();
        assert!(
            error.to_string().starts_with("there is no database at "),
            "{error}"
        );
        std::fs::write(folder.path().join(DATABASE), "").unwrap();
        let error = Records::open(folder.path()).await.unwrap_err();
        assert!(
            error.to_string().ends_with("is not a database of Exeat"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn reading_works_beside_a_server_and_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let beside = Records::open(folder.path()).await.unwrap();
        beside.ping().await.unwrap();
        let refused = sqlx::query("DELETE FROM audit_leaf")
            .execute(beside.pool())
            .await;
        assert!(refused.is_err());
        beside.close().await;
        store.close().await;
        let after = Records::open(folder.path()).await.unwrap();
        after.ping().await.unwrap();
        after.close().await;
    }
}
