//! Small repositories of every shape, the same ones each time, as streams for `git fast-import`.

use std::collections::BTreeSet;

use crate::repository::Random;

/// Names of files and folders; few, so that they meet.
const NAMES: [&str; 12] = [
    "a",
    "b",
    "lib",
    "with space",
    "größe",
    "\"quoted\"",
    "line\nend",
    "-x",
    "%2e%2e",
    "\u{202e}evil",
    "tab\there",
    ".hidden",
];

/// A history under construction. Its refs are `refs/heads/<name>/...` and `refs/tags/<name>/...`.
pub struct Generated {
    name: String,
    random: Random,
    pub stream: Vec<u8>,
    /// What stands on each branch: files, symbolic links and submodules.
    branches: Vec<BTreeSet<String>>,
    clock: u64,
    commits: usize,
}

impl Generated {
    /// Appends a whole repository to what `git fast-import` shall read. `first_mark` must be new for each;
    /// `odd_tree` holds a file `f` and an empty folder.
    pub fn repository(name: &str, seed: u64, first_mark: usize, odd_tree: &str) -> Vec<u8> {
        let mut random = Random::new(seed);
        let commits = 1 + random.below(14);
        let mut history = Self {
            name: name.into(),
            random,
            stream: Vec::new(),
            branches: vec![BTreeSet::new()],
            clock: 1_700_000_000,
            commits: 0,
        };
        for _ in 0..commits {
            history.commit(odd_tree);
        }
        history.tags(first_mark);
        history.stream
    }

    fn line(&mut self, line: &str) {
        self.stream.extend(line.as_bytes());
        self.stream.push(b'\n');
    }

    fn data(&mut self, data: &[u8]) {
        self.line(&format!("data {}", data.len()));
        self.stream.extend(data);
        self.stream.push(b'\n');
    }

    fn commit(&mut self, odd_tree: &str) {
        let branch = self.branch();
        // Clocks stand still, run, and go back.
        self.clock = match self.random.below(6) {
            0 => self.clock,
            1 => self.clock - self.random.below(5000) as u64,
            _ => self.clock + self.random.below(5000) as u64,
        };
        let zone = ["+0000", "-0930", "+1400"][self.random.below(3)];
        let (name, clock) = (self.name.clone(), self.clock);
        self.line(&format!("commit refs/heads/{name}/{branch}"));
        self.line(&format!("author Ünï Çode <u@example.com> {clock} {zone}"));
        self.line(&format!("committer C <c@example.com> {clock} {zone}"));
        let message = format!("change {} of {name}\n", self.commits);
        let is_silent = self.random.below(9) == 0;
        self.data(if is_silent { b"" } else { message.as_bytes() });
        self.merge(branch);
        if self.random.below(25) == 0 {
            self.line("deleteall");
            self.branches[branch].clear();
        }
        // Now and then nothing changes at all.
        for _ in 0..self.random.below(5) {
            self.change(branch, odd_tree);
        }
        self.stream.push(b'\n');
        self.commits += 1;
    }

    /// A branch that is there, or a new one: on another, or on nothing.
    fn branch(&mut self) -> usize {
        let count = self.branches.len();
        let from = self.random.below(count);
        if self.commits == 0 || count > 4 || self.random.below(4) > 0 {
            return from;
        }
        let name = self.name.clone();
        if self.random.below(4) == 0 {
            self.branches.push(BTreeSet::new());
        } else {
            self.line(&format!(
                "reset refs/heads/{name}/{count}\nfrom refs/heads/{name}/{from}\n"
            ));
            self.branches.push(self.branches[from].clone());
        }
        count
    }

    /// One further parent, or many of them.
    fn merge(&mut self, branch: usize) {
        if self.commits == 0 || self.random.below(3) > 0 {
            return;
        }
        let most = if self.random.below(3) == 0 { 5 } else { 1 };
        let others: Vec<usize> = (0..self.branches.len())
            .filter(|other| *other != branch)
            .take(most)
            .collect();
        let name = self.name.clone();
        for other in others {
            self.line(&format!("merge refs/heads/{name}/{other}"));
        }
    }

