//! `exeat serve`: the proxy, until it is told to stop.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::notify;
use crate::{
    boot,
    config::{self, Config, Tls},
    listen,
};

/// Run the proxy
///
/// Without a configuration file it listens on 127.0.0.1:8443 with a development certificate, keeps its data in ./exeat-data and serves
/// github.com, gitlab.com, bitbucket.org and codeberg.org. Every key can also be set by a variable, such as
/// EXEAT__LISTEN__ADDRESS.
///
/// SIGHUP reads the configuration file, the rule files and the certificates again. Either all of it comes into force or,
/// where something in it is wrong, nothing: see the log, exeat_reloads_total and /health/ready. Pushes under way keep what
/// they began with. Rule files, and those they extend, are also looked at every two seconds and taken when they have
/// changed, unless rules.watch is false. Before rules come into force, at the start too, an example of each is run through
/// the engine that pushes meet. listen.address, listen.tls, the console's, telemetry.address, data.directory and the limits of connections take a
/// restart. SIGTERM lets pushes end within limits.drain_seconds.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file; see deploy/exeat.example.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the log is written to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log: LogFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    start_log(args.log);
    let config = read(args.config.as_deref())?;
    // Before the first await that can be long: a signal during the start must not be lost.
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be awaited")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be awaited")?;
    let mut hang_up = signal(SignalKind::hangup()).context("signals cannot be awaited")?;
    let mut running = boot::start(&config).await?;
    greet(&config, &running)?;
    notify::tell("READY=1");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // One at a time: both are answered here.
            _ = hang_up.recv() => running.reload(read(args.config.as_deref())).await,
            () = running.rules_changed() => running.reload_rules().await,
        }
    }
    notify::tell("STOPPING=1");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn read(path: Option<&Path>) -> anyhow::Result<Config> {
    let (config, warnings) = Config::load(path, config::environment())?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("EXEAT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Says where it listens and the next step.
fn greet(config: &Config, running: &boot::Running) -> anyhow::Result<()> {
    let scheme = if running.tls { "https" } else { "http" };
    let mut out = std::io::stdout().lock();
    writeln!(out, "Exeat listens on {scheme}://{}", running.git)?;
    for upstream in &config.upstreams {
        writeln!(out, "  {scheme}://{}/{}/...", running.git, upstream.name)?;
    }
    if let Some(console) = running.console_url() {
        writeln!(out, "The console listens on {console}")?;
    }
    let authority = match config.listen.tls {
        Tls::Development => {
            let path = listen::development_authority(&config.data.directory);
            format!(" --ca {}", path.display())
        }
        Tls::Off | Tls::Files(_) => String::new(),
    };
    writeln!(
        out,
        "To push through it: exeat setup --proxy {scheme}://{}{authority}",
        running.git
    )?;
    Ok(())
}
