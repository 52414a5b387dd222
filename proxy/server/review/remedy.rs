//! What has to be fixed before a held push can be approved, as those are told who have to know.

use super::dossier::Dossier;
use super::{Filed, Judgement};

/// A finding that somebody said must be fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToFix {
    /// The id of the finding, or of what could not be read.
    pub finding: String,
    /// What finds it; empty for what could not be read, or once the contents of the case are gone.
    pub rule: String,
    /// Where it lies, as it may be shown.
    pub place: String,
    /// Why, in the words of whoever said so.
    pub words: String,
    /// Id of that person.
    pub by: String,
}

impl ToFix {
    /// Rule and place in one phrase.
    pub fn what(&self) -> String {
        match (self.rule.is_empty(), self.place.is_empty()) {
            (false, false) => format!("{} at {}", self.rule, self.place),
            (false, true) => self.rule.clone(),
            (true, false) => self.place.clone(),
            (true, true) => format!("finding {}", self.finding),
        }
    }
}

impl Filed {
    /// What stands in the way of an approval, in the order in which it was said.
    pub fn to_fix(&self) -> Vec<ToFix> {
        if self.case.to_be_fixed() == 0 {
            return Vec::new();
        }
        let dossier = Dossier::read(&self.body).unwrap_or_default();
        let judged = self.case.judged.iter();
        let judged = judged.filter(|one| one.judgement == Judgement::MustFix);
        let told = judged.map(|one| {
            let (rule, place) = named(&dossier, &one.finding);
            ToFix {
                finding: one.finding.clone(),
                rule,
                place,
                words: one.words.clone(),
                by: one.by.clone(),
            }
        });
        told.collect()
    }
}

fn named(dossier: &Dossier, finding: &str) -> (String, String) {
    if let Some(entry) = dossier.entry(finding) {
        let place = match (&entry.path, entry.line) {
            (Some(path), 0) => path.clone(),
            (Some(path), line) => format!("{path}:{line}"),
            (None, _) => entry.part.replace('-', " "),
        };
        return (entry.rule.clone(), place);
    }
    let mut unreadable = dossier.unreadable.iter();
    let unread = unreadable.find(|one| one.id == finding);
    let what = unread.map(|one| one.what.clone()).unwrap_or_default();
    (String::new(), what)
}
