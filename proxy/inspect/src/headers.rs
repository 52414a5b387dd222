//! New files without the header that the other files of the repository carry.
//!
//! Blobs without a header are noted as they pass. Which of them are files that the upstream does not have is asked once everything was
//! read, of the trees that pushed refs show and of those that the upstream serves; and what the files next to each begin with. It is
//! help and no gate: of what could not be looked up, or not within bounds, nothing is told.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use bstr::ByteSlice as _;
use exeat_gitwire::{
    HashKind, ObjectId,
    objects::tree::{Entries, EntryKind},
    pack::{self, Kind, Spool},
};
use exeat_rules::{Confidence, Severity};

use crate::{
    batch::Shared,
    finding::{Finding, Part, Place},
    licence::header::{self, Head, Header, Spdx},
    names::Names,
    pack::Error,
    served::{End, Versions, Way},
    stored::Stored,
};

/// The name under which findings of it are told.
pub const RULE: &str = "license-header-missing";

/// Blobs without a header that are noted: the first of the pack, whose newest come first.
pub const MOST_BLOBS: usize = 4096;
/// Files of them that are looked up, and trees of the pack that are read to find them.
const MOST_FILES: usize = 1024;
const MOST_TREES: usize = 2048;
/// Bytes of these trees, and of those of the upstream that are read to find files like them.
const TREE_BYTES: usize = 32 << 20;
/// Bytes of a path.
const MOST_PATH: usize = 4096;
/// Folders in which they are, and kinds of files that are compared in them.
const MOST_FOLDERS: usize = 64;
const MOST_KINDS: usize = 32;
/// Files that are read to say what a new one should begin with, and so many at least.
const MOST_READ: usize = 8;
const LEAST_READ: usize = 3;
/// Of a hundred that are read so many carry it.
const SHARE: usize = 80;
/// Findings of one push.
const MOST_TOLD: usize = 100;
/// How names of files begin that are licences, and carry none.
const LICENCES: [&[u8]; 7] = [
    b"license",
    b"licence",
    b"copying",
    b"copyright",
    b"notice",
    b"authors",
    b"patents",
];

/// Whether a header could be asked of this file, and it has none.
pub fn is_bare(text: &[u8]) -> bool {
    header::read(text) == Head::Bare
}

/// A file without a header, as a pushed ref shows it.
pub struct Bare {
    path: Vec<u8>,
    id: ObjectId,
}

impl Bare {
    fn folder(&self) -> &[u8] {
        let split = self.path.rsplit_once_str("/");
        split.map_or(b"", |(folder, _)| folder)
    }

    fn name(&self) -> &[u8] {
        let split = self.path.rsplit_once_str("/");
        split.map_or(&self.path, |(_, name)| name)
    }
}

/// What files of this name are alike in: the ending, or the whole name where there is none.
fn kind(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if dot > 0 => name.get(dot..).unwrap_or(name),
        _ => name,
    }
}

