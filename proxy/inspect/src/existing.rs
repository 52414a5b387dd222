//! Findings that are in the repository already: the same rule, at the same path, on the same bytes.
//!
//! Whole files arrive with every change, so a secret that a repository already serves comes again with
//! each of their versions. Whether it does is asked of refs that the upstream tells at this moment: from
//! their commits down along the trees to the very path. An object that can be had by its id alone proves
//! nothing. Whatever is not found, or not within bounds, leaves the finding as it is.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use exeat_gitwire::{
    ObjectId,
    history::Places,
    pack::{Kind, Spool},
};
use exeat_rules::{Action, RuleIndex, RuleSet, Site};

use crate::{
    batch::Shared,
    examine::{Examiner, Hit},
    finding::{Finding, Part},
    fingerprint::Fingerprint,
    gather::ObjectHit,
    overlap::Strength,
    served::Versions,
};

/// Paths that are looked up for one push.
const MOST_PATHS: usize = 64;
/// Paths of one file version; one that stands at more is not compared.
const MOST_PATHS_OF_BLOB: usize = 16;

/// What is known about the findings of a push.
pub struct Findings<'a> {
    pub hits: &'a [ObjectHit],
    pub places: &'a Places,
    /// Objects that stand at unknown places as well.
    pub bare: &'a HashSet<ObjectId>,
    pub shared: &'a Shared,
}

impl<'a> Findings<'a> {
    /// Marks those of `findings` that the repository serves already.
    pub fn mark<S: Spool>(
        &self,
        findings: &mut [Finding],
        examiner: &mut Examiner,
        served: &mut Versions<'_, S>,
    ) {
        let claims = self.claims(findings, &|action| served.spares(action));
        let mut paths: Vec<&[u8]> = claims.iter().map(|claim| claim.path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths.truncate(MOST_PATHS);
        if paths.is_empty() {
            return;
        }
        // What could not be looked up is not there: the finding stays as it is.
        let Ok(blobs) = served.blobs_at(&paths) else {
            return;
        };
        let mut counts: HashMap<&[u8], Counts> = HashMap::new();
        for (path, id) in blobs {
            if self.shared.go_on().is_err() {
                return;
            }
            if let Some(content) = served.content(&id, Kind::Blob) {
                let here = count(examiner, self.shared.strength, path, &content);
                merge(counts.entry(path).or_default(), here);
            }
        }
        let judged: Vec<Judged<'_>> = claims
            .iter()
            .map(|claim| claim.judge(counts.get(claim.path), &self.shared.rules))
            .collect();
        for finding in findings {
            let spares = |action| served.spares(action);
            finding.existing =
                is_spared(finding, &spares) && is_existing(finding, &judged, self.shared);
        }
    }

    /// The versions of files with findings that would be spared, at each path where they stand.
    fn claims(&self, findings: &[Finding], spares: &dyn Fn(Action) -> bool) -> Vec<Claim<'a>> {
        let blobs: HashSet<ObjectId> = findings
            .iter()
            .filter(|finding| finding.place.part == Part::File && is_spared(finding, spares))
            .filter_map(object)
            .filter(|id| !self.bare.contains(id))
            .collect();
        let mut hits: BTreeMap<ObjectId, Vec<&ObjectHit>> = BTreeMap::new();
        for hit in self.hits {
            let action = self.shared.rules.action(&hit.hit.found);
            if blobs.contains(&hit.id) && spares(action) {
                hits.entry(hit.id).or_default().push(hit);
            }
        }
        let mut claims = Vec::new();
        for (object, hits) in hits {
            let places = self.places.by_id.get(&object);
            let places = places.map_or(&[][..], Vec::as_slice);
            if !self.places.complete || places.len() > MOST_PATHS_OF_BLOB {
                continue;
            }
            for place in places {
                let commit = place.commit.to_string();
                let site = Site {
                    path: Some(&place.path),
                    commit: Some(&commit),
                };
                let stands = |hit: &&&ObjectHit| {
                    let standing = self.shared.rules.standing(&hit.hit.found, &site);
                    self.shared.strength.finds(standing).is_some()
                };
                claims.push(Claim {
                    object,
                    path: &place.path,
                    hits: hits.iter().filter(stands).copied().collect(),
                });
            }
        }
        claims.retain(|claim| !claim.hits.is_empty());
        claims
    }
}

