//! A tree: the entries of one folder, as they stand.

use gix_hash::Kind as HashKind;

use crate::pack::Kind;

/// A tree whose entries cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// An entry without a mode in octal digits and a space behind it.
    #[error("a tree has an entry without a mode")]
    Mode,
    /// A mode whose file type git does not know.
    #[error("a tree has an entry of an unknown type, mode {0:o}")]
    Type(u32),
    /// An entry whose name is empty.
    #[error("a tree has an entry without a name")]
    Name,
    /// The tree ends before the id of its last entry does.
    #[error("a tree ends in the middle of an entry")]
    CutShort,
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The mode in octal digits, as they stand; at most seven, beyond leading zeros.
    pub mode: &'a [u8],
    /// One path segment. May hold anything but NUL, a slash included.
    pub name: &'a [u8],
    /// The raw id.
    pub id: &'a [u8],
}

/// What an entry is, by the file type in its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link; the blob is its target.
    Link,
    /// A folder.
    Folder,
    /// A commit of another repository.
    Gitlink,
}

impl EntryKind {
    /// The kind of the object in this repository; none for gitlinks.
    pub fn object(self) -> Option<Kind> {
        match self {
            Self::File | Self::Link => Some(Kind::Blob),
            Self::Folder => Some(Kind::Tree),
            Self::Gitlink => None,
        }
    }
}

impl Entry<'_> {
    /// The mode as a number.
    pub fn mode_bits(&self) -> u32 {
        self.mode
            .iter()
            .fold(0, |bits, digit| (bits << 3) | u32::from(digit & 7))
    }

    /// What the entry is. git takes every unknown file type for a gitlink; here it is an error, since
    /// others may take it for something else.
    pub fn kind(&self) -> Result<EntryKind, Error> {
        let bits = self.mode_bits();
        match bits & !0o7777 {
            0o100_000 => Ok(EntryKind::File),
            0o120_000 => Ok(EntryKind::Link),
            0o040_000 => Ok(EntryKind::Folder),
            0o160_000 => Ok(EntryKind::Gitlink),
            _ => Err(Error::Type(bits)),
        }
    }
}

/// Iterates over the entries of a tree; ends after the first error.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    id_len: usize,
}

impl<'a> Entries<'a> {
    /// The entries of the tree with this content.
    pub fn new(hash: HashKind, data: &'a [u8]) -> Self {
        Self {
            rest: data,
            id_len: hash.len_in_bytes(),
        }
    }

    fn read(&mut self) -> Result<Entry<'a>, Error> {
        let space = self
            .rest
            .iter()
            .take(MODE_BYTES + 1)
            .position(|&byte| byte == b' ')
            .ok_or(Error::Mode)?;
        let (mode, rest) = self.rest.split_at_checked(space).ok_or(Error::Mode)?;
        if !is_mode(mode) {
            return Err(Error::Mode);
        }
        let rest = rest.get(1..).unwrap_or_default();
        let nul = rest
            .iter()
            .position(|&byte| byte == 0)
            .ok_or(Error::CutShort)?;
        let (name, rest) = rest.split_at_checked(nul).ok_or(Error::CutShort)?;
        if name.is_empty() {
            return Err(Error::Name);
        }
        let rest = rest.get(1..).unwrap_or_default();
        let (id, rest) = rest.split_at_checked(self.id_len).ok_or(Error::CutShort)?;
        self.rest = rest;
        Ok(Entry { mode, name, id })
    }
}

/// More digits than any mode has, zero-padded ones included.
const MODE_BYTES: usize = 16;

fn is_mode(digits: &[u8]) -> bool {
    let significant = digits.iter().skip_while(|&&digit| digit == b'0').count();
    !digits.is_empty()
        && significant <= 7
        && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'))
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &[u8]) -> Result<(String, EntryKind), Error> {
        let entry = Entries::new(HashKind::Sha1, text).next().unwrap()?;
        Ok((
            String::from_utf8_lossy(entry.name).into_owned(),
            entry.kind()?,
        ))
    }

    fn with_id(text: &[u8]) -> Vec<u8> {
        [text, &[0xab; 20]].concat()
    }

    #[test]
    fn names_may_hold_anything_but_nul() {
        let text = with_id(b"100644 a b\n/\xff\0");
        let entry = Entries::new(HashKind::Sha1, &text).next().unwrap().unwrap();
        assert_eq!(entry.name, b"a b\n/\xff");
        assert_eq!(entry.id, [0xab; 20]);
    }

    #[test]
    fn row_12_padded_modes_are_read() {
        let text = with_id(b"040000 dir\0");
        let entry = Entries::new(HashKind::Sha1, &text).next().unwrap().unwrap();
        assert_eq!(entry.kind(), Ok(EntryKind::Folder));
    }

    #[test]
    fn row_12_unknown_types_are_an_error() {
        for mode in ["0", "644", "20000", "60000", "140000", "170000", "1100644"] {
            let text = with_id(format!("{mode} a\0").as_bytes());
            assert!(matches!(first(&text), Err(Error::Type(_))), "{mode}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(first(&with_id(b"100844 a\0")), Err(Error::Mode));
        assert_eq!(first(&with_id(b" a\0")), Err(Error::Mode));
        assert_eq!(first(&with_id(b"77777777 a\0")), Err(Error::Mode));
        assert_eq!(first(b"100644"), Err(Error::Mode));
        assert_eq!(first(&with_id(b"100644 \0")), Err(Error::Name));
        assert_eq!(first(b"100644 name"), Err(Error::CutShort));
        assert_eq!(first(b"100644 name\0short"), Err(Error::CutShort));
    }

    #[test]
    fn iteration_ends_after_an_error() {
        let text = [with_id(b"100644 a\0"), b"broken".to_vec()].concat();
        let results: Vec<_> = Entries::new(HashKind::Sha1, &text).collect();
        assert_eq!(results.len(), 2);
        assert!(results[0].is_ok() && results[1].is_err());
    }
}
