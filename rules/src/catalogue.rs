//! The page of each rule for people: what it finds, why that matters, what to do, what it takes for a secret that is none.

use std::fmt::Write;

use crate::{Action, Confidence, Rule, RuleSet, Severity, builtin, judges, validators};

/// What opens the catalogue of the built-in rules.
const HEAD: &str = "\
# The built-in rules

Written by `exeat rules catalogue`, from the files in [packs](packs): change those, not this page. `exeat rules explain ID` tells
one rule with its regex and limits, [FORMAT.md](FORMAT.md) what the words mean. Examples are templates: `{{base62 36 first}}`
stands for 36 letters and digits, `{{}}` for nothing.
";

/// All rules of a set in Markdown, by the file that has them, in the order in which they were read.
pub fn page(rules: &RuleSet) -> String {
    let mut text = HEAD.to_owned();
    let mut file = "";
    let optional = rules.rules().iter();
    let optional = optional.filter(|rule| builtin::is_optional(&rule.origin.file));
    let _ = match optional.count() {
        0 => writeln!(text, "\n{} rules.", rules.rules().len()),
        off => writeln!(
            text,
            "\n{} rules, {off} of them in packs that are off until chosen.",
            rules.rules().len()
        ),
    };
    for rule in rules.rules() {
        if rule.origin.file != file {
            file = &rule.origin.file;
            let _ = writeln!(text, "\n## {}", theme(file));
            if builtin::is_optional(file) {
                let _ = writeln!(
                    text,
                    "\nOff until chosen: `[rules] packs = [\"{}\"]`, or `exeat scan --packs {0}`.",
                    theme(file)
                );
            }
        }
        entry(&mut text, rule);
    }
    text
}

/// The name of a rule file without folders and ending.
fn theme(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".toml").unwrap_or(name)
}

fn entry(text: &mut String, rule: &Rule) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n### {}\n", rule.id);
    let _ = writeln!(
        text,
        "{}. Action {}, severity {}, confidence {}.\n",
        rule.description, rule.action, rule.severity, rule.confidence
    );
    let mut line = |name: &str, value: &str| writeln!(text, "- {name}: {value}");
    let mut told = || {
        for example in rule.examples.iter().take(1) {
            line("example", &code(example))?;
        }
        line("why it matters", why(rule))?;
        if let Some(remedy) = &rule.remedy {
            line("what to do", remedy)?;
        }
        line("false positives", &false_positives(rule))?;
        for passed in rule.counter_examples.iter().take(2) {
            line("passes over", &code(passed))?;
        }
        for reference in &rule.references {
            line("reference", &format!("<{reference}>"))?;
        }
        Ok::<(), std::fmt::Error>(())
    };
    let _ = told();
}

/// Text as code on one line, whatever backticks it has.
fn code(text: &str) -> String {
    let text = text.trim_end().replace('\r', "\\r").replace('\n', "\\n");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("{fence}{text}{fence}"),
        _ => format!("{fence} {text} {fence}"),
    }
}

/// What whoever holds such a secret can do, by tags; the first that is known counts.
const REASONS: &[(&str, &str)] = &[
    (
        "identifier",
        "It opens nothing by itself, and tells an intruder where to go on.",
    ),
    (
        "personal-data",
        "It tells strangers about a person who cannot change it like a password.",
    ),
    (
        "license",
        "It binds whoever passes it on to terms that nobody agreed to.",
    ),
    (
        "cloud",
        "It acts on the cloud account: starts machines that somebody pays for, reads what is stored, deletes it.",
    ),
    (
        "secret-store",
        "It opens the place where the other secrets are kept, so that all of them have leaked with it.",
    ),
    (
        "database",
        "It reads and changes the data itself, past every check that the application makes.",
    ),
    ("payment", "It moves money, or shows who paid what to whom."),
    (
        "kubernetes",
        "It starts and stops what runs in the cluster, and reads the secrets that are given to it.",
    ),
    (
        "container",
        "It adds machines and containers of a stranger to those that are trusted.",
    ),
    (
        "forge",
        "It reads private code, and puts code of a stranger where others build and run it.",
    ),
    (
        "registry",
        "It publishes packages in the owner's name, which others install without a look.",
    ),
    (
        "ci",
        "It runs builds, changes what they make, and reads the secrets that are given to them.",
    ),
    ("ssh", "It signs in to machines as its owner."),
    (
        "private-key",
        "It proves to be its owner: it signs, decrypts, and signs in.",
    ),
    (
        "identity",
        "It makes, changes and impersonates the users of every application that trusts the provider.",
    ),
    (
        "ai",
        "It spends the account's credit, and reads the prompts, files and models that the account keeps.",
    ),
    (
        "mail",
        "It sends mail in the owner's name, which filters trust, and reads the lists of who receives it.",
    ),
    (
        "messaging",
        "It reads what people wrote to each other, and writes to them in a trusted name.",
    ),
    (
        "webhook",
        "It posts into a channel, or makes events that the receiver takes for real.",
    ),
    (
        "observability",
        "It reads logs and traces, which hold more than was meant to be told, or hides what goes on.",
    ),
    (
        "commerce",
        "It reads customers and orders, and changes prices and stock.",
    ),
    (
        "dns",
        "It moves domains and names elsewhere, and with them mail, certificates and visitors.",
    ),
    ("cdn", "It changes what every visitor is given."),
    (
        "storage",
        "It reads, changes and deletes the files that are stored there.",
    ),
    (
        "crypto",
        "It moves funds that nobody can bring back, or spends what the account pays for.",
    ),
    (
        "security",
        "It shows where the weak places are, and can silence what watches them.",
    ),
    (
        "infrastructure",
        "It changes the machines and networks that everything else runs on.",
    ),
    (
        "network",
        "It lets a stranger into a network that is meant to be closed.",
    ),
    (
        "windows",
        "It signs in to machines and directories, often as an administrator.",
    ),
    (
        "hash",
        "The password can be guessed from it at leisure, without asking the server once.",
    ),
    (
        "framework",
        "It signs sessions and cookies, or is given to everyone who opens the page.",
    ),
    (
        "iot",
        "It speaks as a device, and switches what the device can switch.",
    ),
    (
        "social",
        "It reads and writes in the name of an account or an application that people know.",
    ),
    (
        "oauth",
        "It lets a stranger pass for the application, and collect what its users allow it.",
    ),
    ("maps", "It spends a quota that somebody pays for."),
    (
        "search",
        "It spends a quota that somebody pays for, or changes what searches find.",
    ),
    (
        "streaming",
        "It sends to, or changes, what an audience sees.",
    ),
    (
        "games",
        "It spends a quota, or changes accounts and purchases of players.",
    ),
    (
        "productivity",
        "It reads and changes the documents, tasks and customers that a team keeps there.",
    ),
];

