//! One batch of objects: hashed, counted, scanned, and what they refer to noted.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::BuildHasher,
    ops::{DerefMut, Range},
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId, objects,
    pack::{self, Kind, Object},
};

use exeat_rules::{Action, PathRules};

use crate::{
    authorship::Noted,
    batch::{Shared, State},
    coverage::Coverage,
    examine::{Examined, Examiner, Hit},
    finding::Part,
    headers,
    journal::{CommitNotes, TreeNotes},
    layers::{Decoded, Via},
    missed::{self, Missed, Reason},
    pack::Error,
    pointer,
    reading::{self, Reading},
    references::References,
    stages::{self, Stages},
    stream::StreamedText,
    verdicts::Verdict,
};

/// Bytes of the names of one tree that are put together as one text.
const NAMES_AT_ONCE: usize = 1 << 20;
/// Why the pointer to a file that LFS keeps is not clean, and what to do.
const POINTER: &str = "it is a pointer of Git LFS, and the file it stands for did not pass here: commit the file without LFS, \
                       or have the push reviewed";
/// Files whose paths are looked up for their name at most.
const MOST_NAMED: usize = 100_000;

/// A hit and the object it lies in.
pub struct ObjectHit {
    /// The object's entry in the pack.
    pub entry: u32,
    pub id: ObjectId,
    pub kind: Kind,
    pub part: Part,
    /// For a file name: the tree entries the secret touches. They are never shown as they are.
    pub names: Vec<Name>,
    pub hit: Hit,
}

/// The raw name of a tree entry, and where in it a secret lies.
pub struct Name {
    pub name: Arc<[u8]>,
    pub secret: Range<usize>,
}

/// An object that was examined.
struct Taken {
    /// Its entry in the pack.
    entry: u32,
    id: ObjectId,
    kind: Kind,
    bytes: u64,
}

/// A name in a tree.
struct Named {
    name: Arc<[u8]>,
    /// The whole paths of files of this name have to be judged.
    is_asked: bool,
}

/// What one batch found, merged under the lock once.
#[derive(Default)]
pub struct Gathered {
    ids: Vec<(u32, ObjectId)>,
    references: Vec<u64>,
    coverage: Coverage,
    hits: Vec<ObjectHit>,
    missed: Vec<Missed>,
    /// Blobs that passed in pieces.
    large: Vec<(u32, ObjectId, u64)>,
    noted: Vec<Noted>,
    /// Blobs without a header.
    unheaded: Vec<(u32, ObjectId)>,
    pub stages: Stages,
    /// Files whose whole paths have to be judged.
    named: Vec<ObjectId>,
    /// Names in trees by their hashes: folders change often, names do not.
    names: HashMap<u64, Named>,
    /// What commits and trees name.
    commits: CommitNotes,
    trees: TreeNotes,
}

impl Gathered {
    /// Takes in one object.
    ///
    /// # Errors
    /// When its references cannot be read, or its bytes are made to collide with another object's.
    pub fn take(
        &mut self,
        shared: &Shared,
        examiner: &mut Examiner,
        object: &Object,
    ) -> Result<(), Error> {
        let id = match object.id {
            Some(id) => id,
            None => stages::timed(shared.clock, &mut self.stages.hash, || {
                pack::object_id(shared.hash, object.kind, &object.data)
            })?,
        };
        self.ids.push((object.index, id));
        self.coverage.count(object.kind, object.data.len() as u64);
        self.note_references(shared, object)
            .map_err(|source| Error::Object { id, source })?;
        let pusher = shared.pusher.as_deref();
        let demands = &shared.demands;
        let failed = demands.failed(pusher, shared.hash, object.kind, &object.data);
        if !failed.is_none() {
            self.noted.push(Noted {
                entry: object.index,
                failed,
            });
        }
        if shared.asks_for_headers && object.kind == Kind::Blob && headers::is_bare(&object.data) {
            self.unheaded.push((object.index, id));
        }
        let (verdict, names) = shared.once(id, object.kind, &object.data, || {
            inspect(shared, examiner, object)
        })?;
        let of = Taken {
            entry: object.index,
            id,
            kind: object.kind,
            bytes: object.data.len() as u64,
        };
        self.keep(&of, verdict, names);
        Ok(())
    }

