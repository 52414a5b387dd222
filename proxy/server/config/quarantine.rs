//! `[quarantine]`: where packs of held pushes wait, and the keys that they are sealed with.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::section::Section;
use crate::quarantine::{Keys, MasterKey};

/// Where systemd puts credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const A_KEY: &str = "32 bytes as 64 hexadecimal digits or as base64";
const SOURCES: &str = "\"file:PATH\", \"env:NAME\" or \"credential:NAME\"";

/// Where packs of held pushes wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// What packs are sealed with. Without a key nothing is held: pushes that need review are refused.
    pub keys: Keys,
    /// Where the key comes from, for people.
    pub key: Option<KeySource>,
    /// Earlier keys, with which packs that wait may still be sealed.
    pub old_keys: Vec<KeySource>,
    /// Bytes of all packs that wait, on disk.
    pub bytes: u64,
    /// How long a push waits for a decision.
    pub days: u64,
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that its owner alone can read.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
    /// A credential of systemd (`LoadCredential=`).
    Credential(String),
}

impl Quarantine {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let key = section.parsed("key", SOURCES, |text| Some(text.to_owned()));
        let (key, current) = key
            .and_then(|text| read_key(&mut section, "key", &text))
            .unzip();
        let old = section.list("old_keys").unwrap_or_default();
        let old = old
            .iter()
            .filter_map(|text| read_key(&mut section, "old_keys", text));
        let (old_keys, old) = old.collect::<Vec<_>>().into_iter().unzip();
        let bytes = section.number("bytes", 1..=u64::MAX / 4);
        let days = section.number("days", 1..=366);
        section.finish();
        Self {
            keys: Keys::new(current, old),
            key,
            old_keys,
            bytes: bytes.unwrap_or(50 << 30),
            days: days.unwrap_or(14),
        }
    }

    /// How long a push waits for a decision.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.days * 24 * 60 * 60)
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

/// The text is never repeated: somebody may have put the key itself there.
fn read_key(
    section: &mut Section<'_>,
    key: &'static str,
    text: &str,
) -> Option<(KeySource, MasterKey)> {
    let source = match text.split_once(':') {
        Some(("file", path)) if !path.is_empty() => KeySource::File(section.based(path)),
        Some(("env", name)) if !name.is_empty() => KeySource::Env(name.to_owned()),
        Some(("credential", name)) if !name.is_empty() => KeySource::Credential(name.to_owned()),
        _ => {
            section.refuse(
                key,
                format!("expected {SOURCES}, found something else (not shown)"),
            );
            return None;
        }
    };
    let text = match &source {
        KeySource::File(path) => of_file(path),
        KeySource::Env(name) => {
            std::env::var(name).map_err(|_| "this variable is not set, or is no text".to_owned())
        }
        KeySource::Credential(name) => of_credential(name),
    };
    let read = text
        .and_then(|text| MasterKey::read(&text).ok_or_else(|| format!("expected {A_KEY} there")));
    match read {
        Ok(master) => Some((source, master)),
        Err(why) => {
            section.refuse(key, why);
            None
        }
    }
}

/// Most bytes of a file with a key.
const LONG: u64 = 4096;

fn of_file(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot read this file: {error}");
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err("others can read this file; chmod 600 it".to_owned());
    }
    read_short(path, metadata.len())
}

/// The folder is the service's alone; modes in it are systemd's.
fn of_credential(name: &str) -> Result<String, String> {
    let folder = std::env::var_os(CREDENTIALS)
        .ok_or_else(|| format!("{CREDENTIALS} is not set: the service has no credentials"))?;
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err("expected the name of a credential".to_owned());
    }
    let path = Path::new(&folder).join(name);
    let length = std::fs::metadata(&path)
        .map_err(|error| format!("there is no such credential: {error}"))?;
    read_short(&path, length.len())
}

fn read_short(path: &Path, length: u64) -> Result<String, String> {
    if length > LONG {
        return Err(format!("expected {A_KEY} there"));
    }
    let read = std::fs::read(path).map_err(|error| format!("cannot read this file: {error}"))?;
    String::from_utf8(read).map_err(|_| format!("expected {A_KEY} there"))
}
