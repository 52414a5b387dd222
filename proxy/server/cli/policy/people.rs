//! Names of people in policy files, held against who there is: a group that nobody can speak for holds pushes for ever.

use std::collections::{HashMap, HashSet};

use crate::config::Config;
use crate::people::{
    Register,
    rights::{Powers, Right},
};
use crate::policy::{Rule, Rulebook, file::Problem};
use crate::store::{self, Records};

/// What is said of names in the policy files by the database of the configuration; nothing where there is none yet.
///
/// # Errors
/// When there is a database that cannot be read.
pub async fn warnings(config: &Config, book: &Rulebook) -> anyhow::Result<Vec<Problem>> {
    if book.rules().iter().all(names_nobody) {
        return Ok(Vec::new());
    }
    let records = match Records::open(&config.data.directory).await {
        Err(store::Error::Absent(_)) => return Ok(Vec::new()),
        opened => opened?,
    };
    let known = Known::read(&Register::new(&records)).await?;
    records.close().await;
    Ok(book
        .rules()
        .iter()
        .flat_map(|rule| known.of(rule))
        .collect())
}

fn names_nobody(rule: &Rule) -> bool {
    rule.then.reviewers.is_none() && rule.when.group.is_none() && rule.when.person.is_none()
}

/// Who there is.
struct Known {
    persons: HashSet<String>,
    /// Those who may decide on pushes somewhere.
    deciders: HashSet<String>,
    /// Names of members, by group.
    groups: HashMap<String, Vec<String>>,
}

impl Known {
    async fn read(register: &Register) -> anyhow::Result<Self> {
        let persons = register.all_persons().await?;
        let decides =
            |person: &&crate::people::Person| Powers::of(person).may_somewhere(Right::DecideCase);
        let deciders = persons.iter().filter(decides);
        let groups = register.all_groups().await?.into_iter();
        Ok(Self {
            deciders: deciders.map(|person| person.name.clone()).collect(),
            persons: persons.into_iter().map(|person| person.name).collect(),
            groups: groups.map(|group| (group.name, group.members)).collect(),
        })
    }

    fn of(&self, rule: &Rule) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut warn = |key: &str, line: usize, text: String| {
            problems.push(Problem {
                file: rule.file.clone(),
                line,
                rule: format!("rule {}", rule.name),
                key: key.to_owned(),
                text,
            });
        };
        for name in rule.when.group.iter().flatten() {
            if !self.groups.contains_key(name) {
                warn("group", rule.line, format!("there is no group {name}"));
            }
        }
        for name in rule.when.person.iter().flatten() {
            if !self.persons.contains(name) {
                warn("person", rule.line, format!("there is no person {name}"));
            }
        }
        if let Some(asked) = &rule.then.reviewers {
            for name in &asked.value {
                match self.groups.get(name) {
                    None => warn("reviewers", asked.line, format!("there is no group {name}")),
                    Some(members) if members.is_empty() => {
                        warn(
                            "reviewers",
                            asked.line,
                            format!("nobody is in the group {name}"),
                        );
                    }
                    Some(_) => {}
                }
            }
            let members = asked.value.iter().filter_map(|name| self.groups.get(name));
            let members: Vec<&String> = members.flatten().collect();
            if !members.is_empty() && !members.iter().any(|name| self.deciders.contains(*name)) {
                let text = format!(
                    "nobody of {} may decide on a push: it takes the role reviewer for the repository (exeat user role)",
                    asked.value.join(" or ")
                );
                warn("reviewers", asked.line, text);
            }
        }
        problems
    }
}
