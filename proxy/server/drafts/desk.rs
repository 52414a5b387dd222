//! Where drafts are kept and decided: every change of one is one transaction with its audit record.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, watch};

use super::bench::{Bench, Unfit};
use super::draft::{Deed, Draft, Kind, Refused, State, Step};
use super::texts::{self, Text, Texts};
use super::{TEXT, TITLE};
use crate::audit::{self, Audit};
use crate::people::{
    self, PersonId, Register,
    rights::{Matter, Powers, Right},
};
use crate::review::Millis;
use crate::store::{self, Change, DraftFilter, DraftRow, Snapshot, Store};

/// Drafts that wait for a second person at once.
const MOST_OPEN: u32 = 100;
/// Drafts of one kind that are in force at once.
const MOST_IN_FORCE: usize = 50;

/// All drafts. Cheap to clone.
#[derive(Clone)]
pub struct Drafts(Arc<Inner>);

struct Inner {
    store: Store,
    audit: Audit,
    register: Register,
    changes: watch::Sender<u64>,
    /// What goes into force is tried together with all that is: one at a time.
    deciding: Mutex<()>,
}

/// Somebody who proposes or decides.
#[derive(Clone, Debug)]
pub struct Drafter {
    pub person: PersonId,
    pub actor: audit::Actor,
    /// What must still be so when it is written: the person's rights, for one.
    pub guard: Change,
}

/// What somebody proposes.
#[derive(Clone, Debug)]
pub struct NewDraft {
    pub kind: Kind,
    pub title: String,
    /// TOML, as a file of this kind would be.
    pub text: String,
}