    fn change(&mut self, branch: usize, odd_tree: &str) {
        let there = self.any(branch);
        match (self.random.below(14), there) {
            (0, Some(path)) => {
                self.line(&format!("D {}", quoted(&path)));
                self.branches[branch].remove(&path);
            }
            (1 | 2, Some(path)) => self.moved("R", branch, &path),
            (3, Some(path)) => self.moved("C", branch, &path),
            (4, _) => {
                let id = format!(
                    "{:0width$x}",
                    self.random.below(1000) + 1,
                    width = odd_tree.len()
                );
                self.put(branch, &format!("160000 {id}"), None);
            }
            (5, _) => self.put(branch, "120000 inline", Some(b"../else/where".to_vec())),
            (6, _) => self.put_odd(branch, odd_tree),
            (7, Some(path)) => {
                // A whole folder goes elsewhere.
                if let Some((folder, _)) = path.split_once('/') {
                    self.moved("R", branch, folder);
                }
            }
            (8, _) => self.put(branch, "100755 inline", Some(b"#!/bin/sh\n".to_vec())),
            _ => {
                let content = self.content();
                self.put(branch, "100644 inline", Some(content));
            }
        }
    }

    /// Few contents, so that the same stands in many places; some long enough for deltas.
    fn content(&mut self) -> Vec<u8> {
        match self.random.below(5) {
            0 => Vec::new(),
            1 | 2 => format!("{}\n", self.random.below(6)).into_bytes(),
            3 => {
                let lines = 1 + self.random.below(60);
                let version = self.random.below(8);
                let line = |number| format!("line {number} of a long file\n");
                let mut text: String = (0..lines).map(line).collect();
                text.push_str(&format!("version {version}\n"));
                text.into_bytes()
            }
            _ => {
                let length = self.random.below(300);
                self.random.bytes(length)
            }
        }
    }

    fn put(&mut self, branch: usize, what: &str, content: Option<Vec<u8>>) {
        let path = self.path();
        self.clear_way(branch, &path);
        self.line(&format!("M {what} {}", quoted(&path)));
        if let Some(content) = content {
            self.data(&content);
        }
        self.branches[branch].insert(path);
    }

    /// A folder with a file and an empty folder, which git itself never writes.
    fn put_odd(&mut self, branch: usize, odd_tree: &str) {
        let path = self.path();
        self.clear_way(branch, &path);
        self.line(&format!("M 040000 {odd_tree} {}", quoted(&path)));
        self.branches[branch].insert(format!("{path}/f"));
    }

    fn moved(&mut self, how: &str, branch: usize, from: &str) {
        let to = self.path();
        let inside =
            |path: &str, folder: &str| path == folder || path.starts_with(&format!("{folder}/"));
        if inside(&to, from) || inside(from, &to) {
            return;
        }
        self.line(&format!("{how} {} {}", quoted(from), quoted(&to)));
        let files = &mut self.branches[branch];
        let moving: Vec<String> = files
            .iter()
            .filter(|path| inside(path, from))
            .cloned()
            .collect();
        self.clear_way(branch, &to);
        let files = &mut self.branches[branch];
        for path in moving {
            if how == "R" {
                files.remove(&path);
            }
            files.insert(format!("{to}{}", &path[from.len()..]));
        }
    }

    /// What a new entry at this path takes the place of.
    fn clear_way(&mut self, branch: usize, path: &str) {
        let below = format!("{path}/");
        self.branches[branch].retain(|other| {
            !other.starts_with(&below) && other != path && !path.starts_with(&format!("{other}/"))
        });
    }

    fn path(&mut self) -> String {
        let depth = 1 + self.random.below(3);
        let mut parts: Vec<String> = Vec::new();
        for _ in 0..depth {
            parts.push(NAMES[self.random.below(NAMES.len())].into());
        }
        if self.random.below(30) == 0 {
            parts.push("long".repeat(60));
        }
        parts.join("/")
    }

    fn any(&mut self, branch: usize) -> Option<String> {
        let count = self.branches[branch].len();
        let at = self.random.below(count.max(1));
        self.branches[branch].iter().nth(at).cloned()
    }

    /// A tag, a tag of it, and a tag of a blob that nothing else holds.
    fn tags(&mut self, first_mark: usize) {
        let (name, clock) = (self.name.clone(), self.clock);
        let tagger = format!("tagger T <t@example.com> {clock} +0000");
        if self.random.below(2) == 0 {
            let inner = first_mark + 1;
            let from = format!("refs/heads/{name}/0");
            self.line(&format!(
                "tag {name}/one\nmark :{inner}\nfrom {from}\n{tagger}"
            ));
            self.data(b"one\n");
            self.line(&format!("tag {name}/nested\nfrom :{inner}\n{tagger}"));
            self.data(b"a tag of a tag\n");
        }
        if self.random.below(3) == 0 {
            let blob = first_mark + 2;
            self.line(&format!("blob\nmark :{blob}"));
            self.data(format!("only a tag of {name} holds this\n").as_bytes());
            self.line(&format!("tag {name}/blob\nfrom :{blob}\n{tagger}"));
            self.data(b"a tag of a blob\n");
        }
    }
}

/// A path as `git fast-import` reads any.
fn quoted(path: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted + "\""
}
