//! Whether the last segment of a path is enough to rule out every rule about paths alone.
//!
//! Whoever inspects a push meets names of files long before their paths; spelling out every path of a
//! long history costs as much as reading its trees again. Most such rules are about endings
//! (`\.p12$`), so a name that does not match spares the path.

use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::matcher;
use crate::{Rule, dialect};

/// How the rules that have a `path` and no `regex` are to be asked.
#[derive(Debug)]
pub enum PathRules {
    /// There are none.
    None,
    /// A path can be a finding only if its last segment matches; [`RuleSet::match_path`](crate::RuleSet::match_path)
    /// decides on the whole path.
    ByName(Regex),
    /// Only whole paths tell.
    ByPath,
}

impl PathRules {
    /// May be wrong in one direction only: `ByPath` where names would do.
    pub(super) fn of(rules: &[Rule]) -> Self {
        let patterns: Vec<&str> = rules
            .iter()
            .filter(|rule| rule.is_about_path() && !rule.skip_report)
            .filter_map(|rule| rule.path.as_deref())
            .collect();
        if patterns.is_empty() {
            return Self::None;
        }
        let parsed: Option<Vec<Hir>> = patterns
            .into_iter()
            .map(|pattern| dialect::parse(pattern).ok().filter(is_about_name))
            .collect();
        match parsed.map(|parsed| matcher::regex(&parsed)) {
            Some(Ok(regex)) => Self::ByName(regex),
            Some(Err(_)) | None => Self::ByPath,
        }
    }

    /// Whether a path that ends in the segment `name` can be a finding at all.
    pub fn may_match(&self, name: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::ByName(regex) => regex.is_match(name),
            Self::ByPath => true,
        }
    }
}

/// Whether every match in a path is also a match in its last segment alone: the regex ends with the path,
/// matches no slash, and begins anywhere, at the start, or behind a slash.
fn is_about_name(pattern: &Hir) -> bool {
    let parts = match pattern.kind() {
        HirKind::Alternation(choices) => return choices.iter().all(is_about_name),
        HirKind::Capture(group) => return is_about_name(&group.sub),
        HirKind::Concat(parts) => parts.as_slice(),
        _ => return false,
    };
    let Some((last, parts)) = parts.split_last() else {
        return false;
    };
    let parts = match parts.split_first() {
        Some((first, rest)) if is_segment_start(first) => rest,
        _ => parts,
    };
    is_end(last) && parts.iter().all(never_slash)
}

fn is_end(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Look(Look::End))
}

fn is_segment_start(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Look(Look::Start) => true,
        HirKind::Capture(group) => is_segment_start(&group.sub),
        HirKind::Alternation(choices) => {
            let is_slash =
                |hir: &Hir| matches!(hir.kind(), HirKind::Literal(literal) if *literal.0 == *b"/");
            choices.iter().any(is_segment_start)
                && choices
                    .iter()
                    .all(|each| is_segment_start(each) || is_slash(each))
        }
        _ => false,
    }
}

fn never_slash(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => !literal.0.contains(&b'/'),
        HirKind::Class(Class::Bytes(class)) => class
            .iter()
            .all(|range| !(range.start()..=range.end()).contains(&b'/')),
        // A look inside could see the slash before the name.
        HirKind::Class(Class::Unicode(_)) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => never_slash(&repetition.sub),
        HirKind::Capture(group) => never_slash(&group.sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs.iter().all(never_slash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RuleSet, Source};

    fn about_name(pattern: &str) -> bool {
        is_about_name(&dialect::parse(pattern).unwrap())
    }

    #[test]
    fn endings_and_whole_names_are_about_names() {
        for pattern in [
            r"(?i)\.(?:p12|pfx|keystore)$",
            r"(?:^|/)(?:master|staging)\.key$",
            r"(?i)(?:^|\/)[^\/]+\.p(?:12|fx)$",
            r"^root\.key$",
            r"a\.key$|b\.key$",
        ] {
            assert!(about_name(pattern), "{pattern}");
        }
    }

    #[test]
    fn folders_and_openings_are_not() {
        for pattern in [
            r"config/master\.key$",
            r"/master\.key$",
            r"\.key",
            r"^keys/",
            r".*\.key$",
            r"[^a]\.key$",
            r"\bmaster\.key$",
            r"(?m)\.key$",
        ] {
            assert!(!about_name(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_name_that_does_not_match_spares_every_path() {
        let rule = "[[rules]]\nid = \"file\"\ndescription = \"d\"\npath = '(?:^|/)[a-c]+\\.key$'\n";
        let sources = [Source {
            name: "test".into(),
            text: rule.into(),
        }];
        let rules = RuleSet::compile(&sources).unwrap().rules;
        assert!(matches!(rules.path_rules(), PathRules::ByName(_)));
        let paths = [
            "a.key",
            "x/abc.key",
            "x/y/c.key",
            "xa.key",
            "a/b.keys",
            "d.key/a",
            "x/d.key",
        ];
        let mut found_at = Vec::new();
        for path in paths {
            let mut found = Vec::new();
            rules.match_path(path.as_bytes(), &mut found);
            let name = path.rsplit('/').next().unwrap();
            let may = rules.path_rules().may_match(name.as_bytes());
            assert_eq!(may, !found.is_empty(), "{path}");
            found_at.extend(found.first().map(|_| path));
        }
        assert_eq!(found_at, ["a.key", "x/abc.key", "x/y/c.key"]);
    }
}
