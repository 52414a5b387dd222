//! Several rules on one secret: the strongest finding speaks for all.

use std::{cmp::Reverse, collections::HashMap, hash::Hash, ops::Range};

use exeat_rules::{Action, Confidence};

use crate::finding::Finding;

/// A finding that stands, with the bytes it takes for the secret.
pub struct Standing<Text> {
    /// Which text it lies in: only findings of one text can overlap.
    pub text: Text,
    pub secret: Range<usize>,
    pub finding: Finding,
}

/// Drops findings whose secret overlaps that of a stronger one in the same text: of a stronger
/// action, then of a higher confidence, then the longer and the earlier. What is dropped asked for no more
/// than what is kept, so no verdict becomes milder.
pub fn strongest<Text: Eq + Hash + Clone>(standing: Vec<Standing<Text>>) -> Vec<Finding> {
    let mut by_text: HashMap<Text, Vec<usize>> = HashMap::new();
    for (index, each) in standing.iter().enumerate() {
        by_text.entry(each.text.clone()).or_default().push(index);
    }
    let mut kept = vec![false; standing.len()];
    for mut indices in by_text.into_values() {
        indices.sort_by_key(|&index| strength(&standing[index]));
        let mut taken: Vec<Range<usize>> = Vec::new();
        for index in indices {
            let secret = &standing[index].secret;
            if !taken.iter().any(|other| overlap(other, secret)) {
                kept[index] = true;
                taken.push(secret.clone());
            }
        }
    }
    standing
        .into_iter()
        .zip(kept)
        .filter_map(|(each, kept)| kept.then_some(each.finding))
        .collect()
}

/// Smaller is stronger.
fn strength<Text>(
    each: &Standing<Text>,
) -> (Reverse<Action>, Reverse<Confidence>, Reverse<usize>, usize) {
    let length = each.secret.end.saturating_sub(each.secret.start);
    (
        Reverse(each.finding.action),
        Reverse(each.finding.confidence),
        Reverse(length),
        each.secret.start,
    )
}

fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}

#[cfg(test)]
mod tests {
    use exeat_rules::Severity;

    use super::*;
    use crate::{FingerprintKey, Masked, finding::Place};

    fn standing(text: u8, secret: Range<usize>, rule: &str, action: Action) -> Standing<u8> {
        let key = FingerprintKey::new([0; 32]);
        Standing {
            text,
            secret,
            finding: Finding {
                rule: rule.into(),
                description: String::new(),
                remedy: None,
                action,
                severity: Severity::High,
                confidence: Confidence::High,
                place: Place::default(),
                via: Vec::new(),
                masked: Masked::new(b""),
                fingerprint: key.fingerprint(rule, b""),
            },
        }
    }

    fn kept(all: Vec<Standing<u8>>) -> Vec<String> {
        strongest(all)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn a_block_speaks_for_a_review_on_the_same_secret() {
        let all = vec![
            standing(1, 0..40, "generic", Action::Review),
            standing(1, 4..40, "token", Action::Block),
            standing(1, 50..60, "apart", Action::Review),
            standing(2, 0..40, "elsewhere", Action::Review),
        ];
        assert_eq!(kept(all), ["token", "apart", "elsewhere"]);
    }

    #[test]
    fn neighbours_do_not_overlap() {
        let all = vec![
            standing(1, 0..10, "left", Action::Block),
            standing(1, 10..20, "right", Action::Block),
        ];
        assert_eq!(kept(all), ["left", "right"]);
    }
}
