//! `exeat rules explain`: all there is to know of a rule.

use std::fmt::Write;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::bail;
use exeat_gitwire::text::{escape, escape_lines};
use exeat_inspect::Masked;
use exeat_rules::{Action, Rule, RuleSet, Terms, Trial, Weight, catalogue, judges, template};

use super::Configured;
use super::reason::{excuse, quoted};
use crate::config::{Disposition, Policy};

/// Print all there is to know of a rule
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule's id
    id: String,
    /// Rule files, "builtin" for the built-in rules, "shipped" for those with all packs that are off, or the name of such a pack; without any, those of the configuration
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) configured: Configured,
}

pub fn told(args: &Args) -> anyhow::Result<String> {
    let config = args.configured.load()?;
    let rules = args.configured.compile(&args.files)?;
    let index = find(&rules, &args.id)?;
    let mut text = String::new();
    describe(&mut text, &rules, index, &config.policy)?;
    Ok(text)
}

/// The rule of that id; an error that names the nearest.
pub fn find(rules: &RuleSet, id: &str) -> anyhow::Result<usize> {
    if let Some(index) = rules.rules().iter().position(|rule| rule.id == id) {
        return Ok(index);
    }
    let distance = |rule: &&Rule| {
        let holds = rule.id.contains(id);
        (!holds, strsim::damerau_levenshtein(&rule.id, id))
    };
    let nearest = rules.rules().iter().min_by_key(distance);
    match nearest {
        Some(rule) => bail!(
            "there is no rule {}; did you mean {}?",
            escape(id.as_bytes()),
            rule.id
        ),
        None => bail!("there are no rules"),
    }
}

fn describe(
    text: &mut String,
    rules: &RuleSet,
    index: usize,
    policy: &Policy,
) -> anyhow::Result<()> {
    let rule = rules.rule(index);
    writeln!(text, "{}: {}", rule.id, escape(rule.description.as_bytes()))?;
    let mut field = |name: &str, value: String| writeln!(text, "  {name:14}{value}");
    field("defined at", rule.origin.to_string())?;
    field("proven", proof(rule))?;
    let was = &rule.overridden;
    field(
        "action",
        format!(
            "{}: {}{}",
            rule.action,
            tier(policy, rule.action),
            overridden(was.action)
        ),
    )?;
    field(
        "severity",
        format!("{}{}", rule.severity, overridden(was.severity)),
    )?;
    field(
        "confidence",
        format!("{}{}", rule.confidence, overridden(was.confidence)),
    )?;
    if !rule.tags.is_empty() {
        field("tags", escape(rule.tags.join(", ").as_bytes()))?;
    }
    if let Some(regex) = &rule.regex {
        field("keywords", keywords(rule))?;
        field("regex", escape(regex.as_bytes()))?;
        field(
            "secret",
            match rule.secret_group {
                0 => "the first group that holds anything, else the whole match".to_owned(),
                group => format!("group {group}"),
            },
        )?;
    }
    if let Some(terms) = &rule.dictionary {
        field("terms", dictionary(terms))?;
    }
    if let Some(path) = &rule.path {
        field("path", escape(path.as_bytes()))?;
    }
    if let Some(lines) = rule.head {
        field(
            "head",
            format!("counts in the first {lines} lines of a text"),
        )?;
    }
    if let Some(least) = rule.at_least {
        let about = format!("counts, once, where {least} different ones stand in a text");
        field("at least", about)?;
    }
    if let Some(entropy) = rule.entropy {
        field(
            "entropy",
            format!("must be greater than {entropy} bits per byte"),
        )?;
    }
    if let Some(name) = &rule.validator {
        let about = exeat_rules::validators::find(name).map_or("", |validator| validator.about);
        field("validator", format!("{name}: {about}"))?;
    }
    if let Some(name) = &rule.judge {
        let about = exeat_rules::judges::find(name).map_or("", |judge| judge.about);
        field("judge", format!("{name}: {about}"))?;
        field("tiers", tiers(rule))?;
    }
    if let Some(facts) = rules.facts(index) {
        for number in 1..=facts.allowlists.len() {
            field(
                "allowlist",
                format!("{number} {}", excuse(rules, index, number)),
            )?;
        }
        if facts.filters > 0 {
            field("filters", format!("{} (its file has them)", facts.filters))?;
        }
        if !facts.required.is_empty() {
            field("requires", quoted(&facts.required))?;
        }
        if rule.regex.is_some() {
            let bound = |bound: Option<usize>| match bound {
                Some(bytes) => format!("{bytes} bytes"),
                None => "without bound".to_owned(),
            };
            field("longest match", bound(facts.longest_match))?;
            field(
                "looked for",
                match facts.reads_whole_texts {
                    true if rule.keywords.is_empty() => {
                        "in every text, from end to end (slow)".to_owned()
                    }
                    true => "in texts with a keyword, from end to end (slow)".to_owned(),
                    false if facts.before_keyword == Some(0) => "at its keywords".to_owned(),
                    false => format!(
                        "at its keywords, and up to {} before",
                        bound(facts.before_keyword)
                    ),
                },
            )?;
            field(
                "compiled",
                format!("{} KiB", facts.regex_bytes.div_ceil(1024)),
            )?;
        }
    }
    field("matters", escape(catalogue::why(rule).as_bytes()))?;
    if let Some(remedy) = &rule.remedy {
        field("remedy", escape(remedy.as_bytes()))?;
    }
    field(
        "mistakes",
        escape(catalogue::false_positives(rule).as_bytes()),
    )?;
    for reference in &rule.references {
        field("reference", escape(reference.as_bytes()))?;
    }
    for example in &rule.examples {
        field("example", shown(rules, index, example))?;
    }
    for example in &rule.counter_examples {
        // Templates stay as they are: what they stand for may look like a secret.
        field("counter", indented(&escape_lines(example.as_bytes())))?;
    }
    Ok(())
}

