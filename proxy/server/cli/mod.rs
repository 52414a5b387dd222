//! The command line: one file per command. Exit codes everywhere: 0 ok, 1 findings (or not ready), 2 could not finish.

pub mod audit;
pub mod config;
pub mod credential;
pub mod demo;
mod draft;
mod drafted;
mod git;
pub mod group;
pub mod health;
pub mod hook;
pub mod notices;
mod notify;
mod people;
pub mod policy;
mod reach;
pub mod review;
pub mod rules;
pub mod scan;
pub mod serve;
pub mod setup;
mod target;
pub mod token;
pub mod user;
mod waiver;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command that could not finish exits with.
const COULD_NOT_FINISH: u8 = 2;

/// A smart-git proxy that inspects every push before it leaves.
///
/// Try it: `exeat demo` sets up a forge and a proxy on this machine and pushes through it.
#[derive(Debug, Parser)]
#[command(name = "exeat", version, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show in a minute what Exeat does: three real pushes through a real proxy
    Demo(demo::Args),
    /// Run the proxy
    Serve(serve::Args),
    /// Ask a running proxy whether it is ready
    Health(health::Args),
    /// Print or run what a developer's git needs to push through a proxy
    Setup(setup::Args),
    /// Look for secrets in files, commits or packs, with the rules of the proxy
    Scan(scan::Args),
    /// Set a git hook that scans before every push
    Hook(hook::Args),
    /// List, explain, try and check the rules
    Rules(rules::Args),
    /// Add and change the people who push, review and run the proxy
    User(user::Args),
    /// Name people together, for policies and notices
    Group(group::Args),
    /// Create, list and revoke tokens for the proxy itself
    Token(token::Args),
    /// See what is told of held pushes, and whether it arrives
    Notify(notices::Args),
    /// See held pushes and decide on them, at the console of a server
    Review(review::Args),
    /// See which findings are waived, and end that
    Waiver(waiver::Args),
    /// Propose policies and rules, and put into force what others propose
    Draft(draft::Args),
    /// Check the policy files, or say what they would do with a push
    Policy(policy::Args),
    /// List and verify the records of what was pushed
    Audit(audit::Args),
    /// Check or show the configuration
    Config(config::Args),
    /// Answer git when it asks for the credential of a forge behind the proxy (set up by `setup`)
    Credential(credential::Args),
}

/// Runs the command of this process's command line.
pub fn run() -> ExitCode {
    let line = Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return could_not_finish(&error.into()),
    };
    match runtime.block_on(dispatch(line.command)) {
        Ok(code) => code,
        Err(error) => could_not_finish(&error),
    }
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Health(args) => health::run(args).await,
        Command::Setup(args) => setup::run(args),
        Command::Scan(args) => scan::run(args).await,
        Command::Hook(args) => hook::run(args).await,
        Command::Rules(args) => rules::run(args).await,
        Command::User(args) => user::run(args).await,
        Command::Group(args) => group::run(args).await,
        Command::Token(args) => token::run(args).await,
        Command::Notify(args) => notices::run(args).await,
        Command::Review(args) => review::run(args).await,
        Command::Waiver(args) => waiver::run(args).await,
        Command::Draft(args) => draft::run(args).await,
        Command::Policy(args) => policy::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Config(args) => config::run(args).await,
        Command::Credential(args) => credential::run(args),
    }
}

fn could_not_finish(error: &anyhow::Error) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "exeat: {}", crate::causes::told(error));
    ExitCode::from(COULD_NOT_FINISH)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Line::command().debug_assert();
    }
}
