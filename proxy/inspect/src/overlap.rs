//! Several rules on one secret: the strongest finding speaks for all.

use std::{cmp::Reverse, collections::HashMap, hash::Hash, ops::Range};

use exeat_rules::{self as rules, Action, Hiding};

use crate::{
    excuse::{Excuse, Excuses},
    finding::Finding,
};

/// A finding that stands, with the bytes it takes for the secret.
pub struct Standing<Text> {
    /// Which text it lies in: only findings of one text can overlap.
    pub text: Text,
    pub secret: Range<usize>,
    /// Its rule does not say whose secret it finds.
    pub is_generic: bool,
    pub finding: Finding,
}

/// How much each action weighs in the policy that will judge. Without a policy, as the actions are
/// ordered themselves.
#[derive(Clone, Copy, Debug)]
pub struct Strength {
    /// The least and the most that each action may come to weigh.
    weights: [(u8, u8); 4],
    tells_hidden: bool,
    excuses: Excuses,
    hides_excused: bool,
}

impl Strength {
    /// `weight` is greater the more the policy makes of an action.
    pub fn of(weight: impl Fn(Action) -> u8) -> Self {
        Self::between(|action| (weight(action), weight(action)))
    }

    /// `weights` are the least and the greatest weight that an action may come to have: of which of two is made more
    /// may not be known yet.
    pub fn between(weight: impl Fn(Action) -> (u8, u8)) -> Self {
        let mut weights = [(0, 0); 4];
        for action in [Action::Note, Action::Warn, Action::Review, Action::Block] {
            weights[action as usize] = weight(action);
        }
        Self {
            weights,
            tells_hidden: false,
            excuses: Excuses::default(),
            hides_excused: false,
        }
    }

    /// Tells what allowlists of rule files that do not ship with us hide by path or stopword, as reviews at most.
    /// Otherwise such files are taken at their word.
    pub fn telling_hidden(self) -> Self {
        Self {
            tells_hidden: true,
            ..self
        }
    }

    /// Heeds what the content itself excuses: such findings ask for a review at most.
    pub fn heeding(self, excuses: Excuses) -> Self {
        Self { excuses, ..self }
    }

    /// Heeds it for a reader to whom excused findings are not told at all, whatever they ask for.
    pub fn hiding(self, excuses: Excuses) -> Self {
        Self {
            excuses,
            hides_excused: true,
            ..self
        }
    }

    pub(crate) fn excuses(self) -> Excuses {
        self.excuses
    }

    /// Whether `excuse` makes any difference to a finding of this action.
    pub(crate) fn takes(self, excuse: Excuse, action: Action) -> bool {
        self.excuses.heeds(excuse) && (self.hides_excused || action > Action::Review)
    }

    /// Whether a match of this standing is a finding, and what would have hidden it.
    pub(crate) fn finds(self, standing: rules::Standing) -> Option<Option<Hiding>> {
        match standing {
            rules::Standing::Stands => Some(None),
            rules::Standing::Hidden(hiding) => self.tells_hidden.then_some(Some(hiding)),
            rules::Standing::OutOfPath | rules::Standing::Allowed => None,
        }
    }

    pub(crate) fn weight(self, action: Action) -> u8 {
        self.weights[action as usize].1
    }

    /// Whether a finding counts for no less than another one, whatever their actions come to weigh.
    fn speaks_for(self, finding: &Finding, other: &Finding) -> bool {
        let same =
            finding.action == other.action && finding.excused.is_some() == other.excused.is_some();
        same || self.least(finding) >= self.weight(other.action)
    }

    /// An excused finding counts like one to be reviewed, and for no more than it did.
    fn least(self, finding: &Finding) -> u8 {
        let (own, _) = self.weights[finding.action as usize];
        let (asked, _) = self.weights[finding.asks() as usize];
        own.min(asked)
    }
}

impl Default for Strength {
    fn default() -> Self {
        Self::of(|action| action as u8)
    }
}

