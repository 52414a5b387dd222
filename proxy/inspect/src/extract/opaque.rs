//! What cannot be read by anyone without a key, and bytes of no form that is known: told as unread, never taken for clean.

use super::{Why, media};

/// Shorter texts are no place to hide much in, and chance decides what they look like.
const LEAST: usize = 1024;
/// Bytes that are looked at together.
const BLOCK: usize = 4096;
/// Blocks of a text that are looked at, spread over it.
const MOST_BLOCKS: usize = 256;

/// Why `text`, which has no form that is opened, cannot be read, with what it is called; none where it can. Armor is looked for where
/// it may stand.
pub fn judge(text: &[u8], is_armored: bool) -> Option<(&'static str, Why)> {
    if let Some(name) = sealed(text, is_armored) {
        return Some((name, Why::Encrypted));
    }
    let is_unknown = !is_readable(text) && !is_stated(text) && is_random(text);
    is_unknown.then_some(("data", Why::Unknown))
}

/// Encrypted forms that say so at their beginning, or, as armor, in a line.
fn sealed(text: &[u8], is_armored: bool) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 9] = [
        // https://age-encryption.org/v1
        (b"age-encryption.org/v1\n", "age"),
        // openssl enc, with a salt
        (b"Salted__", "openssl"),
        (b"U2FsdGVkX1", "openssl"),
        // https://docs.ansible.com/ansible/latest/vault_guide/vault_encrypting_content.html
        (b"$ANSIBLE_VAULT;", "ansible-vault"),
        // https://github.com/AGWA/git-crypt
        (b"\0GITCRYPT\0", "git-crypt"),
        // https://gitlab.com/cryptsetup/LUKS2-docs
        (b"LUKS\xba\xbe", "luks"),
        // https://keepass.info/help/kb/kdbx.html
        (b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5", "keepass"),
        (b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5", "keepass"),
        // A password safe, version 3
        (b"PWS3", "password-safe"),
    ];
    let mut beginnings = BEGINNINGS.iter();
    let begins =
        beginnings.find(|(magic, _)| text.first() == magic.first() && text.starts_with(magic));
    if let Some((_, name)) = begins {
        return Some(name);
    }
    const ARMORS: [(&[u8], &[u8], &str); 2] = [
        // RFC 9580, section 6.2
        (
            b"-----BEGIN PGP MESSAGE-----",
            b"-----END PGP MESSAGE-----",
            "pgp",
        ),
        (
            b"-----BEGIN AGE ENCRYPTED FILE-----",
            b"-----END AGE ENCRYPTED FILE-----",
            "age",
        ),
    ];
    if !is_armored {
        return None;
    }
    let first = bstr::ByteSlice::find(text, b"-----BEGIN ")?;
    let text = text.get(first..)?;
    let armored = ARMORS.iter().find(|(begin, end, _)| {
        let start = bstr::ByteSlice::find(text, begin).map(|at| at + begin.len());
        let rest = start
            .and_then(|start| text.get(start..))
            .unwrap_or_default();
        bstr::ByteSlice::find(rest, end).is_some_and(|end| has_armor(rest.get(..end)))
    });
    armored.map(|(_, _, name)| *name)
}

/// Whether two full lines of base64 stand there: a page that speaks of armor shows less.
fn has_armor(body: Option<&[u8]>) -> bool {
    let lines = body.unwrap_or_default().split(|&byte| byte == b'\n');
    let is_full = |line: &&[u8]| {
        let line = line.trim_ascii();
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        line.len() >= 48 && line.iter().all(is_digit)
    };
    lines.filter(is_full).take(2).count() == 2
}

/// Known forms whose content looks like chance and is no place for text: media, and beside those that are opened other pictures,
/// sound, films, fonts, models, indexes.
fn is_stated(text: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 27] = [
        b"BM",
        b"icns",
        b"qoif",
        b"DDS ",
        b"\xabKTX",
        b"\x76\x2f\x31\x01",
        b"\xff\x0a",
        b"\0\0\0\x0cJXL ",
        b"\0\0\0\x0cjP  ",
        b"\xff\xfb",
        b"\xff\xf3",
        b"\xff\xf2",
        b"\xff\xf1",
        b"\xff\xf9",
        b"MThd",
        b"FORM",
        b"wvpk",
        b"FLV\x01",
        b"CWS",
        b"ZWS",
        b"\0\0\x01\xba",
        b"\0\0\x01\xb3",
        b"\x30\x26\xb2\x75",
        b"ttcf",
        b"DIRC",
        b"\xfftOc",
        b"glTF",
    ];
    let begins = BEGINNINGS.iter().any(|magic| text.starts_with(magic));
    let at = |from: usize, magic: &[u8]| text.get(from..from + magic.len()) == Some(magic);
    media::kind(text).is_some()
        || begins
        || at(0, b"RIFF")
        || at(4, b"ftyp")
        || at(4, b"moov")
        || at(4, b"mdat")
        || at(128, b"DICM")
}

