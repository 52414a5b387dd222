//! Ids of persons, groups and tokens: random, so that they tell nothing, and stay when a name changes.

use std::fmt;

use serde::Serialize;

/// Crockford's base 32 in lower case: no letters that read like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `PREFIX` and ten characters: 50 random bits.
fn random(prefix: &str) -> Result<String, getrandom::Error> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes)?;
    let letters = bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    Ok(prefix
        .chars()
        .chain(letters.map(|&byte| char::from(byte)))
        .collect())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When the system has no randomness to give.
            pub(super) fn random() -> Result<Self, getrandom::Error> {
                random($prefix).map(Self)
            }

            /// One that is written down elsewhere; none where it has not the form of one.
            pub fn read(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let known = |byte: u8| ALPHABET.contains(&byte);
                (rest.len() == 10 && rest.bytes().all(known)).then(|| Self(text.to_owned()))
            }

            /// As the store has it.
            pub(super) fn stored(text: String) -> Self {
                Self(text)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// `u-` and ten characters.
    PersonId,
    "u-"
);
id!(
    /// `g-` and ten characters.
    GroupId,
    "g-"
);
id!(
    /// `t-` and ten characters. Names a token without being one.
    TokenId,
    "t-"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_differ() {
        let ids: std::collections::BTreeSet<PersonId> =
            (0..1000).map(|_| PersonId::random().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let rest = id.as_str().strip_prefix("u-").unwrap();
            assert_eq!(rest.len(), 10);
            assert!(rest.bytes().all(|byte| ALPHABET.contains(&byte)), "{id}");
        }
    }
}
