//! A held push that was approved goes upstream from the quarantine: inspected and judged again, as if it came now.

use std::io::Read;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    Order, Pushes,
    answer::Line,
    fault::Fault,
    hold::{self, quarantine_failed},
    inspect::{self, Feed, Work},
};
use crate::{
    people, policy,
    policy::Verdict,
    quarantine::{self, Opened},
    review::{Ending, Filed, Grant},
};

/// Bytes of a kept pack that are read at once.
const CHUNK: usize = 256 * 1024;

/// What became of a case that was to be released.
pub enum Released {
    /// It went, or its developer was told why not: nothing more is to be said.
    Done,
    /// Somebody else was faster, or it is no longer approved.
    Gone,
    /// Judged again it is worse than what was approved, and waits for the reviewers again.
    Returned,
}

impl Pushes {
    /// Sends what was approved, as the push `order` with the credential that it has.
    pub(super) async fn release(&self, order: &Order, filed: &Filed, line: &mut Line) -> Released {
        let knock = &order.knock;
        if !knock.upstream.allows(&knock.repository)
            || self.denies_all(knock, &order.known).is_some()
        {
            let fault = Fault::NoLonger("nothing may be pushed to this repository any more");
            self.refuse_unjudged(order, &fault, line).await;
            return Released::Done;
        }
        let actor = order.known.recorded(&order.actor);
        let id = order.id.as_str();
        let taken = self
            .desk
            .take(&filed.binding, id, &actor, people::now())
            .await;
        let grant = match taken {
            Ok(Some(grant)) => grant,
            Ok(None) => return Released::Gone,
            Err(error) => {
                self.refuse_unjudged(order, &hold::desk_failed(error), line)
                    .await;
                return Released::Done;
            }
        };
        let work = match self.inspected_again(order, filed).await {
            Ok(mut work) => {
                self.waive(order, &mut work.report).await;
                work
            }
            Err(fault) => {
                self.end_grant(&grant, Ending::NotTaken).await;
                self.refuse_unjudged(order, &fault, line).await;
                return Released::Done;
            }
        };
        self.judged_again(order, filed, grant, work, line).await
    }

    async fn judged_again(
        &self,
        order: &Order,
        filed: &Filed,
        grant: Grant,
        work: Work,
        line: &mut Line,
    ) -> Released {
        let verdict = match self.judge(order, &work) {
            Verdict::Hold(stopped) if self.covers(order, filed, &work, &stopped) => {
                Verdict::Forward(policy::released(stopped, &grant))
            }
            Verdict::Forward(cleared) => Verdict::Forward(cleared),
            Verdict::Hold(stopped) | Verdict::Refuse(stopped) => {
                let anew = self.new_case(order, &work.report, &stopped);
                self.end_grant(&grant, Ending::NotTaken).await;
                let judged = (&work.report, &stopped);
                return match self.give_back(filed, anew, judged).await {
                    Ok(_) => Released::Returned,
                    Err(error) => {
                        tracing::info!(%error, case = filed.case.id, "a held push did not go back to its reviewers");
                        Released::Gone
                    }
                };
            }
        };
        self.say_approved(grant.case(), line).await;
        if let Err(fault) = self.granted(order, work, verdict, &grant, line).await {
            self.tell(order, &fault, line).await;
        }
        Released::Done
    }

    fn covers(&self, order: &Order, filed: &Filed, work: &Work, stopped: &policy::Stopped) -> bool {
        let anew = self.new_case(order, &work.report, stopped);
        filed.covers(&anew)
    }

    /// Takes the pack out of the quarantine through the inspection, by the rules that are in force now.
    async fn inspected_again(&self, order: &Order, filed: &Filed) -> Result<Work, Fault> {
        let place = self.shares.place(&order.actor, &self.places).await?;
        let opened = self.opened(&filed.case.id).await?;
        let (feed, chunks) = mpsc::channel(inspect::CHUNKS_WAITING);
        let arrival = inspect::begin(self, order, chunks, place);
        let fed = tokio::task::spawn_blocking(move || feed_from(opened, &feed));
        let patience = self.limits.inspect_seconds;
        let work = arrival.finish(patience).await;
        match fed.await {
            Ok(Ok(())) => work,
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(Fault::Inside),
        }
    }

    /// The pack of a case.
    pub(super) async fn opened(&self, case: &str) -> Result<Opened, Fault> {
        let (quarantine, case) = (self.quarantine.clone(), case.to_owned());
        let opened = tokio::task::spawn_blocking(move || quarantine.take_out(&case)).await;
        opened
            .map_err(|_| Fault::Inside)?
            .map_err(quarantine_failed)
    }
}

/// Hands over the pack piece by piece, each of which was checked when it was opened.
fn feed_from(mut opened: Opened, feed: &mpsc::Sender<Feed>) -> Result<(), Fault> {
    loop {
        let mut chunk = vec![0; CHUNK];
        let mut filled = 0;
        while filled < CHUNK {
            let rest = chunk.get_mut(filled..).unwrap_or_default();
            match opened.read(rest).map_err(unreadable)? {
                0 => break,
                read => filled += read,
            }
        }
        chunk.truncate(filled);
        let ended = filled < CHUNK;
        if filled > 0 && feed.blocking_send(Feed::Bytes(Bytes::from(chunk))).is_err() {
            // The inspection has ended early and says why.
            return Ok(());
        }
        if ended {
            let _ = feed.blocking_send(Feed::End);
            return Ok(());
        }
    }
}

fn unreadable(source: std::io::Error) -> Fault {
    quarantine_failed(quarantine::Error::File {
        what: "a pack that was kept cannot be read".into(),
        source,
    })
}
