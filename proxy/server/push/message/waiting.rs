//! What a developer reads of a push that waits for people: where it stands, who decides, and how to go on.

use super::{MOST, Page, STATE, Told, body, counted, ending, plural, policy_says};
use crate::{
    people::time,
    policy::Stopped,
    push::{Order, said::Said},
    review::{
        Filed, Missing, State,
        dossier::{Dossier, Returned},
    },
};
use exeat_gitwire::legible;
use exeat_inspect::Report;

/// Lines of somebody's words that are told.
const MOST_LINES: usize = 20;

/// A push that waits now.
pub fn held(order: &Order, report: &Report, stopped: &Stopped, filed: &Filed) -> Told {
    let mut page = Page::default();
    page.line(&format!("Push held for review. {STATE}"));
    policy_says(&mut page, stopped);
    body(&mut page, order, report, stopped);
    page.gap();
    page.text("Is it fine as it is? Then there is nothing to do but wait:");
    stands(&mut page, filed);
    go_on(&mut page, order, filed);
    page.gap();
    if order.wishes.reason.is_none() {
        page.text("A reason helps them: the same push with");
        page.line("  -o exeat.reason=\"...\"");
    }
    ending(&mut page, order, report);
    Told {
        text: page.text,
        reason: format!("held for review: {}, {}", counted(stopped), filed.case.id),
    }
}

/// The same push, pushed again before somebody decided. `heard` is what became of the words that it brought.
pub fn still_held(order: &Order, filed: &Filed, said: &[Said], heard: Option<&str>) -> Told {
    let mut page = Page::default();
    let returned = came_back(filed);
    match (&returned, filed.case.state) {
        (Some(returned), _) => {
            page.line(&format!("Push went back to its reviewers. {STATE}"));
            page.gap();
            what_is_new(&mut page, returned);
        }
        (None, State::Forwarding) => {
            page.line(&format!("The same push is on its way already. {STATE}"));
        }
        (None, _) => page.line(&format!("Push is held for review still. {STATE}")),
    }
    page.gap();
    stands(&mut page, filed);
    page.said(&said.iter().collect::<Vec<_>>());
    if !said.is_empty() {
        page.gap();
        page.text("All of it, with a token of yours:");
        page.line(&format!("  exeat review show {}", filed.case.id));
    }
    if let Some(heard) = heard {
        page.gap();
        page.text(heard);
    }
    go_on(&mut page, order, filed);
    let reason = match returned {
        Some(_) => "back for review",
        None => "held for review",
    };
    closing(page, order, filed, reason)
}

/// A push that somebody has said no to.
pub fn rejected(order: &Order, filed: &Filed, by: &str, words: &str) -> Told {
    let by = legible::show(by.as_bytes());
    let mut page = Page::default();
    page.line("Push rejected by a reviewer. Nothing left the company.");
    page.gap();
    page.text(&format!("{by} wrote:"));
    page.words(words, MOST_LINES);
    page.gap();
    to_fix(&mut page, filed);
    page.text(
        "Change what is asked for, then push again: a push that differs is looked at anew. Your commits are safe on \
         your machine.",
    );
    page.gap();
    page.line(&format!("Push {} (held as {}).", order.id, filed.case.id));
    Told {
        text: page.text,
        reason: format!("rejected, {}", filed.case.id),
    }
}

/// An approved push that goes, with what those wrote who approved it.
pub fn approved(filed: &str, said: &[Said]) -> String {
    let mut page = Page::default();
    page.said(&said.iter().collect::<Vec<_>>());
    page.line(&format!("Approved as {filed}. On its way."));
    page.text.trim_start().to_owned()
}

/// What was said of a push that stays open.
pub fn news(said: &[&Said]) -> String {
    let mut page = Page::default();
    page.said(said);
    page.text.trim_start().to_owned()
}

