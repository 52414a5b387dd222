//! Which series a PromQL expression asks for: enough of its grammar for the expressions of this repository.

/// A metric with the conditions on its labels.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) metric: String,
    /// Label, operator (`=`, `=~`, `!=`, `!~`), value.
    pub(super) conditions: Vec<(String, String, String)>,
}

/// What an expression names.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) selectors: Vec<Selector>,
    /// Labels that results are grouped by.
    pub(super) groupings: Vec<String>,
}

/// Words that are followed by a list of labels.
const LISTS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// Splits an expression into words, strings (with their quotes) and single signs. Durations in brackets are left out.
fn tokens(expression: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => 2 + rest[1..].find('"').expect("a string ends"),
            '[' => {
                let length = 1 + rest.find(']').expect("a bracket is closed");
                rest = &rest[length..];
                continue;
            }
            c if c.is_alphanumeric() || c == '_' => rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '.'))
                .unwrap_or(rest.len()),
            '=' | '!' if rest[1..].starts_with(['~', '=']) => 2,
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !token.trim().is_empty() {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

pub(super) fn asked(expression: &str) -> Asked {
    let tokens = tokens(expression);
    let mut asked = Asked::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map(String::as_str);
        let is_word = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
        at += 1;
        if LISTS.contains(&token.as_str()) && next == Some("(") {
            let length = tokens[at..].iter().position(|token| token == ")");
            let length = length.expect("a list ends");
            let labels = tokens[at + 1..at + length].iter();
            asked
                .groupings
                .extend(labels.filter(|label| *label != ",").cloned());
            at += length + 1;
            continue;
        }
        let is_function = next.is_some_and(|next| next == "(" || LISTS.contains(&next));
        if is_word && !WORDS.contains(&token.as_str()) && !is_function {
            let (conditions, length) = conditions(&tokens[at..]);
            at += length;
            asked.selectors.push(Selector {
                metric: token.clone(),
                conditions,
            });
        }
    }
    asked
}

/// The conditions in braces that `tokens` begin with, and how many tokens they are.
fn conditions(tokens: &[String]) -> (Vec<(String, String, String)>, usize) {
    if tokens.first().map(String::as_str) != Some("{") {
        return (Vec::new(), 0);
    }
    let length = tokens.iter().position(|token| token == "}");
    let length = length.expect("braces are closed");
    let conditions = tokens[1..length].split(|token| token == ",");
    let conditions = conditions.filter_map(|condition| match condition {
        [label, operator, value] => Some((
            label.clone(),
            operator.clone(),
            value.trim_matches('"').to_owned(),
        )),
        _ => None,
    });
    (conditions.collect(), length + 1)
}

#[test]
fn selectors_are_found_among_functions_and_groupings() {
    let asked = asked(
        "histogram_quantile(0.9, sum by (le, instance) (rate(a_bucket{x=\"y, z\", b=~\"c|d\"}[5m] offset 1d))) > 5 * b\n and e",
    );
    let names: Vec<&str> = asked.selectors.iter().map(|s| s.metric.as_str()).collect();
    assert_eq!(names, ["a_bucket", "b", "e"]);
    let condition = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        asked.selectors[0].conditions,
        [condition("x", "=", "y, z"), condition("b", "=~", "c|d")]
    );
    assert_eq!(asked.groupings, ["le", "instance"]);
}
