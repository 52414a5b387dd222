//! A push in the words of the policy: whereto, which refs, and what is known besides.

use std::collections::HashSet;

use exeat_gitwire::push_request::{Command, PushRequest};
use exeat_inspect::{Move, Report};

use super::{Order, past::Past, spool::PackSpool};
use crate::{
    door::Knock,
    identity::Known,
    policy::{Change, Facts, Push, Pusher, Update},
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

    /// The ref updates, with what the report shows of them.
    pub fn updates(&self, report: Option<&Report>) -> Vec<Update<'o>> {
        let shown = report.map_or(&[][..], |report| &report.forward);
        let shown: HashSet<&Move> = shown.iter().collect();
        let update = |command: &'o Command| Update {
            name: &command.name,
            change: change(command, &shown),
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

/// What is known of a push that has come to its end, to where `past` was looked up.
pub fn facts<'o>(order: &'o Order, past: Past, pack: Option<&PackSpool>) -> Facts<'o> {
    Facts {
        pack_bytes: Some(pack.map_or(0, PackSpool::length)),
        ..early_facts(order, past)
    }
}

/// What is known of a push whose head was read.
pub fn early_facts(order: &Order, past: Past) -> Facts<'_> {
    Facts {
        pusher: pusher(&order.known),
        first_push: past.first_push,
        new_project: past.new_project,
        pack_bytes: None,
    }
}

/// Who pushes, in the words of the policy.
pub fn pusher(known: &Known) -> Option<Pusher<'_>> {
    let person = known.person.as_ref()?;
    Some(Pusher {
        person: &person.name,
        groups: &known.groups,
    })
}

/// The moves of which it is open whether they go forward.
pub fn moves(request: &PushRequest) -> Vec<Move> {
    let open = request.commands.iter();
    let open = open.filter(|command| change(command, &HashSet::new()) == Change::Unknown);
    open.map(moved).collect()
}

fn moved(command: &Command) -> Move {
    Move {
        old: command.old,
        new: command.new,
    }
}

/// A tag is never moved forward: whoever has it keeps the old one.
fn change(command: &Command, forward: &HashSet<&Move>) -> Change {
    match command {
        command if command.is_create() => Change::Create,
        command if command.is_delete() => Change::Delete,
        command if command.old == command.new => Change::Forward,
        command if command.name.starts_with(b"refs/tags/") => Change::Forced,
        command if forward.contains(&moved(command)) => Change::Forward,
        _ => Change::Unknown,
    }
}
