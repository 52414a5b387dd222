//! Scans files and folders of the file system.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use exeat_inspect::{Examiner, Names, Unscannable, file};

use super::{Scan, output::Printer};

/// Scans every regular file at or below `paths`, in order of their names. Links inside folders are
/// read as git stores them, as the text of their target, and `.git` folders are left out: `--git`
/// scans what they hold. What is named on the command line itself is read whatever it is.
pub fn scan(scan: &Scan, paths: &[PathBuf], printer: &mut Printer) -> anyhow::Result<()> {
    let mut walk = Walk {
        examiner: Examiner::new(scan.rules.clone(), scan.key.clone()),
        most_bytes: scan.config.limits.object_bytes,
        printer,
    };
    for path in paths {
        walk.named(path)?;
    }
    Ok(())
}

struct Walk<'a> {
    examiner: Examiner,
    most_bytes: u64,
    printer: &'a mut Printer,
}

impl Walk<'_> {
    /// A path of the command line: links lead on, and a pipe is read to its end.
    fn named(&mut self, path: &Path) -> anyhow::Result<()> {
        match fs::metadata(path) {
            Ok(kind) if kind.is_dir() => self.below(path),
            Ok(_) => self.file(path),
            Err(error) => self.missed(path, &error),
        }
    }

    fn below(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut waiting = Vec::new();
        self.folder(folder, &mut waiting)?;
        while let Some(path) = waiting.pop() {
            let kind = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata.file_type(),
                Err(error) => {
                    self.missed(&path, &error)?;
                    continue;
                }
            };
            if kind.is_dir() {
                self.folder(&path, &mut waiting)?;
            } else if kind.is_symlink() {
                self.link(&path)?;
            } else if kind.is_file() {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path, waiting: &mut Vec<PathBuf>) -> anyhow::Result<()> {
        match entries(path) {
            Ok(entries) => waiting.extend(entries),
            Err(error) => self.missed(path, &error)?,
        }
        Ok(())
    }

    fn link(&mut self, path: &Path) -> anyhow::Result<()> {
        match fs::read_link(path) {
            Ok(target) => self.examine(path, target.as_os_str().as_bytes()),
            Err(error) => self.missed(path, &error),
        }
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        match read(path, self.most_bytes) {
            Ok(content) => self.examine(path, &content),
            Err(error) => self.missed(path, &error),
        }
    }

    fn examine(&mut self, path: &Path, content: &[u8]) -> anyhow::Result<()> {
        let name = path.strip_prefix(".").unwrap_or(path);
        let examined = file::examine(&mut self.examiner, name.as_os_str().as_bytes(), content);
        self.printer.scanned(content.len() as u64);
        for finding in &examined.findings {
            self.printer.finding(finding)?;
        }
        match &examined.unscannable {
            Some(missed) => self.printer.unread(missed),
            None => Ok(()),
        }
    }

    fn missed(&mut self, path: &Path, error: &io::Error) -> anyhow::Result<()> {
        let what = Names::new(&mut self.examiner).show(path.as_os_str().as_bytes());
        self.printer.unread(&Unscannable {
            what,
            why: error.to_string(),
        })
    }
}

/// Reads a whole file of at most `most` bytes, which may grow meanwhile.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut file = File::open(path)?.take(most.saturating_add(1));
    file.read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::other(format!(
            "larger than {most} bytes (limits.object_bytes)"
        )));
    }
    Ok(content)
}

/// The entries of a folder, so ordered that the first is visited first.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != ".git" {
            entries.push(entry.path());
        }
    }
    entries.sort_by(|left, right| right.cmp(left));
    Ok(entries)
}
