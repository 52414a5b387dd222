//! What a stopped developer reads: state first, then what, where, what to do, and whom to ask.
//!
//! At most 72 columns, no secret bytes, and nothing that a terminal obeys: findings are masked when they are made, and what
//! does not print is escaped in every name. Our own words are ASCII. Only commands that exist are printed.

mod people;
mod waiting;

use std::fmt::Write;

use exeat_inspect::{Coverage, Finding, Report, finding::Part};

use super::{
    Order,
    fault::{Blame, Fault},
    id::PushId,
};
use crate::{
    config::Disposition,
    policy::{Ground, Stopped},
};

pub use waiting::{
    approved, held, must_be_fixed, news, over, rejected, returned, still_held, stops,
    too_many_wait, unread, waited_enough, waits, went_without,
};

const COLUMNS: usize = 72;
/// Findings told one by one.
const MOST: usize = 5;
const ABBREVIATED: usize = 10;
const STATE: &str = "Nothing left the company.";

/// A refusal in its two forms: the text for people, and the one line of the report.
#[derive(Debug)]
pub struct Told {
    pub text: String,
    pub reason: String,
}

/// A push that the policy refuses.
pub fn refused(order: &Order, report: &Report, stopped: &Stopped) -> Told {
    let denied = rests_on(stopped, Ground::Denied);
    let mut page = Page::default();
    page.line(&match denied {
        true => format!("Push refused by policy. {STATE}"),
        false => format!("Push stopped. {STATE}"),
    });
    policy_says(&mut page, stopped);
    body(&mut page, order, report, stopped);
    page.gap();
    let no_secret = !report.findings.is_empty() && !report.findings.iter().any(is_secret);
    page.text(&match denied || no_secret {
        true => format!(
            "Ask your security team about it and give them the push id {}. Your commits are safe on \
             your machine.",
            order.id
        ),
        false => format!(
            "Is it no secret? Then tell your security team the push id {}. They see the rule and \
             the place, and can change the rule. Nobody sees the value.",
            order.id
        ),
    });
    ending(&mut page, order, report);
    Told {
        text: page.text,
        reason: format!("stopped: {}, {}", counted(stopped), order.id),
    }
}

/// A push that needs a human where nothing can be held, so it is refused with these words.
pub fn not_held(order: &Order, report: &Report, stopped: &Stopped) -> Told {
    let mut page = Page::default();
    page.line(&format!("Push not sent: it needs review. {STATE}"));
    policy_says(&mut page, stopped);
    body(&mut page, order, report, stopped);
    page.gap();
    page.text(&format!(
        "If it is fine as it is, ask your security team for a review and give them the push id \
         {}. Your commits are safe on your machine.",
        order.id
    ));
    ending(&mut page, order, report);
    Told {
        text: page.text,
        reason: format!("needs review: {}, {}", counted(stopped), order.id),
    }
}

/// A stopped push of somebody whose pushes are stopped again and again: the same words whatever stopped it, also where a
/// person is to look at it.
pub fn without_details(id: &PushId) -> Told {
    let mut page = Page::default();
    page.line(&format!("Push stopped. {STATE}"));
    page.gap();
    page.text(
        "Several of your pushes were stopped lately, so what stopped this one is not told here.",
    );
    page.text(&format!(
        "Ask your security team and give them the push id {id}: they see all of it, and whether it waits for a \
         review. Your commits are safe on your machine."
    ));
    page.gap();
    page.text("To look before you push:");
    page.line("  exeat scan --git @{upstream}..HEAD");
    page.gap();
    page.line(&format!("Push {id}."));
    Told {
        text: page.text,
        reason: format!("stopped, {id}"),
    }
}

/// Words of policy rules that are told.
const MOST_MESSAGES: usize = 3;

/// What the policy rules say to the developer, and which of them stop the push.
fn policy_says(page: &mut Page, stopped: &Stopped) {
    page.gap();
    for words in policy_words(stopped) {
        page.text(&words);
    }
}

/// The same as paragraphs; none where no rule took part.
pub fn policy_words(stopped: &Stopped) -> Vec<String> {
    let rules = deciding(stopped);
    if rules.is_empty() {
        return Vec::new();
    }
    let messages = stopped.messages.iter().take(MOST_MESSAGES).cloned();
    let decided = format!("Decided by policy rule {}.", rules.join(", "));
    messages.chain([decided]).collect()
}

/// The rules that stop it, each once.
fn deciding(stopped: &Stopped) -> Vec<&str> {
    let strongest = stopped.reasons.iter().map(|reason| reason.disposition);
    let strongest = strongest.max();
    let mut rules: Vec<&str> = Vec::new();
    for reason in &stopped.reasons {
        if let Some(by) = &reason.by
            && Some(reason.disposition) == strongest
            && !rules.contains(&&*by.name)
        {
            rules.push(&by.name);
        }
    }
    rules
}

