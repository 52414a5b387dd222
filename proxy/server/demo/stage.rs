//! Runs git for the demonstration and shows each command with its own output.

use std::{
    io::Write,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// git with a home of its own, so that the demo neither reads nor changes anybody's settings.
pub struct Git {
    home: PathBuf,
    work: PathBuf,
    upstream: PathBuf,
}

/// Prints to standard output.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Begins a scene.
pub fn title(text: &str) -> anyhow::Result<()> {
    say(&format!("\n=== {text}"))
}

impl Git {
    /// `upstream` is the bare repository on the forge's disk.
    pub fn new(directory: &Path, upstream: &Path) -> Self {
        Self {
            home: directory.join("home"),
            work: directory.join("work"),
            upstream: upstream.to_owned(),
        }
    }

    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Runs this program itself, as a developer would.
    pub async fn exeat(&self, arguments: &[&str]) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.home)?;
        let program = std::env::current_exe()?;
        show("exeat", arguments)?;
        let status = self.command(&program).args(arguments).status().await?;
        ensure!(status.success(), "exeat {} failed", arguments.join(" "));
        Ok(())
    }

    /// Makes the working copy.
    pub async fn clone_work(&self, url: &str) -> anyhow::Result<()> {
        let work = self.work.to_string_lossy().into_owned();
        let arguments = ["clone", "-q", url, work.as_str()];
        show("git", &arguments)?;
        let status = self.git().args(arguments).status().await?;
        ensure!(status.success(), "git clone failed");
        for (key, value) in [
            ("user.name", "Demo Developer"),
            ("user.email", "developer@corp.example"),
            ("commit.gpgsign", "false"),
        ] {
            self.quietly(&["config", key, value]).await?;
        }
        self.quietly(&["symbolic-ref", "HEAD", "refs/heads/main"])
            .await
    }

    /// Writes a file of the working copy and shows that it did.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        say(&format!("  (writes {name})"))?;
        std::fs::write(self.work.join(name), content)?;
        Ok(())
    }

    /// Runs a command that must succeed.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let succeeded = self.push(arguments).await?;
        ensure!(succeeded, "git {} failed", arguments.join(" "));
        Ok(())
    }

    /// Runs a command and tells whether it succeeded.
    pub async fn push(&self, arguments: &[&str]) -> anyhow::Result<bool> {
        show("git", arguments)?;
        let mut command = self.git();
        command.arg("-C").arg(&self.work).args(arguments);
        Ok(command.status().await.context("git")?.success())
    }

    /// Shows what the forge has.
    pub async fn show_upstream(&self) -> anyhow::Result<()> {
        say("  On the forge now:")?;
        let output = self
            .git()
            .arg("-C")
            .arg(&self.upstream)
            .args(["log", "--all", "--format=    %h %d %s"])
            .stdout(Stdio::piped())
            .output()
            .await?;
        say(String::from_utf8_lossy(&output.stdout).trim_end())
    }

    /// The refs of the forge with their ids.
    pub async fn upstream_refs(&self) -> anyhow::Result<Vec<u8>> {
        let output = self
            .git()
            .arg("-C")
            .arg(&self.upstream)
            .arg("for-each-ref")
            .stdout(Stdio::piped())
            .output()
            .await?;
        ensure!(output.status.success(), "the forge's repository is broken");
        Ok(output.stdout)
    }

    async fn quietly(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self
            .git()
            .arg("-C")
            .arg(&self.work)
            .args(arguments)
            .status()
            .await?;
        ensure!(status.success(), "git {} failed", arguments.join(" "));
        Ok(())
    }

    fn git(&self) -> Command {
        self.command(Path::new("git"))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Whatever the surroundings tell git (GIT_DIR, GIT_SSL_CAINFO, ...) is not for this one.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", &self.home)
            .env_remove("XDG_CONFIG_HOME")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("PATH", path_with_exeat())
            .stdin(Stdio::null());
        // git writes to standard error; one stream keeps its words where they belong.
        if let Ok(out) = std::io::stdout().as_fd().try_clone_to_owned() {
            command.stderr(Stdio::from(out));
        }
        command
    }
}

fn show(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let words: Vec<String> = arguments
        .iter()
        .map(|word| {
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                (*word).to_owned()
            }
        })
        .collect();
    say(&format!("\n$ {program} {}", words.join(" ")))
}

/// The credential helper that `setup` writes is found by name.
fn path_with_exeat() -> std::ffi::OsString {
    let mut folders: Vec<PathBuf> = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.to_owned()))
        .into_iter()
        .collect();
    folders.extend(
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    std::env::join_paths(folders).unwrap_or_default()
}
