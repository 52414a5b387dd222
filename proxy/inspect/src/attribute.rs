//! From a match in an object to commit, path and line: the places a developer can go to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId, history, objects,
    pack::{self, Kind, Pack, Spool},
};
use exeat_rules::{self as rules, PathRules, Rule, RuleIndex, RuleSet, Site};

use crate::{
    batch::{ObjectHit, State},
    examine::{Examiner, Hit},
    finding::{Finding, Part, Place},
    fingerprint::Fingerprint,
    mask::Masked,
    names::Names,
    overlap::{self, Standing},
    pack::Error,
    report::Unscannable,
};

/// What locating needs: the finished pack and what the workers found in it.
pub struct Scene<'a, S: Spool> {
    pub pack: &'a mut Pack<S>,
    pub state: &'a mut State,
    /// Entry indices ordered by id.
    pub order: &'a [u32],
    pub hash: HashKind,
    pub examiner: &'a mut Examiner,
    pub most_paths: usize,
}

/// Gives every hit its place and drops those that no path lets stand. A clean pack costs nothing
/// here: trees are read again only when there is something to locate.
///
/// # Errors
/// When the spool cannot be read again.
pub fn attribute<S: Spool>(scene: Scene<'_, S>) -> Result<Vec<Finding>, Error> {
    let rules = Arc::clone(scene.examiner.rules());
    let hits = std::mem::take(&mut scene.state.hits);
    let judged = judged_by_path(&scene, &rules);
    let wanted = wanted_objects(&hits, &judged);
    if hits.is_empty() && wanted.is_empty() {
        return Ok(Vec::new());
    }
    let commits = new_commits(scene.state, scene.pack);
    let mut objects = ById {
        pack: scene.pack,
        state: scene.state,
        order: scene.order,
    };
    let limits = history::Limits {
        paths_per_object: scene.most_paths,
        ..history::Limits::default()
    };
    let places = history::places(&mut objects, scene.hash, &commits, &wanted, &limits)?;
    let mut locator = Locator {
        rules: &rules,
        places: &places.by_id,
        complete: places.complete,
        rank: ranks(&commits),
        examiner: scene.examiner,
    };
    let standing = hits.iter().filter_map(|hit| locator.locate(hit)).collect();
    let mut findings = overlap::strongest(standing);
    findings.extend(locator.path_findings(&judged));
    findings.sort_by_key(|finding| locator.rank(finding));
    mark_roots(&mut objects, scene.hash, &mut findings)?;
    if !judged.is_empty() && !places.complete {
        scene.state.unscannable.push(Unscannable {
            what: "the paths of some files".into(),
            why: "there are too many of them to judge each".into(),
        });
    }
    Ok(findings)
}

/// Marks the findings whose commit has no parent.
fn mark_roots<S: Spool>(
    objects: &mut ById<'_, S>,
    hash: HashKind,
    findings: &mut [Finding],
) -> Result<(), Error> {
    let mut roots: HashMap<String, bool> = HashMap::new();
    for finding in findings {
        let Some(commit) = &finding.place.commit else {
            continue;
        };
        let root = match roots.get(commit) {
            Some(root) => *root,
            None => is_root(objects, hash, commit)?,
        };
        roots.insert(commit.clone(), root);
        finding.place.root = root;
    }
    Ok(())
}

fn is_root<S: Spool>(
    objects: &mut ById<'_, S>,
    hash: HashKind,
    commit: &str,
) -> Result<bool, Error> {
    let Ok(id) = ObjectId::from_hex(commit.as_bytes()) else {
        return Ok(false);
    };
    let Some((Kind::Commit, data)) = history::Objects::find(objects, &id)? else {
        return Ok(false);
    };
    let mut parents = 0;
    let read = objects::references(hash, Kind::Commit, &data, &mut |kind, _| {
        parents += usize::from(kind == Kind::Commit);
    });
    Ok(read.is_ok() && parents == 0)
}

