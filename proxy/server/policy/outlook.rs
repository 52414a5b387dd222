//! What the policy may come to make of findings, as far as it is known while a push is still arriving.
//!
//! Two decisions about findings are made before the verdict: which of several on one secret speaks, and whether it is worth
//! asking what the repository serves already. Both must be right whatever the verdict turns on in the end.

use exeat_inspect::{Excuses, Strength};
use exeat_rules::Action;

use super::condition::Situation;
use super::rulebook::{Candidate, Deed, Rule, Tier};
use super::{Facts, Push, Rulebook};
use crate::config::Disposition;

/// For each tier the weakest and the strongest disposition that it may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook(Ranges);

/// By [`Tier`].
type Ranges = [Range; Tier::ALL.len()];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    least: Disposition,
    most: Disposition,
}

impl Outlook {
    /// Of a push whose head was read. What is not known yet may turn out either way.
    pub fn of(push: Push<'_>, facts: &Facts<'_>, book: &Rulebook) -> Self {
        let general = book.general(push, facts, None);
        let rules = book.standing(&general);
        let on = |situation: &Situation<'_>| {
            // Asked once for all tiers.
            let held = |rules: &[Candidate<'_>]| {
                let held = rules.iter().filter_map(|candidate| {
                    let holds = candidate.holds(situation);
                    (holds != Some(false)).then_some((candidate.rule, holds == Some(true)))
                });
                let held: Vec<(&Rule, bool)> = held.collect();
                Tier::ALL.map(|tier| range(&held, tier, book))
            };
            let of_files = book.of_files(&rules);
            match of_files.len() == rules.len() {
                true => held(&rules),
                false => stronger(held(&rules), held(of_files)),
            }
        };
        let each = push.updates.iter();
        let each = each.map(|update| on(&update.situation(general)));
        // Over all refs the strongest wins, so the ends of the ranges grow alike.
        let together = each.reduce(stronger);
        Self(together.unwrap_or_else(|| on(&general)))
    }

    /// How much is made of each action: which of several findings on one secret has to speak, so that the verdict is never
    /// milder than the strictest of them asks for. What imported allowlists hide is told, so that a path or a word that
    /// anyone may choose lets nothing pass unnoticed; and what a pusher may excuse himself is lowered, not hidden.
    pub fn strength(&self, excuses: Excuses) -> Strength {
        Strength::between(|action| {
            let range = self.range(Tier::of(action));
            (range.least as u8, range.most as u8)
        })
        .telling_hidden()
        .heeding(excuses)
    }

    /// Whether a finding of this action may be judged milder where the repository serves it already.
    pub fn spares(&self, action: Action) -> bool {
        self.range(Tier::Existing).least < self.range(Tier::of(action)).most
    }

    /// Whether it said that a tier may come to this.
    #[cfg(test)]
    pub fn holds(&self, tier: Tier, disposition: Disposition) -> bool {
        let Range { least, most } = self.range(tier);
        (least..=most).contains(&disposition)
    }

    fn range(&self, tier: Tier) -> Range {
        self.0[tier as usize]
    }
}

fn stronger(left: Ranges, right: Ranges) -> Ranges {
    std::array::from_fn(|at| Range {
        least: left[at].least.max(right[at].least),
        most: left[at].most.max(right[at].most),
    })
}

/// Of one ref: of the rules that may hold, everything up to the first that holds for certain.
fn range(held: &[(&Rule, bool)], tier: Tier, book: &Rulebook) -> Range {
    let (mut said, mut settled) = (None, false);
    let (mut allows, mut others) = (false, false);
    let mut done = false;
    let hear = |value: Disposition, range: &mut Option<Range>| {
        let before = range.unwrap_or(Range {
            least: value,
            most: value,
        });
        *range = Some(Range {
            least: before.least.min(value),
            most: before.most.max(value),
        });
    };
    for &(rule, certain) in held {
        if let (false, Some(line)) = (settled, &rule.then.tiers[tier as usize]) {
            hear(line.value, &mut said);
            settled = certain;
        }
        if let (false, Some(line)) = (done, &rule.then.deed) {
            match line.value {
                Deed::Allow => allows = true,
                Deed::Scan | Deed::Review | Deed::Deny => others = true,
            }
            done = certain;
        }
    }
    if !settled {
        hear(tier.in_table(&book.table), &mut said);
    }
    others |= !done;
    let range = said.unwrap_or(Range {
        least: Disposition::Refuse,
        most: Disposition::Refuse,
    });
    match tier.is_finding() {
        false => range,
        true => Range {
            least: if allows {
                range.least.min(super::rulebook::ALLOWED)
            } else {
                range.least
            },
            most: if others {
                range.most
            } else {
                range.most.min(super::rulebook::ALLOWED)
            },
        },
    }
}
