//! Pushes that the policy denies whatever is in them: refused before their pack is read.

use exeat_inspect::{Examiner, Report, head};

use super::{
    Order, Pushes,
    about::{self, Asked},
    answer::Line,
    fault::Fault,
    inspect,
    message::{self, policy_words},
    record,
};
use crate::{
    door::Knock,
    identity::Known,
    policy::{self, Facts, Stopped, Verdict},
};

impl Pushes {
    /// What is said to somebody who asks to push to where nobody, or not he, may push anything.
    pub(super) fn denies_all(&self, knock: &Knock, known: &Known) -> Option<String> {
        let asked = Asked::anything(knock);
        let facts = Facts {
            pusher: about::pusher(known),
            ..Facts::default()
        };
        let stopped = policy::denied(asked.push(&[]), &facts, &self.policy)?;
        Some(format!(
            "The policy lets nothing be pushed to {}/{}. Nothing left the company. {}",
            knock.upstream.name,
            knock.repository,
            policy_words(&stopped).join(" ")
        ))
    }

    /// The denial of a push whose head was read, where nothing in its pack could change it.
    pub(super) fn denial(&self, order: &Order) -> Option<Stopped> {
        let asked = Asked::new(order, &order.knock);
        policy::denied(
            asked.push(&asked.updates(None)),
            &about::early_facts(order, order.past),
            &self.policy,
        )
    }

    /// Records the denial and tells it. Of the push only the head was inspected, for its names are recorded.
    pub(super) async fn deny(
        &self,
        order: &Order,
        stopped: Stopped,
        line: &mut Line,
    ) -> Result<(), Fault> {
        let report = self.head_alone(order);
        let told = message::refused(order, &report, &stopped);
        let verdict = Verdict::Refuse(stopped);
        let decision = record::decision(order, &report, &verdict, &self.digests);
        self.write(order, &decision).await?;
        tracing::info!(
            verdict = record::word(&verdict),
            "push denied before its pack"
        );
        self.metrics
            .pushes_total
            .with_label_values(&[record::word(&verdict)])
            .inc();
        self.stop(order, line, told).await;
        Ok(())
    }

    fn head_alone(&self, order: &Order) -> Report {
        let outlook = inspect::outlook(self, order);
        let mut examiner = Examiner::new(self.rules.clone(), self.key.clone())
            .with_strength(outlook.strength(order.knock.upstream.excuses));
        inspect::of_head(
            head::examine(&mut examiner, &order.request),
            self.rules.digest(),
        )
    }
}
