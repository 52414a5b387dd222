//! Repositories made by real git, with a random history that is the same each time.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use exeat_gitwire::{HashKind, ObjectId};
use tempfile::TempDir;

/// A bare repository in a folder of its own.
pub struct Repository {
    folder: TempDir,
    pub hash: HashKind,
}

impl Repository {
    pub fn new(hash: HashKind) -> Self {
        let repository = Self {
            folder: TempDir::new().unwrap(),
            hash,
        };
        let format = format!("--object-format={hash}");
        repository.git(&["init", "-q", "--bare", &format, "."], b"");
        repository
    }

    /// Runs git in the repository; it must succeed.
    pub fn git(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("git")
            .args([
                "-c",
                "user.name=A U Thor",
                "-c",
                "user.email=author@example.com",
            ])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_DEFAULT_HASH", self.hash.to_string())
            .env_remove("GIT_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A git that fails closes the pipe; its status tells.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().unwrap()
        });
        assert!(output.status.success(), "git {arguments:?}");
        output.stdout
    }

    pub fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let output = String::from_utf8(self.git(arguments, b"")).unwrap();
        output.lines().map(str::to_owned).collect()
    }

    /// A pack of everything any ref reaches.
    pub fn pack(&self, options: &[&str]) -> Vec<u8> {
        let objects = self.git(
            &["rev-list", "--objects", "--no-object-names", "--all"],
            b"",
        );
        self.pack_of(&objects, options)
    }

    /// A pack of the objects listed by id, one per line.
    pub fn pack_of(&self, objects: &[u8], options: &[&str]) -> Vec<u8> {
        let mut arguments = vec![
            "pack-objects",
            "--stdout",
            "-q",
            "--no-reuse-delta",
            "--threads=1",
        ];
        arguments.extend(options);
        self.git(&arguments, objects)
    }

    /// The ids of a pack's objects and where they start, in pack order, as git indexes them.
    pub fn index(&self, pack: &[u8]) -> Vec<(u64, ObjectId)> {
        let folder = TempDir::new_in(self.folder.path()).unwrap();
        let name = folder.path().join("a.pack");
        std::fs::write(&name, pack).unwrap();
        self.git(&["index-pack", name.to_str().unwrap()], b"");
        let index = std::fs::read(folder.path().join("a.idx")).unwrap();
        let listing = String::from_utf8(self.git(&["show-index"], &index)).unwrap();
        let mut entries: Vec<_> = listing.lines().map(index_line).collect();
        entries.sort_unstable();
        entries
    }

    /// Kind and content of objects, as git tells them.
    pub fn contents(&self, ids: &[ObjectId]) -> HashMap<ObjectId, (String, Vec<u8>)> {
        let input: String = ids.iter().fold(String::new(), |mut input, id| {
            writeln!(input, "{id}").unwrap();
            input
        });
        let output = self.git(&["cat-file", "--batch"], input.as_bytes());
        let mut rest = output.as_slice();
        let mut contents = HashMap::new();
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            let [id, kind, size] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let size: usize = size.parse().unwrap();
            let content = rest[end + 1..end + 1 + size].to_vec();
            contents.insert(id.parse().unwrap(), (kind.to_owned(), content));
            rest = &rest[end + 2 + size..];
        }
        contents
    }

    /// Adds a random history: edits, new files, empty files, renames, deletions, merges and tags.
    pub fn grow(&self, seed: u64, commits: usize) {
        let mut history = History::new(seed);
        for _ in 0..commits {
            history.commit();
        }
        self.git(&["fast-import", "--quiet"], history.stream.as_bytes());
        let tag = "v-nested-0";
        if self.lines(&["tag", "-l", tag]).is_empty() && !self.lines(&["tag"]).is_empty() {
            let first = self.lines(&["tag"])[0].clone();
            self.git(&["tag", "-a", "-m", "a tag of a tag", tag, &first], b"");
            let blob = self.git(
                &["hash-object", "-w", "--stdin"],
                b"a key that only a tag reaches\n",
            );
            let blob = String::from_utf8(blob).unwrap();
            self.git(
                &["tag", "-a", "-m", "a tag of a blob", "v-blob", blob.trim()],
                b"",
            );
        }
    }
}

fn index_line(line: &str) -> (u64, ObjectId) {
    let mut fields = line.split(' ');
    let offset = fields.next().unwrap().parse().unwrap();
    (offset, fields.next().unwrap().parse().unwrap())
}

