//! Findings that somebody has decided once and for a while: what a waiver covers, and which findings of a push are covered.

use std::collections::{BTreeSet, HashMap};

use exeat_inspect::{Cover, Finding, Report};

use super::{Judgement, Millis, desk, dossier::LETTERS};
use crate::people::PersonId;

/// How long a waiver holds unless somebody says otherwise, and at most, in days.
pub const USUAL_DAYS: u32 = 90;
pub const MOST_DAYS: u32 = 366;
/// Waivers that hold in one repository at once.
pub const MOST_IN_FORCE: u32 = 500;
/// Milliseconds of a day.
pub(super) const DAY: Millis = 24 * 60 * 60 * 1000;

/// What somebody has decided of a finding, for all pushes to one repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// `w-` and ten characters.
    pub id: String,
    pub upstream: String,
    /// In the form that allow-lists compare.
    pub repository: String,
    /// The case and the finding of which it was made.
    pub case: String,
    pub finding: String,
    /// The rule that spoke, and the place as it may be shown.
    pub rule: String,
    pub path: Option<String>,
    pub judgement: Judgement,
    pub reason: String,
    /// Id of the person who made it.
    pub author: String,
    /// Everything it covers, and nothing else.
    pub covers: Vec<Cover>,
    pub created: Millis,
    pub expires: Millis,
    pub revoked: Option<Millis>,
    /// Id of the person who revoked it.
    pub revoked_by: Option<String>,
}

impl Waiver {
    pub fn holds(&self, now: Millis) -> bool {
        self.revoked.is_none() && now < self.expires && now >= self.created
    }

    /// Whether all of `covers` is covered by it.
    pub(super) fn covers_all(&self, covers: &[Cover]) -> bool {
        covers
            .iter()
            .all(|cover| self.covers.iter().any(|own| own.key == cover.key))
    }

    /// Whether there is something that both cover.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let mut covers = self.covers.iter();
        covers.any(|cover| other.covers.iter().any(|one| one.key == cover.key))
    }
}

/// Why a finding is not judged, or a waiver not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no finding {0} in this push")]
    NoFinding(String),
    #[error("what could not be read is decided for this push alone: it cannot be waived")]
    NotReadable,
    #[error(
        "this finding cannot be waived: it has no path, or not all its places are known; it can be decided for this push"
    )]
    Uncovered,
    #[error("what must be fixed cannot be waived")]
    MustFix,
    #[error("a waiver holds 1 to {MOST_DAYS} days")]
    Days,
    #[error("{MOST_IN_FORCE} waivers hold in this repository already: revoke some first")]
    TooMany,
    #[error(
        "your waiver {id} covers this until {until} already: to change it, revoke it and waive anew"
    )]
    Holds { id: String, until: String },
    #[error("there is no waiver {0}")]
    Absent(String),
    #[error("the waiver {0} was revoked already")]
    Revoked(String),
    #[error("the waiver {0} cannot be read: its row is damaged")]
    Damaged(String),
    #[error("the system has no randomness to give")]
    Random,
    #[error(transparent)]
    Desk(#[from] desk::Error),
}

/// A new id.
pub(super) fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    let letters = bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    Ok("w-"
        .chars()
        .chain(letters.map(|&byte| char::from(byte)))
        .collect())
}

/// The waivers that hold for one push.
#[derive(Debug, Default)]
pub struct InForce {
    /// By the key of a cover: waiver and author.
    by_cover: HashMap<String, Vec<(String, String)>>,
    /// Authors that it takes: two where nobody knows who pushes, for he may be one of them.
    authors: usize,
}

impl InForce {
    /// Of all `waivers` of the repository those that hold at `now`, for a push of `pusher`. His own count for nothing.
    pub fn new(waivers: &[Waiver], pusher: Option<&PersonId>, now: Millis) -> Self {
        let mut by_cover: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for waiver in waivers.iter().filter(|waiver| waiver.holds(now)) {
            if pusher.is_some_and(|pusher| pusher.as_str() == waiver.author) {
                continue;
            }
            for cover in &waiver.covers {
                let known = by_cover.entry(cover.key.clone()).or_default();
                known.push((waiver.id.clone(), waiver.author.clone()));
            }
        }
        Self {
            by_cover,
            authors: if pusher.is_some() { 1 } else { 2 },
        }
    }

    /// Marks the findings that are covered whole; tells who wrote what covers them. Where a limit kept anything of the push from
    /// being read, none is: a stronger finding may be there.
    pub fn mark(&self, report: &mut Report) -> BTreeSet<String> {
        let mut authors = BTreeSet::new();
        let is_cut = report
            .unscannable
            .iter()
            .any(|missed| missed.opaque.is_none());
        if is_cut || self.by_cover.is_empty() {
            return authors;
        }
        for finding in &mut report.findings {
            if let Some((ids, wrote)) = self.cover(finding) {
                finding.waived = ids.into_iter().collect();
                authors.extend(wrote);
            }
        }
        authors
    }

    /// The waivers that cover all of a finding, and their authors.
    fn cover(&self, finding: &Finding) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let (mut ids, mut authors) = (BTreeSet::new(), BTreeSet::new());
        if finding.covers.is_empty() {
            return None;
        }
        for cover in &finding.covers {
            let all = self.by_cover.get(&cover.key)?;
            // One for each author is enough.
            let mut wrote: Vec<&String> = Vec::new();
            for (id, author) in all {
                if wrote.len() < self.authors && !wrote.contains(&author) {
                    wrote.push(author);
                    ids.insert(id.clone());
                }
            }
            if wrote.len() < self.authors {
                return None;
            }
            authors.extend(wrote.into_iter().cloned());
        }
        Some((ids, authors))
    }
}