    /// Takes in a blob of `size` bytes that was examined while it passed.
    pub fn take_large(&mut self, index: u32, id: ObjectId, size: u64, examined: Examined) {
        self.ids.push((index, id));
        self.coverage.count(Kind::Blob, size);
        self.large.push((index, id, size));
        let verdict = Verdict::all_of(Part::File, examined);
        self.take_layers(index, id, size, verdict);
    }

    /// Takes in what is packed in a blob that was examined while it passed.
    pub fn take_layers(&mut self, index: u32, id: ObjectId, size: u64, verdict: Verdict) {
        let of = Taken {
            entry: index,
            id,
            kind: Kind::Blob,
            bytes: size,
        };
        self.keep(&of, verdict, Vec::new());
    }

    fn miss(&mut self, of: &Taken, steps: Vec<String>, why: Reason) {
        self.missed.push(Missed {
            entry: of.entry,
            id: of.id,
            steps,
            why,
            bytes: of.bytes,
        });
    }

    fn keep(&mut self, of: &Taken, verdict: Verdict, names: TouchedNames) {
        let Verdict {
            examined,
            parts,
            reasons,
        } = verdict;
        for (steps, why) in missed::reasons(&examined) {
            self.miss(of, steps.to_vec(), why);
        }
        for why in reasons {
            self.miss(of, Vec::new(), why);
        }
        self.coverage.count_decoded(&examined.decoded);
        let names = names.into_iter().chain(std::iter::repeat_with(Vec::new));
        let located = examined.hits.into_iter().zip(parts).zip(names);
        self.hits
            .extend(located.map(|((hit, part), names)| ObjectHit {
                entry: of.entry,
                id: of.id,
                kind: of.kind,
                part,
                names,
                hit,
            }));
    }

    /// Notes what the object refers to.
    fn note_references(&mut self, shared: &Shared, object: &Object) -> Result<(), objects::Error> {
        let (hash, data) = (shared.hash, &object.data[..]);
        if object.kind == Kind::Tree {
            return self.note_tree(shared, object.index, data);
        }
        let key = &shared.reference_key;
        objects::references(hash, object.kind, data, &mut |kind, target| {
            self.references.push(References::shorten(key, kind, target));
        })?;
        if object.kind == Kind::Commit {
            self.commits.commit(hash, object.index, data);
        }
        Ok(())
    }

    /// The same of a tree; and of its files those whose whole paths have to be judged.
    fn note_tree(
        &mut self,
        shared: &Shared,
        index: u32,
        data: &[u8],
    ) -> Result<(), objects::Error> {
        let (key, rules) = (&shared.reference_key, shared.rules.path_rules());
        let start = self.trees.begin();
        for entry in objects::tree::Entries::new(shared.hash, data) {
            let entry = entry?;
            let hash = key.hash_one(entry.name);
            let named = self.names.entry(hash).or_insert_with(|| Named {
                name: entry.name.into(),
                is_asked: matches!(rules, PathRules::ByName(_)) && rules.may_match(entry.name),
            });
            if named.is_asked {
                self.named.extend(ObjectId::try_from(entry.id));
            }
            if let Some(kind) = entry.kind()?.object() {
                let shortened = References::shorten(key, kind, entry.id);
                if self.trees.entry(shortened, hash) {
                    self.references.push(shortened);
                }
            }
        }
        self.trees.end(start, index);
        Ok(())
    }

