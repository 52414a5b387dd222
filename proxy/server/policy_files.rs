//! The policy files of a configuration, read into one rulebook.

use std::{fs, io::Read, path::Path};

use anyhow::Context;

use crate::{
    config::Config,
    drafts,
    policy::{Rulebook, file},
};

/// Reads the policy files of a configuration, and the drafts beside them; what is probably not meant comes beside.
///
/// # Errors
/// When a file cannot be read, or with everything that is wrong in them, each with file, line, rule and key.
pub fn read(
    config: &Config,
    drafts: &[drafts::Text],
) -> anyhow::Result<(Rulebook, Vec<file::Problem>)> {
    let text = |path: &std::path::PathBuf| {
        let text = bounded(path)
            .with_context(|| format!("policy.files: {} cannot be read", path.display()))?;
        let name = path.display().to_string();
        let name = exeat_gitwire::text::escape(name.as_bytes());
        anyhow::Ok(file::Text { name, text })
    };
    let texts: Vec<file::Text> = config
        .policy_files
        .iter()
        .map(text)
        .collect::<anyhow::Result<_>>()?;
    let draft = |draft: &drafts::Text| file::Text {
        name: draft.name(),
        text: draft.text.clone(),
    };
    let drafts: Vec<file::Text> = drafts.iter().map(draft).collect();
    Ok(file::read_with(&drafts, &texts, config)?)
}

/// At most one byte more than a policy file may have, so that what is too long is told as that.
fn bounded(path: &Path) -> std::io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(file::MOST_BYTES as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}
