//! Packs of held pushes, encrypted while they wait.
//!
//! Whoever has the disk shall neither read what waits nor change it unseen. Each file has a secret of its own, sealed by the
//! key of the configuration together with the id of its case and its lengths; the content is sealed in numbered pieces, the
//! last of which says that it is the last (`sealed`). So a file that is cut, altered, spliced with another or renamed is
//! refused, and one whose header is gone is unreadable for good.

mod key;
mod sealed;

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

pub use self::key::{KEY_BYTES, Keys, MasterKey};
pub use self::sealed::Opened;
#[doc(hidden)]
pub use self::sealed::fuzz;
use self::sealed::{Lengths, Sealer};
use crate::crashpoint::{self, Point};

/// How the name of a finished file ends, and of one that is being written.
const FINISHED: &str = "pack";
const UNFINISHED: &str = "new";
/// Most bytes of a case's id.
const ID: usize = 64;

/// The folder of packs that wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quarantine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    keys: RwLock<Keys>,
    limit: AtomicU64,
    /// Bytes of all files, finished or not.
    used: Mutex<u64>,
}

/// What was put into the quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Bytes on disk.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no key is configured for packs that wait (quarantine.key): nothing can be held")]
    NoKey,
    #[error("the packs that wait fill the quarantine (quarantine.bytes, {limit} bytes)")]
    Full { limit: u64 },
    #[error("the pack of {0} is not there any more")]
    Absent(String),
    #[error("the pack of {0} is there already")]
    Present(String),
    #[error("{0:?} is no name of a case")]
    BadName(String),
    #[error("the pack of {case} cannot be used: {fault}")]
    Damaged { case: String, fault: Damage },
    #[error(
        "the key that the pack of {case} was sealed with is not configured (quarantine.old_keys): {key}"
    )]
    OtherKey { case: String, key: String },
    #[error("the disk has no room for the pack")]
    NoSpace,
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    #[error("{what}: {source}")]
    File { what: String, source: io::Error },
}

/// What is wrong with a file that this or an earlier process wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it is no pack of a quarantine")]
    Form,
    #[error("it is shorter or longer than it says")]
    Length,
    #[error("it was altered, or belongs to another case")]
    Altered,
}

