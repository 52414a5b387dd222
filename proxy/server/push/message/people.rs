//! What a developer reads about authors, sign-offs and signatures: which commits, and the command that mends them.

use exeat_inspect::{Demand, Finding, Report};

use super::{Page, plural, short};
use crate::push::Order;

/// Commits and tags told one by one.
const MOST: usize = 5;

/// Whether the finding is told here, and not among the secrets.
pub fn is_told(finding: &Finding) -> bool {
    Demand::of_rule(&finding.rule).is_some()
}

/// What is not as it is asked to be, each with what to do about it.
pub fn list(page: &mut Page, order: &Order, report: &Report) {
    for demand in Demand::ALL {
        let failing = report.findings.iter();
        let failing = failing.filter(|finding| finding.rule == demand.rule());
        let failing: Vec<&Finding> = failing.collect();
        if let Some(&first) = failing.first() {
            let counted = report.counted.iter().find(|all| all.rule == demand.rule());
            let all = counted.map_or(failing.len() as u64, |counted| counted.all);
            tell(page, demand, &failing, all);
            mend(page, order, demand, first, all);
        }
    }
}

fn tell(page: &mut Page, demand: Demand, failing: &[&Finding], all: u64) {
    let what = match demand {
        Demand::MailDomain => "mail address outside the allowed domains",
        Demand::Pusher => "author and committer are not who pushes",
        Demand::SignOff => "no Signed-off-by line of author or committer",
        Demand::Signature => "no signature",
    };
    page.text(&format!(
        "* {all} commit{} or tag{}: {what} (rule {})",
        plural(all),
        plural(all),
        demand.rule()
    ));
    for finding in failing.iter().take(MOST) {
        let place = &finding.place;
        let what = match place.commit {
            Some(_) => "commit",
            None => "tag",
        };
        let id = short(place.object.as_deref());
        page.indented(&match demand {
            Demand::Signature => format!("{what} {id}"),
            _ => format!("{what} {id}: {}", finding.description),
        });
    }
    let told = failing.len().min(MOST) as u64;
    if all > told {
        page.indented(&format!("and {} more", all - told));
    }
}

/// The command for all of them, from the oldest on.
fn mend(page: &mut Page, order: &Order, demand: Demand, first: &Finding, all: u64) {
    let place = &first.place;
    if matches!(demand, Demand::MailDomain | Demand::Pusher) {
        page.indented("Set your address, and write them again under it:");
        page.line("  git config user.email YOU@YOUR-COMPANY");
    }
    let amend = match demand {
        Demand::MailDomain | Demand::Pusher => "git commit --amend --reset-author --no-edit",
        Demand::SignOff => "git commit --amend --signoff --no-edit",
        Demand::Signature => "git commit --amend --no-edit -S",
    };
    let Some(commit) = &place.commit else {
        let kind = if demand == Demand::Signature {
            "s"
        } else {
            "a"
        };
        page.line(&format!("  git tag -{kind} -f TAG-NAME TAG-NAME^{{}}"));
        return;
    };
    let commands = &order.request.commands;
    let mut tips = commands.iter().map(|command| command.new.to_string());
    if all == 1 && tips.any(|tip| tip == *commit) {
        page.line(&format!("  {amend}"));
        return;
    }
    let base = match place.root {
        true => "--root".to_owned(),
        false => format!("{}~1", short(Some(commit))),
    };
    match demand {
        Demand::SignOff => page.line(&format!("  git rebase --signoff {base}")),
        _ => {
            page.line(&format!("  git rebase {base} \\"));
            page.line(&format!("    --exec '{amend}'"));
        }
    }
}
