//! `exeat rules key`: makes the file of a keyed dictionary of a list of values.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use exeat_rules::keyed::{self, Key};

/// Make a dictionary of hashes of a list of values, such as names and numbers of customers
///
/// The values are one a line: names, mail addresses, numbers of 6 to 127 letters and digits, in at most 8 words. What is written holds a keyed hash of
/// each and no value; a dictionary with key_file finds them all the same. Run this where the list is, not on the proxy. Whoever has
/// both files can try guesses, millions a second: keep the key from whoever keeps the hashes, and do not take numbers of which there are few.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat rules key customers.txt --key people.key --new-key > customers.keyed
  psql -Atc 'select name from customers' | exeat rules key - --key people.key > customers.keyed")]
pub struct Args {
    /// The list, or - for standard input
    #[arg(value_name = "FILE")]
    values: PathBuf,
    /// The file of the key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Make that file, with a new key; it must not be there
    #[arg(long)]
    new_key: bool,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    if args.new_key {
        make_key(&args.key).with_context(|| format!("{} cannot be made", args.key.display()))?;
    }
    let key = fs::read_to_string(&args.key)
        .with_context(|| format!("{} cannot be read; --new-key makes it", args.key.display()))?;
    let key =
        Key::read(&key).map_err(|reason| anyhow::anyhow!("{}: {reason}", args.key.display()))?;
    let values =
        read(&args.values).with_context(|| format!("{} cannot be read", args.values.display()))?;
    // What stands in the line is a value: it is not told.
    keyed::lock(&values, &key)
        .map_err(|(line, reason)| anyhow::anyhow!("{}:{line}: {reason}", args.values.display()))
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() != "-" {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a new key, for its owner alone.
fn make_key(path: &Path) -> anyhow::Result<()> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{}", hex::encode(bytes))?;
    Ok(())
}
