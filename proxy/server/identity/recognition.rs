//! Finds out who pushes: by a token of ours, a client certificate, or what the forge says of the credential.
//!
//! Where an upstream has no sources, nobody is asked. Two sources that name different persons end it, also where one of the
//! two is disabled; else who is disabled is nobody.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Accounts, Actor, Known, Unknown};
use crate::{
    audit::{Audit, Deed, Kind},
    config::Source,
    metrics::Metrics,
    people::{
        self, Account, People, Person, Refused,
        rights::{Matter, Right},
    },
    store::Change,
    upstream::Upstream,
};

/// How often it is put on record that somebody came with what is another person's.
const OFTEN: Duration = Duration::from_secs(3600);
/// Contradictions that are remembered.
const MOST: usize = 1_000;

/// Knows people by what their requests bring.
pub struct Recognition {
    people: People,
    accounts: Arc<Accounts>,
    audit: Audit,
    metrics: Metrics,
    /// The contradictions that are on record, and since when.
    recorded: Mutex<HashMap<String, Instant>>,
}

/// Whom one source names: perhaps somebody disabled.
type Named = (Source, Person);

impl Recognition {
    pub fn new(
        people: &People,
        accounts: &Arc<Accounts>,
        audit: &Audit,
        metrics: &Metrics,
    ) -> Self {
        Self {
            people: people.clone(),
            accounts: Arc::clone(accounts),
            audit: audit.clone(),
            metrics: metrics.clone(),
            recorded: Mutex::default(),
        }
    }

    /// Who `actor` is to this upstream.
    ///
    /// # Errors
    /// When a source that the upstream requires names nobody, a token does not hold, or sources contradict each other.
    pub async fn of(&self, upstream: &Upstream, actor: &Actor) -> Result<Known, Unknown> {
        if upstream.sources.accepted.is_empty() {
            return Ok(Known::default());
        }
        let mut named: Vec<Named> = Vec::new();
        named.extend(self.by_token(upstream, actor).await?);
        named.extend(self.by_certificate(upstream, actor).await?);
        // Before the forge is asked in vain.
        required(
            upstream,
            &named,
            &[Source::Token, Source::Certificate],
            actor,
        )?;
        let account = self.account(upstream, actor).await?;
        if let Some(account) = &account {
            named.extend(self.owner(Source::Forge, account).await?);
        }
        self.agree(upstream, actor, &named).await?;
        named.retain(|(_, person)| !person.disabled);
        if upstream.sources.requires(Source::Forge) && !names(&named, Source::Forge) {
            return Err(match account {
                Some(account) => Unknown::Account(account),
                None => Unknown::NoAccount,
            });
        }
        let person = named.first().map(|(_, person)| person.clone());
        let groups = match &person {
            Some(person) => self.people.register().groups_of(&person.id).await?,
            None => Vec::new(),
        };
        Ok(Known {
            person,
            account: account.map(|account| account.id),
            groups,
            by: named.into_iter().map(|(source, _)| source).collect(),
        })
    }

    /// Whose token came along, where the upstream takes one.
    ///
    /// # Errors
    /// When it does not hold, is not for pushing, or its owner has no role that pushes.
    pub async fn by_token(
        &self,
        upstream: &Upstream,
        actor: &Actor,
    ) -> Result<Option<Named>, Unknown> {
        if !upstream.sources.accepts(Source::Token) {
            return Ok(None);
        }
        let Some(presented) = &actor.presented else {
            return Ok(None);
        };
        let source = actor.source.to_string();
        let verified = self
            .people
            .verify(presented.expose(), people::now(), Some(&source));
        match verified.await {
            Ok(bearer) if bearer.powers().may(Right::Push, &Matter::House) => {
                Ok(Some((Source::Token, bearer.person)))
            }
            Ok(bearer) => {
                let token = bearer.token.id.as_str();
                tracing::info!(
                    token,
                    "a token was presented that is not for pushing, or its owner may not push"
                );
                Err(Unknown::Token)
            }
            Err(Refused::Invalid(_)) => Err(Unknown::Token),
            Err(Refused::Failed(error)) => Err(error.into()),
        }
    }

    /// The forge takes the credential no longer; what it said of it is asked anew.
    pub fn forget(&self, upstream: &Upstream, actor: &Actor) {
        self.accounts
            .forget(&upstream.name, actor.credential_hash());
    }

