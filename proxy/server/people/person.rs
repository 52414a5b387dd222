//! A person: names, addresses, accounts on forges, and roles with the place where each holds.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::form::{self, Error};
use super::id::PersonId;
use crate::config::Repositories;

/// Somebody we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: PersonId,
    /// Counted up with every change of the person; groups and tokens aside.
    pub revision: i64,
    /// Unique, and what commands and policies call the person.
    pub name: String,
    pub display: Option<String>,
    /// The addresses that commits of this person may have. They identify nobody.
    pub mails: Vec<String>,
    pub roles: Vec<RoleGrant>,
    pub accounts: Vec<Linked>,
    /// Nothing of a disabled person counts: no token, no role, no account.
    pub disabled: bool,
    /// Unix milliseconds.
    #[serde(serialize_with = "super::time::one")]
    pub created: i64,
}

impl Person {
    /// Whether this person made a push: as the person, or by an account that is linked now.
    pub fn is(&self, person: Option<&PersonId>, account: Option<&Account>) -> bool {
        let linked = |wanted: &Account| self.accounts.iter().any(|own| own.account == *wanted);
        person == Some(&self.id) || account.is_some_and(linked)
    }
}

/// An account on a forge: the upstream's name, and the id the forge itself gave it. Logins change hands, ids do not. Or a client
/// certificate: the subject under [`Account::CERTIFICATE`], which no upstream can be named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Account {
    pub upstream: String,
    /// A number, as text, on most forges.
    pub id: String,
}

impl Account {
    /// What stands in the place of an upstream's name where the id is the subject of a client certificate.
    pub const CERTIFICATE: &'static str = "@certificate";

    /// # Errors
    /// When one of the two is not of its form.
    pub fn new(upstream: &str, id: &str) -> Result<Self, Error> {
        if upstream == Self::CERTIFICATE {
            return Self::of_certificate(id);
        }
        Ok(Self {
            upstream: form::upstream(upstream)?,
            id: form::account(id)?,
        })
    }

    /// Whoever shows a certificate with this subject, as the listener reads it.
    ///
    /// # Errors
    /// When it is none.
    pub fn of_certificate(subject: &str) -> Result<Self, Error> {
        Ok(Self {
            upstream: Self::CERTIFICATE.to_owned(),
            id: form::certificate(subject)?,
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.upstream.as_str() {
            Self::CERTIFICATE => write!(f, "the certificate of {}", self.id),
            upstream => write!(f, "{} on {upstream}", self.id),
        }
    }
}

/// An account that belongs to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Linked {
    #[serde(flatten)]
    pub account: Account,
    /// What the forge called it when it was linked.
    pub login: Option<String>,
    /// Unix milliseconds.
    #[serde(serialize_with = "super::time::one")]
    pub linked: i64,
}

/// What somebody is here for; `rights` says what that allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Developer,
    Reviewer,
    Security,
    Ospo,
    Auditor,
    Operator,
    Service,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Developer,
        Self::Reviewer,
        Self::Security,
        Self::Ospo,
        Self::Auditor,
        Self::Operator,
        Self::Service,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Security => "security",
            Self::Ospo => "ospo",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Service => "service",
        }
    }
}

pub(super) fn role_names() -> String {
    Role::ALL.map(Role::name).join(", ")
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|role| role.name() == text);
        named.ok_or_else(|| Error::Role(text.escape_default().to_string()))
    }
}

/// A role of a person, written `reviewer:github.com/org/*`, `reviewer:github.com` or `auditor`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleGrant {
    pub role: Role,
    pub place: Place,
}

impl RoleGrant {
    /// From the two columns of the store.
    pub(super) fn stored(role: &str, place: &str) -> Result<Self, Error> {
        let role: Role = role.parse()?;
        match place {
            "" => Ok(Self {
                role,
                place: Place::Everywhere,
            }),
            _ if role != Role::Reviewer => Err(Error::Unlimited(role.name())),
            _ => Ok(Self {
                role,
                place: place.parse()?,
            }),
        }
    }
}

impl FromStr for RoleGrant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            None => Self::stored(text, ""),
            Some((role, "")) => Err(Error::Role(format!("{}:", role.escape_default()))),
            Some((role, place)) => Self::stored(role, place),
        }
    }
}

impl fmt::Display for RoleGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Everywhere => f.write_str(self.role.name()),
            place => write!(f, "{}:{place}", self.role.name()),
        }
    }
}

