//! Packs wait here for their verdict: unnamed files in the data folder, counted against one
//! total.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use exeat_gitwire::pack::{Scratch, Spool};

use crate::{
    crashpoint::{self, Point},
    metrics::Metrics,
};

/// All spooled packs together have reached `limits.spool_bytes`.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the pushes under way together fill the spool of the proxy (limits.spool_bytes, {limit} bytes)"
)]
pub struct RoomFull {
    limit: u64,
}

/// Whether a write failed because the disk, or the share of it that is ours, is full.
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// The folder of spooled packs and the bytes they may take together.
#[derive(Debug)]
pub struct SpoolRoom {
    folder: PathBuf,
    limit: AtomicU64,
    used: AtomicU64,
    metrics: Metrics,
}

impl SpoolRoom {
    /// `limit` is `limits.spool_bytes`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path, limit: u64, metrics: &Metrics) -> io::Result<Arc<Self>> {
        let folder = data.join("spool");
        std::fs::create_dir_all(&folder)?;
        clear(&folder)?;
        Ok(Arc::new(Self {
            folder,
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            metrics: metrics.clone(),
        }))
    }

    /// An empty spool. The file has no name, so that nothing is left of it after a crash and
    /// nobody else can open it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn spool(self: &Arc<Self>) -> io::Result<PackSpool> {
        let spool = self.file(true)?;
        crashpoint::pass(Point::SpoolOpened)?;
        Ok(spool)
    }

    fn file(self: &Arc<Self>, is_pack: bool) -> io::Result<PackSpool> {
        Ok(PackSpool {
            file: tempfile::tempfile_in(&self.folder)?,
            length: 0,
            is_pack,
            room: Arc::clone(self),
        })
    }

    /// Bytes spooled at this moment.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Another `limits.spool_bytes`, from the next byte on.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn take(&self, bytes: u64) -> io::Result<()> {
        let limit = self.limit.load(Ordering::Relaxed);
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            let full = RoomFull { limit };
            return Err(io::Error::new(io::ErrorKind::StorageFull, full));
        }
        self.metrics.spool_bytes.add(gauge(bytes));
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.metrics.spool_bytes.sub(gauge(bytes));
    }
}

fn gauge(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Takes away what a process that died may have left. Only where the system knows no unnamed files
/// does a spool have a name, and then for a moment. The data folder is held, so nobody else uses it.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        tracing::warn!(path = %path.display(), "a left-over of an earlier process is taken out of the spool");
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// One pack on disk, exactly as inspected.
#[derive(Debug)]
pub struct PackSpool {
    file: File,
    length: u64,
    /// False where it is scratch beside one.
    is_pack: bool,
    room: Arc<SpoolRoom>,
}

impl PackSpool {
    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The pack from its first byte. Readers do not disturb each other.
    ///
    /// # Errors
    /// When the system gives no more handles.
    pub fn reader(&self) -> io::Result<PackReader> {
        Ok(PackReader {
            file: self.file.try_clone()?,
            at: 0,
            length: self.length,
        })
    }
}

/// Reads a spooled pack by position: the place in the file is one for all handles, and of a reader that is given up the last
/// read may still be under way.
#[derive(Debug)]
pub struct PackReader {
    file: File,
    at: u64,
    length: u64,
}

impl Read for PackReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let read = self
            .file
            .read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.at)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Spool for PackSpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        self.room.take(length)?;
        let written = crashpoint::pass(Point::SpoolWrite)
            .and_then(|()| self.file.write_all_at(bytes, self.length));
        if written.is_err() {
            self.room.give_back(length);
            return written;
        }
        let first = self.is_pack && self.length == 0;
        self.length += length;
        if first {
            crashpoint::pass(Point::FirstChunkSpooled)?;
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(self.room.file(false)?))
    }
}

impl Drop for PackSpool {
    fn drop(&mut self) {
        self.room.give_back(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_shared_and_given_back() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10, &Metrics::new()).unwrap();
        let mut first = room.spool().unwrap();
        let mut second = room.spool().unwrap();
        first.append(b"123456").unwrap();
        let refused = second.append(b"12345").unwrap_err();
        assert!(refused.to_string().contains("limits.spool_bytes"));
        drop(first);
        second.append(b"12345").unwrap();
        assert_eq!(room.used(), 5);
    }

    #[test]
    fn readers_do_not_disturb_each_other() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 100, &Metrics::new()).unwrap();
        let mut spool = room.spool().unwrap();
        spool.append(b"123456").unwrap();
        let mut given_up = spool.reader().unwrap();
        let mut reader = spool.reader().unwrap();
        let mut half = [0; 4];
        given_up.read_exact(&mut half).unwrap();
        reader.read_exact(&mut half).unwrap();
        given_up.read_exact(&mut half[..2]).unwrap();
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(
            (rest.as_str(), given_up.read(&mut half).unwrap()),
            ("56", 0)
        );
    }

    #[test]
    fn scratch_counts_as_well() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10, &Metrics::new()).unwrap();
        let mut spool = room.spool().unwrap();
        spool.append(b"123456").unwrap();
        let mut scratch = spool.scratch().unwrap();
        scratch.append(b"1234").unwrap();
        assert!(scratch.append(b"5").is_err());
        drop(scratch);
        spool.append(b"7890").unwrap();
    }

    #[test]
    fn what_an_earlier_process_left_is_taken_away() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("spool");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(".tmpleft"), "a pack").unwrap();
        SpoolRoom::open(data.path(), 10, &Metrics::new()).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn the_file_has_no_name() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10, &Metrics::new()).unwrap();
        let mut spool = room.spool().unwrap();
        spool.append(b"x").unwrap();
        let names = std::fs::read_dir(data.path().join("spool"))
            .unwrap()
            .count();
        assert_eq!(names, 0);
    }
}
