//! Histories whose commits change a few lines of a few files, as people's do, packed as git packs them: versions of a file one after
//! the other, as deltas.

use std::io::{self, Write};

use exeat_gitwire::{ObjectId, pack::Kind};
use flate2::Compression;

use super::{Edit, Family, Packer, id, text::Random};

/// Files of one folder.
const FOLDER: usize = 20;
/// Bytes of an id.
const ID: usize = 20;

/// What a history is like.
#[derive(Clone, Copy)]
pub struct History {
    pub files: usize,
    /// Bytes of each.
    pub bytes: usize,
    pub commits: usize,
    /// Files that a commit changes.
    pub changed: usize,
    /// Bytes that it changes in each, in two places.
    pub edited: usize,
    /// Versions stand in the order of the commits, so that other files stand between those of one.
    pub mingled: bool,
    /// What every so many changes bring in.
    pub planted: Option<(usize, Plant)>,
    /// Other files for each.
    pub seed: u64,
}

/// What is brought in, by a number.
type Plant = fn(usize) -> String;

impl History {
    /// Writes the pack of all of it; gives the newest commit.
    pub fn write(&self, out: impl Write) -> io::Result<ObjectId> {
        let mut pack = Packer::new(out, self.objects(), Compression::default())?;
        let blobs = self.blobs(&mut pack)?;
        let folders = self.folders(&mut pack, &blobs)?;
        let roots = self.roots(&mut pack, &folders)?;
        let mut parent = None;
        for (number, root) in roots.iter().enumerate() {
            let text = commit(number, root, parent);
            pack.whole(Kind::Commit, text.as_bytes())?;
            parent = Some(id(Kind::Commit, text.as_bytes())?);
        }
        pack.finish()?;
        parent.ok_or(io::ErrorKind::InvalidInput.into())
    }

    fn objects(&self) -> u32 {
        let changes = self.changes().len();
        let folders = (1..self.commits).map(|commit| self.folders_of(commit).len());
        let trees = self.files.div_ceil(FOLDER) + folders.sum::<usize>() + self.commits;
        (self.files + changes + trees + self.commits) as u32
    }

    /// The files that commits behind the first change, in order.
    fn changes(&self) -> impl ExactSizeIterator<Item = usize> + use<> {
        let files = self.files;
        (0..(self.commits - 1) * self.changed).map(move |number| number % files)
    }

    fn files_of(&self, commit: usize) -> impl Iterator<Item = usize> + use<> {
        let (files, first) = (self.files, (commit - 1) * self.changed);
        (first..first + self.changed).map(move |number| number % files)
    }

    fn folders_of(&self, commit: usize) -> Vec<usize> {
        let mut folders: Vec<usize> = self.files_of(commit).map(|file| file / FOLDER).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// Adds all versions of all files; of each file their ids.
    fn blobs<W: Write>(&self, pack: &mut Packer<W>) -> io::Result<Vec<Vec<ObjectId>>> {
        let mut ids = Vec::new();
        if !self.mingled {
            for number in 0..self.files {
                let changes = self.changes().len().saturating_sub(number);
                let mut file = File::new(self, number);
                let mut of_file = vec![file.add(pack, false)?];
                for _ in 0..changes.div_ceil(self.files) {
                    of_file.push(file.add(pack, true)?);
                }
                ids.push(of_file);
            }
            return Ok(ids);
        }
        let mut files = Vec::new();
        for number in 0..self.files {
            let mut file = File::new(self, number);
            ids.push(vec![file.add(pack, false)?]);
            files.push(file);
        }
        for number in self.changes() {
            ids[number].push(files[number].add(pack, true)?);
        }
        Ok(ids)
    }

    /// Adds all versions of all folders; of each their ids, with the commits that they are of.
    fn folders<W: Write>(
        &self,
        pack: &mut Packer<W>,
        blobs: &[Vec<ObjectId>],
    ) -> io::Result<Vec<Vec<(usize, ObjectId)>>> {
        let mut folders = Vec::new();
        for (folder, blobs) in blobs.chunks(FOLDER).enumerate() {
            let mut tree = Tree::new("100644 file", blobs.iter().map(|ids| ids[0]));
            let mut versions = vec![1; blobs.len()];
            let mut ids = vec![(0, tree.add(pack, Vec::new())?)];
            for commit in 1..self.commits {
                let mut set = Vec::new();
                for file in self.files_of(commit).filter(|file| file / FOLDER == folder) {
                    let place = file % FOLDER;
                    set.push((place, blobs[place][versions[place]]));
                    versions[place] += 1;
                }
                if !set.is_empty() {
                    ids.push((commit, tree.add(pack, set)?));
                }
            }
            folders.push(ids);
        }
        Ok(folders)
    }

    /// Adds the root of every commit.
    fn roots<W: Write>(
        &self,
        pack: &mut Packer<W>,
        folders: &[Vec<(usize, ObjectId)>],
    ) -> io::Result<Vec<ObjectId>> {
        let mut tree = Tree::new("40000 part", folders.iter().map(|ids| ids[0].1));
        let mut next = vec![1; folders.len()];
        let mut roots = vec![tree.add(pack, Vec::new())?];
        for commit in 1..self.commits {
            let mut set = Vec::new();
            for folder in self.folders_of(commit) {
                set.push((folder, folders[folder][next[folder]].1));
                next[folder] += 1;
            }
            roots.push(tree.add(pack, set)?);
        }
        Ok(roots)
    }
}

/// One file on its way through the commits.
struct File<'a> {
    history: &'a History,
    random: Random,
    family: Family,
    changes: usize,
}