fn is_licence(name: &[u8]) -> bool {
    let begins = |word: &&[u8]| {
        let start = name.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    LICENCES.iter().any(begins)
}

/// Where `blobs` stand as files in the trees of the pushed refs, as far as the pack has these: each path once, in their order.
///
/// # Errors
/// When the spool cannot be read again, or the inspection is stopped.
pub fn at_tips<S: Spool>(
    blobs: &[(u32, ObjectId)],
    stored: &mut Stored<'_, S>,
    targets: &[ObjectId],
    shared: &Shared,
) -> Result<Vec<Bare>, Error> {
    let wanted: HashSet<ObjectId> = blobs.iter().map(|(_, id)| *id).collect();
    let mut found = BTreeMap::new();
    let mut waiting = VecDeque::new();
    let mut passed = HashSet::new();
    for target in targets {
        if wanted.is_empty() || waiting.len() >= MOST_TREES {
            break;
        }
        let root = stored.root(*target, &mut passed)?;
        waiting.extend(root.map(|root| (Vec::new(), root)));
    }
    let (mut trees, mut bytes) = (0, TREE_BYTES);
    while let Some((folder, id)) = waiting.pop_front() {
        shared.go_on()?;
        trees += 1;
        let Some(tree) = stored.find_within(&id, Kind::Tree, bytes as u64)? else {
            continue;
        };
        bytes -= tree.len();
        for entry in Entries::new(stored.hash, &tree).map_while(Result::ok) {
            let (Ok(kind), Ok(id)) = (entry.kind(), ObjectId::try_from(entry.id)) else {
                continue;
            };
            if folder.len() + entry.name.len() > MOST_PATH {
                continue;
            }
            let is_wanted = || wanted.contains(&id) && !is_licence(entry.name);
            let is_brought = || stored.kind(&id) == Some(Kind::Tree);
            let path = || below(&folder, entry.name);
            match kind {
                EntryKind::File if found.len() < MOST_FILES && is_wanted() => {
                    found.entry(path()).or_insert(id);
                }
                EntryKind::Folder if trees + waiting.len() < MOST_TREES && is_brought() => {
                    waiting.push_back((path(), id));
                }
                _ => {}
            }
        }
    }
    let found = found.into_iter();
    Ok(found.map(|(path, id)| Bare { path, id }).collect())
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

/// The findings of those of `files` that are new, where the other files of their kind carry a header: at most `room`.
pub fn tell<S: Spool>(
    files: &[Bare],
    mut served: Versions<'_, S>,
    shared: &Shared,
    names: &mut Names<'_>,
    room: usize,
) -> Vec<Finding> {
    let Some((action, table)) = shared
        .licences
        .as_deref()
        .and_then(|licences| licences.headers())
    else {
        return Vec::new();
    };
    let mut others = Others {
        served: &mut served,
        hash: shared.hash,
        bytes: TREE_BYTES,
    };
    let Ok(lacking) = others.lacking(files) else {
        return Vec::new();
    };
    let room = room.min(MOST_TOLD);
    let tell = |lacking: Lacking<'_>| {
        let path = &lacking.file.path;
        let place = Place {
            part: Part::File,
            path: Some(names.show(path)),
            object: Some(lacking.file.id.to_string()),
            ..Place::first_line()
        };
        Finding {
            description: lacking.describe(table),
            remedy: Some(lacking.remedy(names)),
            severity: Severity::Low,
            confidence: Confidence::Medium,
            says_licence: true,
            is_help: true,
            ..Finding::new(RULE, action, place, shared.key.fingerprint(RULE, path))
        }
    };
    lacking.into_iter().take(room).map(tell).collect()
}

/// A new file without what others carry.
struct Lacking<'f> {
    file: &'f Bare,
    common: Arc<Common>,
}

impl Lacking<'_> {
    fn describe(&self, table: &str) -> String {
        let Common { carriers, read, .. } = &*self.common;
        format!(
            "New file without the header that {carriers} of {read} files like it carry ({table})"
        )
    }

    /// What to do about it.
    fn remedy(&self, names: &mut Names<'_>) -> String {
        let add = match &self.common.carried {
            Carried::Line(spdx) => {
                // A reference to a licence can be any word.
                let line = spdx.line(&names.show(spdx.expression.as_bytes()));
                format!("Add \"{line}\" at its top")
            }
            Carried::Spdx => {
                "Add a comment with SPDX-License-Identifier and its licence at its top".to_owned()
            }
            Carried::Licence => "Begin it with the notice of its licence".to_owned(),
            Carried::Copyright => "Begin it with whose copyright it is".to_owned(),
        };
        format!("{add}, as {} does.", names.show(&self.common.example))
    }
}

/// What most of some files begin with.
struct Common {
    carried: Carried,
    carriers: usize,
    read: usize,
    /// The path of one of them.
    example: Vec<u8>,
}

enum Carried {
    /// The same expression.
    Line(Spdx),
    /// One expression or another.
    Spdx,
    Licence,
    Copyright,
}

