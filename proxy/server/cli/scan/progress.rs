//! How far a scan is, on a terminal only.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Between two lines.
const PAUSE: Duration = Duration::from_millis(200);

/// A line on standard error that is written over again and again.
pub struct Progress {
    is_on: bool,
    is_shown: bool,
    last: Instant,
    files: u64,
    bytes: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            is_on: io::stderr().is_terminal(),
            is_shown: false,
            last: Instant::now(),
            files: 0,
            bytes: 0,
        }
    }
}

impl Progress {
    pub fn more(&mut self, files: u64, bytes: u64) {
        self.files += files;
        self.bytes += bytes;
        if self.is_on && self.last.elapsed() >= PAUSE {
            self.last = Instant::now();
            self.is_shown = true;
            let mebibytes = self.bytes >> 20;
            let _ = write!(
                io::stderr(),
                "\r\x1b[Kscanned {} files, {mebibytes} MiB",
                self.files
            );
        }
    }

    /// Makes room for a line that stays.
    pub fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
