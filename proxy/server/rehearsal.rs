//! What development builds remember of earlier starts: the rules that this very binary has proven.
//!
//! A test run starts the proxy many hundred times, nearly always with the same rules, and to prove them took two thirds of the
//! processor time of a start. `EXEAT_PROVEN` names a file; rules that are in it are not tried again, all others are,
//! and go into it where they hold. What is remembered is remembered of this binary, these rules with their overrides, and what the
//! policy makes of findings. Rules are then compiled when a push needs them, too. Only development builds know the variable:
//! where debug assertions are off, nothing is remembered.

#[cfg(not(debug_assertions))]
pub use nothing::{is_on, knows, note};
#[cfg(debug_assertions)]
pub use remembered::{is_on, knows, note};

#[cfg(not(debug_assertions))]
mod nothing {
    use exeat_inspect::Engine;

    pub fn is_on() -> bool {
        false
    }

    pub fn knows(_: &Engine) -> bool {
        false
    }

    pub fn note(_: &Engine) {}
}

#[cfg(debug_assertions)]
mod remembered {
    use std::{
        env,
        fs::{self, OpenOptions},
        io::Write as _,
        path::PathBuf,
        time::UNIX_EPOCH,
    };

    use exeat_inspect::Engine;
    use sha2::{Digest as _, Sha256};

    /// Whether the variable is set.
    pub fn is_on() -> bool {
        file().is_some()
    }

    fn file() -> Option<PathBuf> {
        let path = env::var_os("EXEAT_PROVEN")?;
        (!path.is_empty()).then(|| PathBuf::from(path))
    }

    /// Whether an earlier start has proven these rules.
    pub fn knows(engine: &Engine) -> bool {
        let known = file().and_then(|file| fs::read_to_string(file).ok());
        known
            .zip(line(engine))
            .is_some_and(|(known, line)| known.lines().any(|each| each == line))
    }

    /// Remembers that these rules hold. What cannot be kept is proven again.
    pub fn note(engine: &Engine) {
        let Some((file, line)) = file().zip(line(engine)) else {
            return;
        };
        // One write, so that lines of several starts do not mix.
        let opened = OpenOptions::new().create(true).append(true).open(file);
        let _ = opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    }

    /// What stands for a binary with its rules.
    fn line(engine: &Engine) -> Option<String> {
        let binary = fs::metadata(env::current_exe().ok()?).ok()?;
        let built = binary.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let facts = format!(
            "{} {} {} {:?}",
            binary.len(),
            built.as_nanos(),
            engine.rules.digest(),
            engine.strength
        );
        Some(hex::encode(Sha256::digest(facts)))
    }
}