/// Drops findings whose secret overlaps that of a stronger one in the same text: which asks for an action that weighs
/// more, so that an excused one does not speak for one that is not; then of a stronger rule, then one that is not generic (a
/// vendor's rule knows more of it than one that goes by names, and how to replace it), then of a higher confidence, then of a higher
/// severity, then the longer and the earlier. What is dropped asked for no more than what is kept, so no verdict becomes
/// milder.
pub fn strongest<Text: Eq + Hash + Clone>(
    standing: Vec<Standing<Text>>,
    strength: Strength,
) -> Vec<Finding> {
    let silenced = speakers(&standing, strength);
    standing
        .into_iter()
        .zip(silenced)
        .filter_map(|(each, silenced)| silenced.map(|_| each.finding))
        .collect()
}

/// The same by their places in `standing`: for each that speaks those that it speaks for, and nothing for the others. One
/// that several could speak for is with the strongest of them.
pub fn speakers<Text: Eq + Hash + Clone>(
    standing: &[Standing<Text>],
    strength: Strength,
) -> Vec<Option<Vec<usize>>> {
    let mut by_text: HashMap<Text, Vec<usize>> = HashMap::new();
    for (index, each) in standing.iter().enumerate() {
        by_text.entry(each.text.clone()).or_default().push(index);
    }
    let mut told: Vec<Option<Vec<usize>>> = standing.iter().map(|_| None).collect();
    for mut indices in by_text.into_values() {
        indices.sort_by_key(|&index| rank(&standing[index], strength));
        let mut taken: Vec<usize> = Vec::new();
        for index in indices {
            let each = &standing[index];
            let speaks = |&&other: &&usize| {
                let other = &standing[other];
                overlap(&other.secret, &each.secret)
                    && strength.speaks_for(&other.finding, &each.finding)
            };
            match taken.iter().find(speaks).copied() {
                Some(speaker) => told[speaker].get_or_insert_default().push(index),
                None => {
                    told[index] = Some(Vec::new());
                    taken.push(index);
                }
            }
        }
    }
    told
}

/// Smaller is stronger.
fn rank<Text>(each: &Standing<Text>, strength: Strength) -> impl Ord + use<Text> {
    let length = each.secret.end.saturating_sub(each.secret.start);
    (
        strength.hides_excused && each.finding.excused.is_some(),
        Reverse(strength.weight(each.finding.asks())),
        Reverse(each.finding.asks()),
        Reverse(each.finding.action),
        each.is_generic,
        Reverse(each.finding.confidence),
        Reverse(each.finding.severity),
        Reverse(length),
        each.secret.start,
    )
}

fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}

/// Excuses hold for a secret, not for the name that one of several rules gives it: where two findings are of the same secret and one is
/// excused, so is the other, if it asks for no more and `holds` says that the excuse counts wherever the other stands. Without this
/// the next rule would tell again what was excused.
pub fn share_excuses<Text: Eq + Hash + Clone>(
    standing: &mut [Standing<Text>],
    strength: Strength,
    mut holds: impl FnMut(usize, usize, Excuse) -> bool,
) {
    for (excused, other) in of_one_secret(standing) {
        let ([one, another], Some(excuse)) = (
            [&standing[excused], &standing[other]],
            standing[excused].finding.excused,
        ) else {
            continue;
        };
        let asks_no_more = one.finding.action >= another.finding.action;
        if asks_no_more
            && strength.takes(excuse, another.finding.action)
            && holds(excused, other, excuse)
        {
            standing[other].finding.excused = Some(excuse);
        }
    }
}

/// Pairs of an excused finding and one of the same secret that is not.
fn of_one_secret<Text: Eq + Hash + Clone>(standing: &[Standing<Text>]) -> Vec<(usize, usize)> {
    let is_excused = |index: usize| standing[index].finding.excused.is_some();
    let mut by_text: HashMap<Text, Vec<usize>> = HashMap::new();
    for index in (0..standing.len()).filter(|&index| is_excused(index)) {
        by_text.entry(standing[index].text.clone()).or_default();
    }
    for (index, each) in standing.iter().enumerate() {
        if let Some(indices) = by_text.get_mut(&each.text) {
            indices.push(index);
        }
    }
    let mut pairs = Vec::new();
    for mut indices in by_text.into_values() {
        indices.sort_by_key(|&index| standing[index].secret.start);
        for (at, &left) in indices.iter().enumerate() {
            let end = standing[left].secret.end;
            let later = indices.iter().skip(at + 1);
            for &right in later.take_while(|&&right| standing[right].secret.start < end) {
                for (one, other) in [(left, right), (right, left)] {
                    let apart = is_excused(one) && !is_excused(other);
                    if apart && is_same_secret(&standing[one], &standing[other]) {
                        pairs.push((one, other));
                    }
                }
            }
        }
    }
    pairs
}

