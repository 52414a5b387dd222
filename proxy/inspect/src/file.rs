//! One file outside git: scanned with its path, for `exeat scan PATH`.

use exeat_rules::{Site, Standing};

use crate::{
    examine::Examiner,
    finding::{Finding, Part, Place},
    names::Names,
    overlap,
    report::{TRUNCATED, Unscannable},
};

/// Findings of one file, with what could not be read of it.
#[derive(Default)]
pub struct ExaminedFile {
    pub findings: Vec<Finding>,
    pub unscannable: Option<Unscannable>,
}

/// Scans `content` as the file `path`; the path conditions of rules are judged on it.
pub fn examine(examiner: &mut Examiner, path: &[u8], content: &[u8]) -> ExaminedFile {
    let contained = examiner.examine(content);
    let named = examiner.examine_name(path);
    let shown = Names::new(examiner).show(path);
    let site = Site {
        path: Some(path),
        commit: None,
    };
    let mut result = ExaminedFile {
        findings: path_findings(examiner, path, &shown),
        unscannable: (contained.truncated || named.truncated).then(|| Unscannable {
            what: shown.clone(),
            why: TRUNCATED.into(),
        }),
    };
    let rules = examiner.rules();
    let named = named.hits.into_iter().map(|hit| (Part::FileName, hit));
    let contained = contained.hits.into_iter().map(|hit| (Part::File, hit));
    let mut standing = Vec::new();
    for (part, hit) in named.chain(contained) {
        if matches!(rules.standing(&hit.found, &site), Standing::Stands) {
            let place = Place::outside_history(part, shown.clone(), &hit);
            standing.push(overlap::Standing {
                text: part,
                secret: hit.found.secret.clone(),
                finding: Finding::of_hit(rules, &hit, place),
            });
        }
    }
    result
        .findings
        .extend(overlap::strongest(standing, examiner.strength()));
    result
}

fn path_findings(examiner: &Examiner, path: &[u8], shown: &str) -> Vec<Finding> {
    let rules = examiner.rules();
    let mut matched = Vec::new();
    rules.match_path(path, &mut matched);
    matched
        .into_iter()
        .map(|index| {
            let rule = rules.rule(index);
            let place = Place {
                path: Some(shown.to_owned()),
                ..Place::first_line()
            };
            Finding::of_path(rule, examiner.fingerprint(&rule.id, path), place)
        })
        .collect()
}
