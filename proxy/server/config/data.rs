//! `[data]`: the folder that is ours.

use std::path::PathBuf;

use super::section::Section;

/// The folder that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Database, spooled packs and development certificates. Default `exeat-data` in the working directory; made with mode
    /// 0700 where it is missing. One process at a time uses it.
    pub directory: PathBuf,
}

impl Data {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let directory = section
            .path("directory")
            .unwrap_or_else(|| section.based("exeat-data"));
        section.finish();
        Self { directory }
    }
}
