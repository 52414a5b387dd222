//! Licences: what texts and manifests say of them, held against what a target accepts.
//!
//! Which text says one is for rules to tell (`license` in rule files); here what they found is understood: expressions ([`terms`]), texts of
//! licences and notices ([`texts`]). It is a finding where the target does not accept it, and nothing otherwise. Nothing is done where
//! nobody asks.

pub mod header;
mod region;
mod terms;
mod texts;

use std::{collections::HashSet, sync::Arc};

use exeat_rules::{Action, LicenseSaid, Match, RuleIndex, RuleSet};

use terms::Said;
pub use terms::Term;
use texts::{Around, Texts};

/// Licences of a list that a message names.
const MOST_NAMED: usize = 6;
/// Characters of an expression that a message repeats.
const MOST_SHOWN: usize = 120;

/// What one table of a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepting {
    /// Its name.
    pub name: String,
    /// Licences under which something may go there; none: any.
    pub accept: Option<Vec<Term>>,
    /// Those of which dependencies may be; none: any.
    pub accept_dependencies: Option<Vec<Term>>,
    /// Those of which dependencies may not be.
    pub deny_dependencies: Vec<Term>,
    /// What is made of new files without the header that the others carry; nothing where nobody asks.
    pub headers: Option<Action>,
}

/// What a target accepts: all of it must. More than one table only where it is not known which of them is about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted(pub Vec<Accepting>);

impl Accepted {
    /// What accepts no licence at all, so that every one is told.
    pub fn nothing() -> Self {
        Self(vec![Accepting {
            name: "nothing".to_owned(),
            accept: Some(Vec::new()),
            accept_dependencies: Some(Vec::new()),
            deny_dependencies: Vec::new(),
            headers: None,
        }])
    }

    /// What is made of new files without the header that the others carry, and the name of the table that says so.
    pub fn headers(&self) -> Option<(Action, &str)> {
        let said = self.0.iter();
        let said = said.filter_map(|table| Some((table.headers?, &*table.name)));
        said.max_by_key(|(action, _)| *action)
    }

    /// Whether any licence is not accepted.
    fn refuses(&self) -> bool {
        self.0.iter().any(Accepting::refuses)
    }

    /// Why what is said is not accepted, for people; none where it is.
    fn refusal(&self, how: LicenseSaid, said: Option<&Said>, is_shown: bool) -> Option<String> {
        self.0
            .iter()
            .find_map(|table| table.refusal(how, said, is_shown))
    }
}

impl Accepting {
    /// Whether any licence is not accepted.
    pub fn refuses(&self) -> bool {
        let lists = [&self.accept, &self.accept_dependencies];
        lists.iter().any(|list| list.is_some()) || !self.deny_dependencies.is_empty()
    }

    /// What is told where more of a text would have to be compared than is.
    fn unread(&self) -> Option<String> {
        let accept = list(self.accept.as_deref()?);
        let name = &self.name;
        Some(format!(
            "Texts of licences behind the first {}, which nobody compared; the target accepts {accept} ({name})",
            texts::MOST_PARTS
        ))
    }

    fn refusal(&self, how: LicenseSaid, said: Option<&Said>, is_shown: bool) -> Option<String> {
        let shown = match said {
            None => "something that is no SPDX expression".to_owned(),
            Some(said) if is_shown || !said.has_reference() => {
                said.shown().chars().take(MOST_SHOWN).collect()
            }
            Some(_) => "a LicenseRef that looks like a secret".to_owned(),
        };
        let is_in = |terms: &[Term]| said.is_some_and(|said| said.is_accepted(terms));
        let name = &self.name;
        if how != LicenseSaid::Dependency {
            let accept = self.accept.as_deref().filter(|accept| !is_in(accept))?;
            let what = match how {
                LicenseSaid::Text => "Text of a licence",
                LicenseSaid::Manifest => "Licence of the package",
                LicenseSaid::Expression | LicenseSaid::Dependency => "Licence",
            };
            return Some(format!(
                "{what}: {shown}; the target accepts {} ({name})",
                list(accept)
            ));
        }
        let denied = &self.deny_dependencies;
        if said.is_some_and(|said| said.is_denied(denied)) {
            let denied = list(denied);
            return Some(format!(
                "Licence of a dependency: {shown}; the target denies {denied} ({name})"
            ));
        }
        let accept = self.accept_dependencies.as_deref();
        let accept = accept.filter(|accept| !is_in(accept))?;
        Some(format!(
            "Licence of a dependency: {shown}; the target accepts {} there ({name})",
            list(accept)
        ))
    }
}

