//! What the rules make of the corpus, by the definitions of `benches/detect/scoring.py`.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use exeat_inspect::{Examiner, FingerprintKey, file};
use exeat_rules::{Action, RuleSet};

use crate::corpus::{File, Label};

/// The tiers: what asks for at least this much.
pub const TIERS: [(&str, Action); 3] = [
    ("block", Action::Block),
    ("block + review", Action::Review),
    ("all", Action::Note),
];

/// Hits among units and false lines, of each tier.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Units; or lines that are labelled false.
    pub all: usize,
    /// Those that a finding touches; or on which one begins that touches no unit.
    pub hit: [usize; 3],
}

impl Count {
    pub fn share(&self, tier: usize) -> f64 {
        self.hit[tier] as f64 / self.all.max(1) as f64
    }
}

#[derive(Debug, Default)]
pub struct Figures {
    pub kinds: BTreeMap<&'static str, Count>,
    pub syntaxes: BTreeMap<&'static str, Count>,
    pub fooling: BTreeMap<&'static str, Count>,
    /// Lines without a label on which a finding begins.
    pub unlabelled: [usize; 3],
    pub lines: usize,
    /// What block and review miss, and what is false in them: kind, place and line, its values masked.
    pub missed: Vec<(&'static str, String)>,
    pub wrong: Vec<(&'static str, String)>,
}

impl Figures {
    /// Precision, recall and F1 of a tier.
    pub fn ratios(&self, tier: usize) -> [f64; 3] {
        let hit: usize = self.kinds.values().map(|count| count.hit[tier]).sum();
        let units: usize = self.kinds.values().map(|count| count.all).sum();
        let wrong: usize = self.fooling.values().map(|count| count.hit[tier]).sum();
        let precision = hit as f64 / (hit + wrong).max(1) as f64;
        let recall = hit as f64 / units.max(1) as f64;
        let both = (precision + recall).max(f64::MIN_POSITIVE);
        [precision, recall, 2.0 * precision * recall / both]
    }
}

/// Scans each file as `exeat scan` does.
pub fn measure(files: &[File], rules: &Arc<RuleSet>) -> Figures {
    let mut examiner = Examiner::new(Arc::clone(rules), FingerprintKey::new([3; 32]));
    let mut figures = Figures::default();
    for file in files {
        figures.take(file, &mut examiner);
    }
    figures
}

impl Figures {
    fn take(&mut self, file: &File, examiner: &mut Examiner) {
        self.lines += file.lines.len();
        for unit in &file.units {
            self.kinds.entry(unit.kind).or_default().all += 1;
            self.syntaxes.entry(unit.syntax).or_default().all += 1;
        }
        for (_, label) in &file.lines {
            if let Label::Fooling { kind } = label {
                self.fooling.entry(kind).or_default().all += 1;
            }
        }
        let found = file::examine(examiner, file.path.as_bytes(), file.text().as_bytes());
        let mut hit: [HashSet<usize>; 3] = Default::default();
        let mut wrong: [HashSet<usize>; 3] = Default::default();
        let mut rules: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for finding in found.findings {
            let index = |line: u64| usize::try_from(line).unwrap().saturating_sub(1);
            let (first, last) = (index(finding.place.line), index(finding.place.end_line));
            let touched = file.lines.get(first..=last.max(first)).unwrap_or_default();
            let units = touched.iter().filter_map(|(_, label)| match label {
                Label::Secret { unit } => Some(*unit),
                _ => None,
            });
            let units: Vec<usize> = units.collect();
            if units.is_empty() {
                let told = format!("{} ({})", finding.rule, finding.action);
                rules.entry(first).or_default().push(told);
            }
            for (tier, (_, least)) in TIERS.iter().enumerate() {
                if finding.action < *least {
                    continue;
                }
                hit[tier].extend(&units);
                if units.is_empty() {
                    wrong[tier].insert(first);
                }
            }
        }
        for tier in 0..TIERS.len() {
            for &unit in &hit[tier] {
                let unit = file.units[unit];
                self.kinds.entry(unit.kind).or_default().hit[tier] += 1;
                self.syntaxes.entry(unit.syntax).or_default().hit[tier] += 1;
            }
            for &line in &wrong[tier] {
                match file.lines.get(line).map(|(_, label)| label) {
                    Some(Label::Fooling { kind }) => {
                        self.fooling.entry(kind).or_default().hit[tier] += 1;
                    }
                    _ => self.unlabelled[tier] += 1,
                }
            }
        }
        self.list(file, &hit[1], &wrong[1], &rules);
    }

    fn list(
        &mut self,
        file: &File,
        hit: &HashSet<usize>,
        wrong: &HashSet<usize>,
        rules: &BTreeMap<usize, Vec<String>>,
    ) {
        for (index, (line, label)) in file.lines.iter().enumerate() {
            let shown = format!("{}:{}: {}", file.path, index + 1, masked(line));
            let is_first = index == 0
                || file
                    .lines
                    .get(index - 1)
                    .is_none_or(|(_, before)| before != label);
            match label {
                Label::Secret { unit } if is_first && !hit.contains(unit) => {
                    self.missed.push((file.units[*unit].kind, shown));
                }
                Label::Fooling { kind } if wrong.contains(&index) => {
                    let rules = rules.get(&index).map(|rules| rules.join(", "));
                    self.wrong
                        .push((kind, format!("{shown}  <- {}", rules.unwrap_or_default())));
                }
                _ => {}
            }
        }
    }
}

/// The line with what may be a secret cut: of words with a digit, or of more than 24 letters, the first four letters stay.
fn masked(line: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-+/=.!@#%^*?".contains(letter);
    let mut out = String::new();
    for word in line.split_inclusive(|letter| !is_part(letter)).take(40) {
        let bare = word.trim_end_matches(|letter| !is_part(letter));
        // Behind the last sign of equality stands the value.
        let at = bare.trim_end_matches('=').rfind('=').map_or(0, |at| at + 1);
        let (name, value) = bare.split_at(at);
        out += name;
        let is_secret =
            value.len() > 6 && value.bytes().any(|byte| byte.is_ascii_digit()) || value.len() > 24;
        match is_secret && std::env::var_os("EXEAT_FIGURES_PLAIN").is_none() {
            true => {
                out += &format!(
                    "{}..({})",
                    value.chars().take(4).collect::<String>(),
                    value.len()
                )
            }
            false => out += value,
        }
        out += &word[bare.len()..];
    }
    out.chars().take(160).collect()
}
