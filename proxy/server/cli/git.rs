//! The developer's own git, asked by commands that run beside it.

use std::process::Command;

use anyhow::{Context as _, bail};

/// What git prints.
///
/// # Errors
/// When there is no git, or with its own words when it fails.
pub fn output(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .context("git cannot be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// The same where it is text, without the newline at its end.
///
/// # Errors
/// As [`output`], and when it is not UTF-8.
pub fn text(arguments: &[&str]) -> anyhow::Result<String> {
    let mut text = String::from_utf8(output(arguments)?)?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}