fn rests_on(stopped: &Stopped, ground: Ground) -> bool {
    let mut reasons = stopped.reasons.iter();
    reasons.any(|reason| reason.ground == ground)
}

/// A push that goes, with something to say about it.
pub fn let_go(order: &Order, report: &Report) -> String {
    let mut page = Page::default();
    page.line("Push passed on, with warnings:");
    list(&mut page, &told(report, false), report);
    people::list(&mut page, order, report);
    already(&mut page, report);
    page.gap();
    page.line(&format!("Push {}.", order.id));
    page.text
}

/// A push that goes although files in it hold what rules look for: the repository serves it already.
pub fn nothing_new(order: &Order, report: &Report) -> String {
    let mut page = Page::default();
    already(&mut page, report);
    page.gap();
    page.line(&format!("Push {}.", order.id));
    page.text
}

/// A push that could not be judged or carried out.
pub fn fault(id: &PushId, fault: &Fault) -> Told {
    let mut page = Page::default();
    match (fault.blame(), fault.may_have_left()) {
        (_, true) if fault.was_declined() => {
            page.line("Push passed the checks; the forge declined it.");
            page.gap();
            page.text(&sentence(fault));
            page.text(match fault {
                Fault::UpstreamStatus { .. } => {
                    "Check that your account may push there, then push again."
                }
                _ => "Your commits are safe on your machine. Push again later.",
            });
        }
        (_, true) => {
            page.line("Push passed the checks; its outcome is unknown.");
            page.gap();
            page.text(&sentence(fault));
            page.text("See what arrived before you push again:");
            page.line("  git fetch");
        }
        (Blame::Push, false) => {
            page.line(&format!("Push refused. {STATE}"));
            page.gap();
            page.text(&sentence(fault));
            page.text(fault.advice());
        }
        (Blame::Upstream, false) => {
            page.line(&format!("Push not sent. {STATE}"));
            page.gap();
            page.text(&sentence(fault));
            page.text(fault.advice());
        }
        (Blame::Ours, false) => {
            page.line(&format!("We could not finish the checks. {STATE}"));
            page.gap();
            page.text(&sentence(fault));
            page.text(fault.advice());
        }
    }
    page.gap();
    page.line(&format!("Push {id} ({}).", fault.id()));
    let reason = format!("{} ({}, {id})", fault, fault.id());
    Told {
        text: page.text,
        reason,
    }
}

/// A push whose answer was lost, after the upstream was asked where the refs stand: `missing` of `all` are not where the
/// push wants them.
pub fn settled(id: &PushId, fault: &Fault, missing: usize, all: usize) -> Told {
    let mut page = Page::default();
    page.line(match missing {
        0 => "Push passed the checks; it arrived, though its answer was lost.",
        _ if missing == all => "Push passed the checks; the forge has not taken it.",
        _ => "Push passed the checks; the forge has taken a part of it.",
    });
    page.gap();
    page.text(&sentence(fault));
    match missing {
        0 => page.text("Asked again, it shows every ref where you pushed it."),
        _ => {
            page.text(&match all - missing {
                0 => "Asked again, it has not moved a ref.".to_owned(),
                taken => format!("Asked again, it has moved {taken} of {all} refs."),
            });
            page.text("It may still be at work: see what it has, then push again.");
            page.line("  git fetch");
        }
    }
    page.gap();
    page.line(&format!("Push {id} ({}).", fault.id()));
    Told {
        text: page.text,
        reason: format!("not taken: {fault} ({}, {id})", fault.id()),
    }
}

/// What is wrong, as a sentence with its end.
fn sentence(fault: &Fault) -> String {
    let mut text = fault.to_string();
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}

fn body(page: &mut Page, order: &Order, report: &Report, stopped: &Stopped) {
    page.gap();
    let old_stops = old_stops(stopped);
    let told = told(report, old_stops);
    list(page, &told, report);
    people::list(page, order, report);
    if !old_stops {
        already(page, report);
    }
    let mended = told.into_iter();
    let mended = mended.filter(|one| one.may_stop());
    let mended: Vec<&Finding> = mended.collect();
    if let Some(first) = mended.first() {
        page.gap();
        remedy(page, &mended);
        way_out(page, order, first);
    }
}

/// Whether somebody could use what was found.
fn is_secret(finding: &Finding) -> bool {
    !finding.says_licence && !people::is_told(finding)
}

