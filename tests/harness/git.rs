//! Real git, each one on this machine, with nobody's settings but the test's.

use std::fmt;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::told;

/// A git program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Git {
    pub(crate) program: PathBuf,
    /// `2.39.5`
    pub(crate) version: String,
}

/// Every git version on this machine: the system's own, and the first in `PATH`.
pub(crate) fn gits() -> &'static [Git] {
    static GITS: LazyLock<Vec<Git>> = LazyLock::new(|| {
        let mut gits: Vec<Git> = Vec::new();
        for git in ["/usr/bin/git", "git"].iter().filter_map(Git::at) {
            if gits.iter().all(|known| known.version != git.version) {
                gits.push(git);
            }
        }
        assert!(!gits.is_empty(), "these tests need git in PATH");
        gits
    });
    &GITS
}

/// A program that ran to its end.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) command: String,
    /// The exit status; 128 and the signal's number where a signal ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.status, self.stdout, self.stderr
        )
    }
}

impl Git {
    fn at(program: impl AsRef<Path>) -> Option<Self> {
        let program = program.as_ref().to_owned();
        let output = Command::new(&program).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout)
            .split(' ')
            .nth(2)?
            .trim()
            .to_owned();
        Some(Self { program, version })
    }

    /// The first git in `PATH`: what the forge runs on as well.
    pub(crate) fn first() -> Self {
        gits().last().cloned().expect("there is one")
    }

    /// A command in this folder that reads no settings of the machine or of whoever runs the tests.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        clean(&mut command);
        command.current_dir(folder);
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    /// What git says about a folder; fails the test where git fails.
    #[track_caller]
    pub(crate) fn plain(&self, folder: &Path, arguments: &[&str]) -> String {
        run(self.command(folder).args(arguments), b"").ok().stdout
    }

    /// The same with input, and with output that need not be text.
    #[track_caller]
    pub(crate) fn fed(&self, folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let (status, output, said) = finished(self.command(folder).args(arguments), input);
        assert_eq!(
            status,
            0,
            "git {arguments:?} in {}: {}",
            folder.display(),
            String::from_utf8_lossy(&said)
        );
        output
    }
}

/// Runs a program to its end, without a terminal; nothing that it tells may hold a canary.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Run {
    let (status, stdout, stderr) = finished(command, input);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let run = Run {
        command: words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" "),
        status,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    };
    told::by_program(command.get_program(), &run);
    run
}

/// The same without input.
#[track_caller]
pub(crate) fn run_program(command: &mut Command) -> Run {
    run(command, b"")
}

/// Takes away the environment, but for what programs need to be found.
pub(crate) fn clean(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
}

/// Nothing here takes longer, however slow the machine: past it, something hangs, and the test shall say what.
const PATIENCE: Duration = Duration::from_secs(300);

fn finished(command: &mut Command, input: &[u8]) -> (i32, Vec<u8>, Vec<u8>) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its helpers hold the pipes as well: who ends it ends them.
        .process_group(0);
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        let start = Instant::now();
        let status = loop {
            match child.try_wait().expect("it is our child") {
                Some(status) => break status,
                None if start.elapsed() > PATIENCE => {
                    end_group(&child);
                    let _ = child.wait();
                    let said = stderr.join().unwrap_or_default();
                    panic!(
                        "{command:?} does not come to an end: {}",
                        String::from_utf8_lossy(&said)
                    );
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let status = status.code().unwrap_or_else(|| {
            128 + std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0)
        });
        (
            status,
            stdout.join().unwrap_or_default(),
            stderr.join().unwrap_or_default(),
        )
    })
}

fn end_group(child: &Child) {
    let group = rustix::process::Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
}

fn read(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    bytes
}
