//! `exeat demo`: the command line of the demonstration.

use std::{path::PathBuf, process::ExitCode};

use crate::demo;

/// Show in a minute what Exeat does: three real pushes through a real proxy
///
/// Makes a data folder, a development authority and certificate, an upstream repository served by
/// this machine's own git, starts the proxy, and runs git through it. Nothing outside the folder is changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave everything running until Ctrl-C, to try pushes of your own
    #[arg(long)]
    keep: bool,
    /// The folder to work in; by default a new one below the temporary folder
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    demo::run(args.keep, args.directory).await
}
