//! From a match in an object to commit, path and line: the places a developer can go to.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};

use exeat_gitwire::{
    ObjectId,
    history::{self, Places, Tip, Ways},
    pack::{self, Kind, Spool},
};
use exeat_rules::{self as rules, Hiding, PathRules, RuleSet, Site};

use crate::{
    ancestry::Ancestry,
    authorship::{self, Counted, Noting},
    batch::Shared,
    cover::{Covered, Coverer},
    examine::{Examiner, Hit},
    excuse::{Brought, Excuse},
    existing,
    finding::{Finding, Part, Place},
    gather::ObjectHit,
    headers,
    journal::{Commits, Journal},
    missed::{self, Missed},
    names::Names,
    overlap::{self, Standing, Strength},
    pack::Error,
    pool::{Aside, Pool},
    report::Unscannable,
    served::{Served, Versions},
    stored::Stored,
    surroundings::Surroundings,
};

/// Bytes of path that are held against rules for one push. It bounds what many findings at many
/// long paths cost; above it a finding stands wherever it is.
const MOST_PATH_BYTES: usize = 256 << 20;
/// Paths of a file whose findings an ignore file or a baseline may excuse, or somebody waive.
const MOST_EXCUSED: usize = 16;

/// What locating needs: the finished pack and what the workers found in it.
pub struct Scene<'a, S: Spool> {
    pub stored: Stored<'a, S>,
    pub hits: Vec<ObjectHit>,
    /// Files that may be findings by their name; they need not be in the pack.
    pub named: HashSet<ObjectId>,
    /// What fails a demand.
    pub noted: Noting,
    /// Blobs without a header, where that is asked.
    pub unheaded: Vec<(u32, ObjectId)>,
    /// What commits and trees name.
    pub journal: Journal,
    /// Findings kept at most.
    pub most_findings: usize,
    /// What was not read.
    pub missed: Vec<Missed>,
    /// Everything was read to its end that can be read.
    pub all_read: bool,
    /// The new ids of the push's commands.
    pub targets: &'a [ObjectId],
    pub shared: &'a Shared,
    pub pool: &'a Pool,
    pub examiner: &'a mut Examiner,
    pub most_paths: usize,
    /// What the repository serves already.
    pub served: Option<&'a mut dyn Served<S>>,
}

/// Findings with their places, in the order in which they are told.
#[derive(Default)]
pub struct Located {
    pub findings: Vec<Finding>,
    pub counted: Vec<Counted>,
    pub unscannable: Vec<Unscannable>,
}

/// Gives every hit its place and drops those that no path lets stand. A clean pack costs nothing
/// here: trees are read again only when there is something to locate.
///
/// # Errors
/// When the spool cannot be read again, or the inspection is stopped.
pub fn attribute<S: Spool>(mut scene: Scene<'_, S>) -> Result<Located, Error> {
    let (shared, targets) = (scene.shared, scene.targets);
    let served = scene.served.take();
    let mut served = served.map(|served| Versions::new(shared, served));
    let unheaded = match served {
        Some(_) => headers::at_tips(&scene.unheaded, &mut scene.stored, targets, shared)?,
        None => Vec::new(),
    };
    let mut located = locate(&mut scene, served.as_mut())?;
    if let Some(served) = served.filter(|_| !unheaded.is_empty()) {
        // What is served is read into memory as well; this pack is not read any more.
        scene.stored.pack.rest();
        let mut names = Names::new(scene.examiner);
        mark_names(&mut names, &scene.hits);
        let room = scene.most_findings.saturating_sub(located.findings.len());
        let told = headers::tell(&unheaded, served, shared, &mut names, room);
        located.findings.extend(told);
    }
    Ok(located)
}

