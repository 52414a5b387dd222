//! The form of a sealed pack.
//!
//! ```text
//! magic (8)  key id (8)  head length (8)  pack length (8)  nonce (12)  sealed file secret (32 + 16)
//! pieces of 1 MiB and one shorter or empty last piece, each with a tag of 16 bytes
//! ```
//!
//! Numbers are big-endian. The file secret is 32 random bytes, sealed by AES-256-GCM under the master key; the additional data is
//! everything before the nonce and the id of the case. The content, head and then pack, is sealed piece by piece under the file
//! secret. The nonce of a piece is its number (11 bytes) and whether it is the last (1 byte): the STREAM construction of Hoang,
//! Reyhanitabar, Rogaway and Vizar (<https://eprint.iacr.org/2015/189>). A secret seals one file, so no nonce comes twice.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use zeroize::Zeroizing;

use super::key::{KEY_BYTES, KeyId, Keys, MasterKey};
use super::{Damage, Error};

const MAGIC: &[u8; 8] = b"exeatq1\n";
const TAG: usize = 16;
const PIECE: usize = 1 << 20;
/// What the additional data has of the header: all before the nonce.
const NAMED: usize = 8 + 8 + 8 + 8;
const HEADER: usize = NAMED + NONCE_LEN + KEY_BYTES + TAG;
/// Longest head that is read back into memory; `limits.head_bytes` is below it.
const LONGEST_HEAD: u64 = 1 << 30;

/// How long the two parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) head: u64,
    pub(super) pack: u64,
}

impl Lengths {
    /// Bytes of both; none where they cannot be counted.
    fn content(self) -> Option<u64> {
        self.head.checked_add(self.pack)
    }

    fn file(self) -> Option<u64> {
        let content = self.content()?;
        let pieces = content / PIECE as u64 + 1;
        content
            .checked_add(pieces.checked_mul(TAG as u64)?)?
            .checked_add(HEADER as u64)
    }

    /// Bytes of the file that holds both.
    pub(super) fn sealed(self) -> u64 {
        self.file().unwrap_or(u64::MAX)
    }
}

/// The part of the header that the file secret is bound to.
struct Named {
    key: KeyId,
    lengths: Lengths,
}

impl Named {
    fn bytes(&self) -> [u8; NAMED] {
        let mut bytes = [0; NAMED];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.key);
        bytes[16..24].copy_from_slice(&self.lengths.head.to_be_bytes());
        bytes[24..].copy_from_slice(&self.lengths.pack.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8; HEADER]) -> Result<Self, Damage> {
        if !bytes.starts_with(MAGIC) {
            return Err(Damage::Form);
        }
        let eight = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[from..from + 8]);
            eight
        };
        Ok(Self {
            key: eight(8),
            lengths: Lengths {
                head: u64::from_be_bytes(eight(16)),
                pack: u64::from_be_bytes(eight(24)),
            },
        })
    }

    /// What the sealed secret belongs to.
    fn belongings(&self, case: &str) -> Aad<Vec<u8>> {
        let mut text = self.bytes().to_vec();
        text.extend_from_slice(case.as_bytes());
        Aad::from(text)
    }
}

fn cipher(secret: &[u8; KEY_BYTES]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, secret);
    LessSafeKey::new(key.expect("because the length is that of the algorithm's keys"))
}

/// The nonce of a piece.
fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(bytes)
}

/// Writes one sealed file.
pub(super) struct Sealer<'f> {
    file: &'f File,
    cipher: LessSafeKey,
    lengths: Lengths,
}

impl<'f> Sealer<'f> {
    pub(super) fn begin(
        file: &'f File,
        master: &MasterKey,
        case: &str,
        lengths: Lengths,
    ) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        let mut unique = [0; NONCE_LEN];
        getrandom::fill(secret.as_mut_slice()).map_err(Error::Random)?;
        getrandom::fill(&mut unique).map_err(Error::Random)?;
        let named = Named {
            key: master.id(),
            lengths,
        };
        let mut sealed = secret.to_vec();
        cipher(master.expose())
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(unique),
                named.belongings(case),
                &mut sealed,
            )
            .expect("because 32 bytes are not too many to seal");
        let header = [&named.bytes()[..], &unique, &sealed].concat();
        let mut begun = file;
        begun
            .write_all(&header)
            .map_err(|source| super::writing(Path::new("the quarantine"), source))?;
        Ok(Self {
            file,
            cipher: cipher(&secret),
            lengths,
        })
    }

    /// Seals all of `content`, which must be as long as was said.
    pub(super) fn fill(self, mut content: impl Read) -> io::Result<()> {
        let too = |what: &str| io::Error::other(format!("the pack is {what} than it was"));
        let mut left = self.lengths.content().ok_or_else(|| too("longer"))?;
        let mut number = 0;
        let mut piece = Vec::new();
        loop {
            let is_last = left < PIECE as u64;
            let length = left.min(PIECE as u64) as usize;
            piece.clear();
            piece.resize(length, 0);
            content
                .read_exact(&mut piece)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => too("shorter"),
                    _ => error,
                })?;
            self.cipher
                .seal_in_place_append_tag(nonce(number, is_last), Aad::empty(), &mut piece)
                .expect("because a piece is not too long to seal");
            let mut file = self.file;
            file.write_all(&piece)?;
            if is_last {
                return match content.read(&mut [0])? {
                    0 => Ok(()),
                    _ => Err(too("longer")),
                };
            }
            left -= length as u64;
            number += 1;
        }
    }
}