/// The blobs whose paths rules about paths may take for findings.
fn judged_by_path<S: Spool>(scene: &Scene<'_, S>, rules: &RuleSet) -> HashSet<ObjectId> {
    match rules.path_rules() {
        PathRules::None => HashSet::new(),
        PathRules::ByName(_) => {
            let in_pack = |id: &&ObjectId| position(scene.state, scene.order, id).is_some();
            scene.state.named.iter().filter(in_pack).copied().collect()
        }
        PathRules::ByPath => ids_of_kind(scene.state, scene.pack, Kind::Blob).collect(),
    }
}

/// The blobs and trees whose paths must be known.
fn wanted_objects(hits: &[ObjectHit], judged: &HashSet<ObjectId>) -> HashSet<ObjectId> {
    hits.iter()
        .filter(|hit| matches!(hit.kind, Kind::Blob | Kind::Tree))
        .map(|hit| hit.id)
        .chain(judged.iter().copied())
        .collect()
}

/// The entry that has this id.
fn position(state: &State, order: &[u32], id: &ObjectId) -> Option<u32> {
    let raw = |index: u32| state.ids.get(index as usize).unwrap_or_default();
    order
        .binary_search_by(|&index| raw(index).cmp(id.as_slice()))
        .ok()
        .and_then(|found| order.get(found).copied())
}

fn new_commits<S: Spool>(state: &State, pack: &Pack<S>) -> Vec<ObjectId> {
    ids_of_kind(state, pack, Kind::Commit).collect()
}

fn ids_of_kind<'a, S: Spool>(
    state: &'a State,
    pack: &'a Pack<S>,
    kind: Kind,
) -> impl Iterator<Item = ObjectId> + 'a {
    (0..pack.len())
        .filter(move |&index| pack.kind(index) == Some(kind))
        .filter_map(|index| state.ids.get(index as usize))
        .filter_map(|raw| ObjectId::try_from(raw).ok())
}

/// The order in which findings are told, by the hex id of the commit. Packs list commits newest
/// first, so the reverse tells the oldest first.
fn ranks(commits: &[ObjectId]) -> HashMap<String, usize> {
    commits
        .iter()
        .rev()
        .enumerate()
        .map(|(rank, commit)| (commit.to_string(), rank))
        .collect()
}

struct Locator<'a> {
    rules: &'a RuleSet,
    places: &'a HashMap<ObjectId, Vec<history::Place>>,
    complete: bool,
    rank: HashMap<String, usize>,
    examiner: &'a mut Examiner,
}

