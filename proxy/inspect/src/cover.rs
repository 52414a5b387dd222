//! What somebody has to cover who waives a finding: every rule that finds the secret, at every path where it does.

use std::collections::HashMap;

use exeat_rules::{RuleIndex, RuleSet};
use serde::{Deserialize, Serialize};

use crate::{
    finding::Part,
    fingerprint::{Fingerprint, FingerprintKey},
    surroundings::Surroundings,
};

/// Covers of one finding; one that needs more cannot be waived.
const MOST: usize = 64;
/// What the covers of one push may hold, in bytes. Findings beyond it cannot be waived.
const ROOM: usize = 1 << 20;
/// What one holds besides its path.
const OWN_BYTES: usize = 256;

/// One rule that finds one secret in its surroundings at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// Keyed hash, hex, over the version of the rule, part, path, fingerprint and surroundings: two with the same are the same.
    pub key: String,
    /// Id of the rule.
    pub rule: String,
    /// Of the rule, as [`RuleSet::version`] tells it.
    pub version: String,
    /// The path as it may be shown.
    pub path: String,
}

/// What a cover is of.
pub(crate) struct Covered {
    pub rule: RuleIndex,
    pub part: Part,
    /// As it is.
    pub path: Vec<u8>,
    /// As it may be shown.
    pub shown: String,
    pub fingerprint: Fingerprint,
    pub surroundings: Surroundings,
}

/// Makes covers, as many as there is room for.
pub(crate) struct Coverer<'a> {
    rules: &'a RuleSet,
    key: &'a FingerprintKey,
    named: HashMap<RuleIndex, (String, String)>,
    room: usize,
}

impl<'a> Coverer<'a> {
    pub fn new(rules: &'a RuleSet, key: &'a FingerprintKey) -> Self {
        Self {
            rules,
            key,
            named: HashMap::new(),
            room: ROOM,
        }
    }

    /// All of them, or none where they are too many.
    pub fn cover(&mut self, all: &[Covered]) -> Vec<Cover> {
        let bytes = all.iter().map(|each| OWN_BYTES + each.shown.len()).sum();
        match self.room.checked_sub(bytes) {
            Some(left) if all.len() <= MOST => {
                self.room = left;
                all.iter().map(|each| self.one(each)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn one(&mut self, covered: &Covered) -> Cover {
        let rules = self.rules;
        let (rule, version) = self.named.entry(covered.rule).or_insert_with(|| {
            let id = &rules.rule(covered.rule).id;
            (id.clone(), rules.version(covered.rule))
        });
        // Only the path has no length of its own, so it stands last.
        let mut bound = format!(
            "{version} {:?} {} {} ",
            covered.part, covered.fingerprint, covered.surroundings
        )
        .into_bytes();
        bound.extend_from_slice(&covered.path);
        Cover {
            key: self.key.keyed_hash("exeat-cover", &bound),
            rule: rule.clone(),
            version: version.clone(),
            path: covered.shown.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use exeat_rules::Source;

    use super::*;

    fn rules(text: &str) -> RuleSet {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        RuleSet::compile(&[source]).unwrap().rules
    }

    const TWO: &str = "[[rules]]\nid='a'\nregex='x'\n[[rules]]\nid='b'\nregex='x'\n";

    fn covered(key: &FingerprintKey, text: &str) -> Covered {
        Covered {
            rule: 0,
            part: Part::File,
            path: b"a/b".to_vec(),
            shown: "a/b".into(),
            fingerprint: key.fingerprint("a", b"x"),
            surroundings: Surroundings::of(text.as_bytes(), &(0..1)),
        }
    }

    #[test]
    fn everything_bound_changes_the_key() {
        let (set, key) = (rules(TWO), FingerprintKey::new([1; 32]));
        let of = |set: &RuleSet, key: &FingerprintKey, covered: Covered| {
            let mut made = Coverer::new(set, key).cover(&[covered]);
            made.pop().unwrap().key
        };
        let plain = || covered(&key, "x=1");
        let one = of(&set, &key, plain());
        assert_eq!(one.len(), 32);
        assert_eq!(one, of(&set, &key, plain()));
        // How the path is shown says nothing of where it is.
        let shown = "other".to_owned();
        assert_eq!(one, of(&set, &key, Covered { shown, ..plain() }));
        let edited = rules(&TWO.replace("id='a'\n", "id='a'\nentropy=1.0\n"));
        assert_ne!(one, of(&edited, &key, plain()));
        assert_ne!(one, of(&set, &FingerprintKey::new([2; 32]), plain()));
        let others = [
            Covered { rule: 1, ..plain() },
            Covered {
                part: Part::FileName,
                ..plain()
            },
            Covered {
                path: b"a/c".to_vec(),
                ..plain()
            },
            Covered {
                fingerprint: key.fingerprint("a", b"y"),
                ..plain()
            },
            covered(&key, "x=2"),
        ];
        for other in others {
            assert_ne!(one, of(&set, &key, other));
        }
    }

    #[test]
    fn there_is_an_end() {
        let (set, key) = (rules(TWO), FingerprintKey::new([1; 32]));
        let mut coverer = Coverer::new(&set, &key);
        let many: Vec<_> = (0..MOST).map(|_| covered(&key, "x")).collect();
        assert_eq!(coverer.cover(&many).len(), MOST);
        let more: Vec<_> = (0..=MOST).map(|_| covered(&key, "x")).collect();
        assert!(coverer.cover(&more).is_empty());
        let mut made = MOST;
        while !coverer.cover(&many).is_empty() {
            made += MOST;
        }
        assert!(made * OWN_BYTES <= ROOM, "{made}");
    }
}
