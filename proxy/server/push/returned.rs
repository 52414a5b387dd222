//! An approved push that is worse than what was approved goes back to its reviewers, with what is new in it.

use exeat_inspect::Report;

use super::{Pushes, hold, message};
use crate::{
    people::{self, time},
    policy::{Disposition, Stopped},
    review::{
        self, Basis, Filed, NewCase, Verdict,
        dossier::{Dossier, Returned},
    },
};

/// What is new is told one by one, up to here.
const MOST: usize = 10;

impl Pushes {
    /// Gives an approved case back. The reason of its pusher stays with it.
    ///
    /// # Errors
    /// When it is no longer approved, or the desk fails.
    pub(super) async fn give_back(
        &self,
        filed: &Filed,
        mut anew: NewCase,
        (report, stopped): (&Report, &Stopped),
    ) -> Result<Filed, review::Error> {
        tracing::info!(
            case = filed.case.id,
            "judged again, it is worse than what was approved"
        );
        let before = Dossier::read(&filed.body).unwrap_or_default();
        let mut dossier = Dossier::read(&anew.body).unwrap_or_default();
        dossier.reason = dossier.reason.or(before.reason);
        let mut approved_by = Vec::new();
        for decision in &filed.case.decisions {
            if decision.verdict == Verdict::Approve {
                approved_by.push(self.name_of(&decision.by).await);
            }
        }
        let mut new = news(filed, &anew, report, stopped);
        let more = new.len().saturating_sub(MOST) as u64;
        new.truncate(MOST);
        let now = people::now();
        dossier.returned = Some(Returned {
            approved_by,
            at: time::text(now),
            new,
            more,
        });
        anew.body = dossier.text();
        self.desk.give_back(&filed.case.id, &anew, now).await
    }

    /// What a person is called here.
    pub(super) async fn name_of(&self, id: &str) -> String {
        let name = match people::PersonId::read(id) {
            Some(id) => self.people.register().person_of_id(&id).await,
            None => Ok(None),
        };
        let name = name.ok().flatten().map(|person| person.name);
        name.unwrap_or_else(|| "a reviewer".to_owned())
    }
}

/// What stands against a push now and did not when it was approved.
fn news(filed: &Filed, anew: &NewCase, report: &Report, stopped: &Stopped) -> Vec<String> {
    let is_new = |hashes: Vec<String>| !Basis::new(hashes).is_within(&filed.basis);
    let mut news: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !news.contains(&text) {
            news.push(text);
        }
    };
    for finding in report.findings.iter().filter(|one| one.may_stop()) {
        if is_new(hold::of_finding(finding)) {
            let (rule, place) = (&finding.rule, message::place(finding));
            let masked = finding.masked.as_str();
            add(format!(
                "{} (rule {rule}), {place} {masked}",
                finding.description.trim_end_matches('.')
            )
            .trim_end()
            .to_owned());
        }
    }
    for missed in &report.unscannable {
        if is_new(vec![hold::of_unread(&missed.what, &missed.why)]) {
            add(format!("not readable: {}: {}", missed.what, missed.why));
        }
    }
    for reason in &stopped.reasons {
        let (Some(by), Some(hash)) = (&reason.by, hold::of_reason(reason)) else {
            continue;
        };
        if is_new(vec![hash]) {
            let what = match reason.disposition {
                Disposition::Refuse => "refuses it",
                _ => "asks for a review",
            };
            add(format!(
                "policy rule {} ({}:{}) {what}",
                by.name, by.file, by.line
            ));
        }
    }
    if !anew.terms.are_met(&filed.case.decisions) {
        add(format!(
            "other people have to approve it: {} in all",
            anew.terms.approvers
        ));
    }
    if news.is_empty() {
        news.push("who may approve it has changed".to_owned());
    }
    news
}
