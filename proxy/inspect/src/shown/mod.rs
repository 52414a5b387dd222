//! What of a push is shown to those who decide on it: the lines around findings, commits, messages, names, options.
//!
//! Everything that was pushed comes past all rules here, whole, and a secret that was found in one text is masked in all of
//! them. Read again from the pack when it has come to its end, within bounds: a push that needs nobody costs its newest commits.

mod raw;

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    ops::Range,
};

use exeat_gitwire::{
    ObjectId,
    objects::{commit::Commit, tag::Tag},
    pack::{self, Kind, Spool},
};
use serde::{Deserialize, Serialize};

use crate::{
    examine::{Examiner, Hit},
    finding::{Finding, Part},
    pack::Error,
    stored::Stored,
};
pub use raw::MASK;
use raw::{Known, Raw};

/// Findings around which lines are shown.
const MOST_CONTEXTS: usize = 200;
/// Bytes of files that are read for them.
const CONTEXT_BYTES: u64 = 64 << 20;
/// Lines before and behind a finding, and bytes to either side.
const LINES: usize = 3;
const BESIDE: usize = 2048;
/// Bytes to either side that are looked at for secrets which go beyond what is shown.
const MARGIN: usize = 1024;
/// A longer secret has no lines around it.
const LONGEST: usize = 64 << 10;
/// Commits that are shown, and tags.
const MOST_COMMITS: usize = 200;
const MOST_TAGS: usize = 50;
/// Read of one commit or tag at most, and shown of its message.
const OBJECT_BYTES: usize = 1 << 20;
const MESSAGE_BYTES: usize = 4096;
/// Read of all of them together.
const HISTORY_BYTES: u64 = 16 << 20;
/// Parents of a commit that are looked at.
const MOST_PARENTS: usize = 64;
/// Pushed text that is held at once until it is shown.
const HELD_BYTES: usize = 4 << 20;
/// Characters of a name or an option.
const NAME: usize = 500;
/// Names and options that are shown.
const MOST_NAMES: usize = 200;

/// What is to be shown besides the pack.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The names of the pushed refs.
    pub names: Vec<Vec<u8>>,
    /// Push options.
    pub options: Vec<Vec<u8>>,
    /// What the pusher says of the push.
    pub words: Option<String>,
}

/// What may be shown: characters that print, without anything that a rule takes for a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// In the order of the commands; at most 200.
    pub names: Vec<String>,
    pub options: Vec<String>,
    pub words: Option<String>,
    /// Newest first; at most 200.
    pub commits: Vec<ShownCommit>,
    /// At most 50.
    pub tags: Vec<ShownTag>,
    /// There are too many secrets, so that no text is shown.
    pub withheld: bool,
}