/// The findings of what was found in objects and noted of them.
fn locate<S: Spool>(
    scene: &mut Scene<'_, S>,
    served: Option<&mut Versions<'_, S>>,
) -> Result<Located, Error> {
    let named = scene.blobs_to_name();
    let mut wanted: HashSet<ObjectId> = named.clone();
    let in_trees = |hit: &&ObjectHit| matches!(hit.kind, Kind::Blob | Kind::Tree);
    wanted.extend(scene.hits.iter().filter(in_trees).map(|hit| hit.id));
    wanted.extend(scene.missed.iter().map(|missed| missed.id));
    if scene.hits.is_empty() && wanted.is_empty() && scene.noted.is_empty() {
        return Ok(Located::default());
    }
    let journal = Arc::new(std::mem::take(&mut scene.journal));
    let wanted = Arc::new(wanted);
    let ways = scene.ways(&journal, &wanted);
    let commits = scene.commits(&journal)?;
    let ancestry = scene.ancestry(commits.as_ref())?;
    let tips = commits.map(|commits| history::oldest_first(&commits.facts));
    let bare = scene.bare_objects()?;
    let places = scene.places(ways, tips, &ancestry, &wanted)?;
    let mut locator = Locator {
        rules: scene.shared.rules.as_ref(),
        strength: scene.shared.strength,
        names: Names::new(scene.examiner),
        places: &places,
        bare,
        path_bytes: MOST_PATH_BYTES,
        coverer: Coverer::new(&scene.shared.rules, &scene.shared.key),
    };
    mark_names(&mut locator.names, &scene.hits);
    let mut standing = Vec::new();
    for hit in &scene.hits {
        scene.shared.go_on()?;
        standing.extend(locator.locate(hit).map(|found| (hit, found)));
    }
    let mut by_path = Located::default();
    locator.judge_paths(&named, scene.shared, &mut by_path)?;
    // Whoever hides something behind what cannot be read is excused from nothing.
    if scene.all_read
        && by_path.unscannable.is_empty()
        && !scene.shared.strength.excuses().is_empty()
    {
        let (stored, shared) = (&mut scene.stored, scene.shared);
        let mut brought = Brought::of(stored, scene.targets, shared.strength)?;
        for (hit, found) in &mut standing {
            shared.go_on()?;
            found.finding.excused = locator.excuse(hit, &found.finding, &mut brought);
        }
        locator.share_excuses(&mut standing);
        for finding in &mut by_path.findings {
            finding.excused = brought.excuse(finding);
        }
    }
    let missed = std::mem::take(&mut scene.missed);
    let mut unscannable = missed::tell(missed, &places, &locator.bare, &mut locator.names);
    unscannable.append(&mut by_path.unscannable);
    let mut located = Located {
        findings: locator.strongest(standing),
        unscannable,
        counted: Vec::new(),
    };
    located.findings.extend(by_path.findings);
    let (findings, counted) = authorship::tell(
        std::mem::take(&mut scene.noted),
        &mut scene.stored,
        &ancestry,
        scene.shared,
        &mut locator.names,
        scene.most_findings.saturating_sub(located.findings.len()),
    )?;
    located.findings.extend(findings);
    located.counted = counted;
    in_order(&mut located.findings, &ancestry, &scene.stored);
    let bare = locator.bare;
    if let Some(served) = served {
        // What is served is read into memory as well; this pack is not read any more.
        scene.stored.pack.rest();
        let known = existing::Findings {
            hits: &scene.hits,
            places: &places,
            bare: &bare,
            shared: scene.shared,
        };
        known.mark(&mut located.findings, scene.examiner, served);
    }
    Ok(located)
}

