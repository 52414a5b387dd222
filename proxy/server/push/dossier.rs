//! What reviewers see of a held push, put together from what was inspected.

use std::collections::HashMap;

use exeat_inspect::{Finding, Report, Shown};

use super::Order;
use crate::{
    config::Disposition,
    people::time,
    policy::{self, Stopped},
    review::dossier::{Commit, Context, Dossier, Entry, Ground, RefUpdate, Tag, Unreadable},
};

/// Commits that are named with one finding.
const MOST_COMMITS: usize = 20;
/// Findings that are looked at; the inspection has an end of its own.
const MOST_FINDINGS: usize = 5_000;

/// The body of a case, as JSON. Nothing in it has come past the masking of the inspection.
pub fn of(order: &Order, report: &Report, stopped: &Stopped) -> String {
    let nothing = Shown::default();
    let shown = report.shown.as_ref().unwrap_or(&nothing);
    let commits: Vec<Commit> = shown.commits.iter().map(commit).collect();
    let refs = refs(order, report, shown);
    let request = &order.request;
    Dossier {
        more_commits: report.coverage.commits.saturating_sub(commits.len() as u64),
        more_tags: report.coverage.tags.saturating_sub(shown.tags.len() as u64),
        more_refs: (request.commands.len() - refs.len()) as u64,
        findings: entries(&report.findings),
        unreadable: report
            .unscannable
            .iter()
            .map(|missed| Unreadable::new(&missed.what, &missed.why))
            .collect(),
        reason: reason(order, report),
        grounds: stopped.reasons.iter().map(ground).collect(),
        messages: stopped.messages.clone(),
        coverage: report.coverage,
        refs,
        options: shown.options.clone(),
        commits,
        tags: shown.tags.iter().map(tag).collect(),
        withheld: shown.withheld,
        ..Dossier::default()
    }
    .text()
}

/// Why the push should go, in its pusher's words, masked.
pub fn reason(order: &Order, report: &Report) -> Option<String> {
    let shown = report.shown.as_ref().and_then(|shown| shown.words.clone());
    shown.or_else(|| order.wishes.reason.clone())
}

/// The same secret at the same place is one entry, in however many versions of the file.
fn entries(findings: &[Finding]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut known: HashMap<(String, bool), usize> = HashMap::new();
    for finding in findings.iter().take(MOST_FINDINGS) {
        let next = entry(finding);
        let commit = finding.place.commit.clone();
        let at = *known
            .entry((next.id.clone(), next.existing))
            .or_insert(entries.len());
        match entries.get_mut(at) {
            Some(entry) => {
                entry.times += 1;
                join(entry, next);
                note(entry, commit);
            }
            None => {
                let mut entry = next;
                note(&mut entry, commit);
                entries.push(entry);
            }
        }
    }
    entries
}

fn note(entry: &mut Entry, commit: Option<String>) {
    match commit {
        Some(commit) if entry.commits.contains(&commit) => {}
        Some(commit) if entry.commits.len() < MOST_COMMITS => entry.commits.push(commit),
        Some(_) => entry.more_commits += 1,
        None => {}
    }
}

/// Whoever waives an entry covers all that it stands for.
fn join(entry: &mut Entry, next: Entry) {
    if entry.covers.is_empty() || next.covers.is_empty() {
        entry.covers.clear();
    } else {
        for cover in next.covers {
            if !entry.covers.iter().any(|known| known.key == cover.key) {
                entry.covers.push(cover);
            }
        }
    }
    // What one version says to lower it, another may not.
    if entry.waived.is_empty() || next.waived.is_empty() {
        entry.waived.clear();
    }
    if entry.excused != next.excused {
        entry.excused = None;
    }
    entry.context = entry.context.take().or(next.context);
}

fn entry(finding: &Finding) -> Entry {
    let place = &finding.place;
    let word = |value: &dyn std::fmt::Display| value.to_string();
    Entry {
        rule: finding.rule.clone(),
        description: finding.description.clone(),
        action: word(&finding.action),
        severity: word(&finding.severity),
        confidence: word(&finding.confidence),
        part: part(finding),
        path: place.path.clone(),
        line: place.line,
        column: place.column,
        times: 1,
        masked: word(&finding.masked),
        fingerprint: word(&finding.fingerprint),
        surroundings: word(&finding.surroundings),
        context: finding.context.clone().map(|context| Context {
            from: context.from,
            lines: context.lines,
        }),
        existing: finding.existing,
        excused: finding.excused.map(|excuse| word(&excuse)),
        allowlisted: finding.allowlisted.map(|hiding| word(&hiding)),
        waived: finding.waived.clone(),
        covers: finding.covers.clone(),
        ..Entry::default()
    }
    .named()
}

/// The word that findings have for it elsewhere.
fn part(finding: &Finding) -> String {
    let word = serde_json::to_value(finding.place.part).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_default()
}

fn refs(order: &Order, report: &Report, shown: &Shown) -> Vec<RefUpdate> {
    let names = match shown.names.is_empty() {
        true => &report.refs,
        false => &shown.names,
    };
    let commands = order.request.commands.iter();
    let updates = commands.zip(names).map(|(command, name)| RefUpdate {
        name: name.clone(),
        old: command.old.to_string(),
        new: command.new.to_string(),
    });
    updates.collect()
}

fn ground(reason: &policy::Reason) -> Ground {
    let (what, action) = match reason.ground {
        policy::Ground::Findings(action) => ("findings", Some(action.to_string())),
        policy::Ground::NotScannable => ("not-readable", None),
        policy::Ground::Opaque => ("opaque", None),
        policy::Ground::OpaqueAllowed => ("opaque-allowed", None),
        policy::Ground::Existing => ("existing", None),
        policy::Ground::Excused => ("excused", None),
        policy::Ground::Waived => ("waived", None),
        policy::Ground::Denied => ("denied", None),
        policy::Ground::ReviewAsked => ("review-asked", None),
    };
    let disposition = match reason.disposition {
        Disposition::Forward => "forward",
        Disposition::Warn => "warn",
        Disposition::Hold => "hold",
        Disposition::Refuse => "refuse",
    };
    let by = reason.by.as_ref();
    Ground {
        what: what.to_owned(),
        action,
        count: reason.count,
        disposition: disposition.to_owned(),
        by: by.map(|by| format!("{} ({}:{})", by.name, by.file, by.line)),
    }
}

fn commit(commit: &exeat_inspect::shown::ShownCommit) -> Commit {
    Commit {
        id: commit.id.clone(),
        parents: commit.parents.clone(),
        author: commit.author.clone(),
        authored: at(commit.authored),
        committer: commit.committer.clone(),
        committed: at(commit.committed),
        subject: commit.subject.clone(),
        message: commit.message.clone(),
        cut: commit.cut,
    }
}

fn tag(tag: &exeat_inspect::shown::ShownTag) -> Tag {
    Tag {
        id: tag.id.clone(),
        target: tag.target.clone(),
        name: tag.name.clone(),
        tagger: tag.tagger.clone(),
        message: tag.message.clone(),
        cut: tag.cut,
    }
}

/// Whatever number a commit holds.
fn at(seconds: i64) -> String {
    time::text(seconds.saturating_mul(1000))
}
