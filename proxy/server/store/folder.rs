//! The data folder: made for its owner alone, held by one process, with the key that fingerprints are made with.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::Error;

/// Makes the folder and what is missing above it.
pub(super) fn make(directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(file_error("make the data folder", directory))
}

/// Makes an empty file for the owner alone, where there is none.
pub(super) fn touch(path: &Path) -> Result<(), Error> {
    owned(path).map(drop)
}

/// An exclusive hold on the folder, given back when dropped or when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// The file holds the pid of who has the lock, for the one who is refused; the lock itself is the kernel's.
    pub(super) fn take(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("lock");
        let mut file = owned(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Held {
                    directory: directory.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(file_error("lock", &path)(source));
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "pid {}", std::process::id()));
        written.map_err(file_error("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let pid = text
        .trim()
        .strip_prefix("pid ")
        .and_then(|pid| pid.parse::<u32>().ok());
    match (read, pid) {
        (Ok(_), Some(pid)) => format!("pid {pid}"),
        _ => "pid unknown".to_owned(),
    }
}

/// 32 random bytes that belong to this data folder. Silent in `Debug`.
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The bytes, for a keyed hash and nothing else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the key, or makes it. A half-written key cannot come to be: the file gets its name when it is complete.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        match std::fs::read(path) {
            Ok(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
                Ok(key) => Ok(Self(key)),
                Err(_) => Err(Error::Key {
                    path: path.to_owned(),
                    length: bytes.len(),
                }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(file_error("read", path)(error)),
        }
    }

    fn make(path: &Path) -> Result<Self, Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(Error::Random)?;
        let unfinished = path.with_extension("key.new");
        let mut file = owned(&unfinished)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(&key))
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&unfinished, path))
            .and_then(|()| match path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            });
        written.map_err(file_error("write", path))?;
        Ok(Self(key))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Which file a name stands for, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// None where there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

fn owned(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(file_error("open", path))
}

fn file_error(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { what, path, source }
}