impl<S: Spool> Scene<'_, S> {
    /// The blobs whose paths must be held against the rules about paths.
    fn blobs_to_name(&mut self) -> HashSet<ObjectId> {
        let mut named = std::mem::take(&mut self.named);
        if matches!(self.shared.rules.path_rules(), PathRules::ByPath) {
            named.extend(self.stored.ids(&self.stored.of_kind(Kind::Blob)));
        }
        // What is not in the pack is at the upstream already.
        named.retain(|id| self.stored.kind(id) == Some(Kind::Blob));
        named
    }

    /// The commits, if they are in the journal.
    fn commits(&self, journal: &Journal) -> Result<Option<Commits>, Error> {
        let Stored {
            ids, entries, hash, ..
        } = &self.stored;
        let commits = journal.commits(ids, entries, *hash);
        Ok(commits.map_err(pack::Error::Spool)?)
    }

    fn ancestry(&mut self, known: Option<&Commits>) -> Result<Ancestry, Error> {
        let length = self.stored.pack.len();
        let Some(known) = known else {
            let commits = self.stored.of_kind(Kind::Commit);
            return Ancestry::order(length, &commits, |commit| self.stored.parents(commit));
        };
        Ancestry::order(length, &known.entries, |commit| Ok(known.parents(commit)))
    }

    fn limits(&self) -> history::Limits {
        history::Limits {
            paths_per_object: self.most_paths,
            ..history::Limits::default()
        }
    }

    /// Lets a worker find out which trees lead to what is wanted.
    fn ways(
        &self,
        journal: &Arc<Journal>,
        wanted: &Arc<HashSet<ObjectId>>,
    ) -> Aside<io::Result<Option<Ways>>> {
        let (journal, wanted) = (Arc::clone(journal), Arc::clone(wanted));
        let ids = Arc::clone(self.stored.ids);
        let key = self.shared.reference_key.clone();
        let most = self.limits().entries();
        self.pool
            .aside(move || journal.ways(&ids, &key, &wanted, most))
    }

    fn places(
        &mut self,
        ways: Aside<io::Result<Option<Ways>>>,
        tips: Option<Vec<Tip>>,
        ancestry: &Ancestry,
        wanted: &HashSet<ObjectId>,
    ) -> Result<Places, Error> {
        let limits = self.limits();
        let ways = ways.result().ok_or(Error::WorkerFailed)?;
        if let (Some(tips), Some(ways)) = (tips, ways.map_err(pack::Error::Spool)?) {
            return Ok(history::places_along(ways, &tips, wanted, &limits));
        }
        let commits = self.stored.ids(&ancestry.oldest_first);
        let hash = self.stored.hash;
        Ok(history::places(
            &mut self.stored,
            hash,
            &commits,
            wanted,
            &limits,
        )?)
    }

    /// Blobs and trees that a ref or a tag reaches without a commit: they stand at no path that is
    /// known, whatever others they have.
    fn bare_objects(&mut self) -> Result<HashSet<ObjectId>, Error> {
        let mut bare = HashSet::new();
        if self.hits.is_empty() && self.missed.is_empty() {
            return Ok(bare);
        }
        let mut waiting = self.targets.to_vec();
        for tag in self.stored.of_kind(Kind::Tag) {
            let tagged = self.stored.references(tag)?;
            waiting.extend(tagged.into_iter().map(|(_, id)| id));
        }
        while let Some(id) = waiting.pop() {
            let kind = self.stored.kind(&id);
            if !matches!(kind, Some(Kind::Blob | Kind::Tree)) || !bare.insert(id) {
                continue;
            }
            if kind == Some(Kind::Tree)
                && let Some(entry) = self.stored.entries.find(id.as_slice())
            {
                self.shared.go_on()?;
                let below = self.stored.references(entry)?;
                waiting.extend(below.into_iter().map(|(_, id)| id));
            }
        }
        Ok(bare)
    }
}

/// A text in which findings can overlap: an object, or a text of its own in it.
type Text = (ObjectId, u32);

struct Locator<'a> {
    rules: &'a RuleSet,
    strength: Strength,
    names: Names<'a>,
    places: &'a Places,
    bare: HashSet<ObjectId>,
    /// Bytes of path that may still be judged.
    path_bytes: usize,
    coverer: Coverer<'a>,
}