/// The lines around a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The number of the first line, counted from 1.
    pub from: u64,
    /// A secret of several lines is one mask.
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCommit {
    pub id: String,
    pub parents: Vec<String>,
    /// Name and address.
    pub author: String,
    pub committer: String,
    /// Seconds since 1970, as the commit says.
    pub authored: i64,
    pub committed: i64,
    pub subject: String,
    /// The message below the subject.
    pub message: Vec<String>,
    /// The message goes on.
    pub cut: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTag {
    pub id: String,
    pub target: String,
    pub name: String,
    pub tagger: String,
    pub message: Vec<String>,
    pub cut: bool,
}

/// What is shown of a push without a pack.
pub fn without_pack(examiner: &mut Examiner, wanted: &Wanted) -> Shown {
    let mut gatherer = Gatherer::default();
    gatherer.take_head(examiner, wanted);
    gatherer.show(&mut [])
}

/// Reads again what is shown of a pack. The findings get their lines.
///
/// # Errors
/// When the spool cannot be read, or `go_on` says so.
pub(crate) fn gather<S: Spool>(
    stored: &mut Stored<'_, S>,
    targets: &[ObjectId],
    findings: &mut [Finding],
    examiner: &mut Examiner,
    wanted: &Wanted,
    go_on: &dyn Fn() -> Result<(), Error>,
) -> Result<Shown, Error> {
    let mut gatherer = Gatherer::default();
    gatherer.take_head(examiner, wanted);
    gatherer.take_files(stored, findings, examiner, go_on)?;
    gatherer.take_history(stored, targets, examiner, go_on)?;
    Ok(gatherer.show(findings))
}

/// The lines around `own` of a text.
#[doc(hidden)]
pub fn lines_of(examiner: &mut Examiner, text: &[u8], own: &Range<usize>) -> Vec<String> {
    let mut known = Known::default();
    let Some(spans) = known.examine(examiner, text) else {
        return Vec::new();
    };
    known.settle();
    let core = around(text, own);
    let window = core.start.saturating_sub(MARGIN)..(core.end + MARGIN).min(text.len());
    let within = |range: &Range<usize>| range.start - window.start..range.end - window.start;
    let raw = Raw::of(text, &spans, window.clone());
    raw.lines(&known, &within(&core), Some(&within(own)))
}

/// Pushed text as it is, until all secrets are known.
#[derive(Default)]
struct Gatherer {
    known: Known,
    held: usize,
    names: Vec<Raw>,
    options: Vec<Raw>,
    words: Option<Raw>,
    contexts: Vec<Around>,
    commits: Vec<Rough>,
    tags: Vec<Rough>,
}

/// What stands around a finding.
struct Around {
    /// The finding's place in the list.
    finding: usize,
    raw: Raw,
    /// What is shown of it, and the secret.
    core: Range<usize>,
    own: Range<usize>,
    from: u64,
}

/// A commit or a tag, and where in it things stand.
struct Rough {
    id: ObjectId,
    /// Parents, or the target.
    others: Vec<ObjectId>,
    raw: Raw,
    /// Author and committer; of a tag its name and who made it.
    people: [Range<usize>; 2],
    times: [i64; 2],
    message: Range<usize>,
    cut: bool,
}

impl Gatherer {
    fn take_head(&mut self, examiner: &mut Examiner, wanted: &Wanted) {
        for name in wanted.names.iter().take(MOST_NAMES) {
            let spans = self.known.examine_name(examiner, name);
            self.names.push(Raw::of(name, &spans, 0..name.len()));
        }
        for option in wanted.options.iter().take(MOST_NAMES) {
            let spans = self.known.examine_name(examiner, option);
            self.options.push(Raw::of(option, &spans, 0..option.len()));
        }
        if let Some(words) = &wanted.words {
            let words = words.as_bytes();
            let spans = self.known.examine_name(examiner, words);
            self.words = Some(Raw::of(words, &spans, 0..words.len()));
        }
    }

    /// The lines around the findings in files. A file is read once.
    fn take_files<S: Spool>(
        &mut self,
        stored: &mut Stored<'_, S>,
        findings: &[Finding],
        examiner: &mut Examiner,
        go_on: &dyn Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut by_object: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut order = Vec::new();
        let in_files = findings.iter().enumerate();
        let in_files = in_files.filter(|(_, finding)| finding.place.part == Part::File);
        for (index, finding) in in_files.take(MOST_CONTEXTS) {
            let Some(object) = finding.place.object.as_deref() else {
                continue;
            };
            let known = by_object.entry(object).or_insert_with(|| {
                order.push(object);
                Vec::new()
            });
            known.push(index);
        }
        let mut left = CONTEXT_BYTES;
        for object in order {
            go_on()?;
            let entry = ObjectId::from_hex(object.as_bytes())
                .ok()
                .and_then(|id| stored.entries.find(id.as_slice()));
            let Some(entry) = entry else { continue };
            let size = stored.pack.size(entry).unwrap_or(u64::MAX);
            let Some(rest) = left.checked_sub(size) else {
                continue;
            };
            left = rest;
            let Some(data) = read(stored, entry)? else {
                continue;
            };
            let examined = examiner.examine(&data);
            if examined.truncated {
                continue;
            }
            for &index in by_object.get(object).into_iter().flatten() {
                if let Some(finding) = findings.get(index) {
                    self.take_context(&data, &examined.hits, index, finding);
                }
            }
        }
        Ok(())
    }

    /// `hits` are all those of the file.
    fn take_context(&mut self, data: &[u8], hits: &[Hit], index: usize, finding: &Finding) {
        let place = &finding.place;
        let is_own = |hit: &&Hit| {
            (hit.line, hit.column, hit.fingerprint)
                == (place.line, place.column, finding.fingerprint)
        };
        let Some(own) = hits.iter().find(is_own) else {
            return;
        };
        let own = own.found.secret.clone();
        let spans: Vec<_> = hits.iter().map(|hit| hit.found.secret.clone()).collect();
        let core = around(data, &own);
        let window = core.start.saturating_sub(MARGIN)..(core.end + MARGIN).min(data.len());
        if window.len() > LONGEST || self.held + window.len() > HELD_BYTES {
            return;
        }
        self.held += window.len();
        self.known.note(data, &spans);
        let before = data.get(core.start..own.start).unwrap_or_default();
        let newlines = before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.contexts.push(Around {
            finding: index,
            raw: Raw::of(data, &spans, window.clone()),
            core: core.start - window.start..core.end - window.start,
            own: own.start - window.start..own.end - window.start,
            from: place.line.saturating_sub(newlines).max(1),
        });
    }

    /// The newest commits and the tags that `targets` reach, by the dates that the commits say.
    fn take_history<S: Spool>(
        &mut self,
        stored: &mut Stored<'_, S>,
        targets: &[ObjectId],
        examiner: &mut Examiner,
        go_on: &dyn Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut seen: HashSet<ObjectId> = HashSet::new();
        let mut waiting: BinaryHeap<(i64, ObjectId)> = BinaryHeap::new();
        let mut ready: HashMap<ObjectId, Rough> = HashMap::new();
        let mut next: Vec<ObjectId> = targets.to_vec();
        let mut left = HISTORY_BYTES;
        loop {
            while let Some(id) = next.pop() {
                // Each commit brings its parents; reading stays near what is shown.
                let enough = seen.len() >= MOST_COMMITS * 4 + MOST_TAGS * 4;
                if enough || !seen.insert(id) {
                    continue;
                }
                go_on()?;
                let Some(entry) = stored.entries.find(id.as_slice()) else {
                    continue;
                };
                let kind = stored.pack.kind(entry);
                if !matches!(kind, Some(Kind::Commit | Kind::Tag)) {
                    continue;
                }
                let size = stored.pack.size(entry).unwrap_or(u64::MAX);
                let Some(rest) = left.checked_sub(size) else {
                    continue;
                };
                left = rest;
                let Some(data) = read(stored, entry)? else {
                    continue;
                };
                if kind == Some(Kind::Tag)
                    && let Ok(tag) = Tag::parse(stored.hash, &data)
                {
                    next.push(*tag.target());
                    let tag = self.rough_tag(examiner, id, &data, &tag);
                    self.tags
                        .extend(tag.filter(|_| self.tags.len() < MOST_TAGS));
                } else if let Ok(commit) = Commit::parse(stored.hash, &data) {
                    match self.rough_commit(examiner, id, &data, &commit) {
                        Some(rough) => {
                            waiting.push((rough.times[1], id));
                            ready.insert(id, rough);
                        }
                        // It is one of those that are only counted.
                        None => next.extend(commit.parents().iter().take(MOST_PARENTS)),
                    }
                }
            }
            let newest = waiting.pop().and_then(|(_, id)| ready.remove(&id));
            let Some(newest) = newest.filter(|_| self.commits.len() < MOST_COMMITS) else {
                return Ok(());
            };
            next.extend(newest.others.iter().copied());
            self.commits.push(newest);
        }
    }

    fn rough_commit(
        &mut self,
        examiner: &mut Examiner,
        id: ObjectId,
        data: &[u8],
        commit: &Commit<'_>,
    ) -> Option<Rough> {
        let author = commit.author().unwrap_or_default();
        let committer = commit.committer().unwrap_or_default();
        let mut rough = self.rough(examiner, id, data, [author, committer], commit.message())?;
        let parents = commit.parents().iter().take(MOST_PARENTS);
        rough.others = parents.copied().collect();
        rough.times = [seconds(author), commit.commit_seconds()];
        Some(rough)
    }

    fn rough_tag(
        &mut self,
        examiner: &mut Examiner,
        id: ObjectId,
        data: &[u8],
        tag: &Tag<'_>,
    ) -> Option<Rough> {
        let tagger = tag.tagger().unwrap_or_default();
        let mut rough = self.rough(examiner, id, data, [tag.name(), tagger], tag.message())?;
        rough.others = vec![*tag.target()];
        Some(rough)
    }

    fn rough(
        &mut self,
        examiner: &mut Examiner,
        id: ObjectId,
        data: &[u8],
        people: [&[u8]; 2],
        message: &[u8],
    ) -> Option<Rough> {
        let spans = self.known.examine(examiner, data)?;
        let message = within(data, message);
        let shown = message.start..characters_end(data, &message);
        let people = people.map(|person| {
            let place = within(data, person);
            let end = person.iter().rposition(|&byte| byte == b'>');
            let length = end.map_or(person.len(), |end| end + 1).min(NAME);
            place.start..place.start + length
        });
        let parts = || {
            people
                .iter()
                .chain([&shown])
                .filter(|part| !part.is_empty())
        };
        let start = parts().map(|part| part.start).min().unwrap_or(0);
        let end = parts().map(|part| part.end).max().unwrap_or(0);
        let window = start.saturating_sub(MARGIN)..(end + MARGIN).min(data.len());
        let inside = |part: &Range<usize>| match part.is_empty() {
            true => 0..0,
            false => part.start - window.start..part.end - window.start,
        };
        let cut = shown.end < message.end;
        let (people, shown) = (people.map(|part| inside(&part)), inside(&shown));
        if self.held + window.len() > HELD_BYTES {
            return None;
        }
        self.held += window.len();
        Some(Rough {
            id,
            others: Vec::new(),
            raw: Raw::of(data, &spans, window.clone()),
            people,
            times: [0; 2],
            cut,
            message: shown,
        })
    }

    /// Everything without its secrets, which are all known now.
    fn show(mut self, findings: &mut [Finding]) -> Shown {
        self.known.settle();
        let known = &self.known;
        for around in &self.contexts {
            if let Some(finding) = findings.get_mut(around.finding) {
                let lines = around.raw.lines(known, &around.core, Some(&around.own));
                finding.context = (!lines.is_empty()).then_some(Context {
                    from: around.from,
                    lines,
                });
            }
        }
        let names = |raws: &[Raw]| raws.iter().map(|raw| raw.name(known, NAME)).collect();
        let commits = self.commits.iter().map(|rough| rough.commit(known));
        let tags = self.tags.iter().map(|rough| rough.tag(known));
        Shown {
            names: names(&self.names),
            options: names(&self.options),
            words: self.words.as_ref().map(|words| words.name(known, 4 * NAME)),
            commits: commits.collect(),
            tags: tags.collect(),
            withheld: known.overflowed(),
        }
    }
}

/// As much of a message as is shown, and no half of a character.
fn characters_end(data: &[u8], message: &Range<usize>) -> usize {
    let most = message.start + MESSAGE_BYTES;
    if message.end <= most {
        return message.end;
    }
    let is_inside = |at: &usize| data.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let back = (0..3).take_while(|back| is_inside(&(most - back))).count();
    most - back
}

impl Rough {
    fn commit(&self, known: &Known) -> ShownCommit {
        let mut message = self.raw.lines(known, &self.message, None).into_iter();
        let mut paragraph = Vec::new();
        // git's subject is the first paragraph.
        let subject = message.by_ref().skip_while(|line| line.trim().is_empty());
        for line in subject.take_while(|line| !line.trim().is_empty()) {
            paragraph.push(line);
        }
        ShownCommit {
            id: self.id.to_string(),
            parents: self.others.iter().map(ToString::to_string).collect(),
            author: self.raw.line(known, &self.people[0]),
            committer: self.raw.line(known, &self.people[1]),
            authored: self.times[0],
            committed: self.times[1],
            subject: paragraph.join(" "),
            message: without_end(message.collect()),
            cut: self.cut,
        }
    }

    fn tag(&self, known: &Known) -> ShownTag {
        let target = self.others.first().map(ToString::to_string);
        ShownTag {
            id: self.id.to_string(),
            target: target.unwrap_or_default(),
            name: self.raw.line(known, &self.people[0]),
            tagger: self.raw.line(known, &self.people[1]),
            message: without_end(self.raw.lines(known, &self.message, None)),
            cut: self.cut,
        }
    }
}

fn without_end(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// The object, where it can be had whole, within bounds and within what may be rebuilt.
fn read<S: Spool>(
    stored: &mut Stored<'_, S>,
    entry: u32,
) -> Result<Option<std::sync::Arc<Vec<u8>>>, Error> {
    let is_text = matches!(stored.pack.kind(entry), Some(Kind::Commit | Kind::Tag));
    let size = stored.pack.size(entry).unwrap_or(u64::MAX);
    if is_text && size > OBJECT_BYTES as u64 {
        return Ok(None);
    }
    match stored.pack.read(entry) {
        Ok((_, data)) => Ok(Some(data)),
        Err(pack::Error::Rework { .. } | pack::Error::NotWhole { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Some lines around `own`.
fn around(data: &[u8], own: &Range<usize>) -> Range<usize> {
    let first = own.start.saturating_sub(BESIDE);
    let before = data.get(first..own.start).unwrap_or_default();
    let mut breaks = before.iter().enumerate().rev();
    let start = breaks
        .by_ref()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(LINES)
        .map_or(first, |(at, _)| first + at + 1);
    let last = own.end.saturating_add(BESIDE).min(data.len());
    let after = data.get(own.end..last).unwrap_or_default();
    let end = after
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(LINES)
        .map_or(last, |(at, _)| own.end + at);
    start..end
}

/// Where `part`, which was cut out of `data`, stands in it.
fn within(data: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(data.as_ptr().addr());
    match start.checked_add(part.len()) {
        Some(end) if end <= data.len() => start..end,
        _ => 0..0,
    }
}

/// The time of `Name <mail> 1700000000 +0100`; zero where there is none.
fn seconds(line: &[u8]) -> i64 {
    let behind = line.rsplit(|&byte| byte == b'>').next().unwrap_or_default();
    let text = std::str::from_utf8(behind).unwrap_or_default();
    let number = text.split_whitespace().next();
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
