//! What an inspection holds in memory, measured in a process of its own.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    process::{Command, Stdio},
    sync::Arc,
};

use exeat_gitwire::{
    HashKind,
    pack::{Scratch, Spool},
};
use exeat_inspect::PackInspection;
use exeat_rules::{RuleSet, builtin};

use crate::{
    repository::{Random, Repository, Stream},
    scene::{RULE, pool, rules, settings},
};

/// Says that this process is to inspect the pack that comes in, and by which rules: `own` or `builtin`.
const RULES: &str = "EXEAT_TEST_INSPECT_RULES";
/// Names the hash of its repository.
const HASH: &str = "EXEAT_TEST_INSPECT_HASH";

/// A spool as the proxy has one.
struct OnDisk(File);

impl Spool for OnDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(Self(tempfile::tempfile()?)))
    }
}

/// Does nothing of its own; `peak` runs it again with a pack.
#[test]
fn the_process_that_is_measured() {
    let Some(by) = std::env::var_os(RULES) else {
        return;
    };
    let spool = OnDisk(tempfile::tempfile().unwrap());
    let rules = match by == "builtin" {
        true => Arc::new(RuleSet::compile(&builtin()).unwrap().rules),
        false => rules(RULE),
    };
    let settings = settings(&rules);
    let hash = match std::env::var(HASH).as_deref() {
        Ok("sha256") => HashKind::Sha256,
        _ => HashKind::Sha1,
    };
    let mut inspection = PackInspection::start(pool(), hash, settings, spool);
    let mut pack = io::stdin().lock();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match pack.read(&mut chunk).unwrap() {
            0 => break,
            length => inspection.feed(&chunk[..length]).unwrap(),
        }
    }
    let inspected = inspection.finish(None).unwrap();
    assert!(inspected.coverage.objects() > 0);
    println!("peak {}", resident_peak());
}

/// The most bytes this process ever held in memory.
fn resident_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes << 10
}

/// The peak of inspecting `pack`.
pub fn peak_of(hash: HashKind, pack: &[u8]) -> u64 {
    peak_while(hash, "own", |out| out.write_all(pack))
}

/// The peak of inspecting what `write` writes.
pub fn peak_while(
    hash: HashKind,
    rules: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::the_process_that_is_measured",
            "--nocapture",
        ])
        .env(RULES, rules)
        .env(HASH, hash.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut counted = Counted(child.stdin.take().unwrap(), 0);
    // Where it ends early its status tells.
    let written = write(&mut counted);
    let bytes = counted.1;
    drop(counted);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let peak = said
        .split("peak ")
        .nth(1)
        .unwrap_or_else(|| panic!("{said}"));
    let peak = peak.split_whitespace().next().unwrap().parse().unwrap();
    written.unwrap();
    println!("{peak} bytes for a pack of {bytes}");
    peak
}

/// Counts what is written.
struct Counted<W>(W, u64);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1 += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Versions of a large file that git stores as deltas on each other.
fn versions(repository: &Repository, size: usize, count: usize) -> Vec<u8> {
    repository.git(&["config", "core.compression", "0"]);
    repository.git(&["config", "core.bigFileThreshold", "1g"]);
    let mut content = Random::new(1).bytes(size);
    let mut ids = Vec::new();
    for version in 0..count {
        let at = size / (count + 1) * (version + 1);
        content.splice(at..at + 100, Random::new(version as u64).bytes(90));
        ids.push(repository.write("blob", &content));
    }
    repository.pack_of(&ids)
}

/// Of a file that is too large to be held beside others, what is packed in it takes all of it, one file at a time.
#[test]
fn large_files_are_held_one_at_a_time() {
    let repository = Repository::new(HashKind::Sha1);
    let pack = versions(&repository, 60 << 20, 1);
    assert!(pack.len() > 60 << 20);
    let whole = peak_of(HashKind::Sha1, &pack);
    assert!(whole < (64 + 60) << 20, "{whole}");
    let pack = versions(&repository, 30 << 20, 4);
    assert!(pack.len() < 40 << 20, "three of four are deltas");
    let deltas = peak_of(HashKind::Sha1, &pack);
    assert!(deltas < (64 + 30) << 20, "{deltas}");
}

#[test]
fn a_hundred_thousand_files_take_little() {
    let repository = Repository::new(HashKind::Sha1);
    let mut random = Random::new(2);
    let mut stream = Stream::default();
    stream.commit("main", "many");
    for number in 0..100_000 {
        let path = format!("d{}/e{}/f{number}", number % 50, number % 1000);
        stream.file(&path, format!("{number} {}", random.words()));
    }
    repository.import(&stream.bytes);
    let pack = repository.pack(&["--window=0"]);
    let peak = peak_of(HashKind::Sha1, &pack);
    assert!(peak < 160 << 20, "{peak}");
}
