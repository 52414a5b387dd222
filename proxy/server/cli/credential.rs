//! `exeat credential`: git's credential helper for a proxy, which asks git's own helpers for the
//! credential of the real forge.
//!
//! Source: `gitcredentials` and `git-credential`. git asks for the proxy's host and, with
//! `useHttpPath`, the path, whose first segment is the forge.

use std::{
    io::{Read, Write},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, bail};

use super::setup::{self, Forge};

/// git sends a handful of short lines.
const MOST_BYTES: u64 = 64 * 1024;

/// Answer git when it asks for the credential of a forge behind the proxy
///
/// `exeat setup` writes this into git's configuration; it is not run by hand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A forge whose address is not https://NAME
    #[arg(long = "forge", value_name = "NAME=URL", value_parser = setup::forge)]
    forges: Vec<Forge>,
    /// What git wants: get, store or erase
    operation: String,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let verb = match args.operation.as_str() {
        "get" => "fill",
        "store" => "approve",
        "erase" => "reject",
        // git may learn further operations; a helper ignores what it does not know.
        _ => return Ok(ExitCode::SUCCESS),
    };
    let mut question = Vec::new();
    std::io::stdin()
        .lock()
        .take(MOST_BYTES)
        .read_to_end(&mut question)
        .context("git's question cannot be read")?;
    let Some(onward) = translate(&question, &args.forges) else {
        // Not a path below a forge: other helpers, or git's own prompt, may know.
        return Ok(ExitCode::SUCCESS);
    };
    let answer = ask_git(verb, &onward)?;
    if verb == "fill" {
        let kept = answer_for_proxy(&answer);
        std::io::stdout()
            .write_all(&kept)
            .context("git does not take the answer")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The question as if git had asked for the forge itself. `None` where no forge is named.
fn translate(question: &[u8], forges: &[Forge]) -> Option<Vec<u8>> {
    let path = value(question, b"path")?;
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let slash = path.iter().position(|&byte| byte == b'/')?;
    let (name, rest) = path.split_at(slash);
    let name = std::str::from_utf8(name).ok()?;
    let forge = match forges.iter().find(|forge| forge.name == name) {
        Some(forge) => forge.clone(),
        None => setup::forge(name).ok()?,
    };
    let mut onward = Vec::new();
    let host = match (forge.url.host_str()?, forge.url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    line(&mut onward, b"protocol", forge.url.scheme().as_bytes());
    line(&mut onward, b"host", host.as_bytes());
    // A forge may live below a path of its own.
    let folder = forge.url.path().trim_matches('/').as_bytes();
    let path = [folder, rest].concat();
    line(
        &mut onward,
        b"path",
        path.strip_prefix(b"/").unwrap_or(&path),
    );
    for each in question.split(|&byte| byte == b'\n') {
        let key = each.split(|&byte| byte == b'=').next().unwrap_or_default();
        if !each.is_empty() && !matches!(key, b"protocol" | b"host" | b"path" | b"url") {
            onward.extend_from_slice(each);
            onward.push(b'\n');
        }
    }
    onward.push(b'\n');
    Some(onward)
}

fn value<'a>(question: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    question
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.strip_prefix(key))
        .find_map(|rest| rest.strip_prefix(b"="))
}

fn line(text: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    text.extend_from_slice(key);
    text.push(b'=');
    text.extend_from_slice(value);
    text.push(b'\n');
}

/// Runs `git credential`, which asks the helpers configured for the forge, or the user.
fn ask_git(verb: &str, question: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut git = Command::new("git")
        .args(["credential", verb])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("git cannot be run")?;
    if let Some(mut input) = git.stdin.take() {
        input
            .write_all(question)
            .context("git credential ended early")?;
    }
    let output = git.wait_with_output().context("git credential")?;
    if !output.status.success() {
        bail!("git has no credential for the forge; the lines above say why");
    }
    Ok(output.stdout)
}

/// The forge's answer without what describes the forge: git asked about the proxy.
fn answer_for_proxy(answer: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for each in answer.split(|&byte| byte == b'\n') {
        let key = each.split(|&byte| byte == b'=').next().unwrap_or_default();
        if !each.is_empty() && !matches!(key, b"protocol" | b"host" | b"path" | b"url") {
            kept.extend_from_slice(each);
            kept.push(b'\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_names_the_forge() {
        let question = b"protocol=https\nhost=exeat:8443\npath=github.com/org/repo.git\nwwwauth[]=Basic realm=x\n";
        let onward = translate(question, &[]).unwrap();
        assert_eq!(
            onward,
            b"protocol=https\nhost=github.com\npath=org/repo.git\nwwwauth[]=Basic realm=x\n\n"
        );
    }

    #[test]
    fn a_forge_elsewhere_is_looked_up() {
        let forges = [setup::forge("inner=http://127.0.0.1:81").unwrap()];
        let onward = translate(
            b"protocol=https\nhost=p\npath=inner/a/b\nusername=u\n",
            &forges,
        );
        assert_eq!(
            onward.unwrap(),
            b"protocol=http\nhost=127.0.0.1:81\npath=a/b\nusername=u\n\n"
        );
    }

    #[test]
    fn a_forge_below_a_path_is_asked_for_with_it() {
        let forges = [setup::forge("inner=https://corp.example/git/").unwrap()];
        let onward = translate(b"protocol=https\nhost=p\npath=inner/a/b.git\n", &forges);
        assert_eq!(
            onward.unwrap(),
            b"protocol=https\nhost=corp.example\npath=git/a/b.git\n\n"
        );
    }

    #[test]
    fn without_a_path_there_is_no_forge() {
        assert!(translate(b"protocol=https\nhost=p\n", &[]).is_none());
        assert!(translate(b"protocol=https\nhost=p\npath=x\n", &[]).is_none());
    }

    #[test]
    fn the_answer_says_nothing_of_the_forge() {
        let kept =
            answer_for_proxy(b"protocol=https\nhost=github.com\nusername=u\npassword=p\npath=x\n");
        assert_eq!(kept, b"username=u\npassword=p\n");
    }
}
