//! A push that needs a human: it goes where it was approved as it is, it waits, or it is refused.
//!
//! The decision is on record before the pack is put into the quarantine, and the pack is there before the case is opened: a
//! process that dies in between leaves a push that was not sent, and at most a pack without a case, which the next start
//! takes away.

use std::io;

use exeat_inspect::{Finding, Report};
use exeat_rules::Action;
use sha2::{Digest, Sha256};

use super::{
    Order, Pushes,
    answer::Line,
    dossier,
    fault::Fault,
    inspect::Work,
    kept::Head,
    message::{self, Told},
    spool::PackSpool,
    wishes,
};
use crate::{
    crashpoint::{self, Point},
    people,
    policy::{self, Disposition, Stopped, Verdict},
    quarantine,
    review::{
        self, Basis, Bound, Filed, Grant, Held, Instead, NewCase, Pusher, State, Terms, Turn,
        binding::Update,
    },
};

/// What the desk says of a push.
#[derive(Debug)]
pub enum Seat {
    /// It needs nobody.
    None,
    /// It was approved, and this is the leave.
    Granted(Grant),
    /// It is new here.
    New(Box<NewCase>, Turn),
    /// It has a case, which is not decided, or is used by another at this moment.
    Waits(Box<Filed>),
    /// It was approved, is worse now, and has just gone back to its reviewers.
    Returned(Box<Filed>),
    /// Somebody has said no to this very push.
    Rejected(Box<Filed>),
    /// Nothing can be held.
    Shut,
}

impl Pushes {
    /// Asks the desk where a human is needed. With a grant the push may go.
    ///
    /// # Errors
    /// When the desk cannot be asked.
    pub(super) async fn at_the_desk(
        &self,
        order: &Order,
        report: &Report,
        verdict: Verdict,
    ) -> Result<(Verdict, Seat), Fault> {
        let stopped = match verdict {
            Verdict::Hold(stopped) => stopped,
            verdict => return Ok((verdict, Seat::None)),
        };
        let new = self.new_case(order, report, &stopped);
        let seat = self.seat(order, new, (report, &stopped)).await;
        let seat = seat.map_err(desk_failed)?;
        Ok(match &seat {
            Seat::Granted(grant) => (Verdict::Forward(policy::released(stopped, grant)), seat),
            _ => (Verdict::Hold(stopped), seat),
        })
    }

    async fn seat(
        &self,
        order: &Order,
        new: NewCase,
        judged: (&Report, &Stopped),
    ) -> Result<Seat, review::Error> {
        let now = people::now();
        let turn = self.desk.turn(&new.binding).await;
        let Some(filed) = self.desk.latest(&new.binding).await? else {
            return Ok(self.new_seat(new, turn));
        };
        let filed = self.desk.on_time(filed, now).await?;
        match filed.case.state {
            State::Approved if filed.covers(&new) => {
                let actor = order.known.recorded(&order.actor);
                let taken = self.desk.take(&new.binding, order.id.as_str(), &actor, now);
                match taken.await? {
                    Some(grant) => Ok(Seat::Granted(grant)),
                    None => Ok(Seat::Waits(Box::new(self.desk.case(&filed.case.id).await?))),
                }
            }
            State::Approved => {
                let returned = self.give_back(&filed, new, judged).await?;
                Ok(Seat::Returned(Box::new(returned)))
            }
            State::Open | State::Forwarding => Ok(Seat::Waits(Box::new(filed))),
            State::Rejected if now < filed.case.expires => Ok(Seat::Rejected(Box::new(filed))),
            State::Sent | State::Unknown | State::Rejected => Ok(self.new_seat(new, turn)),
            State::Withdrawn | State::Expired | State::Superseded => Ok(self.new_seat(new, turn)),
        }
    }

    fn new_seat(&self, new: NewCase, turn: Turn) -> Seat {
        match self.quarantine.can_hold() {
            true => Seat::New(Box::new(new), turn),
            false => Seat::Shut,
        }
    }

    /// Tells a held push what becomes of it, having kept it where it is new.
    ///
    /// # Errors
    /// When it could not be kept.
    pub(super) async fn hold(
        &self,
        order: &Order,
        work: Work,
        stopped: &Stopped,
        seat: Seat,
        line: &mut Line,
    ) -> Result<(), Fault> {
        let Work { report, mut pack } = work;
        let (told, filed) = match seat {
            Seat::New(new, turn) => {
                let filed = self.keep(order, *new, pack.take()).await?;
                drop(turn);
                let told = message::held(order, &report, stopped, &filed);
                // Whether it waits is nothing that a refused push would tell.
                if let Some(shown) = self.told_again_and_again(order) {
                    self.turn_away(order, line, &shown, &told.reason).await;
                    return Ok(());
                }
                (told, Some(filed))
            }
            // What was told once is told again: it shows nothing of the rules.
            Seat::Waits(filed) => self.still_held(order, &report, *filed).await,
            Seat::Returned(filed) => {
                let (told, filed) = self.still_held(order, &report, *filed).await;
                if let Some(shown) = self.told_again_and_again(order) {
                    self.turn_away(order, line, &shown, &told.reason).await;
                    return Ok(());
                }
                (told, filed)
            }
            Seat::Rejected(filed) => (self.rejected(order, &filed).await, None),
            Seat::None | Seat::Granted(_) | Seat::Shut => {
                let told = message::not_held(order, &report, stopped);
                self.stop(order, line, told).await;
                return Ok(());
            }
        };
        // Who waits keeps a connection, and nothing else.
        drop((report, pack));
        match &filed {
            Some(filed) if order.wishes.wait && line.can_talk() => {
                self.wait(order, filed, told, line).await;
            }
            _ => self.turn_away(order, line, &told, &told.reason).await,
        }
        Ok(())
    }

