//! `[[license]]` of a policy file, read.

use std::sync::Arc;

use exeat_inspect::{Accepting, LicenceTerm};
use exeat_rules::Action;

use super::{Reading, Table};
use crate::config::quoted;
use crate::policy::licences::Licences;

/// Keys that name licences.
const LISTS: [&str; 3] = ["accept", "accept_dependencies", "deny_dependencies"];
const HEADERS: &str = "headers";
/// What may be made of new files without a header: it helps, and stops nothing.
const MADE_OF_HEADERS: [(&str, Action); 2] = [("warn", Action::Warn), ("note", Action::Note)];

impl Reading<'_> {
    /// Which licences a target accepts, if all of it is right.
    pub(super) fn licences_of(
        &mut self,
        file: &Arc<str>,
        number: usize,
        mut table: Table<'_, '_>,
    ) -> Option<Licences> {
        let line = table.line;
        let name = self.label(file, &mut table, "license", number);
        let target = self.target(file, &mut table);
        let [accept, accept_dependencies, deny_dependencies] =
            LISTS.map(|key| terms(&mut table, key));
        let headers = table.word(HEADERS, &MADE_OF_HEADERS);
        if !table.has_any(&LISTS) && !table.has_any(&[HEADERS]) {
            let text = "it says nothing: expected \"accept\" with SPDX identifiers, licences of dependencies, or \"headers\"";
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
                headers: headers.map(|word| word.value),
            },
        })
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
