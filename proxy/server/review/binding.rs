//! What an approval is good for, as one hash: this push, to this place, by this pusher, and nothing else.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Pusher;

/// The version of the form that is hashed.
const FORM: u32 = 1;

/// All that a decision is about. Two pushes with the same are the same push.
#[derive(Clone, Debug, Serialize)]
pub struct Bound<'a> {
    form: u32,
    upstream: &'a str,
    repository: &'a str,
    /// Sorted by name.
    updates: Vec<Update<'a>>,
    /// Of the inspection: hex BLAKE3 over the sorted ids of the objects; none where there is no pack.
    objects: Option<String>,
    /// Those that go upstream, in the order of the push.
    options: Vec<String>,
    pusher: Pusher,
}

/// One ref update. The old value is bound as well: on another one the push does something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Update<'a> {
    /// Lower-case hex, for it need not be UTF-8.
    pub name: String,
    pub old: &'a str,
    pub new: &'a str,
}

impl<'a> Bound<'a> {
    /// `repository` in the form that allow-lists compare; `options` as hex.
    pub fn new(
        upstream: &'a str,
        repository: &'a str,
        mut updates: Vec<Update<'a>>,
        objects: Option<String>,
        options: Vec<String>,
        pusher: &Pusher,
    ) -> Self {
        updates.sort();
        Self {
            form: FORM,
            upstream,
            repository,
            updates,
            objects,
            options,
            pusher: pusher.strongest(),
        }
    }

    /// Hex SHA-256 over the canonical JSON: fields in the order of the struct, no white space.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).expect("because strings and lists always serialise");
        hex::encode(Sha256::digest(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(name: &str) -> Update<'static> {
        Update {
            name: name.into(),
            old: "00",
            new: "11",
        }
    }

    #[test]
    fn order_does_not_count_and_everything_else_does() {
        let pusher = Pusher {
            person: Some("ada".into()),
            ..Pusher::default()
        };
        let other = Pusher {
            person: Some("eve".into()),
            ..Pusher::default()
        };
        let both = || vec![update("61"), update("62")];
        let objects = || Some("aa".to_owned());
        let option = || vec!["63".to_owned()];
        let one = Bound::new("u", "r", both(), objects(), option(), &pusher).digest();
        let turned = vec![update("62"), update("61")];
        let same = Bound::new("u", "r", turned, objects(), option(), &pusher);
        assert_eq!(one, same.digest());
        let moved = Update {
            old: "22",
            ..update("61")
        };
        for bound in [
            Bound::new("v", "r", both(), objects(), option(), &pusher),
            Bound::new("u", "s", both(), objects(), option(), &pusher),
            Bound::new("u", "r", vec![update("61")], objects(), option(), &pusher),
            Bound::new(
                "u",
                "r",
                vec![moved, update("62")],
                objects(),
                option(),
                &pusher,
            ),
            Bound::new("u", "r", both(), Some("ab".into()), option(), &pusher),
            Bound::new("u", "r", both(), None, option(), &pusher),
            Bound::new("u", "r", both(), objects(), Vec::new(), &pusher),
            Bound::new("u", "r", both(), objects(), option(), &other),
        ] {
            assert_ne!(one, bound.digest(), "{bound:?}");
        }
    }
}