    /// A push that waits already: what it brings is put to the case, what was said is told.
    async fn still_held(
        &self,
        order: &Order,
        report: &Report,
        mut filed: Filed,
    ) -> (Told, Option<Filed>) {
        let heard = self.add_reason(order, report, &mut filed).await;
        let said = self.said(&filed).await;
        let told = message::still_held(order, &filed, &said, heard);
        (told, Some(filed))
    }

    pub(super) async fn rejected(&self, order: &Order, filed: &Filed) -> Told {
        let Some(said) = filed.case.decisions.last() else {
            return message::still_held(order, filed, &[], None);
        };
        let by = self.name_of(&said.by).await;
        message::rejected(order, filed, &by, &said.words)
    }

    /// Puts the pack into the quarantine and the case on the desk.
    async fn keep(
        &self,
        order: &Order,
        new: NewCase,
        pack: Option<PackSpool>,
    ) -> Result<Filed, Fault> {
        let most = self.limits.held_per_user;
        let held = self.desk.held_by(&new.upstream, &new.pusher).await;
        if held.map_err(desk_failed)? >= most {
            return Err(Fault::ManyHeld(most));
        }
        let head = Head::of(order).bytes();
        let quarantine = self.quarantine.clone();
        let case = new.id.clone();
        let put = tokio::task::spawn_blocking(move || {
            let Some(pack) = pack else {
                return quarantine.put(&case, &head, io::empty(), 0);
            };
            let spooled = pack.reader().map_err(|source| quarantine::Error::File {
                what: "cannot read the spooled pack".to_owned(),
                source,
            })?;
            quarantine.put(&case, &head, spooled, pack.length())
        });
        let put = put.await.map_err(|_| Fault::Inside)?;
        put.map_err(quarantine_failed)?;
        let _ = crashpoint::pass_in_task(Point::PackKept).await;
        match self.desk.hold(&new, people::now()).await {
            Ok(Held::Opened(filed)) => {
                tracing::info!(case = new.id, "push held for review");
                self.make_way(order, &filed.case.pusher).await;
                Ok(filed)
            }
            // Never while this push has the turn.
            Ok(Held::Already(filed)) => {
                self.forget(&new.id).await;
                Ok(filed)
            }
            Err(error) => {
                self.forget(&new.id).await;
                Err(desk_failed(error))
            }
        }
    }

    /// Takes a pack out of the quarantine for good.
    pub(super) async fn forget(&self, case: &str) {
        let (quarantine, case) = (self.quarantine.clone(), case.to_owned());
        let removed = tokio::task::spawn_blocking(move || quarantine.remove(&case)).await;
        if let Ok(Err(error)) = removed {
            tracing::error!(%error, "a pack could not be taken out of the quarantine");
        }
    }

    /// Ends what the same pusher has waiting for these refs: this push takes its place.
    pub(super) async fn make_way(&self, order: &Order, pusher: &Pusher) {
        let repository = repository(order);
        let instead = Instead {
            id: order.id.as_str(),
            upstream: &order.knock.upstream.name,
            repository: &repository,
            pusher,
            refs: &self.refs(order),
        };
        match self.desk.make_way(&instead, people::now()).await {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => tracing::info!(cases = gone.join(" "), "superseded"),
            Err(error) => tracing::error!(%error, "older held pushes could not be ended"),
        }
    }

    /// Who pushed, by all that is known. Without any credential it is the address: two who have nothing else are not one.
    pub(super) fn pusher(&self, order: &Order) -> Pusher {
        let known = &order.known;
        let person = known.person.as_ref();
        let credential = order.actor.credential.as_ref();
        let address = || {
            let source = order.actor.source.to_string();
            self.key.keyed_hash("address-of-case", source.as_bytes())
        };
        Pusher {
            person: person.map(|person| person.id.as_str().to_owned()),
            account: known.account.clone(),
            credential: Some(credential.map_or_else(address, |credential| credential.hash.clone())),
        }
    }

    /// The refs of a push, to be recognised again and not to be read: a secret may be in their names.
    fn refs(&self, order: &Order) -> Vec<String> {
        let commands = order.request.commands.iter();
        let hashed = |name: &[u8]| self.key.keyed_hash("ref-of-case", name);
        commands.map(|command| hashed(&command.name)).collect()
    }

