//! Scans files and folders of the file system, and standard input.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    thread,
};

use crossbeam_channel::bounded;
use exeat_inspect::{Examiner, Names, Unscannable, file, file::ExaminedFile};

use super::{Scan, output::Printer, walk};

/// Files on their way to a worker, or back from one.
const WAITING: usize = 256;

/// What a worker is given.
enum Job {
    Entry(walk::Entry),
    /// Standard input, under the name that it is told by.
    Input,
}

/// Scans every regular file at or below `paths` on all cores, and tells findings in order of their names. Links inside
/// folders are read as git stores them, as the text of their target, and `.git` folders are left out: `--git` scans what
/// they hold. What is named on the command line itself is read whatever it is; `-` is standard input.
pub fn scan(
    scan: &Scan,
    paths: &[PathBuf],
    gitignore: bool,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        let (jobs_in, jobs) = bounded::<(u64, Job)>(WAITING);
        let (done_in, done) = bounded::<(u64, ExaminedFile)>(WAITING);
        let walker = scope.spawn(move || {
            let mut number = 0;
            let mut hand_on = |job| {
                let handed_on = jobs_in.send((number, job)).is_ok();
                number += 1;
                handed_on
            };
            list(paths, gitignore, &mut hand_on)
        });
        for _ in 0..threads {
            let (jobs, done) = (jobs.clone(), done_in.clone());
            scope.spawn(move || {
                let mut examiner = scan.examiner();
                for (number, job) in jobs {
                    let examined = examine(&mut examiner, job, scan.config.limits.object_bytes);
                    if done.send((number, examined)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((jobs, done_in));
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        // When telling fails, the channels close, and with them everything ends.
        for (number, examined) in done {
            waiting.insert(number, examined);
            while let Some(examined) = waiting.remove(&next) {
                next += 1;
                tell(examined, printer)?;
            }
        }
        match walker.join() {
            Ok(listed) => listed,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn list(
    paths: &[PathBuf],
    gitignore: bool,
    hand_on: &mut dyn FnMut(Job) -> bool,
) -> anyhow::Result<()> {
    for path in paths {
        let mut each = |entry| hand_on(Job::Entry(entry));
        let one = std::slice::from_ref(path);
        match (path.as_os_str() == "-", gitignore && path.is_dir()) {
            (true, _) => {
                hand_on(Job::Input);
            }
            (false, true) => super::ignored::kept(path, &mut each)?,
            (false, false) => walk::below(one, &mut each),
        }
    }
    Ok(())
}

fn tell(examined: ExaminedFile, printer: &mut Printer) -> anyhow::Result<()> {
    printer.scanned(examined.bytes);
    for finding in examined.findings {
        printer.finding(finding)?;
    }
    let mut missed = examined.unscannable.iter();
    missed.try_for_each(|missed| printer.unread(missed))
}

fn examine(examiner: &mut Examiner, job: Job, most: u64) -> ExaminedFile {
    let (path, content): (PathBuf, io::Result<Box<dyn Read>>) = match job {
        Job::Input => (PathBuf::from("-"), Ok(Box::new(io::stdin().lock()))),
        Job::Entry(walk::Entry::Missed(path, error)) => (path, Err(error)),
        Job::Entry(walk::Entry::File(path)) => {
            let file = File::open(&path).map(|file| Box::new(file) as Box<dyn Read>);
            (path, file)
        }
        Job::Entry(walk::Entry::Link(path)) => {
            let target = fs::read_link(&path).map(|target| target.as_os_str().as_bytes().to_vec());
            (
                path,
                target.map(|target| Box::new(io::Cursor::new(target)) as Box<dyn Read>),
            )
        }
    };
    let name = path
        .strip_prefix(".")
        .unwrap_or(&path)
        .as_os_str()
        .as_bytes();
    let examined =
        content.and_then(|mut content| file::examine_reader(examiner, name, &mut content, most));
    examined.unwrap_or_else(|error| missed(examiner, &path, &error))
}

fn missed(examiner: &mut Examiner, path: &Path, error: &io::Error) -> ExaminedFile {
    let what = Names::new(examiner).show(path.as_os_str().as_bytes());
    ExaminedFile {
        unscannable: vec![Unscannable {
            what,
            why: error.to_string(),
            object: None,
            opaque: None,
        }],
        ..ExaminedFile::default()
    }
}
