//! A cleared push on its way: to the repository's new name where the upstream says so, and to an outcome on record.

use exeat_inspect::{Finding, Report};

use super::{
    Order, Pushes, about, admit,
    answer::Line,
    fault::Fault,
    forward::{self, Failed, Sent},
    reconcile,
    spool::PackSpool,
    wishes,
};
use crate::{
    audit,
    door::Knock,
    policy::{self, Cleared, Outlook, Verdict},
    upstream::{self, Repository},
};

/// Redirects of one push that are followed in a row.
const REDIRECTS: usize = 3;

/// How a push that was cleared ended.
pub struct Gone {
    pub ending: audit::Ending,
    /// What the developer is still to be told.
    pub fault: Option<Fault>,
}

impl Gone {
    fn whole(ending: audit::Ending) -> Self {
        Self {
            ending,
            fault: None,
        }
    }
}

impl Pushes {
    /// Sends the push on and records how that ended; a fault is told to the developer by the caller.
    pub(super) async fn onward(
        &self,
        order: &Order,
        report: &Report,
        cleared: Cleared,
        mut pack: Option<PackSpool>,
        line: &mut Line,
    ) -> Gone {
        let mut knock = order.knock.clone();
        let sent = self
            .follow(order, &mut knock, report, cleared, &mut pack, line)
            .await;
        let (fault, outcome) = match sent {
            Ok(mut sent) => {
                if knock.repository != order.knock.repository {
                    let note = &mut sent.outcome.note;
                    note.push_str(&format!("; the repository is now {}", knock.repository));
                }
                self.remember(order, &knock, sent.outcome.ending).await;
                self.note_outcome(order, &sent.outcome).await;
                tracing::info!(ending = ?sent.outcome.ending, "push forwarded");
                return Gone::whole(sent.outcome.ending);
            }
            Err(ended) => *ended,
        };
        if !fault.leaves_unknown() {
            self.note_outcome(order, &outcome).await;
            return Gone {
                ending: outcome.ending,
                fault: Some(fault),
            };
        }
        let outcome = reconcile::settle(self, order, &knock, &fault, outcome, line).await;
        match (outcome.ending, fault.upstream_class()) {
            (audit::Ending::AcceptedConfirmed, Some(class)) => self
                .metrics
                .upstream_errors_total
                .with_label_values(&[class])
                .inc(),
            _ => self.count_fault(&fault),
        }
        self.remember(order, &knock, outcome.ending).await;
        self.note_outcome(order, &outcome).await;
        tracing::info!(ending = ?outcome.ending, "push reconciled");
        Gone::whole(outcome.ending)
    }

    /// Sends it, and again to the new name as long as the upstream sends it away unread.
    async fn follow(
        &self,
        order: &Order,
        knock: &mut Knock,
        report: &Report,
        mut cleared: Cleared,
        pack: &mut Option<PackSpool>,
        line: &mut Line,
    ) -> Result<Sent, Box<(Fault, audit::Outcome)>> {
        for _ in 0..=REDIRECTS {
            let to = match forward::forward(cleared, order, knock, pack, line, self).await {
                Ok(sent) => return Ok(sent),
                Err(Failed::Ended(ended)) => return Err(ended),
                Err(Failed::Moved(to)) => to,
            };
            cleared = match self
                .cleared_for(order, knock, report, pack.as_ref(), &to)
                .await
            {
                Ok(cleared) => cleared,
                Err(source) => return Err(not_taken(order, source)),
            };
            tracing::info!(from = %knock.repository, %to, "the push goes to the new name");
            knock.repository = to;
        }
        Err(not_taken(order, upstream::Error::Redirects(REDIRECTS)))
    }

    /// Whether the push may go to another name than the one it was judged for: all is asked anew.
    async fn cleared_for(
        &self,
        order: &Order,
        knock: &Knock,
        report: &Report,
        pack: Option<&PackSpool>,
        to: &Repository,
    ) -> Result<Cleared, upstream::Error> {
        let mut knock = knock.clone();
        knock.repository = to.clone();
        let refused = || upstream::Error::NotListed(to.to_string());
        // The organisation's credential is for the repositories that are named beside it.
        if order.by_itself {
            return Err(refused());
        }
        // What the old name serves already says nothing about the new one, nor does what people waived there.
        let by_old = |finding: &Finding| finding.existing || finding.is_waived();
        if report.findings.iter().any(by_old) {
            return Err(refused());
        }
        if !knock.upstream.allows(to) {
            return Err(refused());
        }
        let accepted = admit::accepted(self, &knock, &order.actor).await;
        let mut options = order.request.options.iter();
        let has_options = options.any(|option| !wishes::is_ours(option));
        if !accepted.is_some_and(|offer| offer.push_options || !has_options) {
            return Err(refused());
        }
        let asked = about::Asked::new(order, &knock);
        let updates = asked.updates(Some(report));
        let push = asked.push(&updates);
        let past = self.past(&order.known, &knock).await;
        let facts = about::facts(order, past, pack);
        // Findings were weighed against each other under the policy for the old name.
        let before = about::Asked::new(order, &order.knock);
        let outlook =
            |push, past| Outlook::of(push, &about::early_facts(order, past), &self.policy);
        // Of licences that the old name accepts nothing was told.
        let licences = |push, past| self.policy.licences(push, &about::early_facts(order, past));
        let before = before.push(&updates);
        if licences(push, past) != licences(before, order.past) {
            return Err(refused());
        }
        let same = || outlook(push, past) == outlook(before, order.past);
        if !report.findings.is_empty() && !same() {
            return Err(refused());
        }
        match policy::judge(push, report, &facts, &self.policy) {
            Verdict::Forward(cleared) => Ok(cleared),
            Verdict::Hold(_) | Verdict::Refuse(_) => Err(refused()),
        }
    }
}

fn not_taken(order: &Order, source: upstream::Error) -> Box<(Fault, audit::Outcome)> {
    let fault = Fault::NotTaken {
        upstream: order.knock.upstream.name.clone(),
        source,
    };
    let outcome = audit::Outcome {
        ending: audit::Ending::NotSent,
        forwarded_bytes: 0,
        note: fault.to_string(),
    };
    Box::new((fault, outcome))
}
