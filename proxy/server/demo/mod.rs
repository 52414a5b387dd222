//! What a newcomer sees first: a forge of one's own, a proxy in front of it, and three pushes.

pub mod forge;
mod stage;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};

use crate::{
    boot::{self, Running},
    config::Config,
};
use forge::{Forge, Hash, Options};
use stage::{Git, say};

const REPOSITORY: &str = "team/project.git";
const UPSTREAM: &str = "demo.forge";

/// Sets everything up below `directory` (by default a new temporary folder), pushes three times
/// and says what happened. With `keep` it stays up until it is interrupted.
///
/// # Errors
/// When git is missing, something cannot be started, or a push does not end as it must.
pub async fn run(keep: bool, directory: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let directory = folder(directory)?;
    say(&format!(
        "Exeat demo. Everything happens below {}\n",
        directory.display()
    ))?;
    let forge = Forge::start(Options::new(directory.join("forge"))).await?;
    let upstream = forge.create_repository(REPOSITORY, Hash::Sha1)?;
    let config = write_config(&directory, &forge)?;
    let running = boot::start(&config).await?;
    tell_set_up(&config, &forge, &running)?;
    let git = Git::new(&directory, &upstream);
    let play = Play {
        git: &git,
        forge: &forge,
        running: &running,
        config: &config,
    };
    play.set_up().await?;
    play.clean_push().await?;
    play.planted_credential().await?;
    play.removed_again().await?;
    play.next_steps(&directory, keep)?;
    if keep {
        tokio::signal::ctrl_c().await?;
        say("")?;
    }
    running.stop().await;
    forge.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn folder(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let directory = match asked {
        Some(directory) => {
            std::fs::create_dir_all(&directory)
                .with_context(|| format!("--directory {}", directory.display()))?;
            let empty = std::fs::read_dir(&directory)?.next().is_none();
            ensure!(
                empty,
                "--directory {}: the folder is not empty",
                directory.display()
            );
            directory
        }
        None => tempfile::Builder::new()
            .prefix("exeat-demo-")
            .tempdir()
            .context("no temporary folder")?
            .keep(),
    };
    Ok(directory.canonicalize()?)
}

/// Writes the configuration as a file, to be looked at and used again.
fn write_config(directory: &Path, forge: &Forge) -> anyhow::Result<Config> {
    let text = format!(
        "# The configuration of this demo. Port 0 takes any free port.\n\
         [listen]\n\
         address = \"127.0.0.1:0\"\n\
         tls = \"development\"\n\n\
         [console]\n\
         address = \"127.0.0.1:0\"\n\n\
         [telemetry]\n\
         address = \"127.0.0.1:0\"\n\n\
         [data]\n\
         directory = \"exeat-data\"\n\n\
         [upstream.\"{UPSTREAM}\"]\n\
         url = \"{}\"\n\
         plaintext = true\n",
        forge.url()
    );
    let path = directory.join("exeat.toml");
    std::fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
    let (config, _) = Config::load(Some(&path), std::iter::empty())?;
    Ok(config)
}

fn tell_set_up(config: &Config, forge: &Forge, running: &Running) -> anyhow::Result<()> {
    say(&format!(
        "  configuration  exeat.toml\n\
         \x20 data folder    {}\n\
         \x20 the forge      {}/{REPOSITORY} (git http-backend)\n\
         \x20 the proxy      https://{} (development certificate)\n\
         \x20 the console    {}\n",
        config.data.directory.display(),
        forge.url(),
        running.git,
        running.console_url().unwrap_or_default(),
    ))
}

struct Play<'a> {
    git: &'a Git,
    forge: &'a Forge,
    running: &'a Running,
    config: &'a Config,
}

