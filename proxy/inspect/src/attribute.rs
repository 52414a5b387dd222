//! From a match in an object to commit, path and line: the places a developer can go to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId, history, objects,
    pack::{self, Kind, Pack, Spool},
};
use exeat_rules::{Rule, RuleIndex, RuleSet, Site, Standing};

use crate::{
    batch::{ObjectHit, State},
    examine::{Examiner, Hit},
    finding::{Finding, Part, Place},
    fingerprint::Fingerprint,
    mask::Masked,
    names::Names,
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

/// Findings with their places.
#[derive(Default)]
pub struct Located {
    pub findings: Vec<Finding>,
    pub unscannable: Vec<Unscannable>,
}

/// Gives every hit its place and drops those that no path lets stand. A clean pack costs nothing
/// here: trees are read again only when there is something to locate.
///
/// # Errors
/// When the spool cannot be read again.
pub fn attribute<S: Spool>(scene: Scene<'_, S>) -> Result<Located, Error> {
    let rules = Arc::clone(scene.examiner.rules());
    let hits = std::mem::take(&mut scene.state.hits);
    let wanted = wanted_objects(scene.state, scene.pack, &hits, &rules);
    if hits.is_empty() && wanted.is_empty() {
        return Ok(Located::default());
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
        rank: ranks(&places.by_id, &commits),
        examiner: scene.examiner,
    };
    let mut located: Vec<(usize, Finding)> =
        hits.iter().filter_map(|hit| locator.locate(hit)).collect();
    located.extend(locator.path_findings());
    located.sort_by_key(|(rank, _)| *rank);
    mark_roots(&mut objects, scene.hash, &mut located)?;
    Ok(Located {
        findings: located.into_iter().map(|(_, finding)| finding).collect(),
        unscannable: Vec::new(),
    })
}

/// Marks the findings whose commit has no parent.
fn mark_roots<S: Spool>(
    objects: &mut ById<'_, S>,
    hash: HashKind,
    located: &mut [(usize, Finding)],
) -> Result<(), Error> {
    let mut roots: HashMap<String, bool> = HashMap::new();
    for (_, finding) in located {
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

/// Whether any rule takes a path itself for a finding.
fn judges_paths(rules: &RuleSet) -> bool {
    rules.rules().iter().any(|rule| rule.regex.is_none())
}

/// The blobs and trees whose paths must be known.
fn wanted_objects<S: Spool>(
    state: &State,
    pack: &Pack<S>,
    hits: &[ObjectHit],
    rules: &RuleSet,
) -> HashSet<ObjectId> {
    let mut wanted: HashSet<ObjectId> = hits
        .iter()
        .filter(|hit| matches!(hit.kind, Kind::Blob | Kind::Tree))
        .map(|hit| hit.id)
        .collect();
    if judges_paths(rules) {
        wanted.extend(ids_of_kind(state, pack, Kind::Blob));
    }
    wanted
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

/// The order in which findings are told: by the commit that brings them, as places come sorted.
fn ranks(
    places: &HashMap<ObjectId, Vec<history::Place>>,
    commits: &[ObjectId],
) -> HashMap<ObjectId, usize> {
    // Packs list commits newest first, so the reverse tells the oldest first.
    let mut rank: HashMap<ObjectId, usize> = HashMap::new();
    for (position, commit) in commits.iter().rev().enumerate() {
        rank.insert(*commit, position);
    }
    for place in places.values().flatten() {
        let last = rank.len();
        rank.entry(place.commit).or_insert(last);
    }
    rank
}

struct Locator<'a> {
    rules: &'a RuleSet,
    places: &'a HashMap<ObjectId, Vec<history::Place>>,
    complete: bool,
    rank: HashMap<ObjectId, usize>,
    examiner: &'a mut Examiner,
}

impl Locator<'_> {
    /// The finding for `found` at the first place where it stands, or `None` if it stands nowhere.
    fn locate(&mut self, found: &ObjectHit) -> Option<(usize, Finding)> {
        match found.kind {
            Kind::Commit => {
                let commit = found.id.to_string();
                let site = Site {
                    path: None,
                    commit: Some(&commit),
                };
                self.stands(&found.hit, &site).then(|| {
                    let place = object_place(found, Some(found.id), None);
                    self.finding(found, place, Some(found.id))
                })
            }
            Kind::Tag => {
                let site = Site {
                    path: None,
                    commit: None,
                };
                self.stands(&found.hit, &site).then(|| {
                    let place = object_place(found, None, None);
                    self.finding(found, place, None)
                })
            }
            Kind::Blob | Kind::Tree => self.locate_by_path(found),
        }
    }

    /// One path that lets the finding stand is enough; an object without a known path stands.
    fn locate_by_path(&mut self, found: &ObjectHit) -> Option<(usize, Finding)> {
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
                let located = object_place(found, Some(place.commit), Some(shown));
                return Some(self.finding(found, located, Some(place.commit)));
            }
        }
        if !places.is_empty() && self.complete {
            return None;
        }
        let name = found.name.as_deref();
        let shown = name.map(|name| Names::new(self.examiner).show(name));
        let located = object_place(found, None, shown);
        Some(self.finding(found, located, None))
    }

    fn stands(&self, hit: &Hit, site: &Site<'_>) -> bool {
        matches!(self.rules.standing(&hit.found, site), Standing::Stands)
    }

    fn finding(
        &self,
        found: &ObjectHit,
        place: Place,
        commit: Option<ObjectId>,
    ) -> (usize, Finding) {
        let rank = commit
            .and_then(|commit| self.rank.get(&commit).copied())
            .unwrap_or(usize::MAX);
        (rank, finding(self.rules, &found.hit, place))
    }

    /// Rules that have only a path condition: every new path is held against them.
    fn path_findings(&mut self) -> Vec<(usize, Finding)> {
        let mut findings = Vec::new();
        if !judges_paths(self.rules) {
            return findings;
        }
        let mut matched = Vec::new();
        for (id, places) in self.places {
            for place in places {
                matched.clear();
                self.rules.match_path(&place.path, &mut matched);
                for &index in &matched {
                    let shown = Names::new(self.examiner).show(&place.path);
                    let rank = self.rank.get(&place.commit).copied();
                    let finding = path_finding(
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
                    );
                    findings.push((rank.unwrap_or(usize::MAX), finding));
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
        let found = self.order.binary_search_by(|&index| {
            self.state
                .ids
                .get(index as usize)
                .unwrap_or_default()
                .cmp(id.as_slice())
        });
        match found {
            Ok(position) => self.pack.read(self.order[position]).map(Some),
            Err(_) => Ok(None),
        }
    }
}