    async fn by_certificate(
        &self,
        upstream: &Upstream,
        actor: &Actor,
    ) -> Result<Option<Named>, Unknown> {
        if !upstream.sources.accepts(Source::Certificate) {
            return Ok(None);
        }
        let subject = actor.certificate.as_deref();
        match subject.and_then(|subject| Account::of_certificate(subject).ok()) {
            Some(account) => self.owner(Source::Certificate, &account).await,
            None => Ok(None),
        }
    }

    /// The account that the forge knows by the credential. A forge that does not answer matters where it has to.
    async fn account(
        &self,
        upstream: &Upstream,
        actor: &Actor,
    ) -> Result<Option<Account>, Unknown> {
        if !upstream.sources.accepts(Source::Forge) {
            return Ok(None);
        }
        let requires = upstream.sources.requires(Source::Forge);
        let Some(credential) = &actor.credential else {
            return match requires {
                true => Err(Unknown::NoCredential),
                false => Ok(None),
            };
        };
        let id = match self.accounts.of(upstream, credential).await {
            Ok(id) => id,
            Err(error) => {
                tracing::warn!(upstream = upstream.name, %error, "the forge does not say whose a credential is");
                self.metrics
                    .upstream_errors_total
                    .with_label_values(&[error.class()])
                    .inc();
                return match requires {
                    true => Err(Unknown::Silent(error)),
                    false => Ok(None),
                };
            }
        };
        let account = id.map(|id| Account::new(&upstream.name, &id));
        Ok(account.transpose().map_err(people::Error::from)?)
    }

    async fn owner(&self, source: Source, account: &Account) -> Result<Option<Named>, Unknown> {
        let owner = self.people.register().owner_of(account).await?;
        Ok(owner.map(|owner| (source, owner)))
    }

    /// Refuses what names two persons, and puts that on record.
    async fn agree(
        &self,
        upstream: &Upstream,
        actor: &Actor,
        named: &[Named],
    ) -> Result<(), Unknown> {
        let mut persons = named.iter().map(|(_, person)| &person.id);
        let first = persons.next();
        if persons.all(|person| Some(person) == first) {
            return Ok(());
        }
        let said = named.iter();
        let said = said.map(|(source, person)| format!("{}: {}", source.word(), person.id));
        let said = format!("{}, {}", upstream.name, said.collect::<Vec<_>>().join(", "));
        tracing::warn!(said, "what came with a request names two persons");
        let contradiction = format!("{said} {}", actor.credential_hash());
        if self.is_news(&contradiction) {
            let deed = Deed {
                kind: Kind::Login,
                action: "refused: two persons",
                actor: actor.recorded(),
                case: None,
                subject: None,
                before: None,
                after: None,
                note: Some(said),
            };
            if let Err(error) = self.audit.act(&deed, Change::none()).await {
                self.recorded().remove(&contradiction);
                return Err(people::Error::from(error).into());
            }
        }
        Err(Unknown::TwoPersons)
    }

    fn is_news(&self, contradiction: &str) -> bool {
        let now = Instant::now();
        let mut recorded = self.recorded();
        if recorded.len() >= MOST {
            recorded.clear();
        }
        let known = recorded.get(contradiction);
        let is_news = known.is_none_or(|since| now.duration_since(*since) > OFTEN);
        if is_news {
            recorded.insert(contradiction.to_owned(), now);
        }
        is_news
    }

    fn recorded(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(named: &[Named], source: Source) -> bool {
    let mut named = named.iter();
    named.any(|(by, person)| *by == source && !person.disabled)
}

/// Refuses where one of these has to name somebody and does not.
fn required(
    upstream: &Upstream,
    named: &[Named],
    of: &[Source],
    actor: &Actor,
) -> Result<(), Unknown> {
    let missing = of
        .iter()
        .find(|source| upstream.sources.requires(**source) && !names(named, **source));
    match (missing, &actor.certificate) {
        (None, _) => Ok(()),
        (Some(Source::Certificate), Some(subject)) => Err(Unknown::Certificate(subject.clone())),
        (Some(Source::Certificate), None) => Err(Unknown::NoCertificate),
        (Some(_), _) => Err(Unknown::NoToken),
    }
}

#[cfg(test)]
mod tests;
