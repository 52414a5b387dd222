//! Who may do what: a table of roles, narrowed by the scopes of a token.
//!
//! Pure. A person has the rights of all his roles, but what one of them forbids no other gives. Nobody decides about what he
//! pushed himself, whatever his roles are.

use super::person::{Person, Role};
use super::token::{Scope, Scopes, Token};

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Push as a known person by a token.
    Push,
    /// See where a case stands: target, rules, who decides.
    SeeCase,
    /// See the contents of a case: findings' surroundings, messages, diffs.
    SeeContext,
    /// Approve or reject a case.
    DecideCase,
    /// Decide a finding, and write waivers.
    DecideFinding,
    /// Decide a request: a new project, a target.
    DecideRequest,
    /// Write a rule or policy that a second person puts into force, and be that person. Not for machines.
    DraftRule,
    SeeAudit,
    /// Change persons, groups, roles and tokens.
    ManagePeople,
    ManageConfig,
}

impl Right {
    pub const ALL: [Self; 10] = [
        Self::Push,
        Self::SeeCase,
        Self::SeeContext,
        Self::DecideCase,
        Self::DecideFinding,
        Self::DecideRequest,
        Self::DraftRule,
        Self::SeeAudit,
        Self::ManagePeople,
        Self::ManageConfig,
    ];

    /// The scope a token needs for it.
    pub fn scope(self) -> Scope {
        match self {
            Self::Push => Scope::Push,
            Self::SeeCase | Self::SeeContext | Self::SeeAudit => Scope::Read,
            Self::DecideCase | Self::DecideFinding | Self::DecideRequest => Scope::Decide,
            Self::DraftRule | Self::ManagePeople | Self::ManageConfig => Scope::Admin,
        }
    }

    pub fn decides(self) -> bool {
        self.scope() == Scope::Decide
    }
}

/// What a role says about a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// It does not give it.
    No,
    /// Where the role holds.
    Here,
    /// Everywhere.
    All,
    /// It takes it away, whatever other roles give.
    Never,
}

/// In the order of `Right::ALL`.
fn row(role: Role) -> [Cell; 10] {
    use Cell::{All, Here, Never, No};
    match role {
        //                push case  context decide finding request draft audit people config
        Role::Developer => [All, No, No, No, No, No, No, No, No, No],
        Role::Reviewer => [No, Here, Here, Here, No, No, No, No, No, No],
        Role::Security => [No, All, All, No, All, No, All, No, No, No],
        Role::Ospo => [No, All, No, No, No, All, No, No, No, No],
        Role::Auditor => [No, All, All, No, No, No, No, All, No, No],
        // Whoever hands out roles and tokens could give himself any right: so he has none over code.
        Role::Operator => [No, No, Never, Never, Never, Never, No, No, All, All],
        Role::Service => [All, All, No, Never, Never, Never, No, All, No, No],
    }
}

fn cell(role: Role, right: Right) -> Cell {
    let column = Right::ALL.iter().position(|other| *other == right);
    let cell = column.and_then(|column| row(role).get(column).copied());
    cell.unwrap_or(Cell::Never)
}

/// What an action is about.
#[derive(Debug, Clone, Copy)]
pub enum Matter<'a> {
    /// The house itself: people, configuration, rules, the audit.
    House,
    Case(Case<'a>),
}

/// A case, as far as rights depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub upstream: &'a str,
    /// In its comparable form.
    pub repository: &'a str,
    /// Whether the forge takes names without regard to case.
    pub folds: bool,
    /// Whether the one who acts pushed it: `Person::is`.
    pub own: bool,
}

/// Whoever acts, and by what.
#[derive(Debug, Clone, Copy)]
pub struct Powers<'a> {
    person: &'a Person,
    token: Option<(&'a Scopes, bool)>,
}

impl<'a> Powers<'a> {
    /// Of a person who signed in without a token.
    pub fn of(person: &'a Person) -> Self {
        Self {
            person,
            token: None,
        }
    }

    /// Of a token of this person.
    pub fn by_token(person: &'a Person, token: &'a Token) -> Self {
        Self {
            person,
            token: Some((&token.scopes, token.service)),
        }
    }

    /// Whether this may be done. Rights over cases are none over the house, and the other way round.
    pub fn may(&self, right: Right, matter: &Matter<'_>) -> bool {
        if self.person.disabled || !self.scoped(right) {
            return false;
        }
        let says = |cell: Cell| {
            let mut roles = self.person.roles.iter();
            roles.any(|grant| self::cell(grant.role, right) == cell)
        };
        if says(Cell::Never) {
            return false;
        }
        match matter {
            Matter::House => !right.is_about_a_case() && says(Cell::All),
            Matter::Case(case) => right.is_about_a_case() && self.may_in(right, case),
        }
    }

    /// Whether there is anything at all for which this may be done: what a list or a menu offers. Allows nothing by itself.
    pub fn may_somewhere(&self, right: Right) -> bool {
        let cells = || {
            self.person
                .roles
                .iter()
                .map(|grant| cell(grant.role, right))
        };
        let gives = |cell| matches!(cell, Cell::All | Cell::Here);
        !self.person.disabled
            && self.scoped(right)
            && (right == Right::SeeCase || cells().any(gives))
            && !cells().any(|cell| cell == Cell::Never)
    }

    fn may_in(&self, right: Right, case: &Case<'_>) -> bool {
        if case.own && right.decides() {
            return false;
        }
        // Where one's own push stands is everybody's to see.
        if case.own && right == Right::SeeCase {
            return true;
        }
        self.person
            .roles
            .iter()
            .any(|grant| match cell(grant.role, right) {
                Cell::All => true,
                Cell::Here => grant
                    .place
                    .holds(case.upstream, case.repository, case.folds),
                Cell::No | Cell::Never => false,
            })
    }

    fn scoped(&self, right: Right) -> bool {
        match self.token {
            None => true,
            Some((scopes, service)) => {
                let of_people = right.decides() || right == Right::DraftRule;
                scopes.has(right.scope()) && !(service && of_people)
            }
        }
    }
}

/// A role that takes away what another role of this person gives.
pub fn silencing(person: &Person) -> Option<Role> {
    let held = || person.roles.iter().map(|grant| grant.role);
    held().find(|role| {
        Right::ALL.into_iter().any(|right| {
            let gives = |other| matches!(cell(other, right), Cell::All | Cell::Here);
            cell(*role, right) == Cell::Never && held().any(gives)
        })
    })
}

impl Right {
    fn is_about_a_case(self) -> bool {
        match self {
            Self::SeeCase | Self::SeeContext => true,
            Self::DecideCase | Self::DecideFinding | Self::DecideRequest => true,
            Self::Push | Self::DraftRule | Self::SeeAudit => false,
            Self::ManagePeople | Self::ManageConfig => false,
        }
    }
}

#[cfg(test)]
mod tests;
