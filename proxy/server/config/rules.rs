//! `[rules]`: what a leak is.

use std::path::{Path, PathBuf};

use super::overrides::{self, Overriding};
use super::section::{Section, either, nearest, quoted};

/// What a leak is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The rule files in reading order, at least one. Default: the built-in rules alone.
    pub files: Vec<RuleFile>,
    /// The packs that are looked for beside the files, of those that are off until they are chosen. Default: none.
    pub packs: Vec<String>,
    /// Whether changed rule files are taken while the proxy runs. Default: yes.
    pub watch: bool,
    /// Whether rules that two people put into force in the database are looked for as well. Default: no.
    pub drafts: bool,
    /// Whether a token must have the checksum that its vendor puts into it. Default: yes.
    pub checksums: bool,
    /// What is overridden of single rules, sorted by id. Default: nothing.
    pub overrides: Vec<Overriding>,
}

/// One source of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleFile {
    /// The rules inside the binary.
    Builtin,
    /// A file in gitleaks' TOML format.
    File(PathBuf),
}

impl Rules {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let files = files(&mut section).unwrap_or_else(|| vec![RuleFile::Builtin]);
        let packs = packs(&mut section);
        let watch = section.flag("watch").unwrap_or(true);
        let drafts = section.flag("drafts").unwrap_or(false);
        let checksums = section.flag("checksums").unwrap_or(true);
        let overrides = overrides::read(section.section("override"));
        section.finish();
        Self {
            files,
            packs,
            watch,
            drafts,
            checksums,
            overrides,
        }
    }
}

fn files(section: &mut Section<'_>) -> Option<Vec<RuleFile>> {
    let names = section.list("files")?;
    let mut files = Vec::new();
    for name in &names {
        let file = match name.as_str() {
            "builtin" => RuleFile::Builtin,
            "" => {
                section.refuse(
                    "files",
                    "expected \"builtin\" or a path, found \"\"".to_owned(),
                );
                continue;
            }
            path => RuleFile::File(section.based(path)),
        };
        if let RuleFile::File(path) = &file
            && let Err(error) = opened(path)
        {
            section.refuse("files", format!("cannot read {}: {error}", quoted(name)));
        }
        if files.contains(&file) {
            section.refuse("files", format!("{} is named twice", quoted(name)));
        }
        files.push(file);
    }
    if names.is_empty() {
        section.refuse(
            "files",
            "expected at least one of \"builtin\" and paths, found an empty list".to_owned(),
        );
    } else if !files.contains(&RuleFile::Builtin) {
        section.warn(
            "files",
            "\"builtin\" is left out: only the rules of these files are looked for".to_owned(),
        );
    }
    Some(files)
}

fn packs(section: &mut Section<'_>) -> Vec<String> {
    let names = section.list("packs").unwrap_or_default();
    for (at, name) in names.iter().enumerate() {
        if let Err(reason) = is_pack(name) {
            section.refuse("packs", reason);
        }
        if names.iter().take(at).any(|other| other == name) {
            section.refuse("packs", format!("{} is named twice", quoted(name)));
        }
    }
    names
}

/// That there is a pack of this name to choose.
///
/// # Errors
/// With the nearest name, and all there are.
pub fn is_pack(name: &str) -> Result<(), String> {
    let known: Vec<&str> = exeat_rules::optional_packs().collect();
    if known.contains(&name) {
        return Ok(());
    }
    let hint = match nearest(name, &known) {
        Some(near) => format!("; did you mean \"{near}\"?"),
        None => String::new(),
    };
    let expected = either(&known);
    Err(format!("expected {expected}, found {}{hint}", quoted(name)))
}

/// A pipe or device has no content that could be looked at again, and opening one may wait for ever.
pub(super) fn opened(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path)?.is_file() {
        true => std::fs::File::open(path).map(drop),
        false => Err(std::io::Error::other("it is not a file")),
    }
}
