//! Where records are kept, and of which tree they are.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// Writes `benches/record/<date><suffix>.md`, over an earlier one of the same day; `text` is handed the date.
pub(crate) fn keep(
    suffix: &str,
    text: impl FnOnce(&str) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let now = time::OffsetDateTime::now_utc();
    let date = format!(
        "{}-{:02}-{:02}",
        now.year(),
        u8::from(now.month()),
        now.day()
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/record");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{date}{suffix}.md"));
    std::fs::write(&path, text(&date)?).with_context(|| path.display().to_string())?;
    println!("\nWritten: {}", path.display());
    Ok(())
}

/// The commit of the source tree, and whether it was changed since.
pub(crate) fn revision() -> String {
    let words = ["describe", "--always", "--dirty=, changed since"];
    let told = Command::new("git")
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match told {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "an unknown revision".into(),
    }
}
