//! The steps of a trial in words.

use exeat_gitwire::text::escape_short;
use exeat_inspect::Masked;
use exeat_rules::{Dropped, RuleSet, Site, Standing, Trial, Tried};

use super::counted;

/// Why the rule at `index` finds something in `text` at `path`, or does not: one line or several.
pub struct Reason {
    pub finds: bool,
    /// A keyword stands in the text.
    pub is_near: bool,
    pub lines: Vec<String>,
}

impl Reason {
    pub fn of(rules: &RuleSet, index: usize, text: &[u8], path: Option<&[u8]>) -> Self {
        let no = |is_near, line: String| Self {
            finds: false,
            is_near,
            lines: vec![line],
        };
        let rule = rules.rule(index);
        match rules.try_rule(index, text) {
            Trial::PathOnly => {
                let mut matched = Vec::new();
                rules.match_path(path.unwrap_or_default(), &mut matched);
                let finds = matched.contains(&index);
                Self {
                    finds,
                    is_near: finds,
                    lines: vec![match (finds, path) {
                        (true, _) => "the path itself is the finding".into(),
                        (false, Some(_)) => {
                            "the path does not match; content is not looked at".into()
                        }
                        (false, None) => "it judges paths alone (--path)".into(),
                    }],
                }
            }
            Trial::Silent => no(false, "it reports nothing by itself (skipReport)".into()),
            Trial::NoKeyword => no(
                false,
                format!("keyword missing: none of {}", quoted(&rule.keywords)),
            ),
            Trial::NoMatch { keywords } if keywords.is_empty() => {
                no(true, "regex: no match (it needs no keyword)".into())
            }
            Trial::NoMatch { keywords } => no(
                true,
                format!("regex: no match; keywords there: {}", quoted(&keywords)),
            ),
            Trial::Matched(tried) => {
                let told = tried
                    .iter()
                    .map(|each| told(rules, index, text, path, each));
                let told: Vec<(bool, String)> = told.collect();
                Self {
                    finds: told.iter().any(|(finds, _)| *finds),
                    is_near: true,
                    lines: told.into_iter().map(|(_, line)| line).collect(),
                }
            }
        }
    }
}

fn told(
    rules: &RuleSet,
    index: usize,
    text: &[u8],
    path: Option<&[u8]>,
    tried: &Tried,
) -> (bool, String) {
    let secret = text.get(tried.secret.clone()).unwrap_or_default();
    let before = text.get(..tried.secret.start).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before
        .iter()
        .rev()
        .take_while(|&&byte| byte != b'\n')
        .count()
        + 1;
    let place = format!("{line}:{column} {}", Masked::new(secret));
    let (finds, why) = match &tried.found {
        Ok(found) => match rules.standing(found, &Site { path, commit: None }) {
            Standing::Stands => (true, format!("entropy {:.2}", tried.entropy)),
            Standing::OutOfPath => (false, "the rule does not speak about this path".into()),
            Standing::Allowed => (false, "an allowlist excuses this path".into()),
            Standing::Hidden(hiding) => (false, format!("allowlisted by {hiding}")),
        },
        Err(Dropped::Entropy(least)) => (false, format!("entropy {:.2} <= {least}", tried.entropy)),
        Err(Dropped::Validator(name)) => (false, format!("validator {name} says no")),
        Err(Dropped::Judge(name, certainty)) => (
            false,
            format!("judge {name}: {certainty} % certain, which is too little"),
        ),
        Err(Dropped::Allowlist(number)) => (
            false,
            format!("allowlist {number} {}", excuse(rules, index, *number)),
        ),
        Err(Dropped::Required(parts)) => (
            false,
            format!("not all that it requires matches nearby: {}", quoted(parts)),
        ),
        Err(Dropped::Head(lines)) => (false, format!("behind the first {lines} lines")),
        Err(Dropped::AtLeast(least)) => (
            false,
            format!("told once, at the first of at least {least} different ones"),
        ),
        Err(Dropped::Filter) => (false, "a filter of the rule says no".into()),
        Err(Dropped::Alone) => (
            false,
            "the term stands alone: nothing that its dictionary asks for is near".into(),
        ),
    };
    (finds, format!("{place}: {why}"))
}

/// What the allowlist of that number asks about.
pub fn excuse(rules: &RuleSet, index: usize, number: usize) -> String {
    let facts = rules.facts(index);
    let lists = facts.map(|facts| facts.allowlists).unwrap_or_default();
    let Some(list) = number.checked_sub(1).and_then(|at| lists.get(at)) else {
        return String::new();
    };
    let parts = [
        (
            list.regexes,
            format!(
                "{} on the {}",
                counted(list.regexes, "regex").replace("regexs", "regexes"),
                list.target
            ),
        ),
        (list.stopwords, counted(list.stopwords, "stopword")),
        (list.paths, counted(list.paths, "path")),
        (list.commits, counted(list.commits, "commit")),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, words)| words)
        .collect();
    format!("({})", parts.join(if list.all { " and " } else { " or " }))
}

pub fn quoted(words: &[String]) -> String {
    let quoted = |word: &String| format!("\"{}\"", escape_short(word.as_bytes(), 40));
    let shown: Vec<String> = words.iter().take(8).map(quoted).collect();
    let rest = match words.len().saturating_sub(8) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{rest}", shown.join(", "))
}