/// Why a leak of this kind matters, in a sentence.
pub fn why(rule: &Rule) -> &str {
    if let Some(impact) = &rule.impact {
        return impact;
    }
    let reason = |tag: &String| REASONS.iter().find(|(known, _)| known == tag);
    if let Some((_, reason)) = rule.tags.iter().find_map(reason) {
        return reason;
    }
    match rule.severity {
        Severity::Critical | Severity::High => {
            "Whoever reads the repository, now or later, can use it in its owner's place."
        }
        Severity::Medium => "Whoever reads the repository may be able to use it.",
        Severity::Low | Severity::Info => "It tells more than a stranger needs to know.",
    }
}

/// What a rule takes for a secret that is none, in a sentence or two.
pub fn false_positives(rule: &Rule) -> String {
    if let Some(told) = &rule.false_positives {
        return told.clone();
    }
    let checksum = rule.validator.as_deref().and_then(validators::find);
    if rule.action == Action::Note {
        return "every find is harmless by itself; it is counted, and nobody is asked".to_owned();
    }
    if rule.dictionary.is_some() {
        return "words of the list that mean something else there".to_owned();
    }
    if rule.regex.is_none() {
        return "files of that name that hold no secret, such as samples and templates".to_owned();
    }
    if let Some(judge) = rule.judge.as_deref().and_then(judges::find) {
        return format!(
            "values that pass for {} and open nothing: identifiers, checksums, samples. It is told from {} % certainty on",
            judge.about, rule.review_from
        );
    }
    if checksum.is_some_and(|validator| validator.is_checksum) {
        return "none are known while checksums are asked for; made-up tokens if they are not"
            .to_owned();
    }
    match rule.confidence {
        Confidence::High => {
            "values of this form that were made up, or revoked long ago, in documentation and tests"
        }
        Confidence::Medium => {
            "values of the same letters and length where this one is expected: identifiers, checksums, samples"
        }
        Confidence::Low => {
            "whatever is given to such a name and is not secret: samples, tests, words; look before you refuse"
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    /// The least number of rules that ship.
    const RULES: usize = 350;

    fn all() -> RuleSet {
        RuleSet::compile(&shipped()).unwrap().rules
    }

    #[test]
    fn the_page_is_what_the_rules_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CATALOGUE.md");
        let page = page(&all());
        if std::env::var_os("EXEAT_BLESS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == page,
            "rules/CATALOGUE.md is not what the rules say any more; mend it with one of\n  \
             EXEAT_BLESS=1 cargo test -p exeat-rules catalogue\n  \
             cargo run -q -p exeat -- rules catalogue shipped > rules/CATALOGUE.md"
        );
    }

    #[test]
    fn every_rule_has_all_that_a_page_needs() {
        let rules = all();
        assert!(rules.rules().len() >= RULES, "only {}", rules.rules().len());
        for rule in rules.rules() {
            let id = &rule.id;
            assert!(rule.description.len() >= 8, "{id}: description");
            assert!(!rule.description.ends_with('.'), "{id}: description");
            let remedy = rule.remedy.as_deref().unwrap_or_default();
            assert!(remedy.len() >= 20 && remedy.ends_with('.'), "{id}: remedy");
            assert!(!rule.references.is_empty(), "{id}: references");
            for reference in &rule.references {
                let address = reference.strip_prefix("https://").unwrap_or_default();
                assert!(
                    address.contains('.') && !address.contains(' '),
                    "{id}: {reference}"
                );
            }
            assert!(rule.examples.len() >= 2, "{id}: examples");
            assert!(rule.counter_examples.len() >= 2, "{id}: counter_examples");
            assert!(
                rule.regex.is_none() || !rule.keywords.is_empty(),
                "{id}: keywords"
            );
            assert!(!rule.tags.is_empty(), "{id}: tags");
            assert!(
                why(rule).len() >= 12 && why(rule).ends_with('.'),
                "{id}: impact"
            );
            let passes = false_positives(rule);
            assert!(
                passes.len() >= 12 && !passes.ends_with('.'),
                "{id}: false_positives"
            );
        }
    }

    #[test]
    fn no_two_rules_share_their_words() {
        let rules = all();
        let mut seen = std::collections::BTreeMap::new();
        for rule in rules.rules() {
            let earlier = seen.insert(&rule.description, &rule.id);
            assert_eq!(earlier, None, "{} says the same", rule.id);
        }
    }

    #[test]
    fn backticks_stay_in_their_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b\nc\n"), "`` a`b\\nc ``");
    }
}
