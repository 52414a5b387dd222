//! Of whom `exeat policy explain` is asked: the groups that a person has.

use std::path::Path;

use exeat_gitwire::legible;

use crate::people::{Error, Register};
use crate::store::Records;

/// The groups of a pusher.
#[derive(Debug, Default)]
pub struct Who {
    pub groups: Vec<String>,
    /// What is doubtful about it, for the person who asks.
    pub warnings: Vec<String>,
}

impl Who {
    /// By the people in `data`, where that can be read, and the groups that are named besides.
    pub async fn of(user: &str, named: &[String], data: &Path) -> Self {
        let mut who = Self {
            groups: named.to_vec(),
            warnings: Vec::new(),
        };
        if let Err(error) = who.ask(user, named, data).await {
            who.warnings.push(format!(
                "the people in {} cannot be asked, so only the groups that are named count: {error:#}",
                legible::show(data.display().to_string().as_bytes())
            ));
        }
        who
    }

    async fn ask(&mut self, user: &str, named: &[String], data: &Path) -> anyhow::Result<()> {
        let register = Register::new(&Records::open(data).await?);
        let shown = legible::show(user.as_bytes());
        match register.person(user).await {
            Ok(person) => {
                if person.disabled {
                    let text = "is disabled: such a push is one of a stranger";
                    self.warnings.push(format!("{shown} {text}"));
                }
                for group in register.groups_of(&person.id).await? {
                    if !self.groups.contains(&group) {
                        self.groups.push(group);
                    }
                }
            }
            Err(Error::NoPerson(_)) => self.warnings.push(format!(
                "nobody is called {shown} here: such a push is one of a stranger (leave --user away)"
            )),
            Err(error) => return Err(error.into()),
        }
        for group in named {
            match register.group(group).await {
                Ok(_) => {}
                Err(Error::NoGroup(_)) => {
                    let group = legible::show(group.as_bytes());
                    self.warnings.push(format!("there is no group {group}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
