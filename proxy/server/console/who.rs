//! Who asks: a person, by a token in the `Authorization` header; or, at the control socket, the operator of this machine.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::{header::AUTHORIZATION, request::Parts};

use super::{Rooms, problem::Problem};
use crate::{
    audit::Actor,
    people::{
        Account, Bearer, People, PersonId, Refused, Why,
        rights::{Case, Matter, Right},
    },
    review::Filed,
    store::Change,
};

/// Where a request came from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The listener.
    Address(IpAddr),
    /// The control socket, whose other end the kernel names.
    Here(Actor),
}

/// What is done together with a deed that was asked for under a key, so that it is done once.
#[derive(Clone, Default)]
pub struct Claim(pub Change);

/// Somebody whose token holds.
#[derive(Clone)]
pub struct Somebody {
    pub bearer: Bearer,
    source: Option<String>,
    pub(super) claim: Change,
}

impl Somebody {
    pub fn actor(&self) -> Actor {
        self.bearer.actor(self.source.as_deref())
    }

    /// What must still be so when something is done in this person's name, and be noted with it.
    pub fn guard(&self, now: i64) -> Change {
        self.bearer.guard(now).and(self.claim.clone())
    }

    /// Whether this may be done with a case.
    pub fn may(&self, right: Right, filed: &Filed, rooms: &Rooms) -> bool {
        let case = Case {
            upstream: &filed.upstream,
            repository: &filed.repository,
            folds: rooms.folds(&filed.upstream),
            own: self.made(filed) && filed.case.terms.four_eyes,
        };
        self.bearer.powers().may(right, &Matter::Case(case))
    }

    /// Whether it is this person's own push.
    pub fn made(&self, filed: &Filed) -> bool {
        let pusher = &filed.case.pusher;
        let person = pusher.person.as_deref().and_then(PersonId::read);
        let account = pusher.account.as_ref().map(|id| Account {
            upstream: filed.upstream.clone(),
            id: id.clone(),
        });
        self.bearer.person.is(person.as_ref(), account.as_ref())
    }
}

/// Whoever may change people, groups and tokens.
pub struct Manager {
    pub actor: Actor,
    /// Does what is asked in this name, or finds that it may not any more.
    pub people: People,
}

/// Whoever runs the house.
pub struct Operator {
    pub actor: Actor,
    /// What must still be so when the deed is done.
    pub guard: Change,
}

/// Whoever may see who there is.
pub struct Onlooker;

impl FromRequestParts<Rooms> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        match parts.extensions.get::<Source>().cloned() {
            Some(Source::Address(address)) => identified(parts, Some(address), rooms).await,
            Some(Source::Here(_)) => Err(Problem::forbidden(
                "The control socket is for people, groups and tokens. Pushes and drafts are seen and decided on by people, with \
                 tokens of theirs, on the console's listener.",
            )),
            None => identified(parts, None, rooms).await,
        }
    }
}

impl FromRequestParts<Rooms> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        if let Some(Source::Here(actor)) = parts.extensions.get::<Source>() {
            let claim = claim(parts);
            return Ok(Self {
                actor: actor.clone(),
                people: rooms.people().guarded(claim),
            });
        }
        let somebody = Somebody::from_request_parts(parts, rooms).await?;
        if !somebody.rules(&[Right::ManagePeople]) {
            return Err(Problem::forbidden(
                "It takes the role operator, and a token with the scope admin.",
            ));
        }
        Ok(Self {
            actor: somebody.actor(),
            people: rooms.people().guarded(somebody.guard(rooms.now())),
        })
    }
}

impl FromRequestParts<Rooms> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        if let Some(Source::Here(actor)) = parts.extensions.get::<Source>() {
            return Ok(Self {
                actor: actor.clone(),
                guard: claim(parts),
            });
        }
        let somebody = Somebody::from_request_parts(parts, rooms).await?;
        match somebody.rules(&[Right::ManageConfig]) {
            true => Ok(Self {
                actor: somebody.actor(),
                guard: somebody.guard(rooms.now()),
            }),
            false => Err(Problem::forbidden(
                "It takes the role operator, and a token with the scope admin.",
            )),
        }
    }
}

impl FromRequestParts<Rooms> for Onlooker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        if let Some(Source::Here(_)) = parts.extensions.get::<Source>() {
            return Ok(Self);
        }
        let somebody = Somebody::from_request_parts(parts, rooms).await?;
        match somebody.rules(&[Right::ManagePeople, Right::SeeAudit]) {
            true => Ok(Self),
            false => Err(Problem::forbidden(
                "It takes the role operator and a token with the scope admin, or the role auditor and one with the scope read.",
            )),
        }
    }
}

impl Somebody {
    /// Whether one of these may be done in the house.
    pub(super) fn rules(&self, rights: &[Right]) -> bool {
        let powers = self.bearer.powers();
        let mut rights = rights.iter();
        rights.any(|right| powers.may(*right, &Matter::House))
    }
}

/// Under whose name keys of requests are kept.
pub async fn asker(parts: &mut Parts, rooms: &Rooms) -> Result<String, Problem> {
    if let Some(Source::Here(actor)) = parts.extensions.get::<Source>() {
        return Ok(format!(
            "here {}",
            actor.name.as_deref().unwrap_or_default()
        ));
    }
    let somebody = Somebody::from_request_parts(parts, rooms).await?;
    let asker = somebody.bearer.person.id.as_str().to_owned();
    parts.extensions.insert(somebody);
    Ok(asker)
}

fn claim(parts: &Parts) -> Change {
    let claim = parts.extensions.get::<Claim>();
    claim.map(|claim| claim.0.clone()).unwrap_or_default()
}

async fn identified(
    parts: &Parts,
    address: Option<IpAddr>,
    rooms: &Rooms,
) -> Result<Somebody, Problem> {
    let presented = presented(parts)?;
    let source = address.map(|address| address.to_string());
    let now = rooms.now();
    let verified = rooms.people().verify(presented, now, source.as_deref());
    let bearer = match verified.await {
        Ok(bearer) => bearer,
        Err(refused) => {
            note_stranger(&refused, address, rooms).await;
            return Err(refused.into());
        }
    };
    let seen = (bearer.token.id.clone(), address);
    if rooms.logins().is_new(seen.clone(), now, true) {
        let noted = rooms.people().note_login(&bearer, source.as_deref()).await;
        noted.inspect_err(|_| rooms.logins().forget(&seen))?;
    }
    Ok(Somebody {
        bearer,
        source,
        claim: claim(parts),
    })
}

fn presented(parts: &Parts) -> Result<&str, Problem> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unknown(
            "Send one header \"Authorization: Bearer TOKEN\" with a token of Exeat (exeat token create).",
        ));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            Problem::unknown("The Authorization header has to be of the form \"Bearer TOKEN\".")
        })
}

/// What is known and does not hold is on record where it is checked; what nobody knows, here.
async fn note_stranger(refused: &Refused, address: Option<IpAddr>, rooms: &Rooms) {
    let is_unknown = matches!(refused, Refused::Invalid(Why::Form | Why::Unknown));
    if !is_unknown || !rooms.strangers().is_new(address, rooms.now(), false) {
        return;
    }
    let source = address.map(|address| address.to_string());
    if let Err(error) = rooms.people().note_stranger(source.as_deref()).await {
        rooms.strangers().forget(&address);
        tracing::warn!(%error, "a refusal is not on record");
    }
}
