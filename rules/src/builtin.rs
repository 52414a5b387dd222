//! The packs that ship with Exeat.

use crate::Source;

/// (file name, text), in the order of the names; written by `build.rs`.
const PACKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// Whether this is one of them, unchanged.
pub(crate) fn holds(source: &Source) -> bool {
    PACKS.iter().any(|(_, text)| *text == source.text)
}

/// The rule files of `rules/packs`, in the order of their names.
pub fn builtin() -> Vec<Source> {
    PACKS
        .iter()
        .map(|(name, text)| Source {
            name: format!("builtin/{name}"),
            text: (*text).to_owned(),
        })
        .collect()
}