    /// Adds this batch to what the push's others have found, which `lock` gives. What can be done before that is.
    pub fn merge_into<S: DerefMut<Target = State>>(
        self,
        lock: impl FnOnce() -> S,
        shared: &Shared,
    ) {
        let trees = self.trees.words();
        let state = &mut *lock();
        for (index, id) in self.ids {
            state.ids.set(index, &id);
        }
        if let Err(error) = state.references.note(self.references) {
            state.failure.get_or_insert(error.into());
        }
        let names = self.names.into_iter();
        let names = names.map(|(hash, named)| (hash, named.name));
        state.journal.add(&self.commits, &trees, names);
        state.coverage += self.coverage;
        state.stages += self.stages;
        state.named.extend(self.named);
        if state.named.len() > MOST_NAMED {
            state.failure.get_or_insert(Error::TooManyNamed);
        }
        state.large.extend(self.large);
        state.missed.extend(self.missed);
        if state.missed.len() > shared.most_hits {
            state.overflowed = true;
            // It does not matter which batch is done first.
            state.missed.sort_unstable();
            state.missed.truncate(shared.most_hits);
        }
        for noted in self.noted {
            state.noted.note(noted);
        }
        state.unheaded.extend(self.unheaded);
        if state.unheaded.len() > headers::MOST_BLOBS {
            state.unheaded.sort_unstable();
            state.unheaded.truncate(headers::MOST_BLOBS);
        }
        state.hits.extend(self.hits);
        if state.hits.len() > shared.most_hits {
            state.overflowed = true;
            keep_strongest(&mut state.hits, shared);
        }
    }
}

/// Keeps the hits of the strongest rules, and of those the first of the pack: a flood of weak ones
/// hides nothing, and it does not matter which batch is done first.
fn keep_strongest(hits: &mut Vec<ObjectHit>, shared: &Shared) {
    let weight = |hit: &ObjectHit| {
        let mut action = shared.rules.action(&hit.hit.found);
        if hit.hit.found.is_hidden() {
            action = action.min(Action::Review);
        }
        (shared.strength.weight(action), action)
    };
    hits.sort_unstable_by(|left, right| {
        let order = weight(right).cmp(&weight(left));
        order.then_with(|| left.in_pack().cmp(&right.in_pack()))
    });
    hits.truncate(shared.most_hits);
}

impl ObjectHit {
    /// Where in the pack it stands; no two hits stand at the same place.
    pub fn in_pack(&self) -> impl Ord + use<> {
        let found = &self.hit.found;
        let scope = self.hit.in_scope();
        (
            (self.entry, found.secret.start, found.secret.end),
            (self.hit.scope(), scope.start, scope.end, found.rule),
        )
    }
}

/// For each hit in a tree the names it touches. They stand in the clear, and are not kept with a verdict.
pub type TouchedNames = Vec<Vec<Name>>;

/// What an object holds, wherever it lies.
fn inspect(shared: &Shared, examiner: &mut Examiner, object: &Object) -> (Verdict, TouchedNames) {
    let (hash, kind, data) = (shared.hash, object.kind, &object.data[..]);
    let (readings, unread) = reading::others(hash, kind, data);
    let mut names = Vec::new();
    let mut verdict = match kind {
        Kind::Tree => {
            let examined = examine_tree(hash, examiner, data, &mut names);
            Verdict::all_of(Part::FileName, examined)
        }
        Kind::Commit => examine_commit(examiner, data, &readings),
        Kind::Tag => Verdict::all_of(Part::Tag, examine_readings(examiner, data, &readings)),
        Kind::Blob => {
            examiner.ask_of_licences(shared.licences.as_ref());
            let mut examined = examine_version(shared, examiner, object);
            add_readings(&mut examined, examiner, data, &readings);
            examiner.ask_of_licences(None);
            Verdict::all_of(Part::File, examined)
        }
    };
    let is_pointer = kind == Kind::Blob && pointer::is_pointer(data);
    let reasons = [
        unread.map(Reason::Limit),
        objects::custom::oddity(hash, kind, data).map(Reason::Odd),
        is_pointer.then_some(Reason::Limit(POINTER)),
    ];
    verdict.reasons = reasons.into_iter().flatten().collect();
    (verdict, names)
}

/// Examines a text as it stands and as it is read otherwise. What several readings show is told of the first. The places of
/// hits in others are behind the end of the text, so that no two are the same.
fn examine_readings(examiner: &mut Examiner, text: &[u8], readings: &[Reading]) -> Examined {
    let mut examined = examiner.examine(text);
    add_readings(&mut examined, examiner, text, readings);
    examined
}

/// Examines a blob; of one that was built from another what is new in it.
fn examine_version(shared: &Shared, examiner: &mut Examiner, object: &Object) -> Examined {
    let Some(versions) = &shared.versions else {
        return examiner.examine(&object.data);
    };
    let before = object.built.as_ref();
    let before = before.map(|built| versions.before(built));
    let (examined, after) = examiner.examine_built(&object.data, before.as_ref());
    versions.keep(object.index, after);
    examined
}