#[cfg(test)]
mod tests {
    use exeat_inspect::{FingerprintKey, Unscannable, finding::Place};
    use exeat_rules::Action;

    use super::*;

    fn cover(key: &str) -> Cover {
        Cover {
            key: key.into(),
            rule: "r".into(),
            version: "v".into(),
            path: "p".into(),
        }
    }

    fn waiver(id: &str, author: &str, keys: &[&str]) -> Waiver {
        Waiver {
            id: id.into(),
            upstream: "forge".into(),
            repository: "org/repo".into(),
            case: "P-1".into(),
            finding: "f-1".into(),
            rule: "r".into(),
            path: None,
            judgement: Judgement::TestData,
            reason: "made up".into(),
            author: author.into(),
            covers: keys.iter().map(|key| cover(key)).collect(),
            created: 10,
            expires: 100,
            revoked: None,
            revoked_by: None,
        }
    }

    fn report(covers: &[&[&str]]) -> Report {
        let fingerprint = FingerprintKey::new([0; 32]).fingerprint("r", b"");
        let finding = |keys: &&[&str]| Finding {
            description: "d".into(),
            covers: keys.iter().map(|key| cover(key)).collect(),
            first_line: 1,
            ..Finding::new("r", Action::Block, Place::default(), fingerprint)
        };
        Report {
            findings: covers.iter().map(finding).collect(),
            ..Report::default()
        }
    }

    const DEV: &str = "u-0000000000";
    const ANN: &str = "u-1111111111";
    const BEN: &str = "u-2222222222";

    /// For each finding the waivers that cover it.
    fn waived(
        waivers: &[Waiver],
        pusher: Option<&str>,
        now: Millis,
        covers: &[&[&str]],
    ) -> Vec<String> {
        let pusher = pusher.map(|id| PersonId::read(id).unwrap());
        let mut report = report(covers);
        let authors = InForce::new(waivers, pusher.as_ref(), now).mark(&mut report);
        let any = report.findings.iter().any(|finding| finding.is_waived());
        assert_eq!(any, !authors.is_empty());
        assert!(pusher.is_none_or(|pusher| !authors.contains(pusher.as_str())));
        let waived = report
            .findings
            .iter()
            .map(|finding| finding.waived.join(" "));
        waived.collect()
    }

    #[test]
    fn a_finding_is_waived_where_all_of_it_is_covered() {
        let both = [waiver("w-1", ANN, &["a"]), waiver("w-2", ANN, &["b"])];
        let dev = Some(DEV);
        let cases: &[&[&str]] = &[&["a"], &["a", "b"], &["a", "c"], &["c"], &[]];
        assert_eq!(
            waived(&both, dev, 50, cases),
            ["w-1", "w-1 w-2", "", "", ""]
        );
        assert_eq!(waived(&[], dev, 50, cases), [""; 5]);
    }

    #[test]
    fn it_ends_with_its_time_and_when_it_is_revoked() {
        let mut one = waiver("w-1", ANN, &["a"]);
        let dev = Some(DEV);
        for (now, holds) in [
            (9, ""),
            (10, "w-1"),
            (99, "w-1"),
            (100, ""),
            (Millis::MAX, ""),
        ] {
            assert_eq!(
                waived(std::slice::from_ref(&one), dev, now, &[&["a"]]),
                [holds],
                "{now}"
            );
        }
        one.revoked = Some(20);
        assert_eq!(waived(&[one], dev, 50, &[&["a"]]), [""]);
    }

    #[test]
    fn nobody_waives_for_himself_and_for_strangers_it_takes_two() {
        let one = waiver("w-1", ANN, &["a"]);
        let other = waiver("w-2", BEN, &["a"]);
        let again = waiver("w-3", ANN, &["a"]);
        let all: &[&[&str]] = &[&["a"]];
        assert_eq!(waived(std::slice::from_ref(&one), Some(ANN), 50, all), [""]);
        assert_eq!(waived(std::slice::from_ref(&one), None, 50, all), [""]);
        assert_eq!(waived(&[one.clone(), again], None, 50, all), [""]);
        let two = [one, other];
        assert_eq!(waived(&two, None, 50, all), ["w-1 w-2"]);
        assert_eq!(waived(&two, Some(ANN), 50, all), ["w-2"]);
        assert_eq!(waived(&two, Some(DEV), 50, all), ["w-1"]);
    }

    #[test]
    fn nothing_is_waived_where_anything_was_not_read() {
        let one = waiver("w-1", ANN, &["a"]);
        let pusher = PersonId::read(DEV);
        let in_force = InForce::new(&[one], pusher.as_ref(), 50);
        let mut missed = report(&[&["a"]]);
        missed.unscannable.push(Unscannable {
            what: "object".into(),
            why: "too long".into(),
            object: None,
            opaque: None,
        });
        assert!(in_force.mark(&mut missed).is_empty());
        assert!(!missed.findings[0].is_waived());
    }

    #[test]
    fn ids_differ() {
        let (one, other) = (random_id().unwrap(), random_id().unwrap());
        assert!(one.starts_with("w-") && one.len() == 12 && one != other);
    }
}