/// Why a draft was not kept or changed, or not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no draft {0}")]
    Absent(String),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("a title has 1 to {TITLE} characters, and no others than print")]
    Title,
    #[error("a draft has at most {TEXT} bytes")]
    TooLong,
    #[error("drafts of this kind are off here: an operator sets {0} = true")]
    Off(&'static str),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("{MOST_OPEN} drafts wait already: decide some first")]
    TooManyOpen,
    #[error("{MOST_IN_FORCE} drafts of this kind are in force already: retire some first")]
    TooManyInForce,
    #[error("whoever asked for it may not draft any more: ask for it anew")]
    Asker,
    /// What whoever acts was when asked for is no longer so.
    #[error("your rights have changed meanwhile")]
    Rights,
    #[error("the draft {0} cannot be read: its row is damaged")]
    Damaged(String),
    #[error(transparent)]
    Texts(#[from] texts::Error),
    #[error(transparent)]
    People(#[from] people::Error),
    #[error(transparent)]
    Audit(audit::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl Drafts {
    pub fn new(store: &Store, audit: &Audit) -> Self {
        Self(Arc::new(Inner {
            store: store.clone(),
            audit: audit.clone(),
            register: Register::new(store.records()),
            changes: watch::channel(0).0,
            deciding: Mutex::new(()),
        }))
    }

    /// Wakes up whenever something was put into force or out of it.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The texts that decide by this configuration.
    ///
    /// # Errors
    /// As [`Texts::in_force`].
    pub async fn in_force(&self, config: &crate::config::Config) -> Result<Texts, texts::Error> {
        Texts::in_force(self.0.store.records(), config).await
    }

    /// Keeps a proposal for a second person to decide on. The caller has asked whether the person may, and whether the words
    /// may be kept. Gives what is probably not meant in it, too.
    ///
    /// # Errors
    /// When it could not come into force as it is.
    pub async fn propose(
        &self,
        new: &NewDraft,
        by: &Drafter,
        bench: &Bench,
        now: Millis,
    ) -> Result<(Draft, Vec<String>), Error> {
        is_on(new.kind, bench)?;
        let title = new.title.trim();
        let length = title.chars().count();
        if !(1..=TITLE).contains(&length) || title.chars().any(char::is_control) {
            return Err(Error::Title);
        }
        if new.text.len() > TEXT {
            return Err(Error::TooLong);
        }
        let draft = Draft {
            id: random_id()?,
            kind: new.kind,
            title: title.to_owned(),
            digest: texts::digest(&new.text),
            base: bench.digest(new.kind).to_owned(),
            author: by.person.as_str().to_owned(),
            state: State::Open,
            revision: 1,
            steps: Vec::new(),
            created: now,
        };
        let mut texts = Texts::of_kind(self.0.store.records(), new.kind).await?;
        texts.push(Text {
            id: draft.id.clone(),
            text: new.text.clone(),
        });
        let tried = bench.try_out(new.kind, texts, Some(draft.id.clone()));
        let warnings = tried.await?;
        let deed = audit_deed("propose", by, (None, &draft), "");
        let insert = store::drafts::insert(&draft.row(), &new.text, i64::from(MOST_OPEN));
        match self.act(&deed, by.guard.clone().and(insert)).await {
            Ok(()) => Ok((draft, warnings)),
            Err(Error::Audit(audit::Error::Stale)) => {
                let filter = DraftFilter {
                    state: Some(State::Open.as_str().to_owned()),
                    ..DraftFilter::default()
                };
                let open = self.0.store.drafts(&filter, MOST_OPEN).await?;
                match open.len() >= MOST_OPEN as usize {
                    true => Err(Error::TooManyOpen),
                    false => Err(Error::Rights),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Does something to a draft as it stood at `revision`. The caller has asked whether the person may.
    ///
    /// # Errors
    /// When it may not be done, not by this person, or when it could not come into force; nothing changes then.
    pub async fn act_on(
        &self,
        id: &str,
        (deed, revision, words): (Deed, u64, &str),
        by: &Drafter,
        bench: &Bench,
        now: Millis,
    ) -> Result<Draft, Error> {
        let deciding = self.0.deciding.lock().await;
        let before = self.draft(id).await?;
        let after = before.after(deed, revision, by.person.as_str(), words, now)?;
        let mut guard = by.guard.clone();
        if deed == Deed::Approve {
            guard = guard.and(self.asker_holds(&before).await?);
            self.try_out(&after, bench).await?;
        }
        let record = audit_deed(
            action(deed, before.state),
            by,
            (Some(&before), &after),
            words,
        );
        let update = store::drafts::update(&after.row(), signed(before.revision));
        match self.act(&record, guard.and(update)).await {
            Ok(()) => {}
            Err(Error::Audit(audit::Error::Stale)) => {
                let now = self.draft(id).await?.revision;
                return Err(match now == revision {
                    true => Error::Rights,
                    false => Refused::Stale {
                        seen: revision,
                        now,
                    }
                    .into(),
                });
            }
            Err(error) => return Err(error),
        }
        drop(deciding);
        if before.state.is_in_force() != after.state.is_in_force() {
            self.0.changes.send_modify(|count| *count += 1);
        }
        Ok(after)
    }

    /// # Errors
    /// When there is none of this id.
    pub async fn draft(&self, id: &str) -> Result<Draft, Error> {
        let row = self.0.store.draft(id).await?;
        Draft::read(row.ok_or_else(|| Error::Absent(id.to_owned()))?)
    }

    /// What a draft says.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn text(&self, id: &str) -> Result<String, Error> {
        let text = self.0.store.draft_body(id).await?;
        text.ok_or_else(|| Error::Absent(id.to_owned()))
    }

    /// Drafts, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, filter: &DraftFilter, limit: u32) -> Result<Vec<Draft>, Error> {
        let rows = self.0.store.drafts(filter, limit).await?;
        rows.into_iter().map(Draft::read).collect()
    }

    /// That whoever asked for what is approved may still draft, now and when it is written.
    async fn asker_holds(&self, draft: &Draft) -> Result<Change, Error> {
        let id = draft.asker().and_then(PersonId::read);
        let person = match id {
            Some(id) => self.0.register.person_of_id(&id).await?,
            None => None,
        };
        let person = person.ok_or(Error::Asker)?;
        match Powers::of(&person).may(Right::DraftRule, &Matter::House) {
            true => Ok(Change::person_holds(person.id.as_str(), person.revision)),
            false => Err(Error::Asker),
        }
    }

    /// That all that would be in force then can be. Where it could not be before either, an end is no reason to refuse.
    async fn try_out(&self, after: &Draft, bench: &Bench) -> Result<(), Error> {
        let kind = after.kind;
        let now = Texts::of_kind(self.0.store.records(), kind).await?;
        let mut then = now.clone();
        if after.state.is_in_force() {
            is_on(kind, bench)?;
            if then.len() >= MOST_IN_FORCE {
                return Err(Error::TooManyInForce);
            }
            let text = self.text(&after.id).await?;
            if texts::digest(&text) != after.digest {
                return Err(texts::Error::Altered(after.id.clone()).into());
            }
            let id = after.id.clone();
            then.push(Text { id, text });
            let new = Some(after.id.clone());
            bench.try_out(kind, then, new).await?;
            return Ok(());
        }
        if !bench.allows(kind) {
            return Ok(());
        }
        then.retain(|text| text.id != after.id);
        match bench.try_out(kind, then, None).await {
            Err(unfit) if bench.try_out(kind, now, None).await.is_ok() => Err(unfit.into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn act(&self, deed: &audit::Deed, change: Change) -> Result<(), Error> {
        let acted = self.0.audit.act(deed, change).await;
        acted.map(|_| ()).map_err(Error::Audit)
    }
}

/// What was done, for the record: the end of a draft is another matter than its beginning.
fn action(deed: Deed, before: State) -> &'static str {
    match (before, deed) {
        (State::Retiring, Deed::Approve) => "approve-end",
        (State::Retiring, Deed::Decline) => "decline-end",
        (State::Retiring, Deed::Withdraw) => "withdraw-end",
        _ => deed.as_str(),
    }
}

fn is_on(kind: Kind, bench: &Bench) -> Result<(), Error> {
    match (bench.allows(kind), kind) {
        (true, _) => Ok(()),
        (false, Kind::Policy) => Err(Error::Off("policy.drafts")),
        (false, Kind::Rules) => Err(Error::Off("rules.drafts")),
    }
}

fn audit_deed(
    action: &'static str,
    by: &Drafter,
    (before, after): (Option<&Draft>, &Draft),
    words: &str,
) -> audit::Deed {
    let title = &after.title;
    let words = match words.is_empty() {
        true => String::new(),
        false => format!(": {words}"),
    };
    audit::Deed {
        kind: audit::Kind::Policy,
        action,
        actor: by.actor.clone(),
        case: None,
        subject: Some(after.id.clone()),
        before: before.map(state_digest),
        after: Some(state_digest(after)),
        note: Some(format!("{} \"{title}\"{words}", after.kind.as_str())),
    }
}

/// Ids of all drafts with the digests that the audit should have of them.
///
/// # Errors
/// When they cannot be read.
pub async fn stored(snapshot: &mut Snapshot) -> Result<Vec<(String, String)>, store::Error> {
    let mut found = Vec::new();
    let mut last = String::new();
    while let Some((row, text)) = snapshot.draft_after(&last).await? {
        last.clone_from(&row.id);
        // No digest has such a form, so it is other than the audit says.
        let digest = match Draft::read(row) {
            Ok(draft) if texts::digest(&text) == draft.digest => state_digest(&draft),
            Ok(_) | Err(_) => "altered".to_owned(),
        };
        found.push((last.clone(), digest));
    }
    Ok(found)
}

/// Over what a draft is and who made it so. Titles and reasons are in the erasable half alone.
fn state_digest(draft: &Draft) -> String {
    #[derive(Serialize)]
    struct Stands<'a> {
        id: &'a str,
        kind: &'a str,
        text: &'a str,
        author: &'a str,
        state: &'a str,
        revision: u64,
        steps: Vec<(&'a str, &'a str)>,
    }
    let steps = draft.steps.iter();
    let stands = Stands {
        id: &draft.id,
        kind: draft.kind.as_str(),
        text: &draft.digest,
        author: &draft.author,
        state: draft.state.as_str(),
        revision: draft.revision,
        steps: steps
            .map(|step| (step.deed.as_str(), step.by.as_str()))
            .collect(),
    };
    let text = serde_json::to_vec(&stands).expect("because strings and numbers always serialise");
    hex::encode(Sha256::digest(text))
}

impl Draft {
    fn read(row: DraftRow) -> Result<Self, Error> {
        let damaged = || Error::Damaged(row.id.clone());
        let steps: Vec<Step> = serde_json::from_str(&row.steps).map_err(|_| damaged())?;
        Ok(Self {
            kind: Kind::from_word(&row.kind).ok_or_else(damaged)?,
            state: State::from_word(&row.state).ok_or_else(damaged)?,
            revision: u64::try_from(row.revision).map_err(|_| damaged())?,
            id: row.id,
            title: row.title,
            digest: row.digest,
            base: row.base,
            author: row.author,
            steps,
            created: row.created,
        })
    }

    fn row(&self) -> DraftRow {
        DraftRow {
            id: self.id.clone(),
            kind: self.kind.as_str().to_owned(),
            title: self.title.clone(),
            digest: self.digest.clone(),
            base: self.base.clone(),
            author: self.author.clone(),
            state: self.state.as_str().to_owned(),
            revision: signed(self.revision),
            steps: serde_json::to_string(&self.steps)
                .expect("because strings and numbers always serialise"),
            created: self.created,
        }
    }
}

fn signed(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// A new id: `d-` and ten characters, 50 random bits.
fn random_id() -> Result<String, getrandom::Error> {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes)?;
    let letters = bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    let letters = letters.map(|&byte| char::from(byte));
    Ok("d-".chars().chain(letters).collect())
}

#[cfg(test)]
mod tests;
