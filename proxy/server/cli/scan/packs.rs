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
    HashKind,
    pack::{self, Spool},
};
use exeat_inspect::{PackInspection, Pool, Settings};

use super::{Scan, output::Printer};

const CHUNK: usize = 64 * 1024;

/// Scans what a push of `range` would send: git packs it, and the pack is inspected.
pub fn scan_range(scan: &Scan, range: &str, printer: &mut Printer) -> anyhow::Result<()> {
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
        for revision in revisions(range)? {
            writeln!(input, "{revision}").context("git pack-objects ended early")?;
        }
    }
    let output = git
        .stdout
        .take()
        .context("git pack-objects has no output")?;
    let inspected = inspect(scan, hash, output, Unnamed::new()?, printer);
    let status = git.wait().context("git pack-objects")?;
    if !status.success() {
        bail!("git could not pack {range}; the lines above say why");
    }
    inspected
}

/// Scans a pack file. Its ids must be SHA-1, the only format packs name nowhere else.
pub fn scan_pack(scan: &Scan, path: &Path, printer: &mut Printer) -> anyhow::Result<()> {
    let named = || format!("{}", path.display());
    let file = File::open(path).with_context(named)?;
    let again = file.try_clone().with_context(named)?;
    inspect(scan, HashKind::Sha1, file, InPlace(again), printer).with_context(named)
}

fn inspect<S: Spool>(
    scan: &Scan,
    hash: HashKind,
    mut input: impl Read,
    spool: S,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool::start(threads)?;
    let mut inspection = PackInspection::start(pool, hash, settings(scan), spool);
    let mut chunk = vec![0; CHUNK];
    loop {
        match input.read(&mut chunk)? {
            0 => break,
            length => inspection.feed(&chunk[..length])?,
        }
    }
    let inspected = inspection.finish(None)?;
    printer.scanned(inspected.coverage.bytes);
    for finding in &inspected.findings {
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
        limits: pack::Limits {
            pack_bytes: limits.pack_bytes,
            objects: limits.objects,
            object_bytes: limits.object_bytes,
            resolved_bytes: limits.resolved_bytes,
            delta_depth: limits.delta_depth,
            cache_bytes: limits.base_cache_bytes,
            ..pack::Limits::default()
        },
        most_findings: limits.findings,
        most_paths: 1_000,
        cancelled: Arc::new(AtomicBool::new(false)),
    }
}

fn object_format() -> anyhow::Result<HashKind> {
    match git(&["rev-parse", "--show-object-format"])?.trim() {
        "sha1" => Ok(HashKind::Sha1),
        "sha256" => Ok(HashKind::Sha256),
        other => bail!("the repository's object format {other} is not known"),
    }
}

/// The range as ids, one a line, with `^` before those that are left out.
fn revisions(range: &str) -> anyhow::Result<Vec<String>> {
    if range.starts_with('-') {
        bail!("--git {range}: expected commits, such as @{{upstream}}..HEAD");
    }
    let listed = git(&["rev-parse", "--revs-only", "--end-of-options", range, "--"])?;
    let revisions: Vec<String> = listed
        .lines()
        .filter(|line| !line.starts_with("--"))
        .map(str::to_owned)
        .collect();
    if revisions.is_empty() {
        bail!("--git {range}: git knows no such commits here");
    }
    Ok(revisions)
}

fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .context("git cannot be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
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
}
