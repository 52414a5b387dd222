//! Dictionaries: their terms read, and told to the rule what they are.

use sha2::{Digest, Sha256};

use super::{Error, rule_error};
use crate::dictionary::{Dictionary, Term, keyed};
use crate::format::{DictionaryText, TermText};
use crate::printable::printable;
use crate::{DictionaryKind, Rule, RuleIndex, Terms};

/// Terms of one dictionary at most.
const MOST: usize = 200_000;

/// Compiles a dictionary, and says what is to be known of it.
pub(super) fn compile(
    rule: &Rule,
    index: RuleIndex,
    text: &DictionaryText,
) -> Result<(Dictionary, Terms), Error> {
    let keyed = match &text.keyed {
        Some(keyed) => Some(read_keyed(rule, keyed)?),
        None => None,
    };
    let terms = text.terms.iter().map(|term| read(rule, text.kind, term));
    let mut terms = terms.collect::<Result<Vec<_>, _>>()?;
    terms.sort_by(|one, other| one.0.cmp(&other.0));
    terms.dedup_by(|one, other| one.0 == other.0);
    let count = keyed.as_ref().map_or(terms.len(), keyed::Keyed::count);
    if count == 0 || count > MOST {
        let reason = format!("a dictionary has 1 to {MOST} terms, and this one has {count}");
        return Err(rule_error(rule, rule.origin.line, reason));
    }
    let near = text.near.iter().map(|word| {
        Term::read(DictionaryKind::Names, &word.value).map_err(|reason| {
            let reason = format!("near: {}: {reason}", printable(&word.value));
            rule_error(rule, word.line, reason)
        })
    });
    let mut digest = Sha256::new();
    for (term, _) in &terms {
        term.digest(&mut digest);
    }
    keyed
        .iter()
        .flat_map(keyed::Keyed::hashes)
        .for_each(|hash| digest.update(hash));
    let (terms, written) = terms.into_iter().unzip();
    let facts = Terms {
        kind: text.kind,
        weight: text.weight,
        near: text.near.iter().map(|word| word.value.clone()).collect(),
        within: text.within,
        count,
        keyed: keyed.is_some(),
        digest: hex::encode(digest.finalize()),
    };
    let dictionary = Dictionary {
        rule: index,
        kind: text.kind,
        weight: text.weight,
        terms,
        written,
        near: near.collect::<Result<_, _>>()?,
        within: text.within,
        keyed,
    };
    Ok((dictionary, facts))
}

fn read(rule: &Rule, kind: DictionaryKind, term: &TermText) -> Result<(Term, String), Error> {
    let read = Term::read(kind, &term.text).map_err(|reason| Error::Rule {
        file: term.file.clone(),
        line: term.line,
        rule: rule.id.clone(),
        reason: format!("{}: {reason}", printable(&term.text)),
    })?;
    Ok((read, term.text.clone()))
}

fn read_keyed(rule: &Rule, text: &crate::format::KeyedText) -> Result<keyed::Keyed, Error> {
    let wrong = |line, reason| Error::Rule {
        file: text.file.clone(),
        line,
        rule: rule.id.clone(),
        reason,
    };
    let key = keyed::Key::read(&text.key)
        .map_err(|reason| rule_error(rule, rule.origin.line, format!("key_file: {reason}")))?;
    keyed::Keyed::read(&text.text, key).map_err(|(line, reason)| wrong(line, reason))
}
