//! Steps five to seven: the verdict, its record, and what it leads to.

use std::time::Instant;

use exeat_inspect::Report;

use super::{
    Order, Pushes, about, answer::Line, fault::Fault, hold::Seat, inspect::Work, message,
    onward::Gone, record,
};
use crate::{
    audit,
    crashpoint::{self, Point},
    people,
    policy::{self, Cleared, Verdict},
    review::{Ending, Grant},
};

/// What a verdict led to.
pub(super) enum Carried {
    /// It went upstream, or did not get there.
    Gone(Gone),
    Stays,
}

impl Pushes {
    /// Judges, asks the desk, records, and carries the verdict out, in this order.
    pub(super) async fn decide(
        &self,
        order: &Order,
        work: Work,
        line: &mut Line,
    ) -> Result<(), Fault> {
        self.count(&work.report);
        if let Some(pack) = &work.pack {
            self.metrics.pack_bytes_total.inc_by(pack.length());
        }
        let verdict = self.judge(order, &work);
        let asked = self.at_the_desk(order, &work.report, verdict).await;
        let (verdict, seat) = match asked {
            Ok(said) => said,
            Err(fault) => {
                self.refuse_unjudged(order, &fault, line).await;
                return Ok(());
            }
        };
        let grant = match seat {
            Seat::Granted(grant) => grant,
            seat => return self.ungranted(order, work, verdict, seat, line).await,
        };
        self.say_approved(grant.case(), line).await;
        self.granted(order, work, verdict, &grant, line).await
    }

    async fn ungranted(
        &self,
        order: &Order,
        work: Work,
        verdict: Verdict,
        seat: Seat,
        line: &mut Line,
    ) -> Result<(), Fault> {
        self.put_on_record(order, &work.report, &verdict, seat.case())
            .await?;
        match self.carry_out(order, work, verdict, seat, line).await? {
            Carried::Stays => Ok(()),
            Carried::Gone(gone) => {
                if Ending::of(gone.ending) == Ending::Taken {
                    self.make_way(order, &self.pusher(order)).await;
                }
                gone.fault.map_or(Ok(()), Err)
            }
        }
    }

    /// Sends what was approved; the grant comes to its end whatever happens.
    pub(super) async fn granted(
        &self,
        order: &Order,
        work: Work,
        verdict: Verdict,
        grant: &Grant,
        line: &mut Line,
    ) -> Result<(), Fault> {
        let recorded = self.put_on_record(order, &work.report, &verdict, Some(grant.case()));
        if let Err(fault) = recorded.await {
            self.end_grant(grant, Ending::NotTaken).await;
            return Err(fault);
        }
        let Verdict::Forward(cleared) = verdict else {
            self.end_grant(grant, Ending::NotTaken).await;
            return Err(Fault::Inside);
        };
        let gone = self.send_on(order, work, cleared, line).await;
        self.end_grant(grant, Ending::of(gone.ending)).await;
        gone.fault.map_or(Ok(()), Err)
    }

    pub(super) async fn end_grant(&self, grant: &Grant, ending: Ending) {
        if let Err(error) = self.desk.ended(grant, ending, people::now()).await {
            // The next start asks the record how it ended.
            tracing::error!(%error, case = grant.case(), "how an approved push ended could not be noted");
        }
    }

    pub(super) fn judge(&self, order: &Order, work: &Work) -> Verdict {
        let asked = about::Asked::new(order, &order.knock);
        let facts = about::facts(order, order.past, work.pack.as_ref());
        let updates = asked.updates(Some(&work.report));
        policy::judge(asked.push(&updates), &work.report, &facts, &self.policy)
    }

    /// Makes the decision durable. Nothing is carried out before.
    async fn put_on_record(
        &self,
        order: &Order,
        report: &Report,
        verdict: &Verdict,
        case: Option<&str>,
    ) -> Result<(), Fault> {
        let decision = audit::Decision {
            case: case.map(str::to_owned),
            ..record::decision(order, report, verdict, &self.digests)
        };
        let _ = crashpoint::pass_in_task(Point::Judged).await;
        self.write(order, &decision).await?;
        let _ = crashpoint::pass_in_task(Point::DecisionWritten).await;
        tracing::info!(
            verdict = record::word(verdict),
            case,
            findings = report.findings.len(),
            objects = report.coverage.objects(),
            bytes = report.coverage.bytes,
            rules = report.rules_digest,
            "push judged"
        );
        self.metrics
            .pushes_total
            .with_label_values(&[record::word(verdict)])
            .inc();
        Ok(())
    }

    async fn carry_out(
        &self,
        order: &Order,
        work: Work,
        verdict: Verdict,
        seat: Seat,
        line: &mut Line,
    ) -> Result<Carried, Fault> {
        match verdict {
            Verdict::Forward(cleared) => {
                let gone = self.send_on(order, work, cleared, line).await;
                Ok(Carried::Gone(gone))
            }
            Verdict::Hold(stopped) => {
                let held = self.hold(order, work, &stopped, seat, line).await;
                if let Err(fault) = &held {
                    self.note_outcome(order, &audit::Outcome::not_sent(fault))
                        .await;
                }
                held.map(|()| Carried::Stays)
            }
            Verdict::Refuse(stopped) => {
                let told = message::refused(order, &work.report, &stopped);
                self.stop(order, line, told).await;
                Ok(Carried::Stays)
            }
        }
    }

    async fn send_on(&self, order: &Order, work: Work, cleared: Cleared, line: &mut Line) -> Gone {
        let Work { report, pack } = work;
        if cleared.warns() {
            line.say(&message::let_go(order, &report)).await;
        } else if report.findings.iter().any(|finding| finding.existing) {
            line.say(&message::nothing_new(order, &report)).await;
        }
        let begun = Instant::now();
        let gone = self.onward(order, &report, cleared, pack, line).await;
        self.observe("forward", begun);
        gone
    }
}