impl<'a> Locator<'a> {
    /// Whether `hit` is a finding at `site`, and what would have hidden it.
    fn finds(&self, hit: &Hit, site: &Site<'_>) -> Option<Option<Hiding>> {
        self.strength.finds(self.rules.standing(&hit.found, site))
    }

    /// The same where the path is not known: only a word in the secret hides it there.
    fn anywhere(&self, hit: &Hit) -> Option<Option<Hiding>> {
        match hit.found.is_hidden() {
            true => self
                .strength
                .finds(rules::Standing::Hidden(Hiding::Stopword)),
            false => Some(None),
        }
    }

    /// The finding for `found` at the first place where it stands, or `None` if it stands nowhere.
    fn locate(&mut self, found: &ObjectHit) -> Option<Standing<Text>> {
        let (place, hiding) = match found.kind {
            Kind::Commit => self.place_without_path(found, Some(found.id)),
            Kind::Tag => self.place_without_path(found, None),
            Kind::Blob | Kind::Tree => self.place_by_path(found),
        }?;
        Some(Standing {
            text: (found.id, found.hit.scope()),
            secret: found.hit.in_scope(),
            is_generic: self.rules.rule(found.hit.found.rule).is_generic(),
            finding: Finding::of_hit(self.rules, &found.hit, place).hidden_by(hiding),
        })
    }

    fn place_without_path(
        &self,
        found: &ObjectHit,
        commit: Option<ObjectId>,
    ) -> Option<(Place, Option<Hiding>)> {
        let hex = commit.map(|id| id.to_string());
        let site = Site {
            path: None,
            commit: hex.as_deref(),
        };
        let hiding = self.finds(&found.hit, &site)?;
        Some((object_place(found, commit, None), hiding))
    }

    /// One path that lets the finding stand is enough; an object at an unknown path stands.
    fn place_by_path(&mut self, found: &ObjectHit) -> Option<(Place, Option<Hiding>)> {
        let mut hidden = None;
        let name = found.names.first().map(|name| &*name.name);
        let places = self
            .places
            .by_id
            .get(&found.id)
            .map_or(&[][..], Vec::as_slice);
        for place in places {
            let path = full_path(&place.path, name);
            let Some(left) = self.path_bytes.checked_sub(path.len()) else {
                let hiding = self.anywhere(&found.hit)?;
                return Some((object_place(found, None, None), hiding));
            };
            self.path_bytes = left;
            let commit = place.commit.to_string();
            let site = Site {
                path: Some(&path),
                commit: Some(&commit),
            };
            let hiding = match self.finds(&found.hit, &site) {
                Some(hiding) if hiding.is_none() || hidden.is_none() => hiding,
                _ => continue,
            };
            let shown = self.names.show(&path);
            let told = object_place(found, Some(place.commit), Some(shown));
            if hiding.is_none() {
                return Some((told, None));
            }
            hidden = Some((told, hiding));
        }
        let all_known = self.places.complete && !self.bare.contains(&found.id);
        if !places.is_empty() && all_known {
            return hidden;
        }
        let hiding = self.anywhere(&found.hit)?;
        let shown = name.map(|name| self.names.show(name));
        Some((object_place(found, None, shown), hiding))
    }

    /// The strongest finding of each secret, with what a waiver of it has to cover: those it speaks for as well, which would
    /// otherwise speak the next time.
    fn strongest(&mut self, standing: Vec<(&ObjectHit, Standing<Text>)>) -> Vec<Finding> {
        let (hits, standing): (Vec<&ObjectHit>, Vec<_>) = standing.into_iter().unzip();
        let told = overlap::speakers(&standing, self.strength);
        let mut findings = Vec::new();
        for ((each, silenced), hit) in standing.into_iter().zip(told).zip(&hits) {
            let Some(silenced) = silenced else { continue };
            let mut finding = each.finding;
            let others = silenced.iter().filter_map(|&other| hits.get(other));
            let all = std::iter::once(hit).chain(others);
            let covered: Option<Vec<_>> = all.map(|hit| self.covered(hit)).collect();
            let covered: Vec<_> = covered.into_iter().flatten().flatten().collect();
            finding.covers = self.coverer.cover(&covered);
            findings.push(finding);
        }
        findings
    }