/// Whether `other` is of the secret of `one`, told by another rule: each takes more than half of the other's bytes for it, or `other` goes by
/// names and finds a part of it. One that merely touches it, or lies in a long one and is known by its own form, is another secret.
fn is_same_secret<Text>(one: &Standing<Text>, other: &Standing<Text>) -> bool {
    let start = one.secret.start.max(other.secret.start);
    let shared = one.secret.end.min(other.secret.end).saturating_sub(start);
    let is_most_of = |secret: &Range<usize>| shared > secret.len() / 2;
    is_most_of(&other.secret) && (other.is_generic || is_most_of(&one.secret))
}

#[cfg(test)]
mod tests {
    use exeat_rules::Confidence;

    use super::*;
    use crate::{FingerprintKey, Masked, finding::Place};

    fn standing(text: u8, secret: Range<usize>, rule: &str, action: Action) -> Standing<u8> {
        let key = FingerprintKey::new([0; 32]);
        Standing {
            text,
            secret,
            is_generic: rule.to_lowercase().contains("generic"),
            finding: Finding {
                masked: Masked::new(b""),
                first_line: 1,
                ..Finding::new(rule, action, Place::default(), key.fingerprint(rule, b""))
            },
        }
    }

    fn kept(all: Vec<Standing<u8>>) -> Vec<String> {
        strongest(all, Strength::default())
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
    fn of_two_alike_the_one_that_says_what_it_found_speaks() {
        let all = vec![
            standing(1, 0..40, "Generic-api-key", Action::Block),
            standing(1, 2..38, "snyk-api-token", Action::Block),
            standing(2, 0..40, "generic-api-key", Action::Block),
            standing(2, 0..40, "other-generic", Action::Block),
        ];
        assert_eq!(kept(all), ["snyk-api-token", "generic-api-key"]);
        let all = vec![
            standing(1, 0..40, "generic-api-key", Action::Block),
            standing(1, 2..38, "snyk-api-token", Action::Review),
        ];
        assert_eq!(kept(all), ["generic-api-key"]);
        let mut unsure = standing(1, 2..38, "snyk-api-token", Action::Block);
        unsure.finding.confidence = Confidence::Low;
        let all = vec![standing(1, 0..40, "generic-api-key", Action::Block), unsure];
        assert_eq!(kept(all), ["snyk-api-token"]);
    }

    #[test]
    fn what_the_policy_makes_most_of_speaks() {
        let all = vec![
            standing(1, 0..40, "review", Action::Review),
            standing(1, 4..40, "block", Action::Block),
        ];
        let upside_down = Strength::of(|action| u8::from(action == Action::Review));
        let kept = strongest(all, upside_down);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].rule, "review");
    }

    fn excused(mut each: Standing<u8>) -> Standing<u8> {
        each.finding.excused = Some(Excuse::Comment);
        each
    }

    #[test]
    fn an_excused_finding_does_not_speak_for_one_that_is_not() {
        for swap in [false, true] {
            let mut all = vec![
                excused(standing(1, 0..40, "excused", Action::Block)),
                standing(1, 4..20, "block", Action::Block),
            ];
            if swap {
                all.reverse();
            }
            assert_eq!(kept(all), ["block"]);
        }
        // Neither review nor block is let go: still it speaks.
        let same = Strength::of(|action| u8::from(action >= Action::Review));
        let all = vec![
            excused(standing(1, 0..40, "excused", Action::Block)),
            standing(1, 4..20, "block", Action::Block),
        ];
        assert_eq!(strongest(all, same)[0].rule, "block");
        // Both ask for a review: the one that says why it is none more speaks.
        let all = || {
            vec![
                standing(1, 0..40, "review", Action::Review),
                excused(standing(1, 4..20, "excused", Action::Block)),
            ]
        };
        assert_eq!(kept(all()), ["excused"]);
        // For a reader who is not told what is excused, the other does.
        let hiding = Strength::default().hiding(Excuses::of(&[Excuse::Comment]));
        assert_eq!(strongest(all(), hiding)[0].rule, "review");
    }

    fn excused_after_sharing(mut all: Vec<Standing<u8>>) -> Vec<bool> {
        let strength = Strength::default().heeding(Excuses::of(&[Excuse::Comment]));
        share_excuses(&mut all, strength, |_, _, _| true);
        all.iter()
            .map(|each| each.finding.excused.is_some())
            .collect()
    }

    #[test]
    fn an_excuse_holds_for_other_rules_on_the_same_secret() {
        let vendor = || excused(standing(1, 10..50, "token", Action::Block));
        for (secret, rule, holds) in [
            (10..50, "generic", true),
            (10..50, "twin", true),
            // A quote or a prefix more or less.
            (8..51, "generic", true),
            (12..48, "twin", true),
            // A part of it, by its name alone or by a form of its own.
            (40..50, "generic", true),
            (40..50, "twin", false),
            // More than it, or beside it.
            (10..91, "generic", false),
            (10..91, "twin", false),
            (49..60, "generic", false),
            (50..60, "generic", false),
        ] {
            let case = format!("{rule} at {secret:?}");
            let other = || standing(1, secret.clone(), rule, Action::Block);
            for (all, expected) in [
                (vec![vendor(), other()], [true, holds]),
                (vec![other(), vendor()], [holds, true]),
            ] {
                assert_eq!(excused_after_sharing(all), expected, "{case}");
            }
        }
        let elsewhere = standing(2, 10..50, "generic", Action::Block);
        assert_eq!(
            excused_after_sharing(vec![vendor(), elsewhere]),
            [true, false]
        );
    }

    #[test]
    fn an_excuse_is_shared_neither_upwards_nor_twice_nor_where_it_does_not_count() {
        let strength = Strength::default().hiding(Excuses::of(&[Excuse::Comment]));
        let shared = |mut all: Vec<Standing<u8>>, holds: bool| -> Vec<bool> {
            share_excuses(&mut all, strength, |_, _, _| holds);
            let is_excused = |each: &Standing<u8>| each.finding.excused.is_some();
            all.iter().map(is_excused).collect()
        };
        let pair = || {
            vec![
                excused(standing(1, 0..40, "token", Action::Review)),
                standing(1, 0..40, "generic", Action::Block),
            ]
        };
        assert_eq!(shared(pair(), true), [true, false]);
        let chain = |action| {
            vec![
                excused(standing(1, 0..20, "a", action)),
                standing(1, 5..30, "b", Action::Review),
                standing(1, 12..42, "c", Action::Review),
            ]
        };
        assert_eq!(shared(chain(Action::Block), true), [true, true, false]);
        assert_eq!(shared(chain(Action::Block), false), [true, false, false]);
    }

    #[test]
    fn where_it_is_open_which_counts_for_more_both_speak() {
        let all = || {
            vec![
                standing(1, 0..40, "review", Action::Review),
                standing(1, 4..40, "block", Action::Block),
                standing(1, 0..39, "note", Action::Note),
            ]
        };
        let kept = |weights: [(u8, u8); 4]| -> Vec<String> {
            let strength = Strength::between(|action| weights[action as usize]);
            let kept = strongest(all(), strength).into_iter();
            kept.map(|finding| finding.rule).collect()
        };
        // Ordered as the actions are: note, warn, review, block.
        assert_eq!(kept([(0, 0), (1, 1), (2, 2), (2, 3)]), ["block"]);
        assert_eq!(kept([(0, 0), (1, 1), (2, 2), (1, 3)]), ["review", "block"]);
        assert_eq!(kept([(0, 0), (1, 1), (2, 3), (1, 3)]), ["review", "block"]);
        assert_eq!(kept([(0, 3), (1, 1), (2, 2), (2, 3)]), ["block", "note"]);
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