impl<'a> File<'a> {
    fn new(history: &'a History, number: usize) -> Self {
        let mut random = Random::new(history.seed + number as u64 + 1);
        let content = random.lines(history.bytes);
        Self {
            history,
            random,
            family: Family::new(Kind::Blob, content),
            changes: 0,
        }
    }

    fn add<W: Write>(&mut self, pack: &mut Packer<W>, is_changed: bool) -> io::Result<ObjectId> {
        let edits = if is_changed { self.edits() } else { Vec::new() };
        self.family.add(pack, &edits)?;
        self.family.id()
    }

    /// Other lines in the place of some, one change in each half.
    fn edits(&mut self) -> Vec<Edit> {
        self.changes += 1;
        let half = self.family.content.len() / 2;
        let places = [0..half, half..self.family.content.len()];
        places
            .into_iter()
            .map(|half| {
                let room = half.len().saturating_sub(self.history.edited);
                let at = half.start + self.random.below(room.max(1));
                let start = self.line_from(at);
                let end = self
                    .line_from(start + self.history.edited / 2)
                    .min(half.end);
                let mut lines = self.random.lines(self.history.edited / 2);
                if let Some((every, plant)) = self.history.planted
                    && half.start == 0
                    && self.changes.is_multiple_of(every)
                {
                    lines.extend(plant(self.random.below(1 << 20)).into_bytes());
                    lines.push(b'\n');
                }
                (start..end.max(start), lines)
            })
            .collect()
    }

    /// Where the first line begins that does so behind `at`.
    fn line_from(&self, at: usize) -> usize {
        let content = &self.family.content;
        let rest = content.get(at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        end.map_or(content.len(), |end| at + end + 1)
    }
}

/// A tree whose entries keep their names.
struct Tree {
    family: Family,
    /// Where each entry's id stands.
    places: Vec<usize>,
}

impl Tree {
    fn new(what: &str, ids: impl Iterator<Item = ObjectId>) -> Self {
        let (mut content, mut places) = (Vec::new(), Vec::new());
        for (number, id) in ids.enumerate() {
            content.extend(format!("{what}{number:04}.rs\0").into_bytes());
            places.push(content.len());
            content.extend(id.as_slice());
        }
        Self {
            family: Family::new(Kind::Tree, content),
            places,
        }
    }

    fn add<W: Write>(
        &mut self,
        pack: &mut Packer<W>,
        mut set: Vec<(usize, ObjectId)>,
    ) -> io::Result<ObjectId> {
        set.sort_unstable_by_key(|(entry, _)| *entry);
        let edit = |(entry, id): (usize, ObjectId)| {
            let at = self.places[entry];
            (at..at + ID, id.as_slice().to_vec())
        };
        let edits: Vec<Edit> = set.into_iter().map(edit).collect();
        self.family.add(pack, &edits)?;
        self.family.id()
    }
}

fn commit(number: usize, root: &ObjectId, parent: Option<ObjectId>) -> String {
    let person = format!(
        "A U Thor <author@example.com> {} +0000",
        1_700_000_000 + number * 60
    );
    let parent = parent.map_or(String::new(), |parent| format!("parent {parent}\n"));
    format!("tree {root}\n{parent}author {person}\ncommitter {person}\n\nChange {number}\n")
}
