//! Keys and passwords that a configuration names without holding them: in a file, a variable, or a credential of systemd.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::section::Section;

/// Where systemd puts credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The forms of a `KeySource`.
pub(super) const SOURCES: &str = "\"file:PATH\", \"env:NAME\" or \"credential:NAME\"";

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

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

/// What stands where `text`, the value of `key`, says, and that place. `expected` completes "expected ... there".
///
/// The text is never repeated: somebody may have put the secret itself there.
pub(super) fn read(
    section: &mut Section<'_>,
    key: &'static str,
    text: &str,
    expected: &str,
) -> Option<(KeySource, String)> {
    let Some(source) = source(section, text) else {
        let text = format!("expected {SOURCES}, found something else (not shown)");
        section.refuse(key, text);
        return None;
    };
    let text = match &source {
        KeySource::File(path) => of_file(path, expected),
        KeySource::Env(name) => {
            std::env::var(name).map_err(|_| "this variable is not set, or is no text".to_owned())
        }
        KeySource::Credential(name) => of_credential(name, expected),
    };
    match text {
        Ok(text) => Some((source, text)),
        Err(why) => {
            section.refuse(key, why);
            None
        }
    }
}

/// Whether a text has the form of a `KeySource`.
pub(super) fn source(section: &Section<'_>, text: &str) -> Option<KeySource> {
    match text.split_once(':')? {
        ("file", path) if !path.is_empty() => Some(KeySource::File(section.based(path))),
        ("env", name) if !name.is_empty() => Some(KeySource::Env(name.to_owned())),
        ("credential", name) if !name.is_empty() => Some(KeySource::Credential(name.to_owned())),
        _ => None,
    }
}

/// Most bytes of a file with a key.
const LONG: u64 = 4096;

fn of_file(path: &Path, expected: &str) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot read this file: {error}");
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err("others can read this file; chmod 600 it".to_owned());
    }
    read_short(path, metadata.len(), expected)
}

/// The folder is the service's alone; modes in it are systemd's.
fn of_credential(name: &str, expected: &str) -> Result<String, String> {
    let folder = std::env::var_os(CREDENTIALS)
        .ok_or_else(|| format!("{CREDENTIALS} is not set: the service has no credentials"))?;
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err("expected the name of a credential".to_owned());
    }
    let path = Path::new(&folder).join(name);
    let metadata = std::fs::metadata(&path)
        .map_err(|error| format!("there is no such credential: {error}"))?;
    read_short(&path, metadata.len(), expected)
}

fn read_short(path: &Path, length: u64, expected: &str) -> Result<String, String> {
    if length > LONG {
        return Err(format!("expected {expected} there"));
    }
    let read = std::fs::read(path).map_err(|error| format!("cannot read this file: {error}"))?;
    String::from_utf8(read).map_err(|_| format!("expected {expected} there"))
}

/// Bytes that nobody is to see. Silent in `Debug`, wiped when the last copy goes. Cheap to clone.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(bytes))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