impl Serialize for RoleGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a role holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Everywhere,
    /// Every repository of an upstream.
    Upstream(String),
    /// Those of its repositories that fit a pattern, read as `allow` of an upstream is.
    Repositories {
        upstream: String,
        pattern: String,
    },
}

impl Place {
    /// Whether a repository lies within. `folds`: whether its forge takes names without regard to case.
    pub fn holds(&self, upstream: &str, repository: &str, folds: bool) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Upstream(name) => name == upstream,
            Self::Repositories {
                upstream: name,
                pattern,
            } => {
                name == upstream
                    && Repositories::one(pattern, folds)
                        .is_ok_and(|repositories| repositories.contains(repository))
            }
        }
    }
}

/// Longest pattern, in bytes: it is compiled for every question.
const PATTERN: usize = 256;

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((upstream, pattern)) = text.split_once('/') else {
            return form::upstream(text).map(Self::Upstream);
        };
        let wrong = |expected| Error::Pattern {
            pattern: pattern
                .chars()
                .take(80)
                .flat_map(char::escape_default)
                .collect(),
            expected,
        };
        if pattern.len() > PATTERN {
            return Err(wrong("at most 256 bytes"));
        }
        Repositories::one(pattern, false).map_err(wrong)?;
        Ok(Self::Repositories {
            upstream: form::upstream(upstream)?,
            pattern: pattern.to_owned(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::Upstream(upstream) => f.write_str(upstream),
            Self::Repositories { upstream, pattern } => write!(f, "{upstream}/{pattern}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_read_back_as_they_are_written() {
        for text in [
            "developer",
            "reviewer",
            "reviewer:github.com",
            "reviewer:github.com/org/*",
            "reviewer:github.com/**",
            "service",
        ] {
            let grant: RoleGrant = text.parse().unwrap();
            assert_eq!(grant.to_string(), text);
        }
        for (text, why) in [
            ("admin", "there is no role \"admin\"; there are developer, "),
            ("Reviewer", "there is no role \"Reviewer\""),
            ("reviewer:", "there is no role \"reviewer:\""),
            ("operator:github.com", "the role operator holds everywhere"),
            ("reviewer:github.com/", "\"\" is no pattern"),
            ("reviewer:github.com//x", "\"/x\" is no pattern"),
            ("reviewer:github.com/org/[", "\"org/[\" is no pattern"),
            (
                &format!("reviewer:github.com/{}", "x".repeat(257)),
                "\"xxxxx",
            ),
            ("reviewer:a b/org", "\"a b\" is no upstream's name"),
        ] {
            let error = text.parse::<RoleGrant>().unwrap_err().to_string();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_place_holds_what_lies_within() {
        let holds = |place: &str, upstream: &str, repository: &str| {
            let place: Place = place.parse().unwrap();
            place.holds(upstream, repository, true)
        };
        assert!(holds("github.com", "github.com", "org/repo"));
        assert!(!holds("github.com", "gitlab.com", "org/repo"));
        assert!(holds("github.com/org/*", "github.com", "org/repo"));
        assert!(holds("github.com/Org/*", "github.com", "org/repo"));
        assert!(!holds("github.com/org/*", "github.com", "org/sub/repo"));
        assert!(!holds("github.com/org/*", "github.com", "other/repo"));
        assert!(!holds("github.com/org/*", "gitlab.com", "org/repo"));
        assert!(holds("gitlab.com/org/**", "gitlab.com", "org/sub/repo"));
        let place: Place = "gitlab.com/Org/*".parse().unwrap();
        assert!(!place.holds("gitlab.com", "org/repo", false));
    }

    #[test]
    fn a_pusher_is_known_by_person_or_account() {
        let account = |id: &str| Account::new("github.com", id).unwrap();
        let person = Person {
            id: PersonId::random().unwrap(),
            revision: 1,
            name: "ada".into(),
            display: None,
            mails: Vec::new(),
            roles: Vec::new(),
            accounts: vec![Linked {
                account: account("7"),
                login: None,
                linked: 0,
            }],
            disabled: false,
            created: 0,
        };
        let other = PersonId::random().unwrap();
        assert!(person.is(Some(&person.id), None));
        assert!(person.is(None, Some(&account("7"))));
        assert!(person.is(Some(&other), Some(&account("7"))));
        assert!(!person.is(Some(&other), Some(&account("8"))));
        let elsewhere = Account::new("gitlab.com", "7").unwrap();
        assert!(!person.is(None, Some(&elsewhere)));
        assert!(!person.is(None, None));
    }
}
