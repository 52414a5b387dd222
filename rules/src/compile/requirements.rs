//! Which rules require which: ids into positions.

use std::collections::{HashMap, HashSet};

use super::{Error, Loaded, Requirement, rule_error};
use crate::RuleIndex;
use crate::format::Warning;
use crate::printable::printable;

/// What each composite rule requires.
pub(super) struct Requirements(HashMap<RuleIndex, Vec<Requirement>>);

impl Requirements {
    /// `known` are the ids that any file defines. A required rule that a file took out is not required any more: the
    /// composite rule then finds more, and a warning says so.
    pub(super) fn of(
        loaded: &[Loaded],
        known: &HashSet<String>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let ids = loaded.iter().enumerate();
        let ids: HashMap<&str, RuleIndex> = ids
            .map(|(index, each)| (each.text.rule.id.as_str(), index))
            .collect();
        let mut required = HashMap::new();
        for (index, Loaded { text, .. }) in loaded.iter().enumerate() {
            for (each, &line) in text.rule.required.iter().zip(&text.required_lines) {
                let part = ids.get(each.id.as_str()).copied();
                let wrong = match part.and_then(|part| loaded.get(part)) {
                    Some(part) if part.text.rule.regex.is_some() => None,
                    Some(_) => Some("has no regex"),
                    None if known.contains(&each.id) => {
                        warnings.push(Warning {
                            file: text.rule.origin.file.clone(),
                            line,
                            rule: Some(text.rule.id.clone()),
                            reason: format!(
                                "\"required\" is not honoured: rule {} is disabled",
                                printable(&each.id)
                            ),
                        });
                        continue;
                    }
                    None => Some("does not exist"),
                };
                if let Some(wrong) = wrong {
                    let reason = format!("required: rule \"{}\" {wrong}", printable(&each.id));
                    return Err(rule_error(&text.rule, line, reason));
                }
                let Some(part) = part else { continue };
                let of_rule: &mut Vec<Requirement> = required.entry(index).or_default();
                of_rule.push(Requirement {
                    part,
                    lines: each.within_lines,
                    columns: each.within_columns,
                });
            }
        }
        Ok(Self(required))
    }

    pub(super) fn of_rule(&self, rule: RuleIndex) -> Vec<Requirement> {
        self.0.get(&rule).cloned().unwrap_or_default()
    }

    /// Every required rule once, in order.
    pub(super) fn parts(&self) -> Vec<RuleIndex> {
        let mut parts: Vec<_> = self.0.values().flatten().map(|each| each.part).collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }
}
