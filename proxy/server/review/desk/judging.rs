//! What becomes of single findings: each judgement is one transaction with its case, its waiver and its record.

use super::super::waiver::{self, DAY, MOST_DAYS, MOST_IN_FORCE, Waiver, random_id};
use super::super::{InForce, Judged, Judgement, dossier::Dossier};
use super::{Deed, Desk, Error, Filed, Millis, Refused, Reviewer, digest, json, signed};
use crate::audit;
use crate::people::{PersonId, time};
use crate::store::{self, WaiverFilter, WaiverRow};

/// What somebody says of one finding.
#[derive(Clone, Debug)]
pub struct Saying<'a> {
    /// The id of the finding, or of what could not be read.
    pub finding: &'a str,
    /// The revision of the case that was seen.
    pub revision: u64,
    pub judgement: Judgement,
    pub words: &'a str,
    /// How long a waiver of it shall hold; none is made without.
    pub days: Option<u32>,
}

impl Desk {
    /// Says what a finding is. The caller has asked whether the reviewer may.
    ///
    /// # Errors
    /// When it cannot be judged, or not by this person; nothing changes then.
    pub async fn judge(
        &self,
        id: &str,
        saying: &Saying<'_>,
        reviewer: &Reviewer,
        now: Millis,
    ) -> Result<(Filed, Option<Waiver>), waiver::Error> {
        let filed = self.case(id).await?;
        let account = filed.case.pusher.account.as_deref();
        let is_own = |(upstream, own): &(String, String)| {
            *upstream == filed.upstream && account == Some(own.as_str())
        };
        if reviewer.accounts.iter().any(is_own) {
            return Err(Error::from(Refused::Own).into());
        }
        // Before anything is looked up: what was found may be gone.
        let asked = filed.case.asked_to_decide(saying.revision, now);
        asked.map_err(Error::from)?;
        let waiver = self.wanted(&filed, saying, reviewer, now).await?;
        let judged = Judged {
            finding: saying.finding.to_owned(),
            judgement: saying.judgement,
            words: saying.words.to_owned(),
            by: reviewer.person.clone(),
            at: now,
            waiver: waiver.as_ref().map(|waiver| waiver.id.clone()),
        };
        let deed = Deed::Judge {
            judged,
            revision: saying.revision,
        };
        let before = &filed.case;
        let after = Filed {
            case: before
                .after(deed, now, self.times().grant)
                .map_err(Error::from)?,
            ..filed.clone()
        };
        let (kind, subject) = match &waiver {
            Some(waiver) => (audit::Kind::Waiver, &waiver.id),
            None => (audit::Kind::CaseDecision, &filed.binding),
        };
        let words = match saying.words.is_empty() {
            true => String::new(),
            false => format!(": {}", saying.words),
        };
        let deed = audit::Deed {
            kind,
            action: saying.judgement.as_str(),
            actor: reviewer.actor.clone(),
            case: Some(before.id.clone()),
            subject: Some(subject.clone()),
            before: Some(digest(before)),
            after: Some(digest(&after.case)),
            note: Some(format!("finding {}{words}", saying.finding)),
        };
        let update = store::cases::update(&after.row(), signed(before.revision));
        let change = reviewer.guard.clone().and(update);
        let change = match &waiver {
            Some(waiver) => change.and(store::waivers::insert(&waiver.row())),
            None => change,
        };
        match self.0.audit.act(&deed, change).await {
            Ok(_) => {}
            Err(audit::Error::Stale) => return Err(self.stale(id, saying.revision).await?.into()),
            Err(error) => return Err(Error::Audit(error).into()),
        }
        self.tell();
        Ok((after, waiver))
    }