    /// Where an object stands; `None` if that is not known of all places, or if they are too many to be asked about.
    fn every_place(&self, id: &ObjectId) -> Option<&'a [history::Place]> {
        let places = self.places.by_id.get(id)?;
        let is_known = self.places.complete && !self.bare.contains(id);
        (is_known && places.len() <= MOST_EXCUSED).then_some(places.as_slice())
    }

    /// What covers one match: each path where it is a finding. Nothing where it has none, or not all of them are known.
    fn covered(&mut self, found: &ObjectHit) -> Option<Vec<Covered>> {
        let places = self.every_place(&found.id)?;
        if found.names.len() > 1 {
            return None;
        }
        let name = found.names.first().map(|name| &*name.name);
        let mut covered = Vec::new();
        for place in places {
            let path = full_path(&place.path, name);
            self.path_bytes = self.path_bytes.checked_sub(path.len())?;
            let commit = place.commit.to_string();
            let site = Site {
                path: Some(&path),
                commit: Some(&commit),
            };
            if self.finds(&found.hit, &site).is_some() {
                covered.push(Covered {
                    rule: found.hit.found.rule,
                    part: found.part,
                    shown: self.names.show(&path),
                    path,
                    fingerprint: found.hit.fingerprint,
                    surroundings: found.hit.surroundings,
                });
            }
        }
        Some(covered)
    }

    /// What excuses the finding of `hit`: wherever the file lies and the finding stands, not only where it is told.
    fn excuse(
        &mut self,
        hit: &ObjectHit,
        finding: &Finding,
        brought: &mut Brought,
    ) -> Option<Excuse> {
        let excuse = brought.excuse(finding)?;
        if excuse == Excuse::Comment || hit.kind != Kind::Blob {
            return Some(excuse);
        }
        for place in self.every_place(&hit.id)? {
            let commit = place.commit.to_string();
            let site = Site {
                path: Some(&place.path),
                commit: Some(&commit),
            };
            let shown = Some(self.names.show(&place.path));
            if finding.place.path == shown || self.finds(&hit.hit, &site).is_none() {
                continue;
            }
            let mut there = finding.clone();
            there.place.path = shown;
            there.place.commit = Some(commit);
            brought.excuse(&there)?;
        }
        Some(excuse)
    }

    /// What excuses one rule's finding of a secret excuses another's: a comment wherever the file lies, other ways where the
    /// excused one stands at each path at which the other does.
    fn share_excuses(&self, standing: &mut Vec<(&ObjectHit, Standing<Text>)>) {
        let (hits, mut all): (Vec<&ObjectHit>, Vec<_>) =
            std::mem::take(standing).into_iter().unzip();
        overlap::share_excuses(&mut all, self.strength, |excused, other, excuse| {
            excuse == Excuse::Comment || self.stands_wherever(hits[excused], hits[other])
        });
        *standing = hits.into_iter().zip(all).collect();
    }

    /// Whether `one` stands at each path at which `other`, of the same object, does.
    fn stands_wherever(&self, one: &ObjectHit, other: &ObjectHit) -> bool {
        let Some(places) = self.every_place(&other.id) else {
            return false;
        };
        let name = other.names.first().map(|name| &*name.name);
        places.iter().all(|place| {
            let path = full_path(&place.path, name);
            let commit = place.commit.to_string();
            let site = Site {
                path: Some(&path),
                commit: Some(&commit),
            };
            self.finds(&other.hit, &site).is_none() || self.finds(&one.hit, &site).is_some()
        })
    }

    /// Holds the paths of `named` blobs against the rules that have only a path condition.
    fn judge_paths(
        &mut self,
        named: &HashSet<ObjectId>,
        shared: &Shared,
        located: &mut Located,
    ) -> Result<(), Error> {
        let mut judged = Vec::new();
        let mut missed = !named.is_empty() && !self.places.complete;
        for (id, places) in &self.places.by_id {
            if !named.contains(id) {
                continue;
            }
            shared.go_on()?;
            for place in places {
                judged.clear();
                self.rules.judge_path(&place.path, &mut judged);
                for &(rule, standing) in &judged {
                    let Some(hiding) = self.strength.finds(standing) else {
                        continue;
                    };
                    if located.findings.len() >= shared.most_hits {
                        missed = true;
                        break;
                    }
                    let site = Place {
                        path: Some(self.names.show(&place.path)),
                        commit: Some(place.commit.to_string()),
                        object: Some(id.to_string()),
                        ..Place::first_line()
                    };
                    let index = rule;
                    let rule = self.rules.rule(rule);
                    let fingerprint = shared.key.fingerprint(&rule.id, &place.path);
                    let mut finding = Finding::of_path(rule, fingerprint, site).hidden_by(hiding);
                    // Where it stands elsewhere as well, it is a finding there.
                    finding.covers = self.coverer.cover(&[Covered {
                        rule: index,
                        part: Part::FileName,
                        shown: self.names.show(&place.path),
                        path: place.path.clone(),
                        fingerprint,
                        surroundings: Surroundings::none(),
                    }]);
                    located.findings.push(finding);
                }
            }
        }
        if missed {
            located.unscannable.push(Unscannable {
                what: "the paths of the push".into(),
                why: "there are more than can be held against the rules about paths".into(),
                object: None,
                opaque: None,
            });
        }
        Ok(())
    }
}

