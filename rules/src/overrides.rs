//! What an operator wants of a rule instead of what its file says.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Action, Confidence, RuleSet, Severity, validators};

/// Values of one rule; `None` leaves a value to the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Override {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

impl Override {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RuleSet {
    /// The same rules with these values, by the id of the rule. The digest covers them; without any the set is as before.
    /// What the file says stays known: [`Rule::overridden`](crate::Rule::overridden).
    ///
    /// # Errors
    /// With the ids that no rule of the set has, in order.
    pub fn with_overrides(
        mut self,
        overrides: &BTreeMap<String, Override>,
    ) -> Result<Self, Vec<String>> {
        if overrides.is_empty() {
            return Ok(self);
        }
        let is_known = |id: &String| self.rules.iter().any(|rule| rule.id == *id);
        let unknown: Vec<String> = overrides
            .keys()
            .filter(|id| !is_known(id))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        for rule in &mut self.rules {
            let Some(wanted) = overrides.get(&rule.id) else {
                continue;
            };
            let was = &mut rule.overridden;
            exchange(&mut rule.action, wanted.action, &mut was.action);
            exchange(&mut rule.severity, wanted.severity, &mut was.severity);
            exchange(&mut rule.confidence, wanted.confidence, &mut was.confidence);
        }
        self.digest = digest(&self.digest, overrides);
        Ok(self)
    }
}

impl RuleSet {
    /// The same rules without enforcing vendors' checksums: what has a token's form is found whether or not its checksum holds, as in
    /// texts whose tokens were altered to publish them. The digest says so.
    pub fn without_checksums(mut self) -> Self {
        let rules = self.rules.iter_mut().zip(&mut self.matchers);
        for (rule, matcher) in rules {
            let named = rule.validator.as_deref().and_then(validators::find);
            if named.is_some_and(|validator| validator.is_checksum) {
                rule.validator = None;
                matcher.validator = None;
            }
        }
        let digest = Sha256::new_with_prefix(&self.digest).chain_update("\nchecksums off");
        self.digest = hex::encode(digest.finalize());
        self
    }
}

/// Puts `wanted` into `value`; `was` keeps what the file said.
fn exchange<T: Copy>(value: &mut T, wanted: Option<T>, was: &mut Option<T>) {
    if let Some(wanted) = wanted {
        was.get_or_insert(*value);
        *value = wanted;
    }
}

/// Over the digest of the files and a line a value. No id holds a blank or a line feed, so no two sets give the same lines.
fn digest(files: &str, overrides: &BTreeMap<String, Override>) -> String {
    let mut hash = Sha256::new();
    hash.update(files);
    for (id, wanted) in overrides {
        let words = [
            ("action", wanted.action.map(Action::as_str)),
            ("severity", wanted.severity.map(Severity::as_str)),
            ("confidence", wanted.confidence.map(Confidence::as_str)),
        ];
        for (name, word) in words {
            if let Some(word) = word {
                hash.update(format!("\n{id} {name} {word}"));
            }
        }
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn set() -> RuleSet {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='a'\nregex='x'\naction='review'\n[[rules]]\nid='b'\nregex='y'\n"
                .into(),
        };
        RuleSet::compile(&[source]).unwrap().rules
    }

    fn wanted(each: &[(&str, Override)]) -> BTreeMap<String, Override> {
        each.iter()
            .map(|(id, wanted)| ((*id).to_owned(), *wanted))
            .collect()
    }

    const NOTE: Override = Override {
        action: Some(Action::Note),
        severity: None,
        confidence: None,
    };

    #[test]
    fn only_what_is_named_changes_and_the_file_stays_known() {
        let set = set().with_overrides(&wanted(&[("a", NOTE)])).unwrap();
        let (a, b) = (set.rule(0), set.rule(1));
        assert_eq!(
            (a.action, a.overridden.action),
            (Action::Note, Some(Action::Review))
        );
        assert_eq!((a.severity, a.overridden.severity), (Severity::High, None));
        assert_eq!(
            (b.action, b.overridden),
            (Action::Block, Override::default())
        );
        // The file's word, not that of an override before.
        let block = Override {
            action: Some(Action::Block),
            ..NOTE
        };
        let again = set.with_overrides(&wanted(&[("a", block)])).unwrap();
        assert_eq!(again.rule(0).overridden.action, Some(Action::Review));
    }

    #[test]
    fn the_digest_covers_every_value() {
        let low = Override {
            severity: Some(Severity::Low),
            ..Override::default()
        };
        let sure = Override {
            confidence: Some(Confidence::Low),
            ..Override::default()
        };
        let digest = |each: &[(&str, Override)]| {
            set()
                .with_overrides(&wanted(each))
                .unwrap()
                .digest()
                .to_owned()
        };
        assert_eq!(digest(&[]), set().digest());
        let all = [
            digest(&[]),
            digest(&[("a", NOTE)]),
            digest(&[("b", NOTE)]),
            digest(&[("a", low)]),
            digest(&[("a", sure)]),
            digest(&[("a", NOTE), ("b", NOTE)]),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert_eq!(digest(&[("a", NOTE)]), all[1]);
    }

    #[test]
    fn ids_that_no_rule_has_are_told() {
        let error = set().with_overrides(&wanted(&[("c", NOTE), ("a", NOTE), ("B", NOTE)]));
        assert_eq!(error.unwrap_err(), ["B", "c"]);
    }

    #[test]
    fn checksums_can_be_left_unasked() {
        let set = || RuleSet::compile(&crate::builtin()).unwrap().rules;
        let token = format!("ghp_{}", "0aB3dE6gH9jK".repeat(3));
        let finds = |set: &RuleSet| {
            let mut found = Vec::new();
            let _ = set.scan(token.as_bytes(), &mut crate::Scratch::new(set), &mut found);
            let ids = found.iter().map(|found| set.rule(found.rule).id.as_str());
            ids.filter(|id| *id == "github-pat-classic").count()
        };
        let (enforced, left) = (set(), set().without_checksums());
        assert_eq!((finds(&enforced), finds(&left)), (0, 1));
        assert_ne!(enforced.digest(), left.digest());
    }
}
