//! The key of this user's fingerprints.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use exeat_inspect::FingerprintKey;

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
