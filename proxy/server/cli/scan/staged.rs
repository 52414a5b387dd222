//! Scans what the next commit would hold: the files of the index that differ from `HEAD`.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, bail};
use exeat_inspect::{Names, Unscannable, file};

use super::{Scan, output::Printer};
use crate::cli::git;

/// A file of the index.
struct Staged {
    object: String,
    path: Vec<u8>,
}

/// Scans whole files, as a push would bring them, in the order of the index.
pub fn scan(scan: &Scan, printer: &mut Printer) -> anyhow::Result<()> {
    let staged = listed()?;
    let mut objects = Objects::open()?;
    let mut examiner = scan.examiner();
    for Staged { object, path } in staged {
        let size = objects.ask(&object)?;
        let mut content = (&mut objects.output).take(size);
        let most = scan.config.limits.object_bytes;
        let examined = file::examine_reader(&mut examiner, &path, &mut content, most);
        io::copy(&mut content, &mut io::sink())?;
        objects.output.read_exact(&mut [0])?;
        match examined {
            Ok(examined) => {
                printer.scanned(examined.bytes);
                for finding in examined.findings {
                    printer.finding(finding)?;
                }
                for missed in &examined.unscannable {
                    printer.unread(missed)?;
                }
            }
            Err(error) => printer.unread(&Unscannable {
                what: Names::new(&mut examiner).show(&path),
                why: error.to_string(),
                object: None,
                opaque: None,
            })?,
        }
    }
    objects.close()
}

fn listed() -> anyhow::Result<Vec<Staged>> {
    let head = git::text(&["rev-parse", "--quiet", "--verify", "HEAD^{tree}"]);
    let base = match head {
        Ok(tree) => tree,
        // Before the first commit everything is new.
        Err(_) => git::text(&["hash-object", "-t", "tree", "/dev/null"])?,
    };
    let arguments = [
        "diff-index",
        "--cached",
        "--raw",
        "-z",
        "--no-renames",
        "--no-abbrev",
        "--diff-filter=AMT",
    ];
    let listed = git::output(&[&arguments[..], &[&base, "--"]].concat())?;
    let mut fields = listed
        .split(|&byte| byte == 0)
        .filter(|field| !field.is_empty());
    let mut staged = Vec::new();
    while let Some((change, path)) = fields.next().zip(fields.next()) {
        let change = String::from_utf8_lossy(change);
        let words: Vec<&str> = change.split(' ').collect();
        let [_, mode, _, object, _] = words[..] else {
            bail!("git diff-index said something that is not known");
        };
        // A submodule is a commit elsewhere; a path that is only meant to be added has no content yet.
        if mode != "160000" && object.bytes().any(|byte| byte != b'0') {
            staged.push(Staged {
                object: object.to_owned(),
                path: path.to_vec(),
            });
        }
    }
    Ok(staged)
}

/// `git cat-file`, asked for one object after the other.
struct Objects {
    git: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Objects {
    fn open() -> anyhow::Result<Self> {
        let mut git = Command::new("git")
            // What is committed are the objects themselves, not what stands in for them here.
            .args(["--no-replace-objects", "cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("git cannot be run")?;
        let pipes = git.stdin.take().zip(git.stdout.take());
        let (input, output) = pipes.context("git cat-file has no pipes")?;
        Ok(Self {
            git,
            input,
            output: BufReader::new(output),
        })
    }

    /// The size of the blob, whose bytes and a line feed come next.
    fn ask(&mut self, object: &str) -> anyhow::Result<u64> {
        writeln!(self.input, "{object}").context("git cat-file ended early")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let size = line
            .trim_end()
            .rsplit(' ')
            .next()
            .and_then(|size| size.parse().ok());
        size.with_context(|| format!("git cat-file: {}", line.trim_end()))
    }

    fn close(mut self) -> anyhow::Result<()> {
        drop(self.input);
        self.git.wait().context("git cat-file")?;
        Ok(())
    }
}
