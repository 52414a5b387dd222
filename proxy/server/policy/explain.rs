//! What the policy would do with a push, and which line of which file says so.

use exeat_inspect::LicenceTerm as Term;
use serde::Serialize;

use super::licences::Licences;
use super::{Decided, Decider, Deed, Facts, Push, Rulebook, Ruling, Source, Tier, decider};
use crate::config::Disposition;

/// What is found in the push that is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found<'a> {
    /// Of findings, the action that each asks for.
    pub findings: &'a [exeat_rules::Action],
    /// Content that a limit kept from being read.
    pub unscannable: bool,
    /// Content that nobody reads, which no file allows.
    pub opaque: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What would become of the push.
    pub verdict: Disposition,
    /// Whether it is refused before its pack is read.
    pub before_the_pack: bool,
    /// Every key with its value, and who set it.
    pub keys: Vec<Key>,
    /// What is asked of licences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<License>,
}

/// A table `[[license]]` that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct License {
    #[serde(rename = "license")]
    pub name: String,
    pub file: String,
    pub line: usize,
    /// Its keys, as they are written.
    pub says: Vec<(&'static str, String)>,
}

impl License {
    fn of(table: &Licences) -> Self {
        let says = &table.says;
        let list = |terms: &[Term]| {
            let terms: Vec<&str> = terms.iter().map(Term::written).collect();
            terms.join(", ")
        };
        let denied = (!says.deny_dependencies.is_empty()).then(|| list(&says.deny_dependencies));
        let keys = [
            ("accept", says.accept.as_deref().map(list)),
            (
                "accept_dependencies",
                says.accept_dependencies.as_deref().map(list),
            ),
            ("deny_dependencies", denied),
            ("headers", says.headers.map(|action| action.to_string())),
        ];
        let keys = keys.into_iter();
        Self {
            name: says.name.clone(),
            file: table.file.to_string(),
            line: table.line,
            says: keys
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
        }
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    pub key: &'static str,
    pub value: String,
    /// The policy rule; none is the table `[policy]`, or a default.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub by: Option<Decider>,
}

/// Explains the verdict on a push that holds what was `found`.
pub fn explain(
    push: Push<'_>,
    facts: &Facts<'_>,
    found: Found<'_>,
    book: &Rulebook,
) -> Explanation {
    let ruling = book.ruling(push, facts, found.unscannable || found.opaque);
    let early = Facts {
        pack_bytes: None,
        ..*facts
    };
    let tables = book.licence_tables(push, facts).into_iter();
    Explanation {
        verdict: verdict(&ruling, found),
        before_the_pack: book.denial(push, &early).is_some(),
        keys: keys(&ruling, book, facts.pusher.is_some()),
        licenses: tables.map(License::of).collect(),
    }
}

fn verdict(ruling: &Ruling, found: Found<'_>) -> Disposition {
    let asked = match ruling.deed.value {
        Deed::Deny => Disposition::Refuse,
        Deed::Review => Disposition::Hold,
        Deed::Scan | Deed::Allow => Disposition::Forward,
    };
    let findings = found.findings.iter();
    let findings = findings.map(|action| ruling.tier(Tier::of(*action)).value);
    let unread = [
        (found.unscannable, Tier::Unscannable),
        (found.opaque, Tier::Opaque),
    ];
    let unread = unread.into_iter().filter(|(is_found, _)| *is_found);
    let unread = unread.map(|(_, tier)| ruling.tier(tier).value);
    findings.chain(unread).fold(asked, Disposition::max)
}

fn keys(ruling: &Ruling, book: &Rulebook, is_known: bool) -> Vec<Key> {
    let key = |key, value: String, by: Option<Source>| Key {
        key,
        value,
        by: decider(book, by),
    };
    let mut keys = vec![key(
        "do",
        ruling.deed.value.word().to_owned(),
        ruling.deed.by,
    )];
    keys.extend(Tier::ALL.map(|tier| {
        let Decided { value, by } = ruling.tier(tier);
        key(tier.key(), value.word().to_owned(), *by)
    }));
    let approvers = &ruling.approvers;
    let asked = match is_known {
        true => approvers.value,
        // Whoever approves could be who pushed.
        false => approvers.value.max(1).saturating_add(1),
    };
    keys.push(key("approvers", asked.to_string(), approvers.by));
    let four_eyes = &ruling.four_eyes;
    keys.push(key("four_eyes", four_eyes.value.to_string(), four_eyes.by));
    for reviewers in &ruling.reviewers {
        keys.push(key("reviewers", reviewers.value.join(", "), reviewers.by));
    }
    for message in &ruling.messages {
        keys.push(key("message", message.value.clone(), message.by));
    }
    keys
}
