//! The few words that requests carry beside pushes, searched before they go on: names of repositories, and what a fetch asks for.

use std::sync::{Arc, Mutex, MutexGuard};

use exeat_rules::{Action, RuleSet, Scratch, Site, Standing};

/// The rules in force, for words that nobody can hold for a review: what should be looked at by a person stays here.
#[derive(Clone)]
pub struct Searched {
    rules: Arc<RuleSet>,
    /// Of all requests: making one takes longer than the words of most.
    scratch: Arc<Mutex<Scratch>>,
}

/// Bytes of the caches that are kept from request to request.
const HELD: usize = 4 << 20;

impl Searched {
    pub fn new(rules: Arc<RuleSet>) -> Self {
        let scratch = Scratch::new(&rules).holding(HELD);
        Self {
            rules,
            scratch: Arc::new(Mutex::new(scratch)),
        }
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.scratch.lock().unwrap_or_else(|poisoned| {
            // What a search that panicked left there is nothing to build on.
            let mut scratch = poisoned.into_inner();
            *scratch = Scratch::new(&self.rules).holding(HELD);
            self.scratch.clear_poison();
            scratch
        })
    }

    /// The rule that finds something in these lines, or in one segment of a name in them.
    pub fn finds(&self, words: &[u8]) -> Option<String> {
        if words.is_empty() {
            return None;
        }
        let apart: Vec<u8> = words
            .iter()
            .map(|&byte| if byte == b'/' { b'\n' } else { byte })
            .collect();
        self.finds_in(words)
            .or_else(|| (apart != words).then(|| self.finds_in(&apart))?)
    }

    fn finds_in(&self, text: &[u8]) -> Option<String> {
        let rules = &self.rules;
        let mut matches = Vec::new();
        let scan = rules.scan(text, &mut self.scratch(), &mut matches);
        if scan.truncated {
            return Some("(too many matches)".to_owned());
        }
        let counts = |found: &&exeat_rules::Match| {
            let stands = match rules.standing(found, &Site::default()) {
                Standing::Stands | Standing::Hidden(_) => true,
                Standing::OutOfPath | Standing::Allowed => false,
            };
            stands && rules.action(found) >= Action::Review
        };
        let found = matches.iter().find(counts)?;
        Some(rules.rule(found.rule).id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_22_words_are_searched_whole_and_in_their_segments() {
        let source = exeat_rules::Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='key'\nregex='''(?m)^key_[0-9]{4}$'''\nkeywords=['key_']\naction='block'\n\
                   [[rules]]\nid='worth-a-word'\nregex='''word_[0-9]'''\nkeywords=['word_']\naction='warn'\n"
                .into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let searched = Searched::new(Arc::new(rules));
        assert_eq!(searched.finds(b"refs/heads/main\nHEAD"), None);
        assert_eq!(searched.finds(b""), None);
        assert_eq!(searched.finds(b"word_1"), None);
        for words in ["key_1234", "x\nkey_1234", "refs/heads/key_1234/x"] {
            assert_eq!(
                searched.finds(words.as_bytes()).as_deref(),
                Some("key"),
                "{words}"
            );
        }
        // A search that panicked ends none of the later ones.
        let other = searched.clone();
        let panicked = std::thread::spawn(move || {
            let _held = other.scratch();
            panic!("a panic made by a test");
        });
        assert!(panicked.join().is_err());
        assert!(searched.scratch.is_poisoned());
        assert_eq!(searched.finds(b"key_1234").as_deref(), Some("key"));
        assert!(!searched.scratch.is_poisoned());
    }
}
