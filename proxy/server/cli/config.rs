//! `exeat config`: says whether a configuration is right, and what it comes to.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::{self, Config};

/// Check the configuration, or show what it comes to
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what is wrong with the configuration, if anything
    Check(Source),
    /// Print the effective configuration as TOML, secrets masked
    Show(Source),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The configuration file; without it, defaults and the environment (EXEAT__SECTION__KEY)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Ends with 0 if the configuration is right, with 2 if it is refused.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (source, show) = match args.command {
        Command::Check(source) => (source, false),
        Command::Show(source) => (source, true),
    };
    let (config, warnings) = match Config::load(source.config.as_deref(), config::environment()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    match show {
        true => print!("{}", config.show()),
        false => println!("configuration OK ({})", config.digest()),
    }
    Ok(ExitCode::SUCCESS)
}