/// A push stays open for a decision.
pub fn waits(filed: &Filed) -> String {
    let case = &filed.case;
    let missing = match missing_groups(filed) {
        groups if groups.is_empty() => String::new(),
        groups => format!("; {groups}"),
    };
    format!(
        "Waiting for a decision on {}: {} of {} approvals{missing}. Ctrl-C ends the waiting, not the review.\n",
        case.id,
        case.approvals(),
        case.terms.approvers
    )
}

/// Somebody wants findings fixed of a push that stays open.
pub fn must_be_fixed(filed: &Filed) -> String {
    let mut page = Page::default();
    to_fix(&mut page, filed);
    page.text
}

/// Too many stay open already: it is held, and told at once.
pub fn too_many_wait(held: Told) -> Told {
    let sorry = "Too many pushes stay open for a decision already (limits.waiting).\nWhen it is approved, push again.\n\n";
    Told {
        text: format!("{sorry}{}", held.text),
        reason: held.reason,
    }
}

/// An approved push that is worse now than when it was approved, and stays open.
pub fn returned(filed: &Filed) -> String {
    let mut page = Page::default();
    page.line(&format!("{} went back to its reviewers.", filed.case.id));
    if let Some(returned) = came_back(filed) {
        what_is_new(&mut page, &returned);
    }
    page.text + &waits(filed)
}

/// Why a case waits again that was approved.
fn came_back(filed: &Filed) -> Option<Returned> {
    match filed.case.state {
        State::Open => Dossier::read(&filed.body)?.returned,
        _ => None,
    }
}

fn what_is_new(page: &mut Page, returned: &Returned) {
    page.text(&format!(
        "It was approved by {}. Rules or policy have changed since, and what stands against it now was not seen then:",
        legible::show(returned.approved_by.join(", ").as_bytes())
    ));
    for new in &returned.new {
        page.text(&format!("* {new}"));
    }
    if returned.more > 0 {
        page.line(&format!("* and {} more", returned.more));
    }
}

/// It was sent meanwhile, but not by this push.
pub fn went_without(order: &Order, filed: &Filed) -> Told {
    let mut page = Page::default();
    page.line("The same push was sent meanwhile, by another one. See what arrived:");
    page.line("  git fetch");
    closing(page, order, filed, "sent by another push")
}

/// Nobody will decide any more.
pub fn over(order: &Order, filed: &Filed) -> Told {
    let case = &filed.case;
    let mut page = Page::default();
    page.line(&format!(
        "The push is {} and no longer waits. {STATE}",
        case.state
    ));
    if let Some(other) = &case.superseded_by {
        page.text(&format!("Push {other} has taken its place."));
    }
    let reason = format!("{}", case.state);
    closing(page, order, filed, &reason)
}

/// It has waited as long as the limits let it.
pub fn waited_enough(order: &Order, filed: &Filed) -> Told {
    still(
        order,
        filed,
        "Nobody has decided yet, and pushes stay open only so long (limits.wait_seconds).",
    )
}

/// How it stands cannot be read.
pub fn unread(order: &Order, filed: &Filed) -> Told {
    still(
        order,
        filed,
        "How it stands cannot be read at this moment, so the push does not stay open.",
    )
}

/// The proxy is about to stop.
pub fn stops(order: &Order, filed: &Filed) -> Told {
    still(
        order,
        filed,
        "The proxy is being restarted, so the push does not stay open.",
    )
}

fn still(order: &Order, filed: &Filed, why: &str) -> Told {
    let mut page = Page::default();
    page.line(&format!("Push is held for review. {STATE}"));
    page.text(why);
    page.gap();
    stands(&mut page, filed);
    if filed.to_fix().is_empty() {
        page.gap();
        page.text("When it is approved, push again with the same command.");
    }
    closing(page, order, filed, "held for review")
}

