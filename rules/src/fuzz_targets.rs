//! Entry points for fuzzers: any bytes in, no panic out.

use std::sync::OnceLock;

use crate::{RuleSet, Scratch, Source, builtin, template};

/// A name, and what takes any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target with its name, which is that of its corpus.
pub const TARGETS: &[Target] = &[
    ("rule_file", rule_file),
    ("template", template),
    ("scan", scan),
];

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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::random::Random;

    /// What means something in rule files, patterns and templates.
    const MARKS: &[u8] = b"{}[]()\\\"'*+?|^$.-&~=\n\0";

    /// The seeds of a target, and `rounds` mutations of them.
    fn run(name: &str, rounds: usize, target: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let mut paths: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        seeds.iter().for_each(|seed| target(seed));
        let mut random = Random::from_word(name);
        for _ in 0..rounds {
            let mut text = seeds[random.below(seeds.len())].clone();
            for _ in 0..1 + random.below(6) {
                mutate(&mut text, &mut random);
            }
            target(&text);
        }
    }

    fn mutate(text: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(text.len() + 1);
        let length = random.below(12).min(text.len() - at);
        match random.below(5) {
            0 => drop(text.drain(at..at + length)),
            1 => {
                let piece = text[at..at + length].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, piece);
            }
            2 => {
                let bytes = random.bytes(1 + length % 3);
                text.splice(at..at + length.min(bytes.len()), bytes);
            }
            3 => text.insert(at, MARKS[random.below(MARKS.len())]),
            _ => text.truncate(text.len() - length),
        }
    }

    #[test]
    fn rule_files_of_any_kind_do_not_panic() {
        run("rule_file", 3000, rule_file);
    }

    #[test]
    fn templates_of_any_kind_do_not_panic() {
        run("template", 5000, template);
    }

    #[test]
    fn texts_of_any_kind_do_not_panic() {
        run("scan", 2000, scan);
    }
}