/// A sealed pack that is read. Its head is here; what it gives as a `Read` is the pack.
#[derive(Debug)]
pub struct Opened {
    head: Vec<u8>,
    pack: Pieces,
    left: u64,
}

impl Opened {
    pub(super) fn read(file: File, keys: &Keys, case: &str) -> Result<Self, Error> {
        let damaged = |fault| Error::Damaged {
            case: case.to_owned(),
            fault,
        };
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)
            .map_err(|_| damaged(Damage::Form))?;
        let named = Named::read(&header).map_err(damaged)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if named.lengths.file() != Some(length) || named.lengths.head > LONGEST_HEAD {
            return Err(damaged(Damage::Length));
        }
        let key = keys.of_id(named.key).ok_or_else(|| Error::OtherKey {
            case: case.to_owned(),
            key: hex::encode(named.key),
        })?;
        let mut unique = [0; NONCE_LEN];
        unique.copy_from_slice(&header[NAMED..NAMED + NONCE_LEN]);
        let mut sealed = Zeroizing::new(header[NAMED + NONCE_LEN..].to_vec());
        let secret = cipher(key.expose())
            .open_in_place(
                Nonce::assume_unique_for_key(unique),
                named.belongings(case),
                &mut sealed,
            )
            .ok()
            .and_then(|secret| {
                <[u8; KEY_BYTES]>::try_from(&*secret)
                    .ok()
                    .map(Zeroizing::new)
            })
            .ok_or_else(|| damaged(Damage::Altered))?;
        let mut pack = Pieces {
            file,
            cipher: cipher(&secret),
            number: 0,
            at: HEADER as u64,
            left: named.lengths.content().unwrap_or(0),
            is_over: false,
            open: Vec::new(),
            given: 0,
        };
        let mut head = Vec::new();
        Read::by_ref(&mut pack)
            .take(named.lengths.head)
            .read_to_end(&mut head)
            .map_err(|_| damaged(Damage::Altered))?;
        Ok(Self {
            head,
            pack,
            left: named.lengths.pack,
        })
    }

    /// The head of the push as it was put in.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of the pack that were not read yet.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pack.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// The content, piece by piece.
struct Pieces {
    file: File,
    cipher: LessSafeKey,
    number: u64,
    at: u64,
    /// Bytes of content in the pieces to come.
    left: u64,
    is_over: bool,
    /// The piece that is being given out.
    open: Vec<u8>,
    given: usize,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl Pieces {
    fn next(&mut self) -> io::Result<()> {
        let is_last = self.left < PIECE as u64;
        let length = self.left.min(PIECE as u64) as usize;
        self.open.clear();
        self.given = 0;
        let mut sealed = std::mem::take(&mut self.open);
        sealed.resize(length + TAG, 0);
        self.file.read_exact_at(&mut sealed, self.at)?;
        let altered = |_| io::Error::new(io::ErrorKind::InvalidData, Damage::Altered);
        let opened = self
            .cipher
            .open_in_place(nonce(self.number, is_last), Aad::empty(), &mut sealed)
            .map_err(altered)?
            .len();
        sealed.truncate(opened);
        self.open = sealed;
        self.at += (length + TAG) as u64;
        self.left -= length as u64;
        self.number += 1;
        self.is_over = is_last;
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.open.len() {
            if self.is_over {
                return Ok(0);
            }
            self.next()?;
        }
        let rest = self.open.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

/// Overwrites the sealed secret: what is left of the file on the disk cannot be read with the master key either.
pub(super) fn forget(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len().min(HEADER as u64) as usize;
    file.write_all_at(&vec![0; length], 0)?;
    file.sync_all()
}

/// Any file in the place of a sealed pack: it is refused, or gives what was put in. The first byte says which key it meets.
pub fn fuzz(data: &[u8]) {
    let master = MasterKey::read(&"07".repeat(KEY_BYTES)).expect("because these are 32 bytes");
    let keys = Keys::new(Some(master), Vec::new());
    let Ok(mut file) = tempfile::tempfile() else {
        return;
    };
    if file.write_all(data).is_err() {
        return;
    }
    if let Ok(mut opened) = Opened::read(file, &keys, "P-FUZZED") {
        let told = opened.left();
        let mut pack = Vec::new();
        if opened.read_to_end(&mut pack).is_ok() {
            assert_eq!(pack.len() as u64, told);
        }
    }
}