impl Locator<'_> {
    /// The finding for `found` at the first place where it stands, or `None` if it stands nowhere.
    fn locate(&mut self, found: &ObjectHit) -> Option<Standing<ObjectId>> {
        let place = match found.kind {
            Kind::Commit => self.place_of_commit(found),
            Kind::Tag => self.place_of_tag(found),
            Kind::Blob | Kind::Tree => self.place_by_path(found),
        }?;
        Some(Standing {
            text: found.id,
            secret: found.hit.found.secret.clone(),
            finding: finding(self.rules, &found.hit, place),
        })
    }

    fn place_of_commit(&self, found: &ObjectHit) -> Option<Place> {
        let commit = found.id.to_string();
        let site = Site {
            path: None,
            commit: Some(&commit),
        };
        self.stands(&found.hit, &site)
            .then(|| object_place(found, Some(found.id), None))
    }

    fn place_of_tag(&self, found: &ObjectHit) -> Option<Place> {
        let site = Site {
            path: None,
            commit: None,
        };
        self.stands(&found.hit, &site)
            .then(|| object_place(found, None, None))
    }

    /// One path that lets the finding stand is enough; an object without a known path stands.
    fn place_by_path(&mut self, found: &ObjectHit) -> Option<Place> {
        let places = self.places.get(&found.id).map_or(&[][..], Vec::as_slice);
        for place in places {
            let path = full_path(&place.path, found.name.as_deref());
            let commit = place.commit.to_string();
            let site = Site {
                path: Some(&path),
                commit: Some(&commit),
            };
            if self.stands(&found.hit, &site) {
                let shown = Names::new(self.examiner).show(&path);
                return Some(object_place(found, Some(place.commit), Some(shown)));
            }
        }
        if !places.is_empty() && self.complete {
            return None;
        }
        let name = found.name.as_deref();
        let shown = name.map(|name| Names::new(self.examiner).show(name));
        Some(object_place(found, None, shown))
    }

    fn stands(&self, hit: &Hit, site: &Site<'_>) -> bool {
        self.rules.standing(&hit.found, site) == rules::Standing::Stands
    }

    /// Where a finding is told: by the commit that brings it, oldest first.
    fn rank(&self, finding: &Finding) -> usize {
        let commit = finding.place.commit.as_deref();
        commit
            .and_then(|commit| self.rank.get(commit).copied())
            .unwrap_or(usize::MAX)
    }

    /// Rules that have only a path condition: every new path is held against them.
    fn path_findings(&mut self, judged: &HashSet<ObjectId>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut matched = Vec::new();
        for id in judged {
            for place in self.places.get(id).into_iter().flatten() {
                matched.clear();
                self.rules.match_path(&place.path, &mut matched);
                for &index in &matched {
                    let shown = Names::new(self.examiner).show(&place.path);
                    findings.push(path_finding(
                        self.rules,
                        index,
                        self.examiner
                            .fingerprint(&self.rules.rule(index).id, &place.path),
                        Place {
                            part: Part::File,
                            path: Some(shown),
                            line: 1,
                            column: 1,
                            end_line: 1,
                            commit: Some(place.commit.to_string()),
                            object: Some(id.to_string()),
                            root: false,
                        },
                    ));
                }
            }
        }
        findings
    }
}

/// A finding of `hit` at `place`, told in the rule's words.
pub fn finding(rules: &RuleSet, hit: &Hit, place: Place) -> Finding {
    of_rule(
        rules.rule(hit.found.rule),
        place,
        hit.masked.clone(),
        hit.fingerprint,
    )
}

/// A finding of a rule that judges the path alone: nothing is masked, the path says it all.
pub fn path_finding(
    rules: &RuleSet,
    index: RuleIndex,
    fingerprint: Fingerprint,
    place: Place,
) -> Finding {
    of_rule(rules.rule(index), place, Masked::new(b""), fingerprint)
}

fn of_rule(rule: &Rule, place: Place, masked: Masked, fingerprint: Fingerprint) -> Finding {
    Finding {
        rule: rule.id.clone(),
        description: rule.description.clone(),
        remedy: rule.remedy.clone(),
        action: rule.action,
        severity: rule.severity,
        confidence: rule.confidence,
        place,
        via: Vec::new(),
        masked,
        fingerprint,
    }
}

fn object_place(found: &ObjectHit, commit: Option<ObjectId>, path: Option<String>) -> Place {
    Place {
        part: found.part,
        path,
        line: found.hit.line,
        column: found.hit.column,
        end_line: found.hit.end_line,
        commit: commit.map(|id| id.to_string()),
        object: Some(found.id.to_string()),
        root: false,
    }
}

fn full_path(path: &[u8], name: Option<&[u8]>) -> Vec<u8> {
    let mut full = path.to_vec();
    if let Some(name) = name {
        if !full.is_empty() {
            full.push(b'/');
        }
        full.extend_from_slice(name);
    }
    full
}

/// The pack's objects by id.
struct ById<'a, S: Spool> {
    pack: &'a mut Pack<S>,
    state: &'a State,
    order: &'a [u32],
}

impl<S: Spool> history::Objects for ById<'_, S> {
    fn find(&mut self, id: &ObjectId) -> Result<Option<(Kind, Arc<Vec<u8>>)>, pack::Error> {
        match position(self.state, self.order, id) {
            Some(index) => self.pack.read(index).map(Some),
            None => Ok(None),
        }
    }
}
