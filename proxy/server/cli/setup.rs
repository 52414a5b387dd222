//! `exeat setup`: the block of git configuration a developer needs, once for all repositories.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};
use url::Url;

/// The forges that a proxy without configuration serves.
const FORGES: [&str; 4] = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];

/// Print or run what a developer's git needs to push through a proxy
///
/// Pushes to the forges then go through the proxy; fetches stay as they are. Nothing changes in
/// any repository, and clones made later need nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The proxy's address, such as https://exeat.example:8443
    #[arg(long, value_name = "URL")]
    proxy: Url,
    /// A forge behind the proxy: its host, or NAME=URL where the proxy knows it by another name;
    /// may be repeated [default: github.com gitlab.com bitbucket.org codeberg.org]
    #[arg(long = "forge", value_name = "HOST|NAME=URL", value_parser = forge)]
    forges: Vec<Forge>,
    /// Certificate file of the proxy's authority, where it is a private one
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Run the commands instead of printing them
    #[arg(long)]
    apply: bool,
}

/// A forge as the proxy names it, and where it really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    pub name: String,
    pub url: Url,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let commands = commands(&args)?;
    if args.ca.is_some() && std::env::var_os("GIT_SSL_CAINFO").is_some() {
        writeln!(
            std::io::stderr(),
            "exeat: GIT_SSL_CAINFO is set here and overrides http.sslCAInfo: unset it, or add the \
             proxy's authority to the file it names"
        )?;
    }
    let mut out = std::io::stdout().lock();
    if args.apply {
        for command in &commands {
            apply(command)?;
        }
        writeln!(
            out,
            "Done: {} settings. git push now goes through {}; fetches stay direct.",
            commands.len(),
            base(&args.proxy)
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    for command in &commands {
        writeln!(out, "{}", shown(command))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `--forge`: a host, or a name and an URL.
pub fn forge(text: &str) -> Result<Forge, String> {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) => (name, url.trim_end_matches('/').to_owned()),
        None => (text, format!("https://{text}")),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err("a forge's name is its first path segment on the proxy: github.com".into());
    }
    let url: Url = url.parse().map_err(|error| format!("{url}: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("a forge's URL begins with https://".into());
    }
    Ok(Forge {
        name: name.to_owned(),
        url,
    })
}

/// One `git config --global` each: the key and its values in order.
struct Setting {
    key: String,
    values: Vec<String>,
}

fn commands(args: &Args) -> anyhow::Result<Vec<Vec<String>>> {
    Ok(settings(args)?
        .into_iter()
        .flat_map(|setting| {
            // The first value replaces what an earlier run wrote, the others join it.
            setting
                .values
                .into_iter()
                .enumerate()
                .map(move |(index, value)| {
                    let how = if index == 0 { "--replace-all" } else { "--add" };
                    ["git", "config", "--global", how, &setting.key, &value]
                        .map(str::to_owned)
                        .to_vec()
                })
        })
        .collect())
}

fn settings(args: &Args) -> anyhow::Result<Vec<Setting>> {
    let proxy = base(&args.proxy);
    if !matches!(args.proxy.scheme(), "https" | "http") || args.proxy.host_str().is_none() {
        bail!("--proxy {proxy}: expected an address such as https://exeat.example:8443");
    }
    if !args.proxy.username().is_empty() || args.proxy.password().is_some() {
        bail!("--proxy: leave user and password out of the address; git asks for them");
    }
    let forges = if args.forges.is_empty() {
        FORGES
            .iter()
            .map(|host| forge(host).map_err(anyhow::Error::msg))
            .collect::<anyhow::Result<_>>()?
    } else {
        args.forges.clone()
    };
    let mut settings = Vec::new();
    for forge in &forges {
        settings.push(Setting {
            key: format!("url.{proxy}/{}/.pushInsteadOf", forge.name),
            values: spellings(forge),
        });
    }
    if let Some(ca) = &args.ca {
        let ca = std::path::absolute(ca).context("--ca")?;
        if !ca.is_file() {
            bail!("--ca {}: there is no such file", ca.display());
        }
        settings.push(Setting {
            key: format!("http.{proxy}.sslCAInfo"),
            values: vec![ca.display().to_string()],
        });
    }
    settings.push(Setting {
        key: format!("credential.{proxy}.useHttpPath"),
        values: vec!["true".into()],
    });
    settings.push(Setting {
        key: format!("credential.{proxy}.helper"),
        // The empty value takes other helpers off this address: they would keep one credential
        // for all forges behind it.
        values: vec![String::new(), helper(&forges)],
    });
    Ok(settings)
}

/// The ways in which people write a remote of this forge.
fn spellings(forge: &Forge) -> Vec<String> {
    let url = base(&forge.url);
    let host = forge.url.host_str().unwrap_or_default();
    vec![
        format!("{url}/"),
        format!("git@{host}:"),
        format!("ssh://git@{host}/"),
    ]
}

/// The helper names each forge whose address is not `https://NAME`.
fn helper(forges: &[Forge]) -> String {
    let mut helper = String::from("!exeat credential");
    for forge in forges {
        let url = base(&forge.url);
        if url != format!("https://{}", forge.name) {
            // git hands a helper with `!` to the shell.
            let forge = quoted(&format!("{}={url}", forge.name));
            helper.push_str(&format!(" --forge {forge}"));
        }
    }
    helper
}

/// An address without a slash at its end.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn apply(command: &[String]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else {
        return Ok(());
    };
    let output = Command::new(program)
        .args(arguments)
        .output()
        .context("git cannot be run; is it installed?")?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            shown(command),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// A command as it can be pasted into a shell.
fn shown(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(forges: &[&str]) -> Args {
        Args {
            proxy: "https://127.0.0.1:8443/".parse().unwrap(),
            forges: forges.iter().map(|text| forge(text).unwrap()).collect(),
            ca: None,
            apply: false,
        }
    }

    #[test]
    fn prints_what_can_be_pasted() {
        let lines: Vec<String> = commands(&args(&["github.com"]))
            .unwrap()
            .iter()
            .map(|command| shown(command))
            .collect();
        let proxy = "https://127.0.0.1:8443";
        assert_eq!(
            lines,
            [
                format!(
                    "git config --global --replace-all url.{proxy}/github.com/.pushInsteadOf \
                     https://github.com/"
                ),
                format!(
                    "git config --global --add url.{proxy}/github.com/.pushInsteadOf \
                     git@github.com:"
                ),
                format!(
                    "git config --global --add url.{proxy}/github.com/.pushInsteadOf \
                     ssh://git@github.com/"
                ),
                format!("git config --global --replace-all credential.{proxy}.useHttpPath true"),
                format!("git config --global --replace-all credential.{proxy}.helper ''"),
                format!("git config --global --add credential.{proxy}.helper '!exeat credential'"),
            ]
        );
    }

    #[test]
    fn a_forge_of_another_name_is_told_to_the_helper() {
        let forges = [forge("inner=https://git.corp.example:444/").unwrap()];
        assert_eq!(
            helper(&forges),
            "!exeat credential --forge inner=https://git.corp.example:444"
        );
    }

    #[test]
    fn the_shell_takes_nothing_in_an_address_for_its_own() {
        let forges = [forge("inner=https://git.corp.example/a&b;c$(d)'e").unwrap()];
        let expected =
            r#"!exeat credential --forge 'inner=https://git.corp.example/a&b;c$(d)'\''e'"#;
        assert_eq!(helper(&forges), expected);
    }

    #[test]
    fn never_turns_verification_off() {
        for command in commands(&args(&[])).unwrap() {
            assert!(!command.join(" ").to_lowercase().contains("sslverify"));
        }
    }

    #[test]
    fn odd_forges_are_refused() {
        for text in ["", "a/b", ".hidden", "x=ftp://y", "x="] {
            assert!(forge(text).is_err(), "{text}");
        }
    }
}
