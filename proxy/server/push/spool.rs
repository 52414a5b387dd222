//! Packs wait here for their verdict: unnamed files in the data folder, counted against one
//! total.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use exeat_gitwire::pack::{Scratch, Spool};

/// The folder of spooled packs and the bytes they may take together.
#[derive(Debug)]
pub struct SpoolRoom {
    folder: PathBuf,
    limit: u64,
    used: AtomicU64,
}

impl SpoolRoom {
    /// `limit` is `limits.spool_bytes`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path, limit: u64) -> io::Result<Arc<Self>> {
        let folder = data.join("spool");
        std::fs::create_dir_all(&folder)?;
        Ok(Arc::new(Self {
            folder,
            limit,
            used: AtomicU64::new(0),
        }))
    }

    /// An empty spool. The file has no name, so that nothing is left of it after a crash and
    /// nobody else can open it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn spool(self: &Arc<Self>) -> io::Result<PackSpool> {
        Ok(PackSpool {
            file: tempfile::tempfile_in(&self.folder)?,
            length: 0,
            room: Arc::clone(self),
        })
    }

    /// Bytes spooled at this moment.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> io::Result<()> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "all spooled pushes reach {} bytes, limits.spool_bytes",
                    self.limit
                ),
            ));
        }
        Ok(())
    }
}

/// One pack on disk, exactly as inspected.
#[derive(Debug)]
pub struct PackSpool {
    file: File,
    length: u64,
    room: Arc<SpoolRoom>,
}

impl PackSpool {
    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A second handle for sending. Reads are by position and do not disturb each other.
    ///
    /// # Errors
    /// When the system gives no more handles.
    pub fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Spool for PackSpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.room.take(bytes.len() as u64)?;
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(self.room.spool()?))
    }
}

impl Drop for PackSpool {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.length, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_shared_and_given_back() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10).unwrap();
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
    fn scratch_counts_as_well() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10).unwrap();
        let mut spool = room.spool().unwrap();
        spool.append(b"123456").unwrap();
        let mut scratch = spool.scratch().unwrap();
        scratch.append(b"1234").unwrap();
        assert!(scratch.append(b"5").is_err());
        drop(scratch);
        spool.append(b"7890").unwrap();
    }

    #[test]
    fn the_file_has_no_name() {
        let data = tempfile::tempdir().unwrap();
        let room = SpoolRoom::open(data.path(), 10).unwrap();
        let mut spool = room.spool().unwrap();
        spool.append(b"x").unwrap();
        let names = std::fs::read_dir(data.path().join("spool"))
            .unwrap()
            .count();
        assert_eq!(names, 0);
    }
}
