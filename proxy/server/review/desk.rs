//! Where held pushes are kept and decided: every change of a case is one transaction with its audit record.
//!
//! Two who act at once both read the case, and one of them finds it changed: the statement names the revision it was read
//! at. So an approval has one effect whoever clicks how often, and a restart finds either the deed and its record or neither.

mod explaining;
mod forgetting;
mod judging;
mod lookup;

use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::Millis;
use super::case::{Case, Decision, Deed, Ending, Pusher, Refused, State, Verdict};
use super::filed::{Filed, NewCase, json, refs_of, signed};
use super::telling;
use super::turn::{Turn, Turns};
use crate::audit::{self, Audit, Fate};
use crate::store::{self, CaseFilter, Change, Store};
pub use judging::Saying;

/// How often a deed that does not depend on what its doer saw is tried on a case that changes meanwhile.
const TRIES: usize = 5;

/// Cases that one sweep ends.
const SWEEP: u32 = 1_000;

/// How long things last.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A case, from the push to its end.
    pub case: Millis,
    /// An approval, from the decision to its last use.
    pub grant: Millis,
    /// What reviewers saw of a case, from its end.
    pub contents: Millis,
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    store: Store,
    audit: Audit,
    times: RwLock<Times>,
    changes: watch::Sender<u64>,
    turns: Arc<Turns>,
}

/// Leave to send one push once. It is given out by the desk alone, and ends with `Desk::ended`.
#[derive(Debug)]
#[must_use]
pub struct Grant {
    case: String,
}

impl Grant {
    /// The id of the case whose approval it is.
    pub fn case(&self) -> &str {
        &self.case
    }
}

