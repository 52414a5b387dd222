//! One command of a push: a ref, from one object to another.

use super::Error;
use crate::{HashKind, ObjectId, refname};

/// What shall become of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What the client saw there; zeros to create.
    pub old: ObjectId,
    /// What shall be there; zeros to delete.
    pub new: ObjectId,
    /// The full name, valid by [`refname::check`]; any bytes above ASCII are possible.
    pub name: Vec<u8>,
}

impl Command {
    pub fn is_create(&self) -> bool {
        self.old.is_null()
    }

    pub fn is_delete(&self) -> bool {
        self.new.is_null()
    }

    /// The command as its line carries it.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut line = format!("{} {} ", self.old, self.new).into_bytes();
        line.extend_from_slice(&self.name);
        line
    }

    /// Reads a line without capabilities and line feed; `number` counts from 1 and is for errors.
    ///
    /// Equal ids pass: libgit2 sends a command for every refspec, also where nothing changes.
    pub(super) fn read(
        line: &[u8],
        number: usize,
        hash: HashKind,
        name_limit: usize,
    ) -> Result<Self, Error> {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (Some(old), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::BadCommand(number));
        };
        let old = read_id_of(old, number, hash)?;
        let new = read_id_of(new, number, hash)?;
        if name.len() > name_limit {
            return Err(Error::RefNameTooLong(name_limit));
        }
        let command = Self {
            old,
            new,
            name: name.to_vec(),
        };
        if let Err(reason) = refname::check(name) {
            return Err(Error::BadRefName { number, reason });
        }
        if command.is_create() && command.is_delete() {
            return Err(Error::BothZero(number));
        }
        Ok(command)
    }
}

fn read_id_of(hex: &[u8], number: usize, hash: HashKind) -> Result<ObjectId, Error> {
    let id = match read_id(hex) {
        Some(id) => id,
        None if read_id(&hex.to_ascii_lowercase()).is_some() => {
            return Err(Error::UpperCaseId(number));
        }
        None => return Err(Error::BadCommand(number)),
    };
    if id.kind() != hash {
        return Err(Error::WrongHash(hash));
    }
    Ok(id)
}

/// An id of 40 or 64 lower-case digits.
pub(super) fn read_id(hex: &[u8]) -> Option<ObjectId> {
    if !hex
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    ObjectId::from_hex(hex).ok()
}
