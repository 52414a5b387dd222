//! Entry points for fuzzers: any bytes in, no panic out.

use std::sync::OnceLock;

use crate::{RuleSet, Scratch, Source, builtin, template};

/// Loads a rule file.
pub fn rule_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let source = Source {
        name: "fuzz.toml".to_owned(),
        text,
    };
    if let Ok(compiled) = RuleSet::compile(&[source]) {
        let rules = compiled.rules;
        let _ = rules.scan(data, &mut Scratch::new(&rules), &mut Vec::new());
    }
}

/// Expands an example.
pub fn template(data: &[u8]) {
    let _ = template::expand(&String::from_utf8_lossy(data));
}

/// Scans a text with the rules that ship.
pub fn scan(data: &[u8]) {
    static RULES: OnceLock<Option<RuleSet>> = OnceLock::new();
    let rules = RULES.get_or_init(|| Some(RuleSet::compile(&builtin()).ok()?.rules));
    if let Some(rules) = rules {
        let mut matches = Vec::new();
        let _ = rules.scan(data, &mut Scratch::new(rules), &mut matches);
        for found in &matches {
            let _ = rules.standing(found, &crate::Site::default());
        }
    }
}
