//! Findings as people and programs read them.

use std::{
    io::{StdoutLock, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use exeat_inspect::{Finding, FingerprintKey, Unscannable};

use super::Format;

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Clean,
    Findings,
    /// Something could not be read; whatever was found has been printed.
    Incomplete,
}

/// Prints findings as they come.
pub struct Printer {
    out: StdoutLock<'static>,
    format: Format,
    findings: u64,
    unread: u64,
    scanned: u64,
}

impl Printer {
    pub fn new(format: Format) -> Self {
        Self {
            out: std::io::stdout().lock(),
            format,
            findings: 0,
            unread: 0,
            scanned: 0,
        }
    }

    /// Counts `bytes` of scanned content.
    pub fn scanned(&mut self, bytes: u64) {
        self.scanned += bytes;
    }

    pub fn finding(&mut self, finding: &Finding) -> anyhow::Result<()> {
        self.findings += 1;
        match self.format {
            Format::Jsonl => {
                serde_json::to_writer(&mut self.out, finding)?;
                writeln!(self.out)?;
            }
            Format::Text => self.text(finding)?,
        }
        Ok(())
    }

    /// Something that was not read to its end: never silently clean.
    pub fn unread(&mut self, missed: &Unscannable) -> anyhow::Result<()> {
        self.unread += 1;
        writeln!(
            std::io::stderr(),
            "exeat: not read: {}: {}",
            missed.what,
            missed.why
        )?;
        Ok(())
    }

    /// Sums up and says what the scan came to.
    pub fn finish(mut self) -> anyhow::Result<Told> {
        if self.format == Format::Text {
            let findings = self.findings;
            writeln!(
                self.out,
                "{findings} finding{} in {} bytes{}",
                if findings == 1 { "" } else { "s" },
                self.scanned,
                if self.unread > 0 {
                    format!("; {} not read", self.unread)
                } else {
                    String::new()
                }
            )?;
        }
        self.out.flush()?;
        Ok(match (self.unread, self.findings) {
            (1.., _) => Told::Incomplete,
            (0, 1..) => Told::Findings,
            (0, 0) => Told::Clean,
        })
    }

    fn text(&mut self, finding: &Finding) -> anyhow::Result<()> {
        let place = &finding.place;
        let path = match (&place.path, &place.object) {
            (Some(path), _) => path.clone(),
            (None, Some(object)) => format!("object {object}"),
            (None, None) => place.part.describe().to_owned(),
        };
        write!(self.out, "{path}:{}:{}: ", place.line, place.column)?;
        write!(self.out, "{} [{}] ", finding.description, finding.rule)?;
        write!(self.out, "{} {}", finding.action, finding.masked)?;
        if let Some(commit) = &place.commit {
            write!(self.out, " in {} of commit {commit}", place.part.describe())?;
        }
        writeln!(self.out)?;
        Ok(())
    }
}

/// The key of this user's fingerprints, made at the first scan, so that two scans name one secret
/// alike. It stays on this machine; without a place to keep it, fingerprints hold for one scan.
pub fn fingerprint_key() -> anyhow::Result<FingerprintKey> {
    let path = key_path();
    if let Some(kept) = path.as_deref().and_then(kept) {
        return Ok(FingerprintKey::new(kept));
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("no randomness for fingerprints")?;
    if let Some(path) = path
        && keep(&path, &key).is_err()
        && let Some(others) = kept(&path)
    {
        // Another scan was first.
        key = others;
    }
    Ok(FingerprintKey::new(key))
}

/// `$XDG_STATE_HOME/exeat/fingerprint.key`, by default below `~/.local/state`.
fn key_path() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("exeat").join("fingerprint.key"))
}

fn kept(path: &Path) -> Option<[u8; 32]> {
    std::fs::read(path).ok()?.try_into().ok()
}

/// Puts the key in place whole, where none is.
fn keep(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Readable by its owner only, as temporary files are.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(key)?;
    file.persist_noclobber(path)?;
    Ok(())
}
