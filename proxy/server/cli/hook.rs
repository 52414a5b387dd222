//! `exeat hook`: a pre-push hook that scans what git is about to send.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

use super::git;
use crate::cli::scan::{self, FailOn};

/// How a hook of ours says so.
const MARK: &str = "# Written by exeat hook install";
/// Where a hook goes that was there before; ours runs it first.
const BEFORE: &str = "pre-push.before-exeat";
/// Longest list of refs that git hands over, in bytes.
const MOST_REFS: u64 = 16 << 20;

/// Scan before every push of a repository, with git's pre-push hook
///
/// The hook scans the commits that the remote does not have, and stops the push when it finds something. It is
/// comfort for whoever pushes, who learns of a secret before it leaves the machine; `git push --no-verify` goes around it,
/// and around the proxy nothing does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exeat hook install                     in the repository of the current folder
  exeat hook install --fail-on block     stop for certain secrets only
  exeat hook install --uninstall         take it away; a hook that was there before comes back")]
pub struct Args {
    #[command(subcommand)]
    command: Hook,
}

#[derive(Debug, clap::Subcommand)]
enum Hook {
    /// Set the hook in the repository of the current folder; one that is there is kept and runs first
    Install(Install),
    /// What the hook runs: reads from standard input which refs git is about to push
    #[command(hide = true)]
    PrePush(PrePush),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// Take the hook away
    #[arg(long, conflicts_with_all = ["config", "baseline", "fail_on"])]
    uninstall: bool,
    /// Configuration file whose rules are used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Known findings that do not stop a push
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The weakest action of a finding that stops a push
    #[arg(long, value_enum, value_name = "ACTION")]
    fail_on: Option<FailOn>,
}

#[derive(Debug, clap::Args)]
struct PrePush {
    #[arg(long)]
    config: Option<PathBuf>,
    #[arg(long)]
    baseline: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = FailOn::Review)]
    fail_on: FailOn,
    /// Name of the remote, or its address if it has none
    remote: String,
    /// Address of the remote
    url: Option<String>,
}

/// Runs one of the commands.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    tokio::task::spawn_blocking(move || match args.command {
        Hook::Install(args) if args.uninstall => uninstall(),
        Hook::Install(args) => install(&args),
        Hook::PrePush(args) => pre_push(&args),
    })
    .await?
}

fn install(args: &Install) -> anyhow::Result<ExitCode> {
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let (hook, before) = (folder.join("pre-push"), folder.join(BEFORE));
    let chained = match fs::read(&hook) {
        Ok(text) if is_ours(&text) => before.exists(),
        Ok(_) if before.exists() => bail!(
            "{} is not ours, and {} is there already; remove one of them",
            hook.display(),
            before.display()
        ),
        Ok(_) => {
            fs::rename(&hook, &before)
                .with_context(|| format!("{} cannot be kept", hook.display()))?;
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", hook.display()));
        }
    };
    write(&hook, &script(args)?)?;
    println!("{} scans before every push", hook.display());
    if chained {
        println!("the hook that was there runs first: {}", before.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn uninstall() -> anyhow::Result<ExitCode> {
    let folder = folder()?;
    let (hook, before) = (folder.join("pre-push"), folder.join(BEFORE));
    match fs::read(&hook) {
        Ok(text) if is_ours(&text) => {}
        Ok(_) => bail!("{} is not ours; it stays", hook.display()),
        Err(_) => {
            println!("there is no hook of ours in {}", folder.display());
            return Ok(ExitCode::SUCCESS);
        }
    }
    match before.exists() {
        true => fs::rename(&before, &hook),
        false => fs::remove_file(&hook),
    }
    .with_context(|| format!("{} cannot be taken away", hook.display()))?;
    println!("{} is as it was", hook.display());
    Ok(ExitCode::SUCCESS)
}

fn is_ours(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).contains(MARK)
}

/// The hooks of this repository alone.
fn folder() -> anyhow::Result<PathBuf> {
    let hooks = absolute(&git::text(&["rev-parse", "--git-path", "hooks"])?)?;
    let own = absolute(&git::text(&["rev-parse", "--git-common-dir"])?)?;
    let tree = git::text(&["rev-parse", "--show-toplevel"]).ok();
    let tree = tree.map(|tree| absolute(&tree)).transpose()?;
    let is_inside = |folder: &PathBuf| hooks.starts_with(folder);
    if !is_inside(&own) && !tree.as_ref().is_some_and(is_inside) {
        bail!(
            "core.hooksPath leads to {}, which other repositories may share; unset it for this one, or call exeat from the hook there",
            hooks.display()
        );
    }
    Ok(hooks)
}

/// Links on the way are followed as far as there is something.
fn absolute(path: &str) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let Some((folder, name)) = path.parent().zip(path.file_name()) else {
        return Ok(path);
    };
    Ok(path
        .canonicalize()
        .or_else(|_| folder.canonicalize().map(|folder| folder.join(name)))
        .unwrap_or(path.clone()))
}

fn script(args: &Install) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("where exeat is cannot be told")?;
    let mut options = String::new();
    for (name, file) in [("--config", &args.config), ("--baseline", &args.baseline)] {
        if let Some(file) = file {
            let file = file
                .canonicalize()
                .with_context(|| format!("{} cannot be read", file.display()))?;
            options.push_str(&format!(" {name} {}", quoted(&file)?));
        }
    }
    if let Some(level) = args.fail_on {
        let word = clap::ValueEnum::to_possible_value(&level);
        let word = word.context("an action has a name")?;
        options.push_str(&format!(" --fail-on {}", word.get_name()));
    }
    Ok(format!(
        "#!/bin/sh\n\
         {MARK}; take it away with: exeat hook install --uninstall\n\
         refs=$(cat; echo .)\n\
         refs=${{refs%.}}\n\
         before=$(dirname \"$0\")/{BEFORE}\n\
         if [ -x \"$before\" ]; then\n\
         \tprintf %s \"$refs\" | \"$before\" \"$@\" || exit $?\n\
         fi\n\
         exeat={}\n\
         [ -x \"$exeat\" ] || exeat=$(command -v exeat) || {{\n\
         \techo 'exeat is not there any more; the push was not scanned (exeat hook install, or git push --no-verify)' >&2\n\
         \texit 1\n\
         }}\n\
         printf %s \"$refs\" | \"$exeat\" hook pre-push{options} -- \"$@\"\n",
        quoted(&program)?
    ))
}