impl Common {
    /// The most telling thing that enough of these files have in common, each with its path.
    fn of(files: &[(Vec<u8>, Option<Header>)]) -> Option<Self> {
        if files.len() < LEAST_READ {
            return None;
        }
        let made = |carried, has: &dyn Fn(&Header) -> bool| {
            let mut carriers = files.iter();
            let has = |header: &Option<Header>| header.as_ref().is_some_and(has);
            let example = carriers.find(|(_, header)| has(header))?.0.clone();
            let carriers = 1 + carriers.filter(|(_, header)| has(header)).count();
            (carriers * 100 >= files.len() * SHARE).then_some(Self {
                carried,
                carriers,
                read: files.len(),
                example,
            })
        };
        let said = |header: &Header| header.spdx.as_ref().map(|spdx| spdx.expression.clone());
        let mut lines = files
            .iter()
            .filter_map(|(_, header)| header.as_ref()?.spdx.as_ref());
        let of_line = lines.find_map(|spdx| {
            let same = |header: &Header| said(header).as_ref() == Some(&spdx.expression);
            made(Carried::Line(spdx.clone()), &same)
        });
        of_line
            .or_else(|| made(Carried::Spdx, &|header| header.spdx.is_some()))
            .or_else(|| made(Carried::Licence, &|header| header.licence))
            .or_else(|| made(Carried::Copyright, &|header| header.copyright))
    }
}

/// The other files of the repository.
struct Others<'v, 'a, S> {
    served: &'v mut Versions<'a, S>,
    hash: HashKind,
    /// Of trees that may still be read.
    bytes: usize,
}

/// A file of the upstream, or a folder.
struct Entry {
    kind: EntryKind,
    name: Vec<u8>,
    id: ObjectId,
}

/// New files of one kind in one folder, and files like them.
struct Alike<'f> {
    new: Vec<&'f Bare>,
    others: Vec<(Vec<u8>, ObjectId)>,
}

