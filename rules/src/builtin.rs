//! The packs that ship with Exeat.

use crate::Source;

/// (file name, text), in the order of the names; written by `build.rs`.
const PACKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// Those that are off until they are chosen.
const OPTIONAL: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/optional.rs"));

/// Where the names of optional packs begin in [`Source::name`].
const OPTIONAL_FOLDER: &str = "builtin/optional/";

/// Whether this is one of them, unchanged.
pub(crate) fn holds(source: &Source) -> bool {
    let packs = PACKS.iter().chain(OPTIONAL);
    packs.into_iter().any(|(_, text)| *text == source.text)
}

/// The rule files of `rules/packs`, in the order of their names.
pub fn builtin() -> Vec<Source> {
    let packs = PACKS.iter();
    packs.map(|pack| source("builtin/", pack)).collect()
}

/// The names of the packs that are off until they are chosen, in order.
pub fn optional_packs() -> impl Iterator<Item = &'static str> {
    OPTIONAL.iter().map(|(file, _)| name(file))
}

/// The pack of that name, of those that are off until they are chosen.
pub fn optional(wanted: &str) -> Option<Source> {
    let pack = OPTIONAL.iter().find(|(file, _)| name(file) == wanted)?;
    Some(source(OPTIONAL_FOLDER, pack))
}

/// Every pack that ships, whether it is on or off.
pub fn shipped() -> Vec<Source> {
    let optional = OPTIONAL.iter().map(|pack| source(OPTIONAL_FOLDER, pack));
    builtin().into_iter().chain(optional).collect()
}

/// Whether a rule of this file is off until its pack is chosen.
pub(crate) fn is_optional(file: &str) -> bool {
    file.starts_with(OPTIONAL_FOLDER)
}

fn name(file: &'static str) -> &'static str {
    file.strip_suffix(".toml").unwrap_or(file)
}

fn source(folder: &str, (name, text): &(&str, &str)) -> Source {
    Source {
        name: format!("{folder}{name}"),
        text: (*text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RuleSet;

    #[test]
    fn optional_packs_are_off_until_they_are_asked_for() {
        let ids = |sources: &[Source]| -> Vec<String> {
            let rules = RuleSet::compile(sources).unwrap().rules;
            rules.rules().iter().map(|rule| rule.id.clone()).collect()
        };
        let on = ids(&builtin());
        for name in optional_packs() {
            let pack = optional(name).unwrap();
            assert!(is_optional(&pack.name) && holds(&pack), "{name}");
            for id in ids(&[pack]) {
                assert!(!on.contains(&id), "{id} is on");
            }
        }
        assert!(optional_packs().any(|name| name == "personal-data-us"));
        assert!(optional("payments").is_none());
        assert_eq!(shipped().len(), PACKS.len() + OPTIONAL.len());
    }
}
