//! Does any rule cost more on hostile text than the engine grants?
//!
//! The size of a regex is limited when it is compiled. Steps are counted on texts made to cost a rule dear: its keywords one
//! after the other, and its examples, which match again and again.

use crate::check::Fault;
use crate::{Rule, RuleSet, Scratch, template};

/// Steps that a rule may take per byte of hostile text: its probes give up at 16, and the regex then reads the text once, with
/// matches once more from behind and once for their groups; the rest is for texts that are shorter than one probe.
const STEPS: f64 = 24.0;
/// Bytes of a hostile text.
const TEXT: usize = 32 << 10;
/// Keywords of one rule that are tried.
const KEYWORDS: usize = 4;

/// What hostile texts cost.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub faults: Vec<Fault>,
    /// The dearest rule, and its steps per byte.
    pub worst: Option<(String, f64)>,
}

/// Runs every rule on its own hostile texts.
pub fn measure(rules: &RuleSet) -> Budget {
    let mut budget = Budget::default();
    let mut scratch = Scratch::new(rules);
    for (index, rule) in rules.rules().iter().enumerate() {
        let mut most = 0.0_f64;
        for text in hostile(rule) {
            let cost = rules.measure_rule(index, text.as_bytes(), &mut scratch);
            most = most.max(cost.steps as f64 / text.len().max(1) as f64);
        }
        if most > STEPS {
            let reason = format!("hostile text costs {most:.0} steps a byte, and may cost {STEPS}");
            budget.faults.push(Fault::of(rule, reason));
        }
        if budget.worst.as_ref().is_none_or(|(_, worst)| most > *worst) {
            budget.worst = Some((rule.id.clone(), most));
        }
    }
    budget
}

fn hostile(rule: &Rule) -> Vec<String> {
    let keywords = rule.keywords.iter().take(KEYWORDS).cloned();
    let spread = rule
        .keywords
        .first()
        .map(|word| format!("{word} = \"{word}\"\n"));
    let examples = rule
        .examples
        .iter()
        .filter_map(|text| template::expand(text).ok());
    keywords
        .chain(spread)
        .chain(examples.map(|example| example + "\n").take(1))
        .filter(|text| !text.is_empty())
        .map(|text| text.repeat(TEXT.div_ceil(text.len())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, shipped};

    #[test]
    fn builtin_rules_keep_to_it() {
        let rules = RuleSet::compile(&shipped()).unwrap().rules;
        let budget = measure(&rules);
        assert!(budget.faults.is_empty(), "{:?}", budget.faults);
        assert!(budget.worst.is_some_and(|(_, steps)| steps > 1.0));
    }

    #[test]
    fn a_probe_that_reads_on_and_on_is_given_up() {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='a'\nregex='''key[a-z]{2000}!'''\nkeywords=['key']\n".into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let (_, steps) = measure(&rules).worst.unwrap();
        assert!((16.0..STEPS).contains(&steps), "{steps}");
    }
}