    pub(super) fn new_case(&self, order: &Order, report: &Report, stopped: &Stopped) -> NewCase {
        let pusher = self.pusher(order);
        let mut terms = terms(stopped);
        if pusher.person.is_none() {
            // Whoever approves could be who pushed: one more, and one more of each list.
            terms.approvers = terms.approvers.max(1).saturating_add(1);
            terms.voices = 2;
        }
        NewCase {
            id: order.id.as_str().to_owned(),
            upstream: order.knock.upstream.name.clone(),
            repository: repository(order),
            binding: binding(order, report, &pusher),
            pusher,
            terms,
            basis: basis(report, stopped),
            refs: self.refs(order),
            accepted: order.actor.credential.is_some(),
            waived_by: report.waived_by.clone(),
            digests: self.digests.clone(),
            body: dossier::of(order, report, stopped),
            actor: order.known.recorded(&order.actor),
        }
    }
}

impl Seat {
    /// The case that it is about.
    pub fn case(&self) -> Option<&str> {
        match self {
            Self::Granted(grant) => Some(grant.case()),
            Self::New(new, _) => Some(&new.id),
            Self::Waits(filed) | Self::Returned(filed) | Self::Rejected(filed) => {
                Some(&filed.case.id)
            }
            Self::None | Self::Shut => None,
        }
    }
}

/// The developer is told what it means; the log has what failed.
pub fn desk_failed(error: review::Error) -> Fault {
    tracing::error!(%error, "the desk failed");
    Fault::Desk(error)
}

/// The same of the quarantine.
pub fn quarantine_failed(error: quarantine::Error) -> Fault {
    tracing::error!(%error, "the quarantine failed");
    Fault::Quarantine(error)
}

fn repository(order: &Order) -> String {
    order
        .knock
        .repository
        .comparable(order.knock.upstream.forge)
}

fn terms(stopped: &Stopped) -> Terms {
    Terms {
        approvers: stopped.terms.approvers,
        reviewers: stopped.terms.reviewers.clone(),
        voices: 1,
        four_eyes: stopped.terms.four_eyes,
    }
}

/// What an approval of this push is good for.
fn binding(order: &Order, report: &Report, pusher: &Pusher) -> String {
    let commands = &order.request.commands;
    let ids: Vec<_> = commands
        .iter()
        .map(|command| (command.old.to_string(), command.new.to_string()))
        .collect();
    let updates = commands
        .iter()
        .zip(&ids)
        .map(|(command, (old, new))| Update {
            name: hex::encode(&command.name),
            old,
            new,
        });
    let options = order.request.options.iter();
    let options = options.filter(|option| !wishes::is_ours(option));
    let repository = repository(order);
    // The name and the server behind it: an approval for one is none for another.
    let upstream = format!(
        "{} {}",
        order.knock.upstream.name,
        order.knock.upstream.server()
    );
    let bound = Bound::new(
        &upstream,
        &repository,
        updates.collect(),
        report.objects.clone(),
        options.map(hex::encode).collect(),
        pusher,
    );
    bound.digest()
}

/// Everything that stands against the push, each as a hash: findings by what and where they are, the rest by its words.
fn basis(report: &Report, stopped: &Stopped) -> Basis {
    let findings = report.findings.iter().filter(|finding| finding.may_stop());
    let findings = findings.flat_map(of_finding);
    let unread = report.unscannable.iter();
    let unread = unread.map(|missed| of_unread(&missed.what, &missed.why));
    let asked = stopped.reasons.iter().filter_map(of_reason);
    Basis::new(findings.chain(unread).chain(asked))
}

pub fn of_unread(what: &str, why: &str) -> String {
    hashed(&["unread", what, why].map(str::to_owned))
}

/// Nothing where it is no rule that stops the push.
pub fn of_reason(reason: &policy::Reason) -> Option<String> {
    let by = reason.by.as_ref()?;
    let is_stopping = reason.disposition >= Disposition::Hold;
    let ground = format!("{:?}", reason.ground);
    // Another rule of the same name is another ground.
    is_stopping.then(|| hashed(&["asked".into(), ground, by.meaning.clone()]))
}

/// One hash for each way in which it may count for as much or less: what asks for less than before is nothing new.
pub fn of_finding(finding: &Finding) -> Vec<String> {
    const WEIGHTS: [Action; 4] = [Action::Note, Action::Warn, Action::Review, Action::Block];
    let place = &finding.place;
    let asks = finding.asks();
    let weights = WEIGHTS.into_iter().filter(|weight| *weight <= asks);
    let ages = [true, false]
        .into_iter()
        .filter(|old| *old || !finding.existing);
    let ways = weights.flat_map(|weight| ages.clone().map(move |old| (weight, old)));
    let hashes = ways.map(|(weight, old)| {
        hashed(&[
            "finding".into(),
            finding.rule.clone(),
            finding.fingerprint.to_string(),
            place.path.clone().unwrap_or_default(),
            format!("{:?}", place.part),
            weight.to_string(),
            old.to_string(),
        ])
    });
    hashes.collect()
}

fn hashed<const N: usize>(parts: &[String; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    // Sixteen bytes: nobody gains by a collision that he cannot choose both sides of.
    hex::encode(digest.get(..16).unwrap_or_default())
}