/// A name that holds a match is masked wherever it is shown.
fn mark_names(names: &mut Names<'_>, hits: &[ObjectHit]) {
    for name in hits.iter().flat_map(|hit| &hit.names) {
        names.mark(&name.name, name.secret.clone());
    }
}

fn object_place(found: &ObjectHit, commit: Option<ObjectId>, path: Option<String>) -> Place {
    Place {
        part: found.part,
        path,
        line: found.hit.line,
        column: found.hit.column,
        character: found.hit.character,
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

/// Sorts the findings by the commit that brings them, oldest first, those without one last; and
/// notes which of these commits begin a history.
fn in_order<S: Spool>(findings: &mut [Finding], ancestry: &Ancestry, stored: &Stored<'_, S>) {
    let mut entries: HashMap<String, u32> = HashMap::new();
    for finding in findings.iter_mut() {
        let Some(commit) = &finding.place.commit else {
            continue;
        };
        let entry = entries.get(commit).copied().or_else(|| {
            let id = ObjectId::from_hex(commit.as_bytes()).ok()?;
            stored.entries.find(id.as_slice())
        });
        if let Some(entry) = entry {
            entries.insert(commit.clone(), entry);
            finding.place.root = ancestry.is_root(entry);
        }
    }
    let rank = |finding: &Finding| {
        let commit = finding.place.commit.as_ref();
        let entry = commit.and_then(|commit| entries.get(commit));
        entry.map_or(u32::MAX, |&entry| ancestry.rank(entry))
    };
    findings.sort_by(|left, right| {
        let by_commit = rank(left).cmp(&rank(right));
        by_commit.then_with(|| within_commit(left, right))
    });
}

fn within_commit(left: &Finding, right: &Finding) -> Ordering {
    let key = |finding: &Finding| {
        let place = &finding.place;
        (place.line, place.column, place.end_line)
    };
    let path = left.place.path.cmp(&right.place.path);
    path.then_with(|| left.place.part.cmp(&right.place.part))
        .then_with(|| key(left).cmp(&key(right)))
        .then_with(|| left.rule.cmp(&right.rule))
        .then_with(|| left.place.object.cmp(&right.place.object))
}
