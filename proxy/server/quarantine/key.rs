//! The keys that packs in quarantine are sealed with.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// One key of the configuration. Silent in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

/// Tells keys apart, and says nothing of them.
pub(super) type KeyId = [u8; 8];

impl MasterKey {
    /// A key as people write it: 64 hexadecimal digits or 44 characters of base64, with blanks around it.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let read = Zeroizing::new(match text.len() == KEY_BYTES * 2 {
            true => hex::decode(text).ok()?,
            false => BASE64_STANDARD.decode(text).ok()?,
        });
        let bytes = <[u8; KEY_BYTES]>::try_from(read.as_slice()).ok()?;
        Some(Self::of(Zeroizing::new(bytes)))
    }

    fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"exeat quarantine key id\n");
        hash.update(bytes.as_slice());
        let mut id = KeyId::default();
        id.copy_from_slice(&hash.finalize()[..8]);
        Self { bytes, id }
    }

    /// Sixteen hexadecimal digits by which people tell keys apart.
    pub fn name(&self) -> String {
        hex::encode(self.id)
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.name())
    }
}

/// The key that new packs are sealed with, and those that older ones may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    current: Option<MasterKey>,
    old: Vec<MasterKey>,
}

impl Keys {
    pub fn new(current: Option<MasterKey>, old: Vec<MasterKey>) -> Self {
        Self { current, old }
    }

    /// What new packs are sealed with.
    pub fn current(&self) -> Option<&MasterKey> {
        self.current.as_ref()
    }

    pub(super) fn of_id(&self, id: KeyId) -> Option<&MasterKey> {
        let mut all = self.current.iter().chain(&self.old);
        all.find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_never_shown() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
        let key = MasterKey::read(&format!(" {hex}\n")).unwrap();
        let base64 = BASE64_STANDARD.encode(key.expose());
        assert_eq!(MasterKey::read(&base64).unwrap(), key);
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.name()));
        assert!(!format!("{key:?}").contains("0011"));
        for text in [
            "",
            "00",
            &hex[..62],
            &format!("{hex}00"),
            "not base64 at all!",
            "AAAA",
        ] {
            assert!(MasterKey::read(text).is_none(), "{text}");
        }
    }
}