/// For the shell.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let path = path.to_str().context("the path is not UTF-8")?;
    Ok(format!("'{}'", path.replace('\'', "'\\''")))
}

/// Puts the hook in place whole.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let named = || format!("{} cannot be written", path.display());
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
        .with_context(named)?;
    file.write_all(text.as_bytes()).with_context(named)?;
    file.persist(path).with_context(named)?;
    Ok(())
}

/// Lines of `local-ref local-id remote-ref remote-id`, as git hands them to a pre-push hook.
fn pre_push(args: &PrePush) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin()
        .take(MOST_REFS)
        .read_to_string(&mut text)
        .context("what git is about to push cannot be read")?;
    let Some(range) = range(&text, &args.remote, |id| {
        git::text(&["cat-file", "-e", id]).is_ok()
    })?
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let code = scan::of_push(
        args.config.as_deref(),
        &range,
        args.fail_on,
        args.baseline.as_deref(),
        args.url.as_deref(),
    )?;
    match code {
        0 => {}
        1 => eprintln!(
            "exeat: nothing was pushed. Replace what leaked, take it out of the commit that brings it \
             (git rebase -i), and push again. A missing sign-off: git rebase --signoff BASE.\n\
             exeat: if it is no secret, note it as known: exeat scan --history --write-baseline FILE, \
             then exeat hook install --baseline FILE"
        ),
        _ => eprintln!(
            "exeat: nothing was pushed, because not everything could be read (git push --no-verify goes around)"
        ),
    }
    Ok(ExitCode::from(code))
}

/// What a push would send: the commits that are pushed without those that the remote has, as far as is known here. None
/// if it only deletes.
fn range(
    text: &str,
    remote: &str,
    is_here: impl Fn(&str) -> bool,
) -> anyhow::Result<Option<String>> {
    let is_id = |id: &str| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        // A local ref may be an expression with blanks, so the fields are counted from the end.
        let fields: Vec<&str> = line.rsplitn(4, ' ').collect();
        let [was, _, is, _] = fields[..] else {
            bail!("git handed over a line that is not known");
        };
        if !is_id(is) || !is_id(was) {
            bail!("git handed over a line that is not known");
        }
        if !is_zero(is) {
            new.push(is);
        }
        if !is_zero(was) && !old.contains(&was) && is_here(was) {
            old.push(was);
        }
    }
    if new.is_empty() {
        return Ok(None);
    }
    for ids in [&mut new, &mut old] {
        ids.sort_unstable();
        ids.dedup();
    }
    let mut words = new;
    words.push("--not");
    words.extend(old);
    let of_remote = format!("--remotes={remote}");
    // An address has no refs here, and a name holds neither blank nor pattern.
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if remote.chars().all(is_name) && !remote.contains("//") {
        words.push(&of_remote);
    }
    if words.last() == Some(&"--not") {
        words.pop();
    }
    Ok(Some(words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_pushes() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let range = |text: &str, remote| range(text, remote, |_| true).unwrap();
        let update = format!("refs/heads/x {a} refs/heads/x {b}\n");
        assert_eq!(
            range(&update, "origin").unwrap(),
            format!("{a} --not {b} --remotes=origin")
        );
        assert_eq!(
            range(&update, "https://h/r").unwrap(),
            format!("{a} --not {b}")
        );
        let created = format!("HEAD@{{1 day ago}} {a} refs/heads/x {zero}\n");
        assert_eq!(range(&created, "https://h/r").unwrap(), a);
        let deleted = format!("(delete) {zero} refs/heads/x {b}\n");
        assert_eq!(range(&deleted, "origin"), None);
        assert_eq!(range("", "origin"), None);
        assert!(super::range("a b c", "origin", |_| true).is_err());
        assert!(super::range("a --output=x c d", "origin", |_| true).is_err());
    }
}
