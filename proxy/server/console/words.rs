//! Words of people, looked at before they are kept: what a rule takes for a secret is not written down a second time.

use std::sync::Arc;

use exeat_rules::{Action, RuleSet, Scratch, Site, Standing};
use http::StatusCode;

use super::problem::Problem;
use crate::review::WORDS;

/// The rules in force, as they read words.
#[derive(Clone)]
pub struct Words(Arc<RuleSet>);

impl Words {
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self(rules)
    }

    /// # Errors
    /// When they are too long, hold control characters, or a rule finds something in them.
    pub(super) fn check(&self, words: &str) -> Result<(), Problem> {
        let length = words.chars().count();
        if length > WORDS {
            return Err(Problem::bad(format!(
                "at most {WORDS} characters are kept; these are {length}"
            )));
        }
        self.check_text(words)
    }

    /// The same for a text of any length.
    ///
    /// # Errors
    /// As `check`.
    pub(super) fn check_text(&self, words: &str) -> Result<(), Problem> {
        let strange =
            |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if words.chars().any(strange) {
            return Err(Problem::bad("words hold no control characters"));
        }
        match self.finding(words) {
            None => Ok(()),
            Some(rule) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "secret",
                "The words hold a secret",
                format!(
                    "The rule {rule} finds something in your words. Nothing of them was kept: say it without."
                ),
            )),
        }
    }

    /// The rule that finds something worth a word.
    fn finding(&self, words: &str) -> Option<String> {
        let rules = &self.0;
        let mut matches = Vec::new();
        let scan = rules.scan(words.as_bytes(), &mut Scratch::new(rules), &mut matches);
        if scan.truncated {
            return Some("(too many matches)".to_owned());
        }
        let stands = matches.iter().find_map(|found| {
            let rule = rules.rules().get(found.rule)?;
            let counts = match rules.standing(found, &Site::default()) {
                Standing::Stands | Standing::Hidden(_) => {
                    rule.action != Action::Note && !rule.skip_report
                }
                Standing::OutOfPath | Standing::Allowed => false,
            };
            counts.then(|| rule.id.clone())
        });
        stands.map(|id| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_kept_in_words() {
        let compiled = RuleSet::compile(&exeat_rules::builtin()).unwrap();
        let words = Words::new(Arc::new(compiled.rules));
        assert!(
            words
                .check("It is the key of the test bed.\nLet it go.")
                .is_ok()
        );
        let letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5";
        let sum = exeat_rules::validators::base62_checksum(letters.as_bytes());
        let sum: String = sum.into_iter().map(char::from).collect();
        let token = format!("ghp{}{letters}{sum}", '_');
        let problem = words.check(&format!("Is it {token}?")).unwrap_err();
        assert!(!problem.detail.contains(&token), "{problem:?}");
        assert!(words.check(&"ä".repeat(500)).is_ok());
        assert_eq!(words.check(&"ä".repeat(501)).unwrap_err().status, 400);
        assert_eq!(words.check("a\u{1b}[2J").unwrap_err().status, 400);
    }
}
