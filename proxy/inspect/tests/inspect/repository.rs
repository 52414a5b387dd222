//! A repository that real git keeps.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use exeat_gitwire::{HashKind, ObjectId};
use tempfile::TempDir;

pub struct Repository {
    folder: TempDir,
    path: PathBuf,
    pub hash: HashKind,
}

impl Repository {
    /// An empty bare repository.
    pub fn new(hash: HashKind) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("repository.git");
        std::fs::create_dir(&path).unwrap();
        let repository = Self { folder, path, hash };
        let format = format!("--object-format={hash}");
        repository.git(&["init", "-q", "--bare", "-b", "main", &format, "."]);
        repository
    }

    /// One that is there, of SHA-1; it is only read.
    pub fn at(path: &Path) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            path: path.to_owned(),
            hash: HashKind::Sha1,
        }
    }

    /// A clone of `source`, made with these options.
    pub fn clone_of(source: &Self, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("file://{}", source.path.display());
        let mut arguments = vec!["clone", "-q", "--bare"];
        arguments.extend(options);
        arguments.extend([url.as_str(), "clone.git"]);
        run(folder.path(), &arguments, b"");
        Self {
            path: folder.path().join("clone.git"),
            folder,
            hash: source.hash,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs git here; it must succeed.
    pub fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.fed(arguments, b"")).unwrap()
    }

    pub fn fed(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        run(&self.path, arguments, input)
    }

    pub fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.git(arguments).lines().map(str::to_owned).collect()
    }

    /// Reads a stream for `git fast-import`.
    pub fn import(&self, stream: &[u8]) {
        self.fed(&["fast-import", "--quiet", "--force"], stream);
    }

    pub fn id(&self, name: &str) -> ObjectId {
        let id = self.git(&["rev-parse", "--verify", name]);
        ObjectId::from_hex(id.trim().as_bytes()).unwrap()
    }

    /// Writes an object of any content; its id.
    pub fn write(&self, kind: &str, content: &[u8]) -> ObjectId {
        let arguments = ["hash-object", "--literally", "-w", "-t", kind, "--stdin"];
        let id = String::from_utf8(self.fed(&arguments, content)).unwrap();
        ObjectId::from_hex(id.trim().as_bytes()).unwrap()
    }

    /// Every ref's id.
    pub fn tips(&self) -> Vec<ObjectId> {
        self.lines(&["for-each-ref", "--format=%(objectname)"])
            .iter()
            .map(|id| ObjectId::from_hex(id.as_bytes()).unwrap())
            .collect()
    }

    /// What git packs for these revisions, `^` before those that the other side has.
    pub fn pack_revisions(&self, revisions: &[String], options: &[&str]) -> Vec<u8> {
        let mut arguments = vec!["pack-objects", "--revs", "--stdout", "-q", "--threads=1"];
        arguments.extend(options);
        self.fed(&arguments, (revisions.join("\n") + "\n").as_bytes())
    }

    /// A pack of everything that any ref reaches.
    pub fn pack(&self, options: &[&str]) -> Vec<u8> {
        let tips: Vec<String> = self.tips().iter().map(ToString::to_string).collect();
        self.pack_revisions(&tips, options)
    }

    /// A pack of these objects and no others.
    pub fn pack_of(&self, objects: &[ObjectId]) -> Vec<u8> {
        let list: String = objects.iter().map(|id| format!("{id}\n")).collect();
        self.fed(&["pack-objects", "--stdout", "-q"], list.as_bytes())
    }
}

fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args([
            "-c",
            "user.name=A U Thor",
            "-c",
            "user.email=author@example.com",
        ])
        .args(["-c", "gc.auto=0", "-c", "uploadpack.allowFilter=true"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // A git that fails closes the pipe; its status tells.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A stream for `git fast-import` under construction.
#[derive(Default)]
pub struct Stream {
    pub bytes: Vec<u8>,
    clock: u64,
}

impl Stream {
    /// Begins a commit on `branch`, an hour after the one before; changes follow.
    pub fn commit(&mut self, branch: &str, message: &str) -> &mut Self {
        self.clock += 3600;
        let clock = 1_700_000_000 + self.clock;
        self.commit_at(branch, message, clock)
    }

    /// The same at any time.
    pub fn commit_at(&mut self, branch: &str, message: &str, seconds: u64) -> &mut Self {
        self.line(&format!("commit refs/heads/{branch}"));
        self.line(&format!(
            "committer A U Thor <author@example.com> {seconds} +0000"
        ));
        self.data(message.as_bytes())
    }

    /// The commit begun before has this further parent.
    pub fn merge(&mut self, branch: &str) -> &mut Self {
        self.line(&format!("merge refs/heads/{branch}"))
    }

    pub fn file(&mut self, path: &str, content: impl AsRef<[u8]>) -> &mut Self {
        self.line(&format!("M 100644 inline {path}"));
        self.data(content.as_ref())
    }

    pub fn line(&mut self, line: &str) -> &mut Self {
        self.bytes.extend(line.as_bytes());
        self.bytes.push(b'\n');
        self
    }

    fn data(&mut self, data: &[u8]) -> &mut Self {
        self.line(&format!("data {}", data.len()));
        self.bytes.extend(data);
        self.bytes.push(b'\n');
        self
    }
}

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 32) as usize % end
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 40) as u8).collect()
    }

    /// Some words on a line.
    pub fn words(&mut self) -> String {
        let words = 1 + self.below(8);
        (0..words)
            .map(|_| format!("{:x} ", self.below(1 << 20)))
            .collect()
    }
}
