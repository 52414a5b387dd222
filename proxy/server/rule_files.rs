//! The rule files of a configuration, read and compiled.

use std::{fs, io::Read, path::Path};

use anyhow::Context;
use exeat_rules::{Compiled, FILE_BYTES, RuleSet, Source};

use crate::config::{RuleFile, Rules};

/// Reads and compiles the rules of a configuration, with what it overrides.
///
/// # Errors
/// When a file cannot be read or is no rule file, the text names file and line; or when a rule that does not exist is
/// overridden, the text names the place in the configuration.
pub fn compile(rules: &Rules) -> anyhow::Result<Compiled> {
    let mut sources = Vec::new();
    for file in &rules.files {
        match file {
            RuleFile::Builtin => sources.extend(exeat_rules::builtin()),
            RuleFile::File(path) => sources.push(Source {
                name: path.display().to_string(),
                text: read(path)
                    .with_context(|| format!("rules.files: {} cannot be read", path.display()))?,
            }),
        }
    }
    let Compiled {
        rules: set,
        warnings,
    } = RuleSet::compile_with(&sources, &exeat_rules::beside)?;
    Ok(Compiled {
        rules: rules.override_in(set)?,
        warnings,
    })
}

/// At most one byte more than a rule file may have, so that what is too long is told as that.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(FILE_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}