/// Whether it would be judged milder, by what its rule asks for as well as by what it asks for itself.
fn is_spared(finding: &Finding, spares: &dyn Fn(Action) -> bool) -> bool {
    spares(finding.action) && spares(finding.asks())
}

fn object(finding: &Finding) -> Option<ObjectId> {
    ObjectId::from_hex(finding.place.object.as_ref()?.as_bytes()).ok()
}

/// How often each rule finds the same secret in the same match in one file.
type Counts = HashMap<Key, usize>;
type Key = (RuleIndex, Fingerprint, Fingerprint);

fn key(hit: &Hit) -> Key {
    (hit.found.rule, hit.fingerprint, hit.whole)
}

fn count(examiner: &mut Examiner, strength: Strength, path: &[u8], content: &[u8]) -> Counts {
    let site = Site {
        path: Some(path),
        commit: None,
    };
    let examined = examiner.examine(content);
    let mut counts = Counts::new();
    for hit in examined.hits {
        let standing = examiner.rules().standing(&hit.found, &site);
        if strength.finds(standing).is_some() {
            *counts.entry(key(&hit)).or_default() += 1;
        }
    }
    counts
}

/// Of several refs that serve a file, the one with the most of a match counts.
fn merge(counts: &mut Counts, others: Counts) {
    for (key, count) in others {
        let known = counts.entry(key).or_default();
        *known = count.max(*known);
    }
}

/// One version of a file at one path, with the matches that stand there.
struct Claim<'a> {
    object: ObjectId,
    path: &'a [u8],
    /// In the order of the text.
    hits: Vec<&'a ObjectHit>,
}

/// A claim, and which of its matches the repository serves at this path.
struct Judged<'a> {
    object: ObjectId,
    hits: Vec<(&'a ObjectHit, bool)>,
}

impl<'a> Claim<'a> {
    /// The first of several equal matches are the ones that are served; one more than are, is new.
    /// Of a rule that requires others beside it, none is: what those match may be the secret, and is not
    /// compared. Nor is a find of a rule that counts: others may have joined the first.
    fn judge(&self, counts: Option<&Counts>, rules: &RuleSet) -> Judged<'a> {
        let mut left = counts.cloned().unwrap_or_default();
        let hits = self.hits.iter().map(|&hit| {
            let rule = rules.rule(hit.hit.found.rule);
            if !rule.required.is_empty() || rule.at_least.is_some() {
                return (hit, false);
            }
            let left = left.get_mut(&key(&hit.hit));
            let served = left.is_some_and(|left| {
                let any = *left > 0;
                *left = left.saturating_sub(1);
                any
            });
            (hit, served)
        });
        Judged {
            object: self.object,
            hits: hits.collect(),
        }
    }
}

/// A finding speaks for all weaker ones on its bytes: it is in the repository if they are as well, at each
/// path where it stands.
fn is_existing(finding: &Finding, judged: &[Judged<'_>], shared: &Shared) -> bool {
    let Some(object) = object(finding).filter(|_| finding.place.part == Part::File) else {
        return false;
    };
    let is_hit = |hit: &ObjectHit| {
        let (place, found) = (&finding.place, &hit.hit);
        found.fingerprint == finding.fingerprint
            && (found.line, found.column) == (place.line, place.column)
            && shared.rules.rule(found.found.rule).id == finding.rule
    };
    let mut stands = false;
    for claim in judged.iter().filter(|claim| claim.object == object) {
        let Some((hit, _)) = claim.hits.iter().find(|(hit, _)| is_hit(hit)) else {
            continue;
        };
        stands = true;
        let secret = &hit.hit.in_scope();
        let mut on_it = claim
            .hits
            .iter()
            .filter(|(other, _)| other.hit.scope() == hit.hit.scope())
            .filter(|(other, _)| overlap(&other.hit.in_scope(), secret));
        if !on_it.all(|(_, served)| *served) {
            return false;
        }
    }
    stands
}

fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}
