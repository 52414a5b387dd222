//! Who there is: persons, their accounts on forges, groups, roles and tokens, and who may do what.
//!
//! Identity is (upstream, the forge's own account id), linked to a person by an operator; a name or a mail address
//! identifies nobody. `rights` is pure. [`Register`] reads, also beside a running server; [`People`] changes, and every
//! change and its audit record are one.

mod astray;
mod form;
mod groups;
mod id;
mod logins;
mod person;
mod persons;
mod register;
pub mod rights;
mod service;
mod state;
pub mod time;
mod token;
mod tokens;

pub use self::astray::{Astray, astray};
pub use self::form::Error as FormError;
pub use self::id::{GroupId, PersonId, TokenId};
pub use self::person::{Account, Linked, Person, Place, Role, RoleGrant};
pub use self::persons::{Edit, NewPerson};
pub use self::register::{Group, Register};
pub use self::service::{Done, Error, People, now};
pub use self::token::{Lifetime, Scope, Scopes, Secret, Token};
pub use self::tokens::{Bearer, NewToken, Refused, Why};

#[cfg(test)]
mod tests;
