//! Rules that nobody would ever hear of, because a stronger rule speaks for all they find.

use std::sync::Arc;

use exeat_rules::{RuleSet, check::Fault, template};

use crate::{
    examine::Examiner,
    finding::{Finding, Place},
    fingerprint::FingerprintKey,
    overlap::{self, Strength},
};

/// Rules with examples, in none of which their own finding is told when all rules are asked. Rules that speak about some
/// paths only hide nothing: they speak there alone. What a generic rule's judge is certain of is that one value, and not of others:
/// here it asks for no more than the rule in question.
pub fn shadowed(rules: &Arc<RuleSet>) -> Vec<Fault> {
    let mut examiner = Examiner::new(Arc::clone(rules), FingerprintKey::new([0; 32]));
    let mut faults = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        if rule.is_about_path() || rule.skip_report {
            continue;
        }
        let examples = rule
            .examples
            .iter()
            .filter_map(|text| template::expand(text).ok());
        let mut by = None;
        let mut speaks = false;
        for text in examples {
            let hits = examiner.examine(text.as_bytes()).hits;
            let own = hits.iter().filter(|hit| hit.found.rule == index);
            let Some(own) = own.map(|hit| rules.action(&hit.found)).max() else {
                continue;
            };
            let standing = hits
                .iter()
                .filter(|hit| hit.found.rule == index || rules.rule(hit.found.rule).path.is_none())
                .map(|hit| {
                    let rule = rules.rule(hit.found.rule);
                    let mut finding = Finding::of_hit(rules, hit, Place::first_line());
                    if rule.is_generic() && rule.judge.is_some() {
                        finding.action = finding.action.min(own);
                    }
                    overlap::Standing {
                        text: hit.scope(),
                        secret: hit.in_scope(),
                        is_generic: rule.is_generic(),
                        finding,
                    }
                })
                .collect();
            let told = overlap::strongest(standing, Strength::default());
            speaks |= told.iter().any(|finding| finding.rule == rule.id);
            by = by.or_else(|| told.into_iter().map(|finding| finding.rule).next());
        }
        if let Some(by) = by.filter(|_| !speaks) {
            faults.push(Fault::of(
                rule,
                format!("rule {by} speaks for it in every example"),
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use exeat_rules::Source;

    use super::*;

    fn shadows(text: &str) -> Vec<String> {
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let faults = shadowed(&Arc::new(rules));
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_weaker_rule_on_the_same_text_is_named() {
        let two = |action| {
            format!(
                "[[rules]]\nid='wide'\nregex='key_\\w+'\nexamples=['key_ab']\n\
                 [[rules]]\nid='narrow'\nregex='key_a\\w+'\nexamples=['key_ab']\naction='{action}'\n"
            )
        };
        assert_eq!(
            shadows(&two("warn")),
            ["t.toml:5: rule narrow: rule wide speaks for it in every example"]
        );
        let apart = two("warn").replace(
            "examples=['key_ab']\naction",
            "examples=['key_ab', 'x key_ab']\naction",
        );
        assert_eq!(shadows(&apart).len(), 1);
    }

    #[test]
    fn no_built_in_rule_is_hidden() {
        let rules = RuleSet::compile(&exeat_rules::builtin()).unwrap().rules;
        assert_eq!(shadowed(&Arc::new(rules)), []);
    }
}
