//! Rules that nobody would ever hear of, because a stronger rule speaks for all they find.

use std::sync::Arc;

use exeat_rules::{Rule, RuleSet, check::Fault, template};

use crate::{
    examine::Examiner,
    finding::{Finding, Place},
    fingerprint::FingerprintKey,
    overlap::{self, Strength},
};

/// Rules with examples, in none of which their own finding is told when all rules are asked. Rules that speak about some
/// paths only, and generic ones, hide nothing.
pub fn shadowed(rules: &Arc<RuleSet>) -> Vec<Fault> {
    let mut examiner = Examiner::new(Arc::clone(rules), FingerprintKey::new([0; 32]));
    let mut faults = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        if rule.regex.is_none() || rule.skip_report {
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
            if !hits.iter().any(|hit| hit.found.rule == index) {
                continue;
            }
            let standing = hits
                .iter()
                .filter(|hit| hit.found.rule == index || hides(rules.rule(hit.found.rule)))
                .map(|hit| overlap::Standing {
                    text: (),
                    secret: hit.found.secret.clone(),
                    finding: Finding::of_hit(rules, hit, Place::first_line()),
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

/// Rules about some paths speak there alone. Rules tagged `generic` go by names: where one asks for more than the rule that
/// knows the vendor, its judge was certain of that value, and is not of others.
fn hides(rule: &Rule) -> bool {
    rule.path.is_none() && !rule.tags.iter().any(|tag| tag == "generic")
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
