//! Rules that never decide anything, because earlier ones that hold wherever they do have set every key of theirs.
//!
//! What is said here is certain; that nothing is said proves nothing. Patterns are compared as written, and a name
//! without wildcards with the patterns that hold it.

use super::Problem;
use crate::policy::condition::Conditions;
use crate::policy::rulebook::{Effects, Rule};

/// One warning for each rule that never decides, naming those that do in its place.
pub fn never_reached(rules: &[Rule]) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let before = rules.get(..at).unwrap_or_default();
        let wider = || {
            before
                .iter()
                .filter(|other| covers(&other.when, &rule.when))
        };
        let mut by: Vec<&str> = Vec::new();
        let own = keys(&rule.then);
        let decided = (0..own.len()).filter(|key| own[*key]).all(|key| {
            let first = wider().find(|other| keys(&other.then)[key]);
            by.extend(first.map(|other| &*other.name));
            first.is_some()
        });
        if !decided {
            continue;
        }
        by.dedup();
        warnings.push(Problem {
            file: rule.file.clone(),
            line: rule.line,
            rule: format!("rule {}", rule.name),
            key: String::new(),
            text: format!("it never decides: before it does {}", by.join(", ")),
        });
    }
    warnings
}

fn keys(effects: &Effects) -> [bool; 11] {
    let tiers = &effects.tiers;
    let set = |at: usize| tiers.get(at).is_some_and(Option::is_some);
    [
        effects.deed.is_some(),
        effects.approvers.is_some(),
        effects.reviewers.is_some(),
        effects.four_eyes.is_some(),
        effects.message.is_some(),
        set(0),
        set(1),
        set(2),
        set(3),
        set(4),
        set(5),
    ]
}

/// Whether `wide` holds wherever `narrow` does.
fn covers(wide: &Conditions, narrow: &Conditions) -> bool {
    fn within<T>(wide: &Option<T>, narrow: &Option<T>, holds: impl Fn(&T, &T) -> bool) -> bool {
        match (wide, narrow) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => holds(wide, narrow),
        }
    }
    fn all_in<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
        narrow.iter().all(|one| wide.contains(one))
    }
    let names = |wide: &Vec<String>, narrow: &Vec<String>| all_in(wide, narrow);
    within(&wide.upstream, &narrow.upstream, names)
        && within(&wide.group, &narrow.group, names)
        && within(&wide.person, &narrow.person, names)
        && within(&wide.event, &narrow.event, |wide, narrow| {
            all_in(wide, narrow)
        })
        && within(&wide.larger_than, &narrow.larger_than, |wide, narrow| {
            wide <= narrow
        })
        && within(&wide.repository, &narrow.repository, |wide, narrow| {
            all_in(wide.patterns(), narrow.patterns())
        })
        && within(&wide.reference, &narrow.reference, |wide, narrow| {
            let held = |name: &String| {
                wide.patterns().contains(name)
                    || (is_literal(name) && wide.contain(name.as_bytes()))
            };
            narrow.patterns().iter().all(held)
        })
}

fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', ']', '{', '}', '!', '\\'])
}