    /// The waiver that is asked for, if one is and may be.
    async fn wanted(
        &self,
        filed: &Filed,
        saying: &Saying<'_>,
        reviewer: &Reviewer,
        now: Millis,
    ) -> Result<Option<Waiver>, waiver::Error> {
        let dossier = Dossier::read(&filed.body).unwrap_or_default();
        let finding = saying.finding;
        let Some(entry) = dossier.entry(finding) else {
            let mut unreadable = dossier.unreadable.iter();
            return match (unreadable.any(|one| one.id == finding), saying.days) {
                (true, None) => Ok(None),
                (true, Some(_)) => Err(waiver::Error::NotReadable),
                (false, _) => Err(waiver::Error::NoFinding(finding.to_owned())),
            };
        };
        let Some(days) = saying.days else {
            return Ok(None);
        };
        if saying.judgement == Judgement::MustFix {
            return Err(waiver::Error::MustFix);
        }
        if entry.covers.is_empty() {
            return Err(waiver::Error::Uncovered);
        }
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(waiver::Error::Days);
        }
        let filter = WaiverFilter {
            upstream: Some(filed.upstream.clone()),
            repository: Some(filed.repository.clone()),
            holding: Some(now),
            after: None,
        };
        let holding = self.waivers(&filter, MOST_IN_FORCE).await?;
        // Somebody else's is another voice: for a pusher whom nobody knows it takes two.
        let mut own = holding.iter().filter(|one| one.author == reviewer.person);
        if let Some(same) = own.find(|one| one.holds(now) && one.covers_all(&entry.covers)) {
            return Err(waiver::Error::Holds {
                id: same.id.clone(),
                until: time::text(same.expires),
            });
        }
        if holding.len() >= MOST_IN_FORCE as usize {
            return Err(waiver::Error::TooMany);
        }
        Ok(Some(Waiver {
            id: random_id()?,
            upstream: filed.upstream.clone(),
            repository: filed.repository.clone(),
            case: filed.case.id.clone(),
            finding: finding.to_owned(),
            rule: entry.rule.clone(),
            path: entry.path.clone(),
            judgement: saying.judgement,
            reason: saying.words.to_owned(),
            author: reviewer.person.clone(),
            covers: entry.covers.clone(),
            created: now,
            expires: now.saturating_add(Millis::from(days).saturating_mul(DAY)),
            revoked: None,
            revoked_by: None,
        }))
    }

    /// Why what was seen is not what is there.
    async fn stale(&self, id: &str, seen: u64) -> Result<Error, Error> {
        let now = self.case(id).await?.case.revision;
        Ok(match now == seen {
            true => Error::Rights,
            false => Refused::Stale { seen, now }.into(),
        })
    }

    /// # Errors
    /// When there is none of this id.
    pub async fn waiver(&self, id: &str) -> Result<Waiver, waiver::Error> {
        let row = self.0.store.waiver(id).await.map_err(Error::from)?;
        Waiver::read(row.ok_or_else(|| waiver::Error::Absent(id.to_owned()))?)
    }

    /// Waivers, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn waivers(
        &self,
        filter: &WaiverFilter,
        limit: u32,
    ) -> Result<Vec<Waiver>, waiver::Error> {
        let rows = self.0.store.waivers(filter, limit).await;
        let rows = rows.map_err(Error::from)?.into_iter();
        rows.map(Waiver::read).collect()
    }

    /// Ends a waiver at once. The caller has asked whether the reviewer may.
    ///
    /// # Errors
    /// When there is none, or it was revoked already.
    pub async fn revoke(
        &self,
        id: &str,
        reviewer: &Reviewer,
        why: &str,
        now: Millis,
    ) -> Result<Waiver, waiver::Error> {
        let waiver = self.waiver(id).await?;
        if waiver.revoked.is_some() {
            return Err(waiver::Error::Revoked(id.to_owned()));
        }
        let length = why.chars().count();
        if length > super::super::case::WORDS {
            return Err(Error::from(Refused::TooLong(length)).into());
        }
        let deed = audit::Deed {
            kind: audit::Kind::Waiver,
            action: "revoke",
            actor: reviewer.actor.clone(),
            case: Some(waiver.case.clone()),
            subject: Some(id.to_owned()),
            before: None,
            after: None,
            note: (!why.is_empty()).then(|| why.to_owned()),
        };
        let guard = reviewer.guard.clone();
        let change = guard.and(store::waivers::revoke(id, &reviewer.person, now));
        match self.0.audit.act(&deed, change).await {
            Ok(_) => self.waiver(id).await,
            Err(audit::Error::Stale) => match self.waiver(id).await?.revoked {
                Some(_) => Err(waiver::Error::Revoked(id.to_owned())),
                None => Err(Error::Rights.into()),
            },
            Err(error) => Err(Error::Audit(error).into()),
        }
    }

    /// The other waivers that cover something of this one at `now`: where it ends, that stays waived.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn beside(&self, waiver: &Waiver, now: Millis) -> Result<Vec<String>, waiver::Error> {
        let filter = WaiverFilter {
            upstream: Some(waiver.upstream.clone()),
            repository: Some(waiver.repository.clone()),
            holding: Some(now),
            after: None,
        };
        let holding = self.waivers(&filter, MOST_IN_FORCE).await?.into_iter();
        let others = holding.filter(|one| one.id != waiver.id && one.meets(waiver));
        Ok(others.map(|one| one.id).collect())
    }

    /// What holds at `now` for a push of `pusher` to this repository.
    ///
    /// # Errors
    /// When it cannot be read: then nothing holds.
    pub async fn in_force(
        &self,
        upstream: &str,
        repository: &str,
        pusher: Option<&PersonId>,
        now: Millis,
    ) -> Result<InForce, waiver::Error> {
        let filter = WaiverFilter {
            upstream: Some(upstream.to_owned()),
            repository: Some(repository.to_owned()),
            holding: Some(now),
            after: None,
        };
        let waivers = self.waivers(&filter, MOST_IN_FORCE).await?;
        Ok(InForce::new(&waivers, pusher, now))
    }
}

impl Waiver {
    fn read(row: WaiverRow) -> Result<Self, waiver::Error> {
        let damaged = || waiver::Error::Damaged(row.id.clone());
        let covers = serde_json::from_str(&row.covers).map_err(|_| damaged())?;
        let judgement = Judgement::from_word(&row.judgement).ok_or_else(damaged)?;
        Ok(Self {
            id: row.id,
            upstream: row.upstream,
            repository: row.repository,
            case: row.case,
            finding: row.finding,
            rule: row.rule,
            path: row.path,
            judgement,
            reason: row.reason,
            author: row.author,
            covers,
            created: row.created,
            expires: row.expires,
            revoked: row.revoked,
            revoked_by: row.revoked_by,
        })
    }

    fn row(&self) -> WaiverRow {
        WaiverRow {
            id: self.id.clone(),
            upstream: self.upstream.clone(),
            repository: self.repository.clone(),
            case: self.case.clone(),
            finding: self.finding.clone(),
            rule: self.rule.clone(),
            path: self.path.clone(),
            judgement: self.judgement.as_str().to_owned(),
            reason: self.reason.clone(),
            author: self.author.clone(),
            covers: json(&self.covers),
            created: self.created,
            expires: self.expires,
            revoked: self.revoked,
            revoked_by: self.revoked_by.clone(),
        }
    }
}
