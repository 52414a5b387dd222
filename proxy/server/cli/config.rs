//! `exeat config`: says whether a configuration is right, and what it comes to.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use exeat_inspect::{Engine, Excuses, FingerprintKey, Pool};
use exeat_rules::RuleSet;

use crate::config::{self, Config};
use crate::{policy, policy_files, rule_files};

/// Check the configuration, or show what it comes to
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what is wrong with the configuration and its rules, if anything
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
    let (text, code) = told(&args);
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::from(code))
}

/// What is printed, and the exit code.
fn told(args: &Args) -> (String, u8) {
    let (source, show) = match &args.command {
        Command::Check(source) => (source, false),
        Command::Show(source) => (source, true),
    };
    let (config, warnings) = match Config::load(source.config.as_deref(), config::environment()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return (String::new(), 2);
        }
    };
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if show {
        return (config.show(), 0);
    }
    let book = match policy_files::read(&config, &[]) {
        Err(error) => {
            eprintln!("{}", crate::causes::told(&error));
            return (String::new(), 2);
        }
        Ok((book, warnings)) => {
            warnings
                .iter()
                .for_each(|warning| eprintln!("warning: {warning}"));
            book
        }
    };
    let rules = rules(&config).and_then(|rules| book.needs_rules(&rules).map(|()| rules));
    match rules {
        Ok(rules) => (told_ok(&config, &rules), 0),
        Err(error) => {
            eprintln!("{}", crate::causes::told(&error));
            (String::new(), 2)
        }
    }
}

/// The rules, as a start or a reload would take them.
fn rules(config: &Config) -> anyhow::Result<Arc<RuleSet>> {
    let compiled = rule_files::compile(&config.rules)?;
    for warning in compiled.warnings {
        eprintln!("warning: {warning}");
    }
    let rules = Arc::new(compiled.rules);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    rule_files::prove(&Engine {
        pool: Pool::start(threads)?,
        rules: Arc::clone(&rules),
        key: FingerprintKey::new([0; 32]),
        strength: policy::strength(&config.policy, Excuses::default()),
    })?;
    Ok(rules)
}

fn told_ok(config: &Config, rules: &RuleSet) -> String {
    let (config, digest) = (config.digest(), rules.digest());
    format!("configuration OK, digest {config}, rules {digest}\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn told_by(arguments: &[&str]) -> (String, u8) {
        let line = Line::try_parse_from([&["config"], arguments].concat()).unwrap();
        told(&line.args)
    }

    #[test]
    fn a_right_file_ends_with_0_and_a_wrong_one_with_2() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exeat.toml");
        let path = path.to_str().unwrap();
        std::fs::write(path, "[limits]\npushes = 3\n").unwrap();
        let (text, code) = told_by(&["check", "--config", path]);
        assert!(text.starts_with("configuration OK, digest "), "{text}");
        assert_eq!(code, 0);
        let (text, code) = told_by(&["show", "--config", path]);
        assert!(text.contains("\npushes = 3\n"), "{text}");
        assert_eq!(code, 0);
        std::fs::write(path, "[limits]\npushs = 3\n").unwrap();
        assert_eq!(told_by(&["check", "--config", path]), (String::new(), 2));
        assert_eq!(told_by(&["show", "--config", path]), (String::new(), 2));
        assert_eq!(
            told_by(&["check", "--config", "absent.toml"]),
            (String::new(), 2)
        );
    }
}
