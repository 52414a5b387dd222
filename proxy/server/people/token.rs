//! A token: its text, which exists once, and what is kept of it.
//!
//! `exeat_`, 30 random characters of base62 (178 bits), and six of checksum, as the forges' tokens have it: a scanner knows
//! one at sight, and a mistyped one is told without a look into the database.

use std::fmt;
use std::str::FromStr;

use exeat_inspect::FingerprintKey;
use exeat_rules::validators;
use serde::{Serialize, Serializer};

use super::form::Error;
use super::id::{PersonId, TokenId};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM: usize = 30;

/// The text of a token. Shown once, to whoever made it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut letters = Vec::with_capacity(RANDOM);
        while letters.len() < RANDOM {
            let mut bytes = [0; RANDOM];
            getrandom::fill(&mut bytes)?;
            // 248 is the largest multiple of 62: what lies above would favour the first letters.
            let fair = bytes.into_iter().filter(|&byte| byte < 248);
            letters.extend(fair.filter_map(|byte| BASE62.get(usize::from(byte % 62))));
        }
        letters.truncate(RANDOM);
        let checksum = validators::base62_checksum(&letters);
        let text = letters.into_iter().chain(checksum).map(char::from);
        Ok(Self("exeat_".chars().chain(text).collect()))
    }

    /// What somebody presented, if it has the form of a token and its checksum holds.
    pub(super) fn presented(text: &str) -> Option<Self> {
        let form = validators::find("exeat-token")?;
        (form.check)(text.as_bytes()).then(|| Self(text.to_owned()))
    }

    /// By which the store finds it. Whoever has the database alone cannot make one that fits.
    pub(super) fn hash(&self, key: &FingerprintKey) -> String {
        key.keyed_hash("exeat-token", self.0.as_bytes())
    }

    /// For whoever made it, once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    pub id: TokenId,
    /// Its owner.
    pub person: PersonId,
    pub scopes: Scopes,
    /// For a machine: it never decides, whatever its owner may.
    pub service: bool,
    pub about: Option<String>,
    /// Unix milliseconds, as the others.
    #[serde(serialize_with = "super::time::one")]
    pub created: i64,
    #[serde(serialize_with = "super::time::one")]
    pub expires: i64,
    #[serde(serialize_with = "super::time::perhaps")]
    pub revoked: Option<i64>,
    /// To the hour.
    #[serde(serialize_with = "super::time::perhaps")]
    pub used: Option<i64>,
}

/// What a token may be used for, where its owner's roles allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Say who pushes, in the header `Exeat-Token`.
    Push,
    /// See pushes and cases.
    Read,
    /// Approve, reject, waive.
    Decide,
    /// Change people, tokens, rules and policies.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Push, Self::Read, Self::Decide, Self::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Read => "read",
            Self::Decide => "decide",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|scope| scope.name() == text);
        named.ok_or_else(|| Error::Scope(text.escape_default().to_string()))
    }
}

/// A set of scopes, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    pub fn new(scopes: &[Scope]) -> Self {
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// As the store has it.
    pub(super) fn stored(text: &str) -> Result<Self, Error> {
        let scopes: Result<Vec<Scope>, Error> = text.split_whitespace().map(str::parse).collect();
        Ok(Self::new(&scopes?))
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

/// Words with blanks between.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::name).collect();
        f.write_str(&names.join(" "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::name))
    }
}

/// How long a token is to live: at least an hour, at most 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    hours: i64,
}

impl Lifetime {
    const MOST: i64 = 366 * 24;

    pub fn milliseconds(self) -> i64 {
        self.hours * 3_600_000
    }
}

/// 90 days.
impl Default for Lifetime {
    fn default() -> Self {
        Self { hours: 90 * 24 }
    }
}

impl FromStr for Lifetime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let units = [("h", 1), ("d", 24), ("w", 7 * 24)];
        let read = units.into_iter().find_map(|(unit, hours)| {
            let count = text.strip_suffix(unit)?;
            let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            count
                .parse::<i64>()
                .ok()
                .filter(|_| digits)?
                .checked_mul(hours)
        });
        match read.filter(|hours| (1..=Self::MOST).contains(hours)) {
            Some(hours) => Ok(Self { hours }),
            None => {
                let short: String = text.chars().take(40).collect();
                Err(Error::Lifetime(short.escape_default().to_string()))
            }
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hours % 24 {
            0 => write!(f, "{}d", self.hours / 24),
            _ => write!(f, "{}h", self.hours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_form_and_never_shows() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let secret = Secret::random().unwrap();
            assert_eq!(secret.expose().len(), 42);
            assert_eq!(Secret::presented(secret.expose()), Some(secret.clone()));
            assert_eq!(format!("{secret:?}"), "Secret(..)");
            assert!(seen.insert(secret.expose().to_owned()));
        }
        let letters: std::collections::BTreeSet<char> =
            seen.iter().flat_map(|text| text.chars().skip(6)).collect();
        assert_eq!(letters.len(), 62, "all of base62 is drawn");
    }

    #[test]
    fn what_is_no_token_is_not_looked_up() {
        let secret = Secret::random().unwrap();
        let text = secret.expose();
        let blank = format!("{text} ");
        let long = format!("{text}0");
        for wrong in ["", "exeat_", &text[1..], &text[..41], &blank, &long] {
            assert_eq!(Secret::presented(wrong), None);
        }
        let other = match &text[20..21] {
            "a" => "b",
            _ => "a",
        };
        let mistyped = format!("{}{other}{}", &text[..20], &text[21..]);
        assert_eq!(Secret::presented(&mistyped), None);
    }

    #[test]
    fn lifetimes() {
        for (text, hours) in [
            ("1h", 1),
            ("90d", 2160),
            ("366d", 8784),
            ("4w", 672),
            ("36h", 36),
        ] {
            let lifetime: Lifetime = text.parse().unwrap();
            assert_eq!(lifetime.milliseconds(), hours * 3_600_000);
        }
        assert_eq!(Lifetime::default().to_string(), "90d");
        assert_eq!("36h".parse::<Lifetime>().unwrap().to_string(), "36h");
        for bad in [
            "",
            "0d",
            "367d",
            "d",
            "-1d",
            "+1d",
            "90",
            "1y",
            "9223372036854775807w",
            "1 d",
        ] {
            assert!(bad.parse::<Lifetime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_are_a_set() {
        let scopes = Scopes::new(&[Scope::Decide, Scope::Push, Scope::Decide]);
        assert_eq!(scopes.to_string(), "push decide");
        assert_eq!(Scopes::stored("decide push"), Ok(scopes));
        assert!(Scopes::stored("root").is_err());
    }
}