/// Somebody who decides.
#[derive(Clone, Debug)]
pub struct Reviewer {
    /// Id of the person.
    pub person: String,
    /// The groups that person is in.
    pub groups: Vec<String>,
    pub actor: audit::Actor,
    /// The forges' accounts of that person, as upstream and account.
    pub accounts: Vec<(String, String)>,
    /// What must still be so when the decision is written: the person's rights, for one.
    pub guard: Change,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no held push {0}")]
    Absent(String),
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What the reviewer was when asked for is no longer so.
    #[error("your rights have changed meanwhile")]
    Rights,
    #[error("the case {0} cannot be read: its row is damaged")]
    Damaged(String),
    #[error("it changes all the time; try again")]
    Busy,
    #[error(transparent)]
    Audit(audit::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// How a push came to wait.
#[derive(Debug)]
pub enum Held {
    Opened(Filed),
    /// The same push waits, or may go, already.
    Already(Filed),
}

impl Desk {
    pub fn new(store: Store, audit: Audit, times: Times) -> Self {
        Self(Arc::new(Inner {
            store,
            audit,
            times: RwLock::new(times),
            changes: watch::channel(0).0,
            turns: Arc::default(),
        }))
    }

    /// Other times, for what comes from now on.
    pub fn follow(&self, times: Times) {
        let mut now = self.0.times.write().unwrap_or_else(PoisonError::into_inner);
        *now = times;
    }

    fn times(&self) -> Times {
        *self.0.times.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where deeds are put on record.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Wakes up whenever any case has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Waits until no other push with this binding is being seated. Whoever asks what becomes of a push, and may open its case,
    /// has the turn until it is open: so what is on record of the push names the case that it has.
    pub async fn turn(&self, binding: &str) -> Turn {
        self.0.turns.of(binding).await
    }

    /// Opens a case. Where the same push waits already, that case it is.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn hold(&self, new: &NewCase, now: Millis) -> Result<Held, Error> {
        for _ in 0..TRIES {
            if let Some(filed) = self.live(&new.binding).await? {
                return Ok(Held::Already(filed));
            }
            let filed = new.filed(now, self.times().case);
            let deed = audit::Deed {
                kind: audit::Kind::Case,
                action: "hold",
                actor: new.actor.clone(),
                case: Some(new.id.clone()),
                subject: Some(new.binding.clone()),
                before: None,
                after: Some(digest(&filed.case)),
                note: explaining::reason_of(&new.body),
            };
            match self
                .0
                .audit
                .act(
                    &deed,
                    store::cases::insert(&filed.row()).and(telling::opened(&filed, now)),
                )
                .await
            {
                Ok(_) => {
                    self.tell();
                    return Ok(Held::Opened(filed));
                }
                Err(audit::Error::Stale) => {}
                Err(error) => return Err(Error::Audit(error)),
            }
        }
        Err(Error::Busy)
    }

    /// # Errors
    /// When there is none of this id.
    pub async fn case(&self, id: &str) -> Result<Filed, Error> {
        let row = self.0.store.case(id).await?;
        Filed::read(row.ok_or_else(|| Error::Absent(id.to_owned()))?)
    }

    /// The case that waits, is approved or is on its way with this binding.
    pub async fn live(&self, binding: &str) -> Result<Option<Filed>, Error> {
        let row = self.0.store.live_case(binding).await?;
        row.map(Filed::read).transpose()
    }

    /// The newest case with this binding, whatever became of it.
    pub async fn latest(&self, binding: &str) -> Result<Option<Filed>, Error> {
        let row = self.0.store.latest_case(binding).await?;
        row.map(Filed::read).transpose()
    }

    /// Cases, oldest first.
    pub async fn list(&self, filter: &CaseFilter, limit: u32) -> Result<Vec<Filed>, Error> {
        let rows = self.0.store.cases(filter, limit).await?;
        rows.into_iter().map(Filed::read).collect()
    }

    /// When cases were made and their ids, oldest first: what they show may be large, and is read one by one.
    pub async fn ids(
        &self,
        filter: &CaseFilter,
        limit: u32,
    ) -> Result<Vec<(Millis, String)>, Error> {
        Ok(self.0.store.case_ids(filter, limit).await?)
    }

    /// Puts a look at a case on record.
    pub async fn viewed(&self, id: &str, actor: &audit::Actor) -> Result<(), Error> {
        let deed = audit::Deed {
            kind: audit::Kind::View,
            action: "show",
            actor: actor.clone(),
            case: Some(id.to_owned()),
            subject: None,
            before: None,
            after: None,
            note: None,
        };
        let recorded = self.0.audit.act(&deed, Change::none()).await;
        recorded.map(|_| ()).map_err(Error::Audit)
    }

    /// Decides on a case as it stood at `revision`. The caller has asked whether the reviewer may.
    ///
    /// # Errors
    /// When it cannot be decided, or not by this person; nothing changes then.
    pub async fn decide(
        &self,
        id: &str,
        revision: u64,
        reviewer: &Reviewer,
        verdict: Verdict,
        words: &str,
        now: Millis,
    ) -> Result<Filed, Error> {
        let filed = self.case(id).await?;
        let account = filed.case.pusher.account.as_deref();
        let is_own = |(upstream, own): &(String, String)| {
            filed.case.terms.four_eyes
                && *upstream == filed.upstream
                && account == Some(own.as_str())
        };
        if reviewer.accounts.iter().any(is_own) {
            return Err(Refused::Own.into());
        }
        let decision = Decision {
            by: reviewer.person.clone(),
            verdict,
            words: words.to_owned(),
            groups: reviewer.groups.clone(),
            at: now,
        };
        let written = Written {
            kind: audit::Kind::CaseDecision,
            action: verdict.as_str(),
            actor: reviewer.actor.clone(),
            note: (!words.is_empty()).then(|| words.to_owned()),
        };
        let deed = Deed::Decide { decision, revision };
        let guard = reviewer.guard.clone();
        match self.change(&filed, deed, &written, guard, now).await {
            Err(Error::Audit(audit::Error::Stale)) => {
                let latest = self.case(id).await?.case.revision;
                Err(match latest == revision {
                    true => Error::Rights,
                    false => Refused::Stale {
                        seen: revision,
                        now: latest,
                    }
                    .into(),
                })
            }
            done => done,
        }
    }

    /// Takes a push back, in the name of who pushed it.
    pub async fn withdraw(
        &self,
        id: &str,
        actor: &audit::Actor,
        guard: &Change,
        now: Millis,
    ) -> Result<Filed, Error> {
        let written = Written::of_case("withdraw", actor.clone());
        for _ in 0..TRIES {
            let filed = self.case(id).await?;
            let seen = filed.case.revision;
            let done = self
                .change(&filed, Deed::Withdraw, &written, guard.clone(), now)
                .await;
            match done {
                Err(Error::Audit(audit::Error::Stale)) => {
                    if self.case(id).await?.case.revision == seen {
                        return Err(Error::Rights);
                    }
                }
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    /// Takes the approval of the push with this binding, if there is one, for one use: as the push `by`.
    pub async fn take(
        &self,
        binding: &str,
        by: &str,
        actor: &audit::Actor,
        now: Millis,
    ) -> Result<Option<Grant>, Error> {
        let Some(filed) = self.live(binding).await? else {
            return Ok(None);
        };
        if filed.case.state != State::Approved {
            return Ok(None);
        }
        let written = Written {
            kind: audit::Kind::Grant,
            action: "use",
            actor: actor.clone(),
            note: Some(format!("push {by}")),
        };
        let deed = Deed::Use { by: by.to_owned() };
        match self
            .change(&filed, deed, &written, Change::none(), now)
            .await
        {
            Ok(filed) => Ok(Some(Grant {
                case: filed.case.id,
            })),
            // Somebody else was faster, or its time has just ended.
            Err(Error::Audit(audit::Error::Stale) | Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes how a push went upstream that had a grant.
    pub async fn ended(&self, grant: &Grant, ending: Ending, now: Millis) -> Result<Filed, Error> {
        self.went(&grant.case, ending, now).await
    }

    async fn went(&self, id: &str, ending: Ending, now: Millis) -> Result<Filed, Error> {
        let action = match ending {
            Ending::Taken => "sent",
            Ending::NotTaken => "not-taken",
            Ending::Unknown => "unknown",
        };
        let written = Written::of_case(action, audit::Actor::system());
        self.insist(id, &Deed::Ended(ending), &written, now).await
    }

    /// Gives an approved case back to the reviewers: judged again, it is worse than what they saw.
    pub async fn give_back(&self, id: &str, anew: &NewCase, now: Millis) -> Result<Filed, Error> {
        let written = Written::of_case("return", audit::Actor::system());
        for _ in 0..TRIES {
            let mut filed = self.case(id).await?;
            filed.body = anew.body.clone();
            filed.digests = anew.digests.clone();
            filed.basis = anew.basis.clone();
            filed.case.terms = anew.terms.clone();
            filed.case.waived_by.extend(anew.waived_by.iter().cloned());
            filed.case.waived_by.sort();
            filed.case.waived_by.dedup();
            match self
                .change(&filed, Deed::Return, &written, Change::none(), now)
                .await
            {
                Err(Error::Audit(audit::Error::Stale)) => {}
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    /// Lets a newer case take the place of this one.
    pub async fn supersede(&self, id: &str, by: &str, now: Millis) -> Result<Filed, Error> {
        let written = Written::of_case("supersede", audit::Actor::system());
        let deed = Deed::Supersede { by: by.to_owned() };
        self.insist(id, &deed, &written, now).await
    }

    /// Lets the push `by` take the place of what the same pusher has waiting for no other refs than its own; tells which.
    pub async fn make_way(&self, by: &Instead<'_>, now: Millis) -> Result<Vec<String>, Error> {
        let store = &self.0.store;
        let pusher = row_of(by.pusher);
        let waiting = store.waiting_of(by.upstream, by.repository, pusher, SWEEP);
        let mut gone = Vec::new();
        for (id, terms) in waiting.await? {
            let covered =
                refs_of(&terms).is_some_and(|refs| refs.iter().all(|name| by.refs.contains(name)));
            if id == by.id || !covered {
                continue;
            }
            match self.supersede(&id, by.id, now).await {
                Ok(_) => gone.push(id),
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }

    /// Ends what nobody decided or used in time; tells which.
    pub async fn expire(&self, now: Millis) -> Result<Vec<String>, Error> {
        let written = Written::of_case("expire", audit::Actor::system());
        let mut ended = Vec::new();
        for id in self.0.store.late_cases(now, SWEEP).await? {
            match self.insist(&id, &Deed::LookAtClock, &written, now).await {
                Ok(_) => ended.push(id),
                // Somebody used it or took it back at this very moment.
                Err(Error::Refused(_)) => {}
                // One that cannot be read shall not keep the others.
                Err(error @ Error::Damaged(_)) => tracing::error!(%error),
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    /// How many pushes of this pusher wait or may go.
    pub async fn held_by(&self, upstream: &str, pusher: &Pusher) -> Result<u64, Error> {
        let number = self.0.store.held_by(upstream, row_of(pusher)).await?;
        Ok(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// Whether nothing can become of a case any more; none where there is no such case.
    pub async fn is_over(&self, id: &str) -> Result<Option<bool>, Error> {
        let state = self.0.store.case_state(id).await?;
        Ok(state.map(|word| State::from_word(&word).is_some_and(State::is_final)))
    }

    /// What is on its way, or was when an earlier process ended.
    pub async fn on_the_way(&self) -> Result<Vec<Filed>, Error> {
        let filter = CaseFilter {
            state: Some(State::Forwarding.as_str().to_owned()),
            ..CaseFilter::default()
        };
        self.list(&filter, SWEEP).await
    }

    /// Makes good what is on its way and whose push has come to an end without saying so. The record says how each ended; what
    /// it decided to send and has no outcome may have arrived.
    pub async fn mend(&self, which: Fallen<'_>, now: Millis) -> Result<Vec<Filed>, Error> {
        let mut mended = Vec::new();
        for filed in self.on_the_way().await? {
            let used_by = filed.case.used_by.as_deref().unwrap_or_default();
            if matches!(which, Fallen::One(push) if push != used_by) {
                continue;
            }
            let fate = audit::fate(self.0.store.records(), used_by).await;
            let ending = match (fate.map_err(Error::Audit)?, which) {
                (Fate::Ended(ending), _) => Ending::of(ending),
                (Fate::NotDecided | Fate::Open, Fallen::Ended) => continue,
                (Fate::NotDecided, _) => Ending::NotTaken,
                (Fate::Open, _) => Ending::Unknown,
            };
            mended.push(self.went(&filed.case.id, ending, now).await?);
        }
        Ok(mended)
    }

    /// Does a deed that does not depend on what its doer saw.
    async fn insist(
        &self,
        id: &str,
        deed: &Deed,
        written: &Written,
        now: Millis,
    ) -> Result<Filed, Error> {
        for _ in 0..TRIES {
            let filed = self.case(id).await?;
            match self
                .change(&filed, deed.clone(), written, Change::none(), now)
                .await
            {
                Err(Error::Audit(audit::Error::Stale)) => {}
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    async fn change(
        &self,
        filed: &Filed,
        deed: Deed,
        written: &Written,
        guard: Change,
        now: Millis,
    ) -> Result<Filed, Error> {
        let before = &filed.case;
        let after = Filed {
            case: before.after(deed, now, self.times().grant)?,
            ..filed.clone()
        };
        let deed = audit::Deed {
            kind: written.kind,
            action: written.action,
            actor: written.actor.clone(),
            case: Some(before.id.clone()),
            subject: Some(filed.binding.clone()),
            before: Some(digest(before)),
            after: Some(digest(&after.case)),
            note: written.note.clone(),
        };
        let change = guard
            .and(store::cases::update(&after.row(), signed(before.revision)))
            .and(telling::changed(before, &after, now));
        self.0
            .audit
            .act(&deed, change)
            .await
            .map_err(Error::Audit)?;
        self.tell();
        Ok(after)
    }

    /// Wakes whoever waits for changes: something that goes with a case is no longer as it was.
    pub fn wake(&self) {
        self.tell();
    }

    fn tell(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }
}

fn row_of(pusher: &Pusher) -> store::PusherRow<'_> {
    store::PusherRow {
        person: pusher.person.as_deref(),
        account: pusher.account.as_deref(),
        credential: pusher.credential.as_deref(),
    }
}

/// Pushes that used an approval and did not say how they ended.
#[derive(Clone, Copy, Debug)]
pub enum Fallen<'a> {
    /// Those of an earlier process.
    All,
    /// One that has just fallen.
    One(&'a str),
    /// Those whose outcome is on record: only their last word could not be written.
    Ended,
}

/// A push that goes, or waits, in the place of others.
#[derive(Clone, Copy, Debug)]
pub struct Instead<'a> {
    pub id: &'a str,
    pub upstream: &'a str,
    pub repository: &'a str,
    pub pusher: &'a Pusher,
    /// Keyed hashes of the names of its refs.
    pub refs: &'a [String],
}

/// How a deed stands in the record.
struct Written {
    kind: audit::Kind,
    action: &'static str,
    actor: audit::Actor,
    note: Option<String>,
}

impl Written {
    fn of_case(action: &'static str, actor: audit::Actor) -> Self {
        Self {
            kind: audit::Kind::Case,
            action,
            actor,
            note: None,
        }
    }
}

fn digest(case: &Case) -> String {
    hex::encode(Sha256::digest(json(case)))
}

#[cfg(test)]
mod tests;
