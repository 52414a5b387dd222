//! What is known of the built-in rules' regexes before they are read.
//!
//! To read all of them and to plan where each can match took half of the time that a start takes, for regexes most of
//! which no text ever needs. So the build script does it, with the same functions.

use std::borrow::Cow;

use crate::plan::{Bytes, Opening, Outline, Split};

/// A regex with the keywords of its rule, in lower case.
struct Prepared {
    regex: &'static str,
    keywords: &'static [&'static str],
    outline: Outline<'static>,
}

/// By regex and keywords; written by `build.rs`.
static ALL: &[Prepared] = include!(concat!(env!("OUT_DIR"), "/prepared.rs"));

/// What is known of a regex with these keywords, in lower case, and its number in [`crate::beginnings`]. That the regex can be read
/// and does not match empty text is known as well.
pub(super) fn find(regex: &str, keywords: &[String]) -> Option<(u16, &'static Outline<'static>)> {
    let wanted = |each: &Prepared| {
        let by_regex = each.regex.cmp(regex);
        by_regex.then_with(|| {
            each.keywords
                .iter()
                .copied()
                .cmp(keywords.iter().map(String::as_str))
        })
    };
    let at = ALL.binary_search_by(wanted).ok()?;
    let number = u16::try_from(at).ok()?;
    ALL.get(at).map(|each| (number, &each.outline))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RuleSet, dialect, shipped};

    #[test]
    fn what_is_prepared_is_what_the_regexes_say() {
        let rules = RuleSet::compile(&shipped()).unwrap().rules;
        let mut count = 0;
        for rule in rules.rules() {
            let Some(regex) = &rule.regex else { continue };
            let found = find(regex, &rule.keywords).map(|(_, outline)| outline);
            if rule.license.is_some() {
                assert!(found.is_none(), "{}", rule.id);
                continue;
            }
            let expected = Outline::of(&dialect::parse(regex).unwrap(), &rule.keywords);
            assert_eq!(found, Some(&expected), "{}", rule.id);
            count += 1;
        }
        assert_eq!(count, ALL.len());
        assert!(find("x", &["x".to_owned()]).is_none());
    }

    /// A rule that reads whole texts where one of its keywords stands costs more than hundreds that do not. Each that does is named
    /// here, and its keywords have to be rare in source files.
    #[test]
    fn nearly_all_are_asked_at_their_keywords_alone() {
        const WHOLE: &[&str] = &[
            "aws-secret-within-lines-of-key-id",
            "private-key-der-base64",
            "private-key-der-in-literals",
            "stellar-secret-seed",
        ];
        let rules = RuleSet::compile(&shipped()).unwrap().rules;
        let whole: Vec<&str> = rules
            .rules()
            .iter()
            .enumerate()
            .filter(|(index, rule)| rule.regex.is_some() && rules.reads_whole_texts(*index))
            .map(|(_, rule)| rule.id.as_str())
            .filter(|id| !WHOLE.contains(id))
            .collect();
        assert!(
            whole.is_empty(),
            "not every match of these begins near a keyword; see FORMAT.md: {whole:?}"
        );
    }

    /// Nobody compiles them before they are needed but this test.
    #[test]
    fn everything_that_is_built_in_can_be_compiled() {
        let rules = RuleSet::compile(&shipped()).unwrap().rules;
        for (index, matcher) in rules.matchers.iter().enumerate() {
            let id = &rules.rule(index).id;
            rules
                .force(index)
                .unwrap_or_else(|reason| panic!("{id}: {reason}"));
            let lists = matcher.allowlists.iter();
            let of_lists = lists.flat_map(|list| [&list.paths, &list.regexes]);
            for patterns in of_lists.chain([&matcher.path]).flatten() {
                patterns
                    .try_get()
                    .unwrap_or_else(|reason| panic!("{id}: {reason}"));
            }
        }
    }
}
