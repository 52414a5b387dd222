//! Which version of a rule it is: a hash over all that decides what it finds and how much is made of it.

use sha2::{Digest, Sha256};

use crate::{
    Rule, RuleIndex, RuleSet,
    format::{AllowlistText, Located, Target},
};

/// Hash of what a rule excepts itself: its own allowlists and expressions. What the file says for all its rules does not count.
pub(crate) type Exceptions = [u8; 32];

impl RuleSet {
    /// Hexadecimal SHA-256 of the rule as it is in force, with what is overridden, and of the rules that it requires. Where the rule stands,
    /// what it says of itself, its examples and its remedy do not count.
    ///
    /// # Panics
    /// If `index` is not of this set.
    pub fn version(&self, index: RuleIndex) -> String {
        let mut hash = Sha256::new();
        hash.update(self.own_version(index));
        for required in &self.rules[index].required {
            if let Some(at) = self.rules.iter().position(|rule| rule.id == required.id) {
                hash.update(self.own_version(at));
            }
        }
        hex::encode(hash.finalize())
    }

    /// The version of the rule of this id.
    pub fn version_of(&self, id: &str) -> Option<String> {
        let index = self.rules.iter().position(|rule| rule.id == id)?;
        Some(self.version(index))
    }

    fn own_version(&self, index: RuleIndex) -> [u8; 32] {
        let mut hash = Sha256::new();
        let Rule {
            id,
            action,
            severity,
            confidence,
            keywords,
            regex,
            path,
            secret_group,
            entropy,
            validator,
            judge,
            dictionary,
            block_from,
            review_from,
            note_from,
            skip_report,
            required,
            head,
            at_least,
            license,
            ..
        } = &self.rules[index];
        let text = serde_json::to_vec(&(
            (id, action, severity, confidence, keywords, regex, path),
            (secret_group, entropy, validator, skip_report, required),
            (judge, block_from, review_from, note_from, dictionary),
        ));
        hash.update(text.expect("because words and numbers always serialise"));
        if head.is_some() || at_least.is_some() {
            hash.update(format!("{head:?} {at_least:?}"));
        }
        if let Some(license) = license {
            hash.update(license.as_str());
        }
        hash.update(self.exceptions.get(index).unwrap_or(&[0; 32]));
        hash.finalize().into()
    }
}

/// Of the allowlists and expressions of one rule, wherever in the file they stand.
pub(crate) fn exceptions(
    lists: &[AllowlistText],
    expressions: [Option<&Located<String>>; 2],
) -> Exceptions {
    let values = |texts: &[Located<String>]| -> Vec<String> {
        texts.iter().map(|text| text.value.clone()).collect()
    };
    let lists: Vec<_> = lists
        .iter()
        .map(|list| {
            let target = match list.target {
                Target::Secret => 0,
                Target::Match => 1,
                Target::Line => 2,
            };
            (
                (list.all, target, list.imported),
                (&list.commits, &list.stopwords),
                (values(&list.paths), values(&list.regexes)),
            )
        })
        .collect();
    let expressions = expressions.map(|text| text.map(|text| &text.value));
    let text = serde_json::to_vec(&(lists, expressions));
    Sha256::digest(text.expect("because words and numbers always serialise")).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Action, Override, Source};

    const RULE: &str = "[[rules]]\nid='a'\nregex='key_[0-9]{4}'\nkeywords=['key_']\nentropy=1.0\n\
        description='d'\n[[rules.allowlists]]\nregexes=['key_0000']\nstopwords=['x']\n";

    fn set(text: &str) -> RuleSet {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        RuleSet::compile(&[source]).unwrap().rules
    }

    #[test]
    fn what_decides_counts_and_nothing_else() {
        let one = set(RULE).version(0);
        assert_eq!(one.len(), 64);
        let same = [
            RULE.replace("description='d'", "description='other'"),
            format!("# moved\n\n{RULE}"),
            format!("{RULE}[[rules]]\nid='b'\nregex='x'\n"),
            RULE.replace(
                "entropy=1.0\n",
                "entropy=1.0\nimpact='i'\nremedy='r'\nfalse_positives='f'\nexamples=['key_1234']\n",
            ),
        ];
        for text in same {
            assert_eq!(set(&text).version_of("a"), Some(one.clone()), "{text}");
        }
        let others = [
            RULE.replace("{4}", "{5}"),
            RULE.replace("['key_']", "['key']"),
            RULE.replace("1.0", "1.5"),
            RULE.replace("key_0000", "key_0001"),
            RULE.replace("['x']", "['y']"),
            RULE.replace("id='a'", "id='b'"),
            RULE.replace("entropy=1.0\n", "entropy=1.0\naction='warn'\n"),
            RULE.replace("entropy=1.0\n", "entropy=1.0\npath='x'\n"),
            RULE.replace("entropy=1.0\n", "entropy=1.0\nseverity='low'\n"),
            RULE.replace("entropy=1.0\n", "entropy=1.0\nhead=5\n"),
            RULE.replace("entropy=1.0\n", "entropy=1.0\natLeast=5\n"),
        ];
        for text in others {
            assert_ne!(set(&text).version(0), one, "{text}");
        }
        assert_eq!(set(RULE).version_of("b"), None);
    }

    #[test]
    fn overrides_and_required_rules_count() {
        let one = set(RULE).version(0);
        let wanted = Override {
            action: Some(Action::Warn),
            ..Override::default()
        };
        let overrides = BTreeMap::from([("a".to_owned(), wanted)]);
        let lowered = set(RULE).with_overrides(&overrides).unwrap();
        assert_ne!(lowered.version(0), one);
        let two = |other: &str| {
            let text = format!(
                "[[rules]]\nid='a'\nregex='key'\n[[rules.required]]\nid='b'\n\
                 [[rules]]\nid='b'\nregex='{other}'\n"
            );
            set(&text).version_of("a")
        };
        assert_ne!(two("x"), two("y"));
    }
}
