//! What a scan is asked not to tell: findings that comments allow or ignore files name.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use exeat_inspect::{
    Excuse, Excuses, Finding, Strength,
    excuse::{IgnoreFile, Limits},
};

/// Ignore files, and how many findings each way of excusing has hidden.
#[derive(Debug, Default)]
pub struct Excused {
    ignore_files: Vec<IgnoreFile>,
    by_comment: u64,
    by_ignore_file: u64,
}

impl Excused {
    /// Reads the ignore files; lines in them that are no entries are named on standard error.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let ignore_files = paths.iter().map(|path| read(path));
        Ok(Self {
            ignore_files: ignore_files.collect::<anyhow::Result<_>>()?,
            ..Self::default()
        })
    }

    /// Whether the finding is not told, and counts it.
    pub fn hides(&mut self, finding: &Finding) -> bool {
        let is_named = |file: &IgnoreFile| file.names(finding);
        if finding.excused == Some(Excuse::Comment) {
            self.by_comment += 1;
        } else if self.ignore_files.iter().any(is_named) {
            self.by_ignore_file += 1;
        } else {
            return false;
        }
        true
    }

    /// Says on standard error how many findings were hidden.
    pub fn sum_up(&self) -> io::Result<()> {
        let ways = [
            (self.by_comment, "allowed by comments"),
            (self.by_ignore_file, "named by ignore files"),
        ];
        for (count, how) in ways.into_iter().filter(|(count, _)| *count > 0) {
            let s = if count == 1 { "" } else { "s" };
            writeln!(io::stderr(), "exeat: not told: {count} finding{s} {how}")?;
        }
        Ok(())
    }
}

/// How a scan weighs findings.
pub fn strength(allow_comments: bool) -> Strength {
    match allow_comments {
        true => Strength::default().hiding(Excuses::of(&[Excuse::Comment])),
        false => Strength::default(),
    }
}

fn read(path: &Path) -> anyhow::Result<IgnoreFile> {
    let shown = path.display();
    let limits = Limits::USUAL;
    let mut text = Vec::new();
    // It may be a pipe, which has no length.
    File::open(path)
        .and_then(|file| file.take(limits.bytes as u64 + 1).read_to_end(&mut text))
        .with_context(|| format!("{shown} cannot be read"))?;
    let file = IgnoreFile::read(&text, limits).with_context(|| shown.to_string())?;
    for line in file.odd_lines() {
        eprintln!("exeat: {shown}:{line}: names nothing; expected path:rule-id:line");
    }
    Ok(file)
}