impl Play<'_> {
    /// What a developer does once, with the real command.
    async fn set_up(&self) -> anyhow::Result<()> {
        stage::title(
            "Set up git once: pushes to the forge go through the proxy, fetches stay direct",
        )?;
        let proxy = format!("https://{}", self.running.git);
        let forge = format!("{UPSTREAM}={}", self.forge.url());
        let authority = crate::listen::development_authority(&self.config.data.directory);
        let authority = authority.to_string_lossy();
        self.git
            .exeat(&[
                "setup", "--apply", "--proxy", &proxy, "--forge", &forge, "--ca", &authority,
            ])
            .await?;
        let url = format!("{}/{REPOSITORY}", self.forge.url());
        self.git.clone_work(&url).await
    }

    async fn clean_push(&self) -> anyhow::Result<()> {
        stage::title("1. A clean push arrives, as if there were no proxy")?;
        self.git
            .write("README.md", "# Project\n\nHello, forge.\n")?;
        self.git.run(&["add", "."]).await?;
        self.git.run(&["commit", "-q", "-m", "Say hello"]).await?;
        let pushed = self.git.push(&["push", "-u", "origin", "main"]).await?;
        ensure!(pushed, "the clean push should have arrived, and did not");
        self.git.show_upstream().await
    }

    async fn planted_credential(&self) -> anyhow::Result<()> {
        stage::title("2. A push with a credential in it is stopped")?;
        self.git
            .write("deploy.env", &format!("GITHUB_TOKEN={}\n", token()?))?;
        self.git.run(&["add", "."]).await?;
        self.git
            .run(&["commit", "-q", "-m", "Add deployment"])
            .await?;
        self.must_stop().await
    }

    async fn removed_again(&self) -> anyhow::Result<()> {
        stage::title("3. A later commit that removes it is not enough: history leaves too")?;
        self.git.run(&["rm", "-q", "deploy.env"]).await?;
        self.git
            .run(&["commit", "-q", "-m", "Remove the token"])
            .await?;
        self.must_stop().await
    }

    async fn must_stop(&self) -> anyhow::Result<()> {
        let before = self.git.upstream_refs().await?;
        let pushed = self.git.push(&["push", "origin", "main"]).await?;
        ensure!(!pushed, "the push should have been stopped, and was not");
        ensure!(
            before == self.git.upstream_refs().await?,
            "the stopped push changed the forge"
        );
        self.git.show_upstream().await
    }

    fn next_steps(&self, directory: &Path, keep: bool) -> anyhow::Result<()> {
        stage::title("What to try next")?;
        let data = self.config.data.directory.display();
        say(&format!(
            "  The record of the three pushes, and the proof that it is whole:\n\
             \x20   exeat audit list --data {data}\n\
             \x20   exeat audit verify --data {data}\n\
             \x20 The same inspection before a push, in any repository:\n\
             \x20   exeat scan --git @{{upstream}}..HEAD"
        ))?;
        if keep {
            say(&format!(
                "\n  The proxy runs until Ctrl-C. Push something of your own:\n\
                 \x20   export HOME={} GIT_CONFIG_NOSYSTEM=1\n\
                 \x20   cd {}\n\
                 \x20   git push origin HEAD:refs/heads/mine",
                directory.join("home").display(),
                self.git.work().display(),
            ))?;
            if let Some(console) = self.running.console_url() {
                let ca = crate::listen::development_authority(&self.config.data.directory);
                say(&format!(
                    "  See what waits for a decision, as a reviewer:\n\
                     \x20   exeat user add ann --role reviewer --data {data}\n\
                     \x20   export EXEAT_TOKEN=$(exeat token create --user ann --scope read --scope decide --data {data})\n\
                     \x20   exeat review list --server {console} --ca {}",
                    ca.display()
                ))?;
            }
            if let Some(telemetry) = self.running.telemetry {
                say(&format!("  Metrics: http://{telemetry}/metrics"))?;
            }
        } else {
            say(
                "  A proxy that stays up, with the forges of this world behind it:\n\
                 \x20   exeat serve        (or this demo again with --keep)",
            )?;
        }
        say(&format!(
            "  To remove everything: rm -r {}",
            directory.display()
        ))
    }
}

/// A token of the right form and checksum that no forge ever gave out.
fn token() -> anyhow::Result<String> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)?;
    let template = format!("{{{{github ghp_ {}}}}}", hex::encode(seed));
    Ok(exeat_rules::template::expand(&template)?)
}
