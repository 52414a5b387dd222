//! Stops a push at a named point of its way until a test lets it go on.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::World;

pub(crate) struct Gate {
    folder: PathBuf,
    point: &'static str,
}

impl Gate {
    /// Restarts the proxy so that the `nth` push that comes to `point` waits there; `None` where this build has no such
    /// points.
    pub(crate) fn shut(world: &mut World, point: &'static str, nth: u32) -> Option<Self> {
        if !cfg!(debug_assertions) {
            eprintln!("skipped: this build has no crash points");
            return None;
        }
        let folder = world.place("gate");
        for end in ["reached", "go"] {
            let _ = std::fs::remove_file(folder.join(format!("{point}.{end}")));
        }
        world.stop_server();
        let trap = format!("{point}:{nth}=wait");
        world.set_variables(&[
            ("EXEAT_CRASHPOINT", &trap),
            ("EXEAT_CRASHPOINT_FOLDER", &folder.to_string_lossy()),
        ]);
        world.start_server();
        Some(Self { folder, point })
    }

    /// Returns once a push waits.
    pub(crate) fn await_reached(&self) {
        let reached = self.folder.join(format!("{}.reached", self.point));
        let start = Instant::now();
        while !reached.exists() {
            let waited = start.elapsed();
            assert!(waited.as_secs() < 60, "no push comes to {}", self.point);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        let go = self.folder.join(format!("{}.go", self.point));
        std::fs::write(go, "").expect("a file");
    }
}

/// A test that fails shall not wait for a push that nobody lets go.
impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}
