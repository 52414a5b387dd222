//! A path for a rule that speaks about some paths only, so that its examples can be tried where it speaks.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::{RuleIndex, RuleSet, dialect};

/// Longest path that is tried, in bytes.
const LONGEST: usize = 1024;

impl RuleSet {
    /// A path that meets the rule's own condition. `None` if it has none, or if none is found: the regex is read from left
    /// to right and the first way through it taken, which looks at no neighbours.
    pub fn sample_path(&self, index: RuleIndex) -> Option<Vec<u8>> {
        let pattern = dialect::parse(self.rules.get(index)?.path.as_deref()?).ok()?;
        let path = first_way(&pattern)?;
        self.speaks_about(index, &path).then_some(path)
    }
}

/// The shortest text along the first choices of a regex.
fn first_way(pattern: &Hir) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut waiting = vec![pattern];
    // An empty pattern repeated adds nothing to the path: the steps are counted, too.
    let mut steps = 0;
    while let Some(part) = waiting.pop() {
        steps += 1;
        if path.len() > LONGEST || steps > 8 * LONGEST || waiting.len() > 8 * LONGEST {
            return None;
        }
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => path.extend_from_slice(&literal.0),
            HirKind::Class(class) => path.extend(member(class)?),
            HirKind::Repetition(repeated) => {
                let least = usize::try_from(repeated.min).ok()?;
                waiting.extend(std::iter::repeat_n(&*repeated.sub, least.min(8 * LONGEST)));
            }
            HirKind::Capture(group) => waiting.push(&group.sub),
            HirKind::Concat(parts) => waiting.extend(parts.iter().rev()),
            HirKind::Alternation(choices) => waiting.push(choices.first()?),
        }
    }
    Some(path)
}

/// A letter or digit if it has one, else what comes first in it.
fn member(class: &Class) -> Option<Vec<u8>> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            let range = |range: &regex_syntax::hir::ClassUnicodeRange| {
                (u32::from(range.start()), u32::from(range.end()))
            };
            class.ranges().iter().map(range).collect()
        }
        Class::Bytes(class) => {
            let range = |range: &regex_syntax::hir::ClassBytesRange| {
                (u32::from(range.start()), u32::from(range.end()))
            };
            class.ranges().iter().map(range).collect()
        }
    };
    let holds = |wanted: u32| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&wanted))
    };
    let liked = ['a', 'A', '0', '.', '-', '_'].map(u32::from);
    let chosen = liked.into_iter().find(|liked| holds(*liked));
    let chosen = chosen.or_else(|| ranges.first().map(|(first, _)| *first))?;
    match class {
        Class::Unicode(_) => Some(char::from_u32(chosen)?.to_string().into_bytes()),
        Class::Bytes(_) => Some(vec![u8::try_from(chosen).ok()?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn sampled(path: &str) -> Option<String> {
        let text = format!("[[rules]]\nid='a'\nregex='x'\npath='''{path}'''\n");
        let source = Source {
            name: "t.toml".into(),
            text,
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        rules
            .sample_path(0)
            .map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn paths_meet_the_condition_they_are_made_for() {
        for (pattern, path) in [
            (r"\.env$", ".env"),
            (r"(?i)(^|/)id_rsa$", "id_rsa"),
            (r"(?:^|/)[\w-]+\.(?:tf|tfvars)$", "a.tf"),
            (r"^src/.{3,}/[^/]+\.py$", "src/aaa/a.py"),
            (r"a{3}|b", "aaa"),
        ] {
            assert_eq!(
                sampled(pattern)
                    .as_deref()
                    .map(str::to_lowercase)
                    .as_deref(),
                Some(path),
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_has_no_simple_way_has_no_sample() {
        // The first way reads past the look-around.
        assert_eq!(sampled(r"a\b.c").as_deref(), None);
        assert_eq!(sampled(r"(?:a{1000}){2}"), None);
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='a'\nregex='x'\n".into(),
        };
        assert_eq!(
            RuleSet::compile(&[source]).unwrap().rules.sample_path(0),
            None
        );
    }
}