fn proof(rule: &Rule) -> String {
    if super::list::is_unproven(rule) {
        return "no: it has no examples".to_owned();
    }
    format!(
        "{} and {} (try: exeat rules check)",
        super::counted(rule.examples.len(), "example"),
        super::counted(rule.counter_examples.len(), "counter-example")
    )
}

/// That a value is not the file's, and what the file says.
fn overridden(was: Option<impl std::fmt::Display>) -> String {
    was.map_or(String::new(), |was| {
        format!(" (overridden; the file says {was})")
    })
}

/// What the policy makes of an action, in words.
fn tier(policy: &Policy, action: Action) -> &'static str {
    let disposition = match action {
        Action::Block => policy.block,
        Action::Review => policy.review,
        Action::Warn => policy.warn,
        Action::Note => policy.note,
    };
    match disposition {
        Disposition::Refuse => "the push is refused",
        Disposition::Hold => "the push waits for a review",
        Disposition::Warn => "the push goes on, and the developer is told",
        Disposition::Forward => "the push goes on, and the record has it",
    }
}

/// What a dictionary holds; its terms are told by nobody.
fn dictionary(terms: &Terms) -> String {
    let Terms {
        kind,
        weight,
        near,
        within,
        count,
        keyed,
        ..
    } = terms;
    let keyed = if *keyed {
        ", of which only hashes are known"
    } else {
        ""
    };
    let near = match near.is_empty() {
        true => String::new(),
        false => format!(" within {within} bytes of one of {}", quoted(near)),
    };
    let counts = match weight {
        Weight::Unique => near,
        Weight::Ordinary => format!(" with a capital{near}, or as near to another term"),
    };
    let counts = if counts.is_empty() {
        " wherever they stand"
    } else {
        &counts
    };
    format!(
        "{}, {kind}{keyed}; they count{counts}",
        super::counted(*count, "term")
    )
}

fn keywords(rule: &Rule) -> String {
    match rule.keywords.is_empty() {
        true => "none: every text is searched".to_owned(),
        false => quoted(&rule.keywords),
    }
}

/// An example as the rule sees it, with its secrets masked.
fn shown(rules: &RuleSet, index: usize, example: &str) -> String {
    let Ok(text) = template::expand(example) else {
        return format!("{} (its template is wrong)", escape(example.as_bytes()));
    };
    let mut secrets: Vec<Range<usize>> = Vec::new();
    if let Trial::Matched(tried) = rules.try_rule(index, text.as_bytes()) {
        secrets.extend(tried.into_iter().map(|tried| tried.secret));
    }
    let mut out = String::new();
    let mut from = 0;
    for secret in secrets {
        if secret.start < from {
            continue;
        }
        out.push_str(&escape_lines(
            text.get(from..secret.start).unwrap_or_default().as_bytes(),
        ));
        let bytes = text.as_bytes().get(secret.clone()).unwrap_or_default();
        out.push_str(Masked::new(bytes).as_str());
        from = secret.end;
    }
    // What the rule does not find may be a secret all the same.
    if from == 0 && !rules.rule(index).is_about_path() {
        return indented(&escape_lines(example.as_bytes()));
    }
    out.push_str(&escape_lines(
        text.get(from..).unwrap_or_default().as_bytes(),
    ));
    indented(&out)
}

/// Further lines below the first.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n                ")
}

/// From which certainty on a judged find leads to what.
fn tiers(rule: &Rule) -> String {
    let Rule {
        block_from,
        review_from,
        note_from,
        action,
        ..
    } = rule;
    let mut told = match action.min(&Action::Review) {
        mild if mild == action => format!("from {review_from} % certain on {action}"),
        mild => format!("from {review_from} % certain on {mild}, from {block_from} % on {action}"),
    };
    if *note_from < judges::NEVER {
        told.push_str(&format!(", from {note_from} % on {}", Action::Note));
    }
    told
}
