//! Keyed hashes that let two findings be recognised as the same secret without telling it.

use std::fmt;

use serde::Serialize;

/// The key that makes fingerprints worthless to whoever does not hold it: short secrets could
/// otherwise be guessed from their hash. Made once per data folder.
#[derive(Clone, PartialEq, Eq)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The fingerprint of `secret` as found by the rule `rule_id`.
    pub fn fingerprint(&self, rule_id: &str, secret: &[u8]) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // The length keeps (rule, secret) pairs apart that read the same when joined.
        hasher.update(&(rule_id.len() as u64).to_le_bytes());
        hasher.update(rule_id.as_bytes());
        hasher.update(secret);
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Fingerprint(bytes)
    }

    /// A keyed hash of anything else that must be recognised but not told, such as a
    /// credential; `purpose` keeps the uses apart.
    pub fn keyed_hash(&self, purpose: &str, value: &[u8]) -> String {
        hex::encode(self.fingerprint(purpose, value).0)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FingerprintKey(..)")
    }
}

/// 128 bits of keyed BLAKE3 over rule id and secret, shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_key_rule_and_secret() {
        let key = FingerprintKey::new([1; 32]);
        let same = key.fingerprint("rule", b"secret");
        assert_eq!(same, key.fingerprint("rule", b"secret"));
        assert_ne!(same, key.fingerprint("rule", b"secret2"));
        assert_ne!(same, key.fingerprint("rules", b"ecret"));
        assert_ne!(
            same,
            FingerprintKey::new([2; 32]).fingerprint("rule", b"secret")
        );
    }

    #[test]
    fn debug_does_not_tell_the_key() {
        let shown = format!("{:?}", FingerprintKey::new([0x41; 32]));
        assert!(!shown.contains("65") && !shown.contains("41"), "{shown}");
    }
}