/// Whether `text` is short or begins with characters of UTF-8, of which the last one may be cut.
fn is_readable(text: &[u8]) -> bool {
    let read = text.get(..LEAST).map(std::str::from_utf8);
    !matches!(read, Some(Err(error)) if error.error_len().is_some())
}

/// Whether most of `text` cannot be told from chance: enough bytes of every value.
fn is_random(text: &[u8]) -> bool {
    let blocks = text.len().div_ceil(BLOCK);
    let step = blocks.div_ceil(MOST_BLOCKS).max(1) * BLOCK;
    let (mut random, mut seen) = (0_usize, 0_usize);
    for from in (0..text.len()).step_by(step) {
        let block = text
            .get(from..text.len().min(from + BLOCK))
            .unwrap_or_default();
        if block.len() >= LEAST {
            seen += 1;
            random += usize::from(is_uniform(block));
        }
    }
    random * 2 > seen
}

/// Pearson's test of the values of a block against equal shares: its sum is 255 on average and above 340 in one of some ten thousand
/// blocks of chance. What is compressed comes near enough to be taken for chance, what is only packed does not.
fn is_uniform(block: &[u8]) -> bool {
    let mut counts = [0_u64; 256];
    for &byte in block {
        counts[byte as usize] += 1;
    }
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    let length = block.len() as u64;
    squares * 256 / length <= length + 360
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(length: usize) -> Vec<u8> {
        let mut reader = blake3::Hasher::new().finalize_xof();
        let mut bytes = vec![0; length];
        reader.fill(&mut bytes);
        bytes
    }

    #[test]
    fn chance_is_told_from_content() {
        assert_eq!(judge(&chance(100_000), false), Some(("data", Why::Unknown)));
        assert_eq!(judge(&chance(1_100), false), Some(("data", Why::Unknown)));
        assert_eq!(judge(&chance(900), false), None);
        let half: Vec<u8> = chance(50_000).iter().map(|byte| byte & 0x7f).collect();
        assert_eq!(judge(&half, false), None);
        assert_eq!(
            judge(
                &[b"\x89PNG\r\n\x1a\n".to_vec(), chance(9_000)].concat(),
                false
            ),
            None
        );
        let program: Vec<u8> = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(judge(&program, false), None);
    }

    #[test]
    fn what_says_that_it_is_encrypted_is_believed() {
        let line = "A".repeat(64);
        let armor = format!(
            "hello\n-----BEGIN PGP MESSAGE-----\n\n{line}\n{line}\n-----END PGP MESSAGE-----\n"
        );
        assert_eq!(judge(armor.as_bytes(), true), Some(("pgp", Why::Encrypted)));
        let page = "write -----BEGIN PGP MESSAGE-----\nthen\n-----END PGP MESSAGE-----\n";
        assert_eq!(judge(page.as_bytes(), true), None);
        assert_eq!(
            judge(b"$ANSIBLE_VAULT;1.1;AES256\n3334", false),
            Some(("ansible-vault", Why::Encrypted))
        );
    }
}
