//! Who asks: a person, by a token in the `Authorization` header.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{header::AUTHORIZATION, request::Parts};

use super::{Rooms, problem::Problem};
use crate::{
    audit::Actor,
    people::{
        Account, Bearer, PersonId,
        rights::{Case, Matter, Right},
    },
    review::Filed,
};

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Source(pub IpAddr);

/// Somebody whose token holds.
pub struct Somebody {
    pub bearer: Bearer,
    source: Option<String>,
}

impl Somebody {
    pub fn actor(&self) -> Actor {
        self.bearer.actor(self.source.as_deref())
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

impl FromRequestParts<Rooms> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Problem::unknown(
                "Send one header \"Authorization: Bearer TOKEN\" with a token of Exeat (exeat token create).",
            ));
        };
        let presented = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| {
                Problem::unknown("The Authorization header has to be of the form \"Bearer TOKEN\".")
            })?;
        let source = parts
            .extensions
            .get::<Source>()
            .map(|source| source.0.to_string());
        let verified = rooms
            .people()
            .verify(presented, rooms.now(), source.as_deref())
            .await;
        Ok(Self {
            bearer: verified?,
            source,
        })
    }
}

impl OptionalFromRequestParts<Rooms> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Option<Self>, Problem> {
        match parts.headers.contains_key(AUTHORIZATION) {
            true => <Self as FromRequestParts<Rooms>>::from_request_parts(parts, rooms)
                .await
                .map(Some),
            false => Ok(None),
        }
    }
}
