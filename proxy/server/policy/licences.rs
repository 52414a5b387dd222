//! Which licences a target accepts: `[[license]]` of policy files.

use std::sync::Arc;

use exeat_inspect::{Accepted, Accepting};

use super::condition::Conditions;
use super::{Facts, Push, Rulebook};

/// One `[[license]]` of a policy file.
#[derive(Debug, Clone)]
pub struct Licences {
    pub file: Arc<str>,
    /// Of its `[[license]]`, counted from 1.
    pub line: usize,
    /// Where the push goes to.
    pub target: Conditions,
    /// With its name, which is unique in all files, among those of rules too.
    pub says: Accepting,
}

impl Rulebook {
    /// What is asked of licences in this push, if anything is.
    pub fn licences(&self, push: Push<'_>, facts: &Facts<'_>) -> Option<Arc<Accepted>> {
        let said = self.licence_tables(push, facts).into_iter();
        let said: Vec<Accepting> = said.map(|table| table.says.clone()).collect();
        (!said.is_empty()).then(|| Arc::new(Accepted(said)))
    }

    /// The table that counts in this push: the first that holds. Of a wiki it is not known whether the name of its project means it; there
    /// everything counts up to the first that holds for certain.
    pub(super) fn licence_tables(&self, push: Push<'_>, facts: &Facts<'_>) -> Vec<&Licences> {
        let general = self.general(push, facts, None);
        let mut tables = Vec::new();
        for table in &self.licences {
            let holds = table.target.of_push(&general);
            if holds != Some(false) {
                tables.push(table);
            }
            if holds == Some(true) {
                break;
            }
        }
        tables
    }

    /// Why the tables that name licences come to nothing under these rules, if they do.
    ///
    /// # Errors
    /// With the first of them, and what to do.
    pub fn needs_rules(&self, rules: &exeat_rules::RuleSet) -> anyhow::Result<()> {
        let mut tables = self.licences.iter();
        match tables.find(|table| table.says.refuses()) {
            Some(table) if !rules.says_licenses() => anyhow::bail!(
                "{}:{}: license {}: no rule says licences; add packs = [\"licenses\"] to [rules] of the configuration",
                table.file,
                table.line,
                table.says.name
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::policy::file::{Error, Text, read, read_with};
    use crate::policy::{Facts, Push};

    const POLICY: &str = "[[license]]\nname = \"one\"\nrepository = \"org/o*\"\naccept = \"MIT\"\n\
        [[license]]\nname = \"rest\"\naccept = [\"Apache-2.0\", \"MIT\"]\n";

    fn text() -> Text {
        Text {
            name: "policy.toml".into(),
            text: POLICY.into(),
        }
    }

    #[test]
    fn the_first_table_that_holds_decides_and_of_a_wiki_all_that_may() {
        let (book, _) = read(&[text()], &Config::defaults().unwrap()).unwrap();
        let names = |repository: &str| {
            let push = Push {
                upstream: "forge",
                repository,
                updates: &[],
            };
            let said = book.licences(push, &Facts::default()).unwrap();
            let names = said.0.iter().map(|table| table.name.clone());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("org/one"), ["one"]);
        assert_eq!(names("org/two"), ["rest"]);
        assert_eq!(names("org/one.wiki"), ["one", "rest"]);
    }

    #[test]
    fn a_draft_accepts_nothing() {
        let config = Config::defaults().unwrap();
        let Err(Error(problems)) = read_with(&[text()], &[], &config) else {
            panic!("it is taken");
        };
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let told = told.join("\n");
        assert!(told.contains("license one: a draft cannot say"), "{told}");
    }
}
