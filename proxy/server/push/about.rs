//! A push in the words of the policy: whereto, which refs, and what is known besides.

use exeat_gitwire::push_request::Command;

use super::{Order, spool::PackSpool};
use crate::{
    door::Knock,
    policy::{Change, Facts, Push, Update},
};

/// What the policy is asked about, with what it borrows.
pub struct Asked<'o> {
    upstream: &'o str,
    repository: String,
    commands: &'o [Command],
}

impl<'o> Asked<'o> {
    /// The push of `order` to where `knock` leads.
    pub fn new(order: &'o Order, knock: &'o Knock) -> Self {
        Self {
            upstream: &knock.upstream.name,
            repository: knock.repository.comparable(knock.upstream.forge),
            commands: &order.request.commands,
        }
    }

    /// Any push to where `knock` leads.
    pub fn anything(knock: &'o Knock) -> Self {
        Self {
            upstream: &knock.upstream.name,
            repository: knock.repository.comparable(knock.upstream.forge),
            commands: &[],
        }
    }

    pub fn updates(&self) -> Vec<Update<'o>> {
        let update = |command: &'o Command| Update {
            name: &command.name,
            change: change(command),
        };
        self.commands.iter().map(update).collect()
    }

    pub fn push<'a>(&'a self, updates: &'a [Update<'a>]) -> Push<'a> {
        Push {
            upstream: self.upstream,
            repository: &self.repository,
            updates,
        }
    }
}

/// What is known of a push that has come to its end.
pub fn facts(pack: Option<&PackSpool>) -> Facts<'static> {
    Facts {
        pack_bytes: Some(pack.map_or(0, PackSpool::length)),
        ..Facts::default()
    }
}

/// A tag is never moved forward: whoever has it keeps the old one.
fn change(command: &Command) -> Change {
    match command {
        command if command.is_create() => Change::Create,
        command if command.is_delete() => Change::Delete,
        command if command.old == command.new => Change::Forward,
        command if command.name.starts_with(b"refs/tags/") => Change::Forced,
        _ => Change::Unknown,
    }
}