/// The findings, each once, and what could not be read.
fn list(page: &mut Page, told: &[&Finding], report: &Report) {
    for finding in told.iter().take(MOST) {
        page.text(&format!(
            "* {} (rule {})",
            finding.description.trim_end_matches('.'),
            finding.rule
        ));
        page.indented(&place(finding));
        if finding.masked.as_str() != "" {
            page.indented(finding.masked.as_str());
        }
        if let Some(remedy) = finding.remedy.as_ref().filter(|_| finding.is_help) {
            page.indented(remedy);
        }
        if let Some(hiding) = finding.allowlisted {
            page.indented(&format!("allowlisted by {hiding}: a person decides"));
        }
        if let Some(excuse) = finding.excused {
            let how = excuse.describe();
            page.indented(&format!("lowered from block to review by {how}"));
        }
        if finding.is_waived() {
            let by = finding.waived.join(", ");
            page.indented(&format!("waived by {by}: it does not stop the push"));
        }
    }
    if told.len() > MOST {
        page.line(&format!("* and {} more", told.len() - MOST));
    }
    for missed in report.unscannable.iter().take(MOST) {
        page.text(&format!("* not readable: {}", missed.what));
        page.indented(&missed.why);
    }
}

/// What is in the repository already and therefore did not stop the push.
fn already(page: &mut Page, report: &Report) {
    let all = told(report, true);
    let old: Vec<_> = all.iter().filter(|finding| finding.existing).collect();
    if old.is_empty() {
        return;
    }
    page.gap();
    page.line("Already in this repository, not stopped:");
    for finding in old.iter().take(MOST) {
        page.text(&format!("* {} (rule {})", place(finding), finding.rule));
    }
    if old.len() > MOST {
        page.line(&format!("* and {} more", old.len() - MOST));
    }
    if old.iter().any(|finding| is_secret(finding)) {
        page.text("Whoever can read the repository can read it: have it replaced all the same.");
    }
}

/// Whether the policy stops what is in the repository already.
fn old_stops(stopped: &Stopped) -> bool {
    let mut reasons = stopped.reasons.iter();
    reasons
        .any(|reason| reason.ground == Ground::Existing && reason.disposition >= Disposition::Hold)
}

/// Later versions of a file repeat a secret; it is told once, at the first commit that brings it. What is
/// in the repository already is told on request.
fn told(report: &Report, old_as_well: bool) -> Vec<&Finding> {
    let mut seen = std::collections::HashSet::new();
    report
        .findings
        .iter()
        .filter(|finding| old_as_well || !finding.existing)
        .filter(|finding| !people::is_told(finding))
        .filter(|finding| {
            seen.insert((
                &finding.rule,
                finding.fingerprint,
                &finding.place.path,
                finding.place.part,
                finding.existing,
                finding.excused,
                &finding.waived,
            ))
        })
        .collect()
}

pub fn place(finding: &Finding) -> String {
    let place = &finding.place;
    let mut text = match (place.part, &place.path) {
        (Part::File, Some(path)) => format!("{path}:{}", place.line),
        (Part::File, None) => format!("object {}", short(place.object.as_deref())),
        (Part::FileName, Some(path)) => format!("in the file name {path}"),
        (Part::RefName, Some(name)) => format!("in the name {name}"),
        (Part::PushOption, Some(name)) => format!("in {name}"),
        (Part::Tag, _) => format!(
            "in tag {}, line {}",
            short(place.object.as_deref()),
            place.line
        ),
        (part, _) => format!("in the {}, line {}", part.describe(), place.line),
    };
    if !finding.via.is_empty() {
        let _ = write!(text, ", in {}", finding.via.join(", "));
    }
    if let Some(commit) = &place.commit {
        let _ = write!(text, " in commit {}", short(Some(commit)));
    }
    text
}

fn remedy(page: &mut Page, told: &[&Finding]) {
    if told.iter().any(|finding| is_secret(finding)) {
        page.text("Treat it as used: whoever had this clone may have it.");
    }
    let mut said = std::collections::HashSet::new();
    for finding in told.iter().take(MOST) {
        if let Some(remedy) = &finding.remedy
            && said.insert(remedy)
        {
            page.text(remedy);
        }
    }
}

/// The exact command for the first finding; the others follow the same way.
fn way_out(page: &mut Page, order: &Order, first: &Finding) {
    page.gap();
    let place = &first.place;
    let commit = place.commit.as_deref();
    match place.part {
        Part::RefName => {
            page.text("Then give the branch or tag another name and push that:");
            page.line("  git branch -m NEW-NAME");
        }
        Part::PushOption => page.text("Then push again without that push option (-o)."),
        Part::Tag => {
            page.text("Then make the tag again without it and push:");
            page.line("  git tag -a -f TAG-NAME");
        }
        Part::File | Part::FileName | Part::CommitMessage | Part::Author | Part::CommitHeader => {
            page.text(
                "Then take it out and rewrite the commit that brings it. Removing it in a later \
                 commit is not enough: the earlier one leaves as well.",
            );
            rewrite(page, order, commit, place.root);
        }
    }
    page.text("To look before you push:");
    page.line("  exeat scan --git @{upstream}..HEAD");
}