impl Quarantine {
    /// Opens the folder below the data folder, which is made when the first pack comes, and takes out what a process that died
    /// was still writing.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(data: &Path, keys: Keys, limit: u64) -> Result<Self, Error> {
        let folder = data.join("quarantine");
        Ok(Self(Arc::new(Inner {
            used: Mutex::new(clear(&folder)?),
            folder,
            keys: RwLock::new(keys),
            limit: AtomicU64::new(limit),
        })))
    }

    /// Other keys and another `quarantine.bytes`, from the next pack on.
    pub fn follow(&self, keys: Keys, limit: u64) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    fn keys(&self) -> Keys {
        let keys = self.0.keys.read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is a key to hold anything with.
    pub fn can_hold(&self) -> bool {
        self.keys().current().is_some()
    }

    /// Bytes on disk.
    pub fn used(&self) -> u64 {
        *self.used_bytes()
    }

    /// Seals the head of a push and `length` bytes of its pack. Durable under the name of the case when this returns; before
    /// that nothing of it has that name. Blocks.
    ///
    /// # Errors
    /// When there is no key, no room, or the pack gives other than `length` bytes; nothing is left then.
    pub fn put(
        &self,
        case: &str,
        head: &[u8],
        pack: impl Read,
        length: u64,
    ) -> Result<Kept, Error> {
        let keys = self.keys();
        let key = keys.current().ok_or(Error::NoKey)?;
        let finished = self.path(case)?;
        make(&self.0.folder)?;
        if finished.exists() {
            return Err(Error::Present(case.to_owned()));
        }
        let lengths = Lengths {
            head: head.len() as u64,
            pack: length,
        };
        let room = self.reserve(lengths.sealed())?;
        let unfinished = Unfinished::make(finished.with_extension(UNFINISHED))?;
        let sealer = Sealer::begin(&unfinished.file, key, case, lengths)?;
        sealer
            .fill(head.chain(pack))
            .map_err(|source| writing(&finished, source))?;
        if let Err(error) = unfinished.finish(&finished) {
            // It may have its name already, and the case will not be opened.
            let _ = std::fs::remove_file(&finished);
            return Err(error);
        }
        let bytes = lengths.sealed();
        room.keep();
        Ok(Kept { bytes })
    }

    /// Opens the pack of a case. Every piece is checked before a byte of it is handed out. Blocks.
    ///
    /// # Errors
    /// When it is not there, was altered, or its key is not configured.
    pub fn take_out(&self, case: &str) -> Result<Opened, Error> {
        let path = self.path(case)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Absent(case.to_owned()));
            }
            Err(source) => return Err(reading(&path, source)),
        };
        Opened::read(file, &self.keys(), case)
    }

    /// Takes a pack out for good. That there is none is no error: it may have been taken out before a crash.
    ///
    /// # Errors
    /// When the file cannot be taken away.
    pub fn remove(&self, case: &str) -> Result<(), Error> {
        let path = self.path(case)?;
        let failed = |source| Error::File {
            what: format!("cannot remove {}", path.display()),
            source,
        };
        let bytes = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(failed(source)),
        };
        sealed::forget(&path).map_err(failed)?;
        std::fs::remove_file(&path).map_err(failed)?;
        let mut used = self.used_bytes();
        *used = used.saturating_sub(bytes);
        Ok(())
    }

    /// The cases whose packs are there, each with the time since it was put in.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<(String, Duration)>, Error> {
        let folder = &self.0.folder;
        let failed = |source| reading(folder, source);
        let mut cases = Vec::new();
        if !folder.exists() {
            return Ok(cases);
        }
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if path.extension().and_then(|end| end.to_str()) != Some(FINISHED) {
                continue;
            }
            let Some(case) = path.file_stem().and_then(|name| name.to_str()) else {
                continue;
            };
            let since = entry.metadata().and_then(|metadata| metadata.modified());
            let age = since
                .ok()
                .and_then(|since| SystemTime::now().duration_since(since).ok());
            cases.push((case.to_owned(), age.unwrap_or_default()));
        }
        cases.sort();
        Ok(cases)
    }

    fn path(&self, case: &str) -> Result<PathBuf, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if case.is_empty() || case.len() > ID || !case.bytes().all(is_plain) {
            return Err(Error::BadName(exeat_gitwire::text::escape_short(
                case.as_bytes(),
                ID,
            )));
        }
        Ok(self.0.folder.join(format!("{case}.{FINISHED}")))
    }

    fn reserve(&self, bytes: u64) -> Result<Room<'_>, Error> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let mut used = self.used_bytes();
        match used.checked_add(bytes).filter(|sum| *sum <= limit) {
            Some(sum) => *used = sum,
            None => return Err(Error::Full { limit }),
        }
        Ok(Room {
            quarantine: self,
            bytes,
        })
    }

    fn used_bytes(&self) -> std::sync::MutexGuard<'_, u64> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(folder: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| writing(folder, source))
}

/// Takes out what was not finished, and counts the bytes of what was.
fn clear(folder: &Path) -> Result<u64, Error> {
    let mut used = 0;
    if !folder.exists() {
        return Ok(used);
    }
    for entry in std::fs::read_dir(folder).map_err(|source| reading(folder, source))? {
        let entry = entry.map_err(|source| reading(folder, source))?;
        let path = entry.path();
        if path.extension().and_then(|end| end.to_str()) == Some(UNFINISHED) {
            tracing::warn!(path = %path.display(), "a pack that was not wholly put into the quarantine is taken out");
            std::fs::remove_file(&path).map_err(|source| writing(&path, source))?;
            continue;
        }
        used += entry.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(used)
}

/// Bytes that are spoken for, given back unless the file comes to be.
struct Room<'q> {
    quarantine: &'q Quarantine,
    bytes: u64,
}

impl Room<'_> {
    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut used = self.quarantine.used_bytes();
        *used = used.saturating_sub(self.bytes);
    }
}

/// A file that has not its name yet, and is taken away where it never gets it.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn make(path: PathBuf) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| writing(&path, source))?;
        Ok(Self { path, file })
    }

    /// Lets the content and then the name reach the disk.
    fn finish(mut self, finished: &Path) -> Result<(), Error> {
        let folder = finished.parent().unwrap_or(Path::new("."));
        self.file
            .flush()
            .and_then(|()| self.file.sync_all())
            .and_then(|()| crashpoint::pass(Point::QuarantineWritten))
            .and_then(|()| std::fs::rename(&self.path, finished))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|source| writing(finished, source))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already where it was finished.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn writing(path: &Path, source: io::Error) -> Error {
    match crate::push::is_full(&source) {
        true => Error::NoSpace,
        false => Error::File {
            what: format!("cannot write {}", path.display()),
            source,
        },
    }
}

fn reading(path: &Path, source: io::Error) -> Error {
    Error::File {
        what: format!("cannot read {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests;