fn add_readings(
    examined: &mut Examined,
    examiner: &mut Examiner,
    text: &[u8],
    readings: &[Reading],
) {
    let what = |hit: &Hit| (hit.found.rule, hit.fingerprint);
    let mut known: HashSet<_> = examined.hits.iter().map(what).collect();
    let mut base = text.len() + 1;
    for (number, reading) in (1..).zip(readings) {
        let more = examiner.examine(&reading.text);
        examined.truncated |= more.truncated;
        examined.cut |= more.cut;
        examined.unread.extend(more.unread);
        examined.decoded += more.decoded;
        examined.decoded += Decoded {
            layers: 1,
            bytes: reading.text.len() as u64,
            ..Decoded::default()
        };
        let is_new = |hit: &Hit| !known.contains(&what(hit));
        let mut new: Vec<Hit> = more.hits.into_iter().filter(is_new).collect();
        for hit in &mut new {
            known.insert(what(hit));
            hit.via = Some(Box::new(through(hit, reading.step, number)));
            for range in [&mut hit.found.span, &mut hit.found.secret] {
                *range = range.start + base..range.end + base;
            }
            if let Some(line) = reading.line {
                (hit.first_line, hit.line, hit.end_line) = (line, line, line);
            }
        }
        examined.hits.extend(new);
        base += reading.text.len() + 1;
    }
}

/// The way to a hit of the reading of this number, whose layers are not those of another.
fn through(hit: &Hit, step: &str, number: u32) -> Via {
    /// Far more than there are layers in a text.
    const LAYERS: u32 = 1_000_000;
    let own = hit.via.iter().flat_map(|via| via.steps.iter().cloned());
    Via {
        steps: std::iter::once(step.to_owned()).chain(own).collect(),
        scope: hit.scope().saturating_add(LAYERS.saturating_mul(number)),
        secret: hit.in_scope(),
        clear: 0,
    }
}

/// Scans a commit whole. Lines of the message are counted from its own start.
fn examine_commit(examiner: &mut Examiner, text: &[u8], readings: &[Reading]) -> Verdict {
    let mut examined = examine_readings(examiner, text, readings);
    if examined.hits.is_empty() {
        return Verdict::all_of(Part::CommitMessage, examined);
    }
    let mut header_lines = Vec::new();
    let mut message_from = u64::MAX;
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        if line.is_empty() {
            message_from = number;
            break;
        }
        header_lines.push(line);
    }
    let part = |hit: &mut Hit| {
        if hit.line > message_from {
            hit.line -= message_from;
            hit.end_line = hit.end_line.saturating_sub(message_from);
            return Part::CommitMessage;
        }
        let number = usize::try_from(hit.line - 1).unwrap_or(usize::MAX);
        match header_lines.get(number) {
            Some(line) if line.starts_with(b"author ") => Part::Author,
            Some(line) if line.starts_with(b"committer ") => Part::Author,
            _ => Part::CommitHeader,
        }
    };
    let parts = examined.hits.iter_mut().map(part).collect();
    Verdict {
        examined,
        parts,
        reasons: Vec::new(),
    }
}

/// Scans the entry names of a tree as one text, a name a line. A line feed inside a name becomes a
/// space, so that the line number stays the entry's number.
fn examine_tree(
    hash: HashKind,
    examiner: &mut Examiner,
    data: &[u8],
    names: &mut TouchedNames,
) -> Examined {
    let mut examined = examine_names(hash, examiner, data, NAMES_AT_ONCE);
    let mut cursor = Names::new(hash, data);
    for hit in &mut examined.hits {
        hit.line = 1;
        hit.end_line = 1;
        names.push(cursor.touched(&hit.found.secret));
    }
    examined
}

/// Examines the text of the names of a tree; of a large tree piece by piece, so that it is not held beside
/// the tree.
fn examine_names(hash: HashKind, examiner: &mut Examiner, data: &[u8], at_once: usize) -> Examined {
    let mut text = Vec::with_capacity(at_once.min(data.len() / 2));
    let mut streamed = None;
    for entry in objects::tree::Entries::new(hash, data).map_while(Result::ok) {
        let as_space = |&byte: &u8| if byte == b'\n' { b' ' } else { byte };
        text.extend(entry.name.iter().map(as_space));
        text.push(b'\n');
        if text.len() >= at_once {
            streamed
                .get_or_insert_with(|| StreamedText::new(examiner))
                .feed(examiner, &text);
            text.clear();
        }
    }
    let Some(mut streamed) = streamed else {
        return examiner.examine_often(&text);
    };
    streamed.feed(examiner, &text);
    streamed.finish(examiner)
}

