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
    HashKind, ObjectId,
    history::Places,
    objects::{commit::Commit, tree},
    pack::{Bases, Fetched, Kind, MOST_BASES, Spool, Unavailable},
};
use exeat_rules::{Action, RuleIndex, RuleSet, Site};

use crate::{
    batch::Shared,
    examine::{Examiner, Hit},
    finding::{Finding, Part},
    fingerprint::Fingerprint,
    gather::ObjectHit,
    overlap::Strength,
};

/// Paths that are looked up for one push.
const MOST_PATHS: usize = 64;
/// Paths of one file version; one that stands at more is not compared.
const MOST_PATHS_OF_BLOB: usize = 16;
/// Trees that are read on the way to them.
const MOST_TREES: usize = 2_048;

/// Folders on the way to one of them: each level is a question, and its answer is kept.
const MOST_LEVELS: usize = 64;

/// What a repository serves at this moment.
pub trait Served<S>: Bases<S> {
    /// Whether a finding of this action is judged milder if it is in the repository already.
    fn spares(&self, action: Action) -> bool;
    /// The commits that refs point to, as the upstream tells them now, those that fit the push best first.
    fn tips(&mut self) -> Result<Tips<S>, Unavailable>;
}

/// Commits that refs point to, and the objects themselves, with as many of their trees as were at hand.
pub struct Tips<S> {
    pub ids: Vec<ObjectId>,
    pub objects: Vec<Fetched<S>>,
}

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
        served: &mut dyn Served<S>,
    ) {
        let claims = self.claims(findings, &|action| served.spares(action));
        let mut paths: Vec<&[u8]> = claims.iter().map(|claim| claim.path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths.truncate(MOST_PATHS);
        if paths.is_empty() {
            return;
        }
        let mut versions = Versions {
            hash: self.shared.hash,
            shared: self.shared,
            served,
            objects: Vec::new(),
            read: 0,
        };
        // What could not be looked up is not there: the finding stays as it is.
        let Ok(blobs) = versions.blobs_at(&paths) else {
            return;
        };
        let mut counts: HashMap<&[u8], Counts> = HashMap::new();
        for (path, id) in blobs {
            if self.shared.go_on().is_err() {
                return;
            }
            if let Some(content) = versions.content(&id, Kind::Blob) {
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

/// The files of a repository as some of its refs serve them.
struct Versions<'a, S> {
    hash: HashKind,
    shared: &'a Shared,
    served: &'a mut dyn Served<S>,
    objects: Vec<Fetched<S>>,
    /// Which of them was read last: it alone holds something in memory.
    read: usize,
}

/// A path on its way down from a root tree.
struct Track<'a> {
    path: &'a [u8],
    rest: &'a [u8],
    tree: ObjectId,
}

impl<S: Spool> Versions<'_, S> {
    /// What stands at `paths` in any of the tips. Trees that did not come with the tips are asked for level by
    /// level, all paths at once.
    fn blobs_at<'p>(
        &mut self,
        paths: &[&'p [u8]],
    ) -> Result<HashSet<(&'p [u8], ObjectId)>, Unavailable> {
        let tips = self.served.tips()?;
        self.objects.extend(tips.objects);
        let mut tracks = Vec::new();
        for tip in tips.ids {
            let Some(commit) = self.content(&tip, Kind::Commit) else {
                continue;
            };
            if let Ok(commit) = Commit::parse(self.hash, &commit) {
                let tree = *commit.tree();
                tracks.extend(paths.iter().map(|&path| Track {
                    path,
                    rest: path,
                    tree,
                }));
            }
        }
        let mut blobs = HashSet::new();
        let mut trees = 0;
        for _ in 0..=MOST_LEVELS {
            if tracks.is_empty() || trees > MOST_TREES {
                break;
            }
            trees += self.bring(tracks.iter().map(|track| track.tree))?;
            let mut below = Vec::new();
            for track in tracks {
                self.go_on()?;
                match self.step(&track) {
                    Some((id, [])) => drop(blobs.insert((track.path, id))),
                    Some((tree, rest)) => below.push(Track {
                        path: track.path,
                        rest,
                        tree,
                    }),
                    None => {}
                }
            }
            tracks = below;
        }
        self.bring(blobs.iter().map(|(_, id)| *id))?;
        Ok(blobs)
    }

    fn go_on(&self) -> Result<(), Unavailable> {
        self.shared.go_on().map_err(|error| Unavailable {
            id: None,
            why: error.to_string(),
        })
    }

    /// One segment further down: the tree below and what is left of the path, or the file and nothing.
    fn step<'p>(&mut self, track: &Track<'p>) -> Option<(ObjectId, &'p [u8])> {
        let content = self.content(&track.tree, Kind::Tree)?;
        let mut segments = track.rest.splitn(2, |&byte| byte == b'/');
        let name = segments.next()?;
        let rest = segments.next().unwrap_or_default();
        let kind = match rest {
            [] => Kind::Blob,
            _ => Kind::Tree,
        };
        let mut entries = tree::Entries::new(self.hash, &content).map_while(Result::ok);
        let entry = entries.find(|entry| entry.name == name)?;
        if entry.kind().ok()?.object() != Some(kind) {
            return None;
        }
        Some((ObjectId::try_from(entry.id).ok()?, rest))
    }

    /// Fetches what is not at hand; returns how many objects that was.
    fn bring(&mut self, ids: impl Iterator<Item = ObjectId>) -> Result<usize, Unavailable> {
        let mut needed: Vec<ObjectId> = ids.filter(|id| !self.has(id)).collect();
        needed.sort_unstable();
        needed.dedup();
        for some in needed.chunks(MOST_BASES) {
            let fetched = self.served.fetch(some)?;
            self.objects.extend(fetched);
        }
        Ok(needed.len())
    }

    fn has(&self, id: &ObjectId) -> bool {
        self.objects.iter().any(|fetched| fetched.contains(id))
    }

    fn content(&mut self, id: &ObjectId, kind: Kind) -> Option<std::sync::Arc<Vec<u8>>> {
        let at = self.objects.iter().position(|each| each.contains(id))?;
        if at != self.read
            && let Some(before) = self.objects.get_mut(self.read)
        {
            before.rest();
        }
        self.read = at;
        let fetched = self.objects.get_mut(at)?;
        let (found, data) = fetched.read(id).ok()??;
        (found == kind).then_some(data)
    }
}
