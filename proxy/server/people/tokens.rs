//! Orders about tokens: create, revoke; and whether one that was presented holds.

use super::form;
use super::id::TokenId;
use super::person::Person;
use super::register;
use super::rights::Powers;
use super::service::{Act, Done, Error, People};
use super::state;
use super::token::{Lifetime, Scope, Scopes, Secret, Token};
use crate::audit::{self, Actor, ActorKind, Kind};
use crate::store::{Change, TokenRow};

/// How often it is noted that a token was used, or refused.
const HOUR: i64 = 3_600_000;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The name of its owner.
    pub person: String,
    pub scopes: Scopes,
    /// For a machine: it never decides.
    pub service: bool,
    pub about: Option<String>,
    pub lifetime: Lifetime,
}

/// Somebody who presented a token that holds.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub token: Token,
    pub person: Person,
    /// Keyed.
    hash: String,
}

impl Bearer {
    pub fn powers(&self) -> Powers<'_> {
        Powers::by_token(&self.person, &self.token)
    }

    /// What must still be so when something is done in this person's name: roles, accounts and token as they were when the
    /// token was verified. Done together with the deed, so that no right outlives its end by a moment.
    pub fn guard(&self, now: i64) -> Change {
        let person = Change::person_holds(self.person.id.as_str(), self.person.revision);
        person.and(Change::token_holds(self.token.id.as_str(), now))
    }

    /// For the audit; `source` is the address it came from.
    pub fn actor(&self, source: Option<&str>) -> Actor {
        Actor {
            kind: match self.token.service {
                true => ActorKind::Token,
                false => ActorKind::User,
            },
            name: Some(self.person.name.clone()),
            verified: true,
            credential: Some(self.hash.clone()),
            source: source.map(str::to_owned),
            person: Some(self.person.id.as_str().to_owned()),
            ..Actor::default()
        }
    }
}

/// Why nobody is known by what was presented.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The text is the same for every reason: it is for whoever presented it.
    #[error("the token does not hold: it is mistyped, unknown, expired or revoked")]
    Invalid(Why),
    #[error("the token could not be checked")]
    Failed(#[from] Error),
}

/// Why a token does not hold. For the audit and the log, never for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has not the form of a token, or its checksum is wrong.
    Form,
    Unknown,
    Expired,
    Revoked,
    /// Its owner is disabled.
    Disabled,
}

impl Why {
    /// In the audit; none where there is no token to name.
    fn action(self) -> Option<&'static str> {
        match self {
            Self::Form | Self::Unknown => None,
            Self::Expired => Some("refused: expired"),
            Self::Revoked => Some("refused: revoked"),
            Self::Disabled => Some("refused: owner disabled"),
        }
    }
}

impl People {
    /// Makes a token. Its text is in the answer and nowhere else.
    pub async fn create_token(
        &self,
        new: &NewToken,
        now: i64,
        actor: &Actor,
    ) -> Result<(Token, Secret), Error> {
        if new.scopes.is_empty() {
            return Err(Error::NoScope);
        }
        if new.service && new.scopes.has(Scope::Decide) {
            return Err(Error::ServiceDecides);
        }
        let person = self.register().person_row(&new.person).await?;
        if person.disabled {
            return Err(Error::Disabled(person.name));
        }
        let about = new.about.as_deref();
        let secret = Secret::random()?;
        let row = TokenRow {
            id: TokenId::random()?.as_str().to_owned(),
            revision: 1,
            salt: state::salt()?,
            hash: secret.hash(&self.key),
            scopes: new.scopes.to_string(),
            service: new.service,
            about: about
                .map(|about| form::plain("description", about))
                .transpose()?,
            created: now,
            expires: now.saturating_add(new.lifetime.milliseconds()),
            revoked: None,
            used: None,
            refused: None,
            person: person.id,
        };
        let kind = match row.service {
            true => "service token",
            false => "token",
        };
        let act = Act {
            kind: Kind::Token,
            action: "create",
            actor,
            subject: row.id.clone(),
            before: None,
            after: Some(state::of_token(&row)),
            note: format!(
                "{kind} for {}, {}, for {}",
                person.name, row.scopes, new.lifetime
            ),
        };
        self.act(act, Change::add_token(&row)).await?;
        Ok((register::token(&row)?, secret))
    }