fn list(terms: &[Term]) -> String {
    let named: Vec<&str> = terms.iter().take(MOST_NAMED).map(Term::written).collect();
    let more = terms.len().saturating_sub(MOST_NAMED);
    match (named.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (_, 0) => named.join(", "),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    }
}

/// Words by which bills of materials say that nothing is said.
const NOTHING: [&[u8]; 3] = [b"NOASSERTION", b"NONE", b"null"];

/// What an examiner knows of licences once it was asked of them.
#[derive(Default)]
pub struct Asked {
    /// None while nobody asks.
    accepted: Option<Arc<Accepted>>,
    texts: Texts,
    /// The text at hand is what is told of a manifest.
    pub is_manifest: bool,
}

/// A match that says a licence which is not accepted: its rule, where it begins, and what people are told.
pub struct Refused {
    pub rule: RuleIndex,
    pub start: usize,
    pub why: Arc<str>,
}

impl Asked {
    pub fn ask(&mut self, accepted: Option<&Arc<Accepted>>) {
        let accepted = accepted.filter(|accepted| accepted.refuses());
        self.accepted = accepted.cloned();
    }

    pub fn is_on(&self) -> bool {
        self.accepted.is_some()
    }

    /// Takes out of `matches`, which are those of `text` in their order, all that say a licence but those that are not accepted, each licence
    /// once.
    pub fn judge(
        &mut self,
        rules: &RuleSet,
        text: &[u8],
        matches: &mut Vec<Match>,
    ) -> Vec<Refused> {
        let Some(accepted) = &self.accepted else {
            drop_all(rules, matches);
            return Vec::new();
        };
        let how = |found: &Match| rules.rule(found.rule).license;
        let others = matches.iter().filter(|found| how(found).is_none());
        let others: Vec<_> = others.map(|found| found.secret.clone()).collect();
        let mut seen = HashSet::new();
        let mut refused = Vec::new();
        let mut looked = texts::Looked::default();
        matches.retain(|found| {
            let Some(how) = how(found) else { return true };
            let is_here = match how {
                LicenseSaid::Expression | LicenseSaid::Text => !self.is_manifest,
                LicenseSaid::Manifest | LicenseSaid::Dependency => self.is_manifest,
            };
            if !is_here {
                return false;
            }
            let secret = text.get(found.secret.clone()).unwrap_or_default();
            let mut is_read = true;
            let said = match how {
                LicenseSaid::Text => {
                    match self.texts.recognise(text, found.span.start, &mut looked) {
                        Around::Licence(expression) => Said::read(&expression),
                        Around::Nothing => return false,
                        Around::Unread => {
                            is_read = false;
                            None
                        }
                    }
                }
                _ if NOTHING.contains(&secret.trim_ascii()) => return false,
                _ => std::str::from_utf8(secret).ok().and_then(Said::read),
            };
            let is_apart = |other: &std::ops::Range<usize>| {
                other.end <= found.secret.start || other.start >= found.secret.end
            };
            let is_shown = others.iter().all(is_apart);
            let why = match is_read {
                true => accepted.refusal(how, said.as_ref(), is_shown),
                false => accepted.0.iter().find_map(Accepting::unread),
            };
            let Some(why) = why else {
                return false;
            };
            // Of a dependency each one counts; else a text says the same again and again.
            if how != LicenseSaid::Dependency && !seen.insert(why.clone()) {
                return false;
            }
            refused.push(Refused {
                rule: found.rule,
                start: found.secret.start,
                why: why.into(),
            });
            true
        });
        refused
    }
}

/// Takes out of `matches` all that say licences: nobody asks.
pub fn drop_all(rules: &RuleSet, matches: &mut Vec<Match>) {
    matches.retain(|found| rules.rule(found.rule).license.is_none());
}

#[cfg(test)]
mod tests;