/// A history under construction, as a stream for `git fast-import`.
struct History {
    random: Random,
    branches: Vec<BTreeMap<String, String>>,
    clock: u64,
    tags: usize,
    stream: String,
}

impl History {
    fn new(seed: u64) -> Self {
        let branches = vec![BTreeMap::new()];
        Self {
            random: Random::new(seed),
            branches,
            clock: 1_700_000_000,
            tags: 0,
            stream: String::new(),
        }
    }

    fn commit(&mut self) {
        // Several commits share a second now and then.
        self.clock += self.random.below(3) as u64;
        let branch = self.random.below(self.branches.len());
        if self.branches.len() < 4
            && self.random.below(12) == 0
            && !self.branches[branch].is_empty()
        {
            self.fork(branch);
        }
        let message = format!("change {}\n\nbody\n", self.random.below(1000));
        writeln!(self.stream, "commit refs/heads/b{branch}").unwrap();
        writeln!(
            self.stream,
            "committer A U Thor <author@example.com> {} +0000",
            self.clock
        )
        .unwrap();
        write!(self.stream, "data {}\n{message}\n", message.len()).unwrap();
        let other = self.random.below(self.branches.len());
        if other != branch && self.random.below(4) == 0 {
            writeln!(self.stream, "merge refs/heads/b{other}").unwrap();
        }
        for _ in 0..=self.random.below(3) {
            self.change(branch);
        }
        self.stream.push('\n');
        if self.random.below(20) == 0 {
            self.tag(branch);
        }
    }

    fn fork(&mut self, branch: usize) {
        let new = self.branches.len();
        writeln!(
            self.stream,
            "reset refs/heads/b{new}\nfrom refs/heads/b{branch}\n"
        )
        .unwrap();
        self.branches.push(self.branches[branch].clone());
    }

    fn tag(&mut self, branch: usize) {
        let (number, clock) = (self.tags, self.clock);
        self.tags += 1;
        write!(
            self.stream,
            "tag v{number}\nfrom refs/heads/b{branch}\ntagger A U Thor <author@example.com> {clock} +0000\ndata 5\ntext\n\n"
        )
        .unwrap();
    }

    fn change(&mut self, branch: usize) {
        let file = self.any_file(branch);
        match (self.random.below(10), file) {
            (0, Some(file)) => {
                self.branches[branch].remove(&file);
                writeln!(self.stream, "D {file}").unwrap();
            }
            (1, Some(file)) => {
                let content = self.branches[branch].remove(&file).unwrap();
                let new = self.new_name();
                writeln!(self.stream, "R {file} {new}").unwrap();
                self.branches[branch].insert(new, content);
            }
            (2, _) => {
                let name = self.new_name();
                self.write(branch, name, String::new());
            }
            (3 | 4, _) | (_, None) => {
                let name = self.new_name();
                let lines = 1 + self.random.below(300);
                let content: String = (0..lines).map(|_| self.line()).collect();
                self.write(branch, name, content);
            }
            (_, Some(file)) => {
                let mut lines: Vec<_> = self.branches[branch][&file]
                    .lines()
                    .map(|line| format!("{line}\n"))
                    .collect();
                for _ in 0..=self.random.below(4) {
                    let at = self.random.below(lines.len() + 1);
                    let line = self.line();
                    lines.insert(at, line);
                }
                self.write(branch, file, lines.concat());
            }
        }
    }

    fn any_file(&mut self, branch: usize) -> Option<String> {
        let count = self.branches[branch].len();
        if count == 0 {
            return None;
        }
        let at = self.random.below(count);
        self.branches[branch].keys().nth(at).cloned()
    }

    /// Few names, so that files come back; never one that is a folder elsewhere.
    fn new_name(&mut self) -> String {
        let file = self.random.below(9);
        match self.random.below(3) {
            0 => format!("f{file}"),
            1 => format!("d{}/f{file}", self.random.below(3)),
            _ => format!(
                "d{}/e{}/f{file}",
                self.random.below(3),
                self.random.below(3)
            ),
        }
    }

    fn line(&mut self) -> String {
        let words = 1 + self.random.below(8);
        let mut line: String = (0..words)
            .map(|_| format!("{:x} ", self.random.below(1 << 20)))
            .collect();
        line.push('\n');
        line
    }

    fn write(&mut self, branch: usize, name: String, content: String) {
        write!(
            self.stream,
            "M 100644 inline {name}\ndata {}\n{content}\n",
            content.len()
        )
        .unwrap();
        self.branches[branch].insert(name, content);
    }
}

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize % end
    }
}