    /// Ends a token at once and for good.
    pub async fn revoke_token(
        &self,
        id: &str,
        now: i64,
        actor: &Actor,
    ) -> Result<Done<Token>, Error> {
        let before = self.register().token_row(id).await?;
        if before.revoked.is_some() {
            return Ok(Done {
                now: register::token(&before)?,
                changed: false,
            });
        }
        let after = TokenRow {
            revoked: Some(now),
            ..before.clone()
        };
        let owner = self.owner(&before).await?;
        let act = Act {
            kind: Kind::Token,
            action: "revoke",
            actor,
            subject: before.id.clone(),
            before: Some(state::of_token(&before)),
            after: Some(state::of_token(&after)),
            note: format!("token of {}, {}", owner.name, before.scopes),
        };
        self.act(act, Change::revoke_token(&before, now)).await?;
        Ok(Done {
            now: register::token(&after)?,
            changed: true,
        })
    }

    /// Who presented this, at `now`; `source` is the address it came from. What is no token is told without a look into the
    /// database; the rest is found by a keyed hash, so that nothing is compared letter by letter.
    ///
    /// A token that does not hold any more is put on record, at most once an hour each; the answer does not wait for that.
    pub async fn verify(
        &self,
        presented: &str,
        now: i64,
        source: Option<&str>,
    ) -> Result<Bearer, Refused> {
        let invalid = |why| Err(Refused::Invalid(why));
        let Some(secret) = Secret::presented(presented) else {
            return invalid(Why::Form);
        };
        let hash = secret.hash(&self.key);
        let Some(row) = self.register().token_of_hash(&hash).await? else {
            return invalid(Why::Unknown);
        };
        let person = self.owner(&row).await?;
        if let Some(why) = flaw(&row, &person, now) {
            self.note_refusal(&row, why, now, source);
            return invalid(why);
        }
        let since = now.saturating_sub(HOUR);
        if row.used.is_none_or(|used| used <= since) {
            // A full disk is no reason to know nobody.
            if let Err(error) = self.store.note_use(&row.id, now, since).await {
                tracing::warn!(token = %row.id, %error, "the use of a token could not be noted");
            }
        }
        let token = register::token(&row).map_err(Error::from)?;
        Ok(Bearer {
            token,
            person,
            hash,
        })
    }

    async fn owner(&self, row: &TokenRow) -> Result<Person, Error> {
        let id = register::token(row)?.person;
        let owner = self.register().person_of_id(&id).await?;
        owner.ok_or_else(|| Error::Unreadable(row.id.clone()))
    }

    fn note_refusal(&self, row: &TokenRow, why: Why, now: i64, source: Option<&str>) {
        let Some(action) = why.action() else { return };
        let since = now.saturating_sub(HOUR);
        if row.refused.is_some_and(|refused| refused > since) {
            return;
        }
        let people = self.clone();
        let actor = Actor {
            kind: ActorKind::Token,
            credential: Some(row.hash.clone()),
            source: source.map(str::to_owned),
            ..Actor::default()
        };
        let id = row.id.clone();
        tokio::spawn(async move {
            let change = Change::refuse_token(&id, now, since);
            let act = Act {
                kind: Kind::Login,
                action,
                actor: &actor,
                subject: id.clone(),
                before: None,
                after: None,
                note: String::new(),
            };
            match people.act(act, change).await {
                // Noted within the hour already.
                Ok(()) | Err(Error::Audit(audit::Error::Stale)) => {}
                Err(error) => tracing::warn!(token = %id, %error, "a refusal is not on record"),
            }
        });
    }
}

fn flaw(row: &TokenRow, person: &Person, now: i64) -> Option<Why> {
    if row.revoked.is_some() {
        return Some(Why::Revoked);
    }
    if row.expires <= now {
        return Some(Why::Expired);
    }
    person.disabled.then_some(Why::Disabled)
}