/// The names of a tree by their offsets in the text of its names, asked for in ascending order.
struct Names<'a> {
    entries: objects::tree::Entries<'a>,
    /// The names that the last secret touched, each with its offset.
    window: VecDeque<(usize, Arc<[u8]>)>,
    /// Where the next name begins.
    next: usize,
}

impl<'a> Names<'a> {
    fn new(hash: HashKind, data: &'a [u8]) -> Self {
        Self {
            entries: objects::tree::Entries::new(hash, data),
            window: VecDeque::new(),
            next: 0,
        }
    }

    /// The names that `secret` touches; it must not begin before the one asked for last.
    fn touched(&mut self, secret: &Range<usize>) -> Vec<Name> {
        while self
            .window
            .front()
            .is_some_and(|(start, name)| start + name.len() < secret.start)
        {
            self.window.pop_front();
        }
        while self.next < secret.end
            && let Some(Ok(entry)) = self.entries.next()
        {
            let start = self.next;
            self.next += entry.name.len() + 1;
            if self.next > secret.start {
                self.window.push_back((start, entry.name.into()));
            }
        }
        let inside = |(start, name): &(usize, Arc<[u8]>)| {
            let from = secret.start.max(*start);
            let to = secret.end.min(start + name.len());
            (from < to).then(|| Name {
                name: Arc::clone(name),
                secret: from - start..to - start,
            })
        };
        self.window.iter().filter_map(inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(names: &[&str], secrets: &[Range<usize>]) -> Vec<Vec<String>> {
        let mut tree = Vec::new();
        for name in names {
            tree.extend(format!("100644 {name}\0").into_bytes());
            tree.extend([7; 20]);
        }
        let mut cursor = Names::new(HashKind::Sha1, &tree);
        let shown = |name: &Name| {
            let part = name.name.get(name.secret.clone()).unwrap();
            String::from_utf8_lossy(part).into_owned()
        };
        secrets
            .iter()
            .map(|secret| cursor.touched(secret).iter().map(shown).collect())
            .collect()
    }

    #[test]
    fn names_of_a_large_tree_are_examined_as_those_of_a_small_one() {
        let rule = "id = 'r'\nregex = 'key_[0-9]{4}'\nkeywords = ['key_']\n";
        let source = exeat_rules::Source {
            name: "t.toml".into(),
            text: format!("[[rules]]\n{rule}"),
        };
        let rules = exeat_rules::RuleSet::compile(&[source]).unwrap().rules;
        let key = crate::FingerprintKey::new([0; 32]);
        let mut examiner = Examiner::new(Arc::new(rules), key);
        let mut tree = Vec::new();
        for number in 0..3000 {
            let word = if number % 7 == 0 { "key_" } else { "file" };
            tree.extend(format!("100644 {word}{number:04}\0").into_bytes());
            tree.extend([7; 20]);
        }
        let mut told = |at_once| {
            let examined = examine_names(HashKind::Sha1, &mut examiner, &tree, at_once);
            assert_eq!(examined.hits.len(), 429);
            format!("{:?}", examined.hits)
        };
        let whole = told(usize::MAX);
        for at_once in [1, 100, 5000] {
            assert_eq!(told(at_once), whole, "{at_once} at once");
        }
    }

    #[test]
    fn a_secret_touches_the_names_it_lies_in() {
        // abc\ndefg\nhi\n
        let names = ["abc", "defg", "hi"];
        assert_eq!(
            touched(&names, &[0..3, 0..2, 5..7, 9..11]),
            [["abc"], ["ab"], ["ef"], ["hi"]]
        );
        assert_eq!(
            touched(&names, &[2..11, 3..4, 4..8]),
            [vec!["c", "defg", "hi"], vec![], vec!["defg"]]
        );
    }
}