fn rewrite(page: &mut Page, order: &Order, commit: Option<&str>, root: bool) {
    let Some(commit) = commit else {
        return;
    };
    let commands = &order.request.commands;
    let mut tips = commands.iter().map(|command| command.new.to_string());
    if tips.any(|tip| tip == commit) {
        page.line("  git commit --amend -a");
        return;
    }
    if root {
        page.line("  git rebase -i --root");
    } else {
        page.line(&format!("  git rebase -i {}~1", short(Some(commit))));
    }
    page.text(&format!(
        "(mark {} with \"edit\", take it out, git commit --amend -a, git rebase --continue)",
        short(Some(commit))
    ));
}

fn ending(page: &mut Page, order: &Order, report: &Report) {
    page.gap();
    page.text(&format!(
        "Push {}. Checked: {}.",
        order.id,
        checked(&report.coverage)
    ));
    page.line(&format!("Rules {}.", short(Some(&report.rules_digest))));
}

fn checked(coverage: &Coverage) -> String {
    let parts = [
        (coverage.commits, "commit"),
        (coverage.blobs, "file version"),
        (coverage.tags, "tag object"),
        (coverage.refs, "ref"),
        (coverage.options, "push option"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", plural(count)))
        .collect();
    told.join(", ")
}

fn counted(stopped: &Stopped) -> String {
    let mut findings = 0;
    let mut unread = 0;
    for reason in &stopped.reasons {
        match reason.ground {
            Ground::Findings(_) | Ground::Excused => findings += reason.count,
            Ground::NotScannable | Ground::Opaque => unread += reason.count,
            Ground::Existing if old_stops(stopped) => findings += reason.count,
            Ground::Existing | Ground::Waived | Ground::OpaqueAllowed => {}
            Ground::Denied | Ground::ReviewAsked => {}
        }
    }
    match (findings, unread) {
        (0, 0) => format!("policy rule {}", deciding(stopped).join(", ")),
        (0, unread) => format!("{unread} not readable"),
        (findings, 0) => format!("{findings} finding{}", plural(findings)),
        (findings, unread) => {
            format!(
                "{findings} finding{}, {unread} not readable",
                plural(findings)
            )
        }
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn short(id: Option<&str>) -> &str {
    let id = id.unwrap_or("unknown");
    id.get(..ABBREVIATED).unwrap_or(id)
}

/// Lines of at most 72 columns.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A line that fits by itself, such as a command.
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A paragraph, wrapped.
    fn text(&mut self, text: &str) {
        self.wrap("", text);
    }

    fn indented(&mut self, text: &str) {
        self.wrap("  ", text);
    }

    fn wrap(&mut self, indent: &str, text: &str) {
        let mut line = String::from(indent);
        let mut width = indent.len();
        for word in text.split_whitespace() {
            for piece in pieces(word, COLUMNS - indent.len() - 2) {
                let gap = usize::from(width > indent.len());
                let length = piece.chars().count();
                if width + gap + length > COLUMNS {
                    self.line(&line);
                    line = String::from(indent);
                    width = indent.len();
                } else if gap == 1 {
                    line.push(' ');
                    width += 1;
                }
                line.push_str(piece);
                width += length;
            }
        }
        self.line(&line);
    }
}

/// A word that is longer than a line, in pieces that are not.
fn pieces(word: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let end = rest
            .char_indices()
            .nth(most)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::loss::Loss;

    #[test]
    fn lines_stay_within_72_columns() {
        let mut page = Page::default();
        page.text(&"word ".repeat(100));
        page.indented(&"x".repeat(500));
        assert!(page.text.lines().all(|line| line.len() <= COLUMNS));
        assert_eq!(page.text.matches('x').count(), 500);
        let mut page = Page::default();
        page.indented(&"\u{e4}".repeat(500));
        page.text(&"gr\u{fc}n ".repeat(100));
        let width = |line: &str| line.chars().count();
        assert!(page.text.lines().all(|line| width(line) <= COLUMNS));
        assert_eq!(page.text.matches('\u{e4}').count(), 500);
    }

    #[test]
    fn faults_say_first_what_became_of_the_push() {
        let id = PushId::random().unwrap();
        let ours = fault(&id, &Fault::Inside);
        assert!(
            ours.text
                .starts_with("We could not finish the checks. Nothing left")
        );
        assert!(ours.text.contains(id.as_str()) && ours.text.contains("E-5004"));
        let lost = Fault::Lost {
            upstream: "forge".into(),
            how: Loss::NoAnswer,
        };
        let unknown = fault(&id, &lost);
        assert!(!unknown.text.contains("Nothing left"));
        assert!(unknown.text.contains("git fetch"));
    }
}
