//! The texts of drafts, as those who read policies and rules take them.

use sha2::{Digest, Sha256};

use super::draft::{Kind, State};
use crate::config::Config;
use crate::store::{self, Records};

/// The text of one draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub id: String,
    pub text: String,
}

impl Text {
    /// How messages name it, where a file has its path.
    pub fn name(&self) -> String {
        name(&self.id)
    }
}

pub(super) fn name(id: &str) -> String {
    format!("draft {id}")
}

/// The texts that decide beside the files of a configuration, of each kind the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub policy: Vec<Text>,
    pub rules: Vec<Text>,
}

/// Why they are not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the text of the draft {0} is not the one that two people put into force")]
    Altered(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Texts {
    /// Those in force, of the kinds that the configuration allows.
    ///
    /// # Errors
    /// When they cannot be read, or one is not what was approved.
    pub async fn in_force(records: &Records, config: &Config) -> Result<Self, Error> {
        let mut texts = Self::default();
        for kind in Kind::ALL {
            if is_allowed(kind, config) {
                *texts.of_mut(kind) = Self::of_kind(records, kind).await?;
            }
        }
        Ok(texts)
    }

    /// Those of one kind, whether they are allowed or not.
    pub(super) async fn of_kind(records: &Records, kind: Kind) -> Result<Vec<Text>, Error> {
        let states = [State::InForce.as_str(), State::Retiring.as_str()];
        let rows = records.draft_texts(kind.as_str(), states).await?;
        let checked =
            rows.into_iter()
                .map(|(id, recorded, text)| match digest(&text) == recorded {
                    true => Ok(Text { id, text }),
                    false => Err(Error::Altered(id)),
                });
        checked.collect()
    }

    pub(super) fn of_mut(&mut self, kind: Kind) -> &mut Vec<Text> {
        match kind {
            Kind::Policy => &mut self.policy,
            Kind::Rules => &mut self.rules,
        }
    }
}

/// Whether drafts of this kind are heeded at all.
pub(super) fn is_allowed(kind: Kind, config: &Config) -> bool {
    match kind {
        Kind::Policy => config.policy_drafts,
        Kind::Rules => config.rules.drafts,
    }
}

/// Hex SHA-256.
pub(super) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