fn closing(mut page: Page, order: &Order, filed: &Filed, reason: &str) -> Told {
    page.gap();
    page.line(&format!("Push {}.", order.id));
    Told {
        text: page.text,
        reason: format!("{reason}, {}", filed.case.id),
    }
}

/// How its developer goes on. One who waits is told so when the waiting begins.
fn go_on(page: &mut Page, order: &Order, filed: &Filed) {
    if order.wishes.wait || !filed.to_fix().is_empty() {
        return;
    }
    page.gap();
    page.text(
        "When it is approved, push again with the same command. To keep a push open until then:",
    );
    page.line("  git push -o exeat.wait");
}

/// Where a case stands.
fn stands(page: &mut Page, filed: &Filed) {
    let case = &filed.case;
    let approvals = case.approvals();
    let missing = case.terms.missing(&case.decisions);
    page.line(&format!(
        "  {}: {} of {} approval{}",
        case.id,
        approvals,
        case.terms.approvers,
        plural(u64::from(case.terms.approvers))
    ));
    page.indented(&who_decides(filed));
    if missing == 0 && case.state == State::Open {
        let groups = missing_groups(filed);
        if !groups.is_empty() {
            page.indented(&format!("These are enough, but {groups}."));
        }
    }
    if missing > 0 && case.pusher.person.is_none() && case.terms.approvers > 1 {
        page.indented("Two, for nobody is known to have this account.");
    }
    page.indented(&format!(
        "It ends by itself at {}.",
        time::text(case.expires)
    ));
    page.gap();
    to_fix(page, filed);
}

/// What reviewers want fixed, rule and place and why; whether there is anything.
fn to_fix(page: &mut Page, filed: &Filed) -> bool {
    let found = filed.to_fix();
    if found.is_empty() {
        return false;
    }
    page.text("It cannot be approved as it is. This must be fixed first, in a new push:");
    for one in found.iter().take(MOST) {
        let what = legible::show(one.what().as_bytes());
        let words: Vec<String> = one
            .words
            .lines()
            .map(|line| legible::show(line.as_bytes()))
            .collect();
        let words = words.join(" ");
        page.indented(&format!("{what}: {words}"));
    }
    match found.len().saturating_sub(MOST) {
        0 => {}
        more => page.indented(&format!("and {more} more")),
    }
    page.gap();
    true
}

/// Which groups nobody has spoken for yet; empty where all are heard.
fn missing_groups(filed: &Filed) -> String {
    let case = &filed.case;
    match case.terms.lacks(&case.decisions).groups {
        groups if groups.is_empty() => String::new(),
        groups => Missing {
            approvals: 0,
            groups,
        }
        .to_string(),
    }
}

fn who_decides(filed: &Filed) -> String {
    let case = &filed.case;
    let unheard: Vec<String> = case
        .terms
        .unheard(&case.decisions)
        .map(|list| format!("somebody of {}", list.join(" or ")))
        .collect();
    let whose = match case.terms.four_eyes {
        true => ", and nobody for a push of their own",
        false => "",
    };
    let must = match unheard.is_empty() {
        true => String::new(),
        false => format!("; {} must be among them", unheard.join(", ")),
    };
    format!(
        "Reviewers of {}/{} decide{must}{whose}.",
        filed.upstream,
        legible::show(filed.repository.as_bytes())
    )
}

/// Of one of several.
const FEWER_LINES: usize = 6;

impl Page {
    /// What people said, each with who said it.
    fn said(&mut self, said: &[&Said]) {
        for one in said {
            self.gap();
            self.text(&legible::show(one.head.as_bytes()));
            self.words(&one.words, FEWER_LINES);
        }
    }

    /// What somebody wrote, in the lines in which it was written.
    fn words(&mut self, words: &str, most: usize) {
        let lines = words.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<&str> = lines.collect();
        for line in lines.iter().take(most) {
            self.indented(&legible::show(line.as_bytes()));
        }
        if lines.len() > most {
            self.indented("...");
        }
    }
}
