//! Scans commits and packs through the inspection that pushes pass.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, bail};
use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{Scratch, Spool},
};
use exeat_inspect::{PackInspection, Pool, Settings};

use super::{ObjectFormat, Scan, output::Printer};
use crate::cli::git;

const CHUNK: usize = 64 * 1024;

/// Scans what a push of `range` would send: git packs it, and the pack is inspected.
pub fn scan_range(scan: &Scan, range: &str, printer: &mut Printer) -> anyhow::Result<()> {
    scan_revisions(scan, range, &revisions(range)?, printer)
}

/// Scans every commit that a ref or `HEAD` leads to.
pub fn scan_history(scan: &Scan, printer: &mut Printer) -> anyhow::Result<()> {
    let listed = git::text(&["rev-parse", "--all"])?;
    let mut revisions: Vec<String> = listed.lines().map(str::to_owned).collect();
    // Not before the first commit.
    if let Ok(head) = git::text(&["rev-parse", "--quiet", "--verify", "HEAD"]) {
        revisions.push(head.trim().to_owned());
    }
    if revisions.is_empty() {
        return Ok(());
    }
    scan_revisions(scan, "the history", &revisions, printer)
}

/// `what` names them in errors.
fn scan_revisions(
    scan: &Scan,
    what: &str,
    revisions: &[String],
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let hash = object_format()?;
    let mut git = Command::new("git")
        .args([
            "pack-objects",
            "--revs",
            "--stdout",
            "--quiet",
            "--delta-base-offset",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("git cannot be run")?;
    if let Some(mut input) = git.stdin.take() {
        input
            .write_all(revisions.join("\n").as_bytes())
            .context("git pack-objects ended early")?;
    }
    let output = git
        .stdout
        .take()
        .context("git pack-objects has no output")?;
    let targets: Vec<ObjectId> = revisions
        .iter()
        .filter_map(|id| ObjectId::from_hex(id.as_bytes()).ok())
        .collect();
    let inspected = inspect(scan, hash, output, Unnamed::new()?, Some(&targets), printer);
    let status = git.wait().context("git pack-objects")?;
    // A git that was cut off ends by a signal; then the inspection knows why.
    if status.code().is_some_and(|code| code != 0) {
        bail!("git could not pack {what}; the lines above say why");
    }
    inspected
}

/// Scans a pack file.
pub fn scan_pack(
    scan: &Scan,
    path: &Path,
    format: ObjectFormat,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let (hash, other) = match format {
        ObjectFormat::Sha1 => (HashKind::Sha1, "sha256"),
        ObjectFormat::Sha256 => (HashKind::Sha256, "sha1"),
    };
    let named = || format!("{}", path.display());
    let file = File::open(path).with_context(named)?;
    let again = file.try_clone().with_context(named)?;
    inspect(scan, hash, file, InPlace(again), None, printer)
        .map_err(|error| match error.downcast_ref() {
            Some(exeat_inspect::Error::Pack(_)) => error.context(format!(
                "not a whole pack of a {hash} repository (is it one of {other}? --object-format)"
            )),
            _ => error,
        })
        .with_context(named)
}

fn inspect<S: Spool>(
    scan: &Scan,
    hash: HashKind,
    mut input: impl Read,
    spool: S,
    targets: Option<&[ObjectId]>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool::start(threads)?;
    let mut inspection = PackInspection::start(pool, hash, settings(scan), spool);
    let mut chunk = vec![0; CHUNK];
    loop {
        match input.read(&mut chunk)? {
            0 => break,
            length => {
                inspection.feed(&chunk[..length])?;
                printer.under_way(length as u64);
            }
        }
    }
    let inspected = inspection.finish(targets)?;
    printer.scanned(inspected.coverage.bytes);
    for finding in inspected.findings {
        printer.finding(finding)?;
    }
    for missed in &inspected.unscannable {
        printer.unread(missed)?;
    }
    Ok(())
}

fn settings(scan: &Scan) -> Settings {
    let limits = &scan.config.limits;
    Settings {
        rules: Arc::clone(&scan.rules),
        key: scan.key.clone(),
        limits: limits.pack(),
        most_findings: limits.findings,
        strength: scan.strength,
        most_paths: exeat_inspect::MOST_PATHS,
        demands: Arc::clone(&scan.demands),
        licences: scan.licences.clone(),
        pusher: scan.pusher.clone(),
        shown: None,
        verdicts: None,
        whole: scan.whole,
        clock: None,
        cancelled: Arc::new(AtomicBool::new(false)),
        on_batch: || (),
    }
}

fn object_format() -> anyhow::Result<HashKind> {
    match git::text(&["rev-parse", "--show-object-format"])?.trim() {
        "sha1" => Ok(HashKind::Sha1),
        "sha256" => Ok(HashKind::Sha256),
        other => bail!("the repository's object format {other} is not known"),
    }
}

/// Words beside revisions that say which commits are meant.
const SELECTORS: [&str; 6] = [
    "--all",
    "--not",
    "--branches",
    "--tags",
    "--remotes",
    "--exclude",
];

/// The range as ids, with `^` before those that are left out.
fn revisions(range: &str) -> anyhow::Result<Vec<String>> {
    // A revision may hold spaces (`HEAD@{1 week ago}`), so they part words only where the whole is none.
    let parsed = match parsed(&[range]) {
        Err(_) if range.trim().contains(char::is_whitespace) => {
            parsed(&range.split_whitespace().collect::<Vec<_>>())
        }
        parsed => parsed,
    };
    let revisions = parsed.with_context(|| format!("--git {range}"))?;
    if revisions.is_empty() {
        bail!("--git {range}: git knows no such commits here");
    }
    Ok(revisions)
}

fn parsed(words: &[&str]) -> anyhow::Result<Vec<String>> {
    for word in words {
        let selector = word.split('=').next().unwrap_or(word);
        if word.starts_with('-') && !SELECTORS.contains(&selector) {
            bail!("{word} selects no commits; expected something like @{{upstream}}..HEAD");
        }
    }
    let mut arguments = vec!["rev-parse"];
    arguments.extend(words);
    arguments.push("--");
    let listed = git::text(&arguments)?;
    Ok(listed
        .lines()
        .filter(|line| *line != "--")
        .map(str::to_owned)
        .collect())
}

/// A pack file that is read where it lies.
struct InPlace(File);

impl Spool for InPlace {
    fn append(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(Unnamed(tempfile::tempfile()?)))
    }
}

/// A pack that comes through a pipe, kept in an unnamed file.
struct Unnamed(File);

impl Unnamed {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(
            tempfile::tempfile().context("no room for a temporary file")?,
        ))
    }
}

impl Spool for Unnamed {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::End(0))?;
        self.0.write_all(bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn scratch(&self) -> io::Result<Scratch> {
        Ok(Box::new(Self(tempfile::tempfile()?)))
    }
}
