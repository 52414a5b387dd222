//! What a rule of the policy means, as one hash: so that an approval is told from one under another rule of the same name.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Event;
use super::condition::Conditions;
use super::rulebook::Rule;

/// The version of the form that is hashed.
const FORM: u32 = 1;

/// When the rule holds and what it tells people. Its other keys are compared as values where they decide: what they make of
/// a push is judged anew, and only more than before counts against an approval. Neither file nor line is part of it.
#[derive(Serialize)]
struct Meaning<'a> {
    form: u32,
    name: &'a str,
    upstream: Option<Vec<&'a str>>,
    repository: Option<Vec<&'a str>>,
    reference: Option<Vec<&'a str>>,
    group: Option<Vec<&'a str>>,
    person: Option<Vec<&'a str>>,
    larger_than: Option<u64>,
    event: Option<Vec<Event>>,
    message: Option<&'a str>,
}

impl Rule {
    /// Hex SHA-256 over its name, its conditions and its message, as canonical JSON. The order in lists does not count.
    pub fn meaning(&self) -> String {
        let Conditions {
            upstream,
            repository,
            reference,
            group,
            person,
            larger_than,
            event,
        } = &self.when;
        let event = event.as_ref().map(|events| {
            let mut events = events.clone();
            events.sort();
            events.dedup();
            events
        });
        let message = self.then.message.as_ref();
        let meaning = Meaning {
            form: FORM,
            name: &self.name,
            upstream: sorted(upstream.as_deref()),
            repository: sorted(repository.as_ref().map(|globs| globs.patterns())),
            reference: sorted(reference.as_ref().map(|globs| globs.patterns())),
            group: sorted(group.as_deref()),
            person: sorted(person.as_deref()),
            larger_than: *larger_than,
            event,
            message: message.map(|line| line.value.as_str()),
        };
        let text = serde_json::to_vec(&meaning)
            .expect("because strings, numbers and lists always serialise");
        hex::encode(Sha256::digest(text))
    }
}

fn sorted(names: Option<&[String]>) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = names?.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::policy::file::{Text, read};

    fn meaning(text: &str) -> String {
        let text = Text {
            name: "policy.toml".into(),
            text: text.into(),
        };
        let config = Config::defaults().unwrap();
        let (book, _) = read(&[text], &config).unwrap();
        book.rules()[0].meaning()
    }

    #[test]
    fn it_is_what_the_rule_says_and_not_where_or_in_which_order() {
        let rule = "[[rule]]\nname = \"r\"\nref = [\"refs/heads/a\", \"refs/heads/b\"]\n\
                    event = [\"delete\", \"new-tag\"]\ndo = \"review\"\nmessage = \"m\"\n";
        let one = meaning(rule);
        for same in [
            format!("# a word\n\n\n{rule}"),
            "[[rule]]\nname = \"r\"\ndo = \"review\" # why\nmessage = \"m\"\n\
             event = [\"new-tag\", \"delete\"]\nref = [\"refs/heads/b\", \"refs/heads/a\"]\n"
                .into(),
            // Compared where it decides.
            format!("{rule}approvers = 2\n"),
        ] {
            assert_eq!(one, meaning(&same), "{same}");
        }
        for (old, new) in [
            ("\"r\"", "\"s\""),
            ("refs/heads/a", "refs/heads/*"),
            (", \"new-tag\"", ""),
            ("\"m\"", "\"n\""),
            ("message = \"m\"\n", ""),
            ("message", "larger_than = 5\nmessage"),
            ("message", "group = \"staff\"\nmessage"),
            ("message", "person = \"staff\"\nmessage"),
            ("message", "upstream = \"forge\"\nmessage"),
            ("message", "repository = \"org/*\"\nmessage"),
        ] {
            let changed = rule.replace(old, new);
            assert_ne!(one, meaning(&changed), "{changed}");
        }
    }
}