impl<S: Spool> Others<'_, '_, S> {
    fn lacking<'f>(&mut self, files: &'f [Bare]) -> Result<Vec<Lacking<'f>>, pack::Unavailable> {
        let mut folders: BTreeMap<&[u8], Vec<&Bare>> = BTreeMap::new();
        for file in files {
            folders.entry(file.folder()).or_default().push(file);
        }
        let folders: Vec<Vec<&Bare>> = folders.into_values().take(MOST_FOLDERS).collect();
        let firsts = folders.iter().filter_map(|files| files.first());
        let firsts: Vec<&[u8]> = firsts.map(|file| &*file.path).collect();
        if firsts.is_empty() {
            return Ok(Vec::new());
        }
        let mut ways: BTreeMap<&[u8], Vec<Way<'_>>> = BTreeMap::new();
        for way in self.served.ways(&firsts)? {
            ways.entry(way.path).or_default().push(way);
        }
        let mut alike = Vec::new();
        for files in &folders {
            let ways = files.first().and_then(|first| ways.get(&*first.path));
            let ways = ways.map_or(&[][..], Vec::as_slice);
            for (kind, new) in self.new_files(files, ways) {
                if alike.len() >= MOST_KINDS {
                    break;
                }
                let others = self.like(kind, &new, ways);
                alike.push(Alike { new, others });
            }
        }
        self.compared(alike)
    }

    /// Of `files` in one folder those that none of the tips has, by kind. `ways` are those to one of them.
    fn new_files<'f>(
        &mut self,
        files: &[&'f Bare],
        ways: &[Way<'_>],
    ) -> BTreeMap<&'f [u8], Vec<&'f Bare>> {
        let mut new: BTreeMap<&[u8], Vec<&Bare>> = BTreeMap::new();
        if ways.is_empty() || ways.iter().any(|way| way.end == End::Unknown) {
            return new;
        }
        let (mut known, mut contents) = (HashSet::new(), HashSet::new());
        for way in ways {
            let Some(here) = way.trees.last() else {
                return new;
            };
            let Some(entries) = self.entries(here) else {
                return new;
            };
            let is_whole = way.trees.len() == way.path.split(|&byte| byte == b'/').count();
            for entry in entries {
                contents.insert(entry.id);
                if is_whole {
                    known.insert(entry.name);
                }
            }
        }
        for file in files {
            // What lies beside it already is a copy, and nobody's new writing.
            if !known.contains(file.name()) && !contents.contains(&file.id) {
                new.entry(kind(file.name())).or_default().push(file);
            }
        }
        new
    }

    /// Files of this kind nearest to the new ones: in their folder, else below and beside the folders above, along the way that leads
    /// furthest.
    fn like(&mut self, kind: &[u8], new: &[&Bare], ways: &[Way<'_>]) -> Vec<(Vec<u8>, ObjectId)> {
        let mut found: Vec<(Vec<u8>, ObjectId)> = Vec::new();
        let furthest = ways.iter().rev().max_by_key(|way| way.trees.len());
        let Some(way) = furthest else { return found };
        // One without content says nothing.
        let mut seen = HashSet::from([ObjectId::empty_blob(self.hash)]);
        seen.extend(new.iter().map(|file| file.id));
        for (depth, tree) in way.trees.iter().enumerate().rev() {
            let segments = way.path.split(|&byte| byte == b'/').take(depth);
            let folder = segments.collect::<Vec<_>>().join(&b'/');
            let enough = MOST_READ - found.len();
            let mut near =
                self.files_below(kind, folder, *tree, LEAST_READ.saturating_sub(found.len()));
            near.retain(|(_, id)| seen.insert(*id));
            found.extend(spread(near, enough));
            if found.len() >= LEAST_READ {
                break;
            }
        }
        found
    }

    /// Files of this kind in a folder, and in those below it until there are `least`: level by level, in trees that are at hand.
    fn files_below(
        &mut self,
        kind: &[u8],
        folder: Vec<u8>,
        tree: ObjectId,
        least: usize,
    ) -> Vec<(Vec<u8>, ObjectId)> {
        let mut found = Vec::new();
        let mut waiting = VecDeque::from([(folder, tree)]);
        while let Some((folder, tree)) = waiting.pop_front() {
            let Some(entries) = self.entries(&tree) else {
                continue;
            };
            for entry in entries {
                let path = || below(&folder, &entry.name);
                match entry.kind {
                    EntryKind::File if is_of(kind, &entry.name) => found.push((path(), entry.id)),
                    EntryKind::Folder if waiting.len() < MOST_TREES => {
                        waiting.push_back((path(), entry.id));
                    }
                    _ => {}
                }
            }
            if found.len() >= least {
                break;
            }
        }
        found
    }

    /// What stands in a tree, if it is at hand and not too much was read.
    fn entries(&mut self, tree: &ObjectId) -> Option<Vec<Entry>> {
        let content = self.served.tree(tree)?;
        self.bytes = self.bytes.checked_sub(content.len())?;
        let read = Entries::new(self.hash, &content).map(|entry| {
            let entry = entry.ok()?;
            Some(Entry {
                kind: entry.kind().ok()?,
                name: entry.name.to_vec(),
                id: ObjectId::try_from(entry.id).ok()?,
            })
        });
        read.collect()
    }

    /// Reads the files, and tells which of the new ones lack what these carry.
    fn compared<'f>(
        &mut self,
        alike: Vec<Alike<'f>>,
    ) -> Result<Vec<Lacking<'f>>, pack::Unavailable> {
        let ids = alike.iter().flat_map(|alike| &alike.others);
        let ids: Vec<ObjectId> = ids.map(|(_, id)| *id).collect();
        self.served.bring(ids.into_iter())?;
        let mut lacking = Vec::new();
        for Alike { new, others } in alike {
            let read = others.into_iter().filter_map(|(path, id)| {
                match header::read(&self.served.content(&id, Kind::Blob)?) {
                    Head::Blank => None,
                    Head::Bare => Some((path, None)),
                    Head::Header(header) => Some((path, Some(header))),
                }
            });
            let read: Vec<_> = read.collect();
            let Some(common) = Common::of(&read).map(Arc::new) else {
                continue;
            };
            lacking.extend(new.into_iter().map(|file| Lacking {
                file,
                common: Arc::clone(&common),
            }));
        }
        Ok(lacking)
    }
}

fn is_of(like: &[u8], name: &[u8]) -> bool {
    kind(name).eq_ignore_ascii_case(like) && !is_licence(name)
}

/// At most so many of them, from all over.
fn spread<T>(all: Vec<T>, most: usize) -> impl Iterator<Item = T> {
    let length = all.len();
    let kept = most.min(length);
    let is_kept = move |at: usize| at * kept / length != (at + 1) * kept / length;
    let all = all.into_iter().enumerate();
    all.filter(move |(at, _)| is_kept(*at))
        .map(|(_, each)| each)
}
