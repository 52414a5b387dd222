//! `[[license]]` of a policy file, read.

use std::sync::Arc;

use exeat_inspect::{Accepting, LicenceTerm};

use super::{Problem, Reading, Table, patterns, values};
use crate::config::quoted;
use crate::policy::condition::{Conditions, RepositoryGlobs};
use crate::policy::licences::Licences;

/// Keys of which one is there.
const LISTS: [&str; 3] = ["accept", "accept_dependencies", "deny_dependencies"];

impl Reading<'_> {
    /// Which licences a target accepts, if all of it is right.
    pub(super) fn licences_of(
        &mut self,
        file: &Arc<str>,
        number: usize,
        mut table: Table<'_, '_>,
    ) -> Option<Licences> {
        table.label = format!("license {number}");
        let line = table.line;
        let name = self.one_name(file, &mut table);
        if let Some(name) = &name {
            table.label = format!("license {name}");
        }
        let upstream = table.names("upstream");
        for name in upstream.iter().flatten() {
            self.known_upstream(file, &table, name);
        }
        let target = Conditions {
            upstream: upstream.map(values),
            repository: patterns(&mut table, "repository", RepositoryGlobs::new),
            ..Conditions::default()
        };
        let [accept, accept_dependencies, deny_dependencies] =
            LISTS.map(|key| terms(&mut table, key));
        if !table.has_any(&LISTS) {
            let text = "it says nothing: expected \"accept\" with SPDX identifiers, or licences of dependencies";
            table.refuse("", line, text.to_owned());
        }
        table.finish();
        Some(Licences {
            file: Arc::clone(file),
            line,
            target,
            says: Accepting {
                name: name?,
                accept,
                accept_dependencies,
                deny_dependencies: deny_dependencies.unwrap_or_default(),
            },
        })
    }

    /// What a draft says stands before the files, and could accept more than they do.
    pub(super) fn refuse_licences(&mut self) {
        for said in std::mem::take(&mut self.licences) {
            self.problems.push(Problem {
                file: said.file,
                line: said.line,
                rule: format!("license {}", said.says.name),
                key: String::new(),
                text:
                    "a draft cannot say which licences are accepted; it belongs into a policy file"
                        .to_owned(),
            });
        }
    }
}

/// Licences by their SPDX identifiers.
fn terms(table: &mut Table<'_, '_>, key: &'static str) -> Option<Vec<LicenceTerm>> {
    let names = table.names(key)?;
    let mut terms = Vec::new();
    for name in &names {
        match LicenceTerm::parse(&name.value) {
            Ok(term) => terms.push(term),
            Err(expected) => {
                let text = format!("expected {expected}, found {}", quoted(&name.value));
                table.refuse(key, name.line, text);
            }
        }
    }
    Some(terms)
}
