//! Step six: a judged push in the form in which it is recorded.

use exeat_inspect::{Finding, Report, finding::Part};
use sha2::{Digest, Sha256};

use super::{Order, fault::Fault, id::PushId};
use crate::{
    audit,
    door::Knock,
    identity::{Actor, Known},
    policy::{Ground, Verdict},
};

/// The record of a verdict.
pub fn decision(
    order: &Order,
    report: &Report,
    verdict: &Verdict,
    digests: &audit::Digests,
) -> audit::Decision {
    audit::Decision {
        verdict: recorded(verdict),
        reasons: reasons(report, verdict),
        findings: report.findings.iter().map(finding).collect(),
        coverage: coverage(report),
        ..unjudged(order, Some(report), digests)
    }
}

/// The record of a push that was refused before it could be judged.
pub fn fault(order: &Order, fault: &Fault, digests: &audit::Digests) -> audit::Decision {
    audit::Decision {
        reasons: vec![reason(fault)],
        ..unjudged(order, None, digests)
    }
}

/// The record of a push whose head was not understood: who, whereto, and why, for nothing else is known for certain.
pub fn unread(
    id: &PushId,
    knock: &Knock,
    (actor, known): (&Actor, &Known),
    fault: &Fault,
    digests: &audit::Digests,
) -> audit::Decision {
    audit::Decision {
        push: id.as_str().to_owned(),
        actor: known.recorded(actor),
        target: audit::Target {
            upstream: knock.upstream.name.clone(),
            repository: knock.repository.to_string(),
            refs: Vec::new(),
        },
        request: None,
        verdict: audit::Verdict::Refuse,
        case: None,
        reasons: vec![reason(fault)],
        findings: Vec::new(),
        coverage: audit::Coverage::default(),
        digests: digests.clone(),
    }
}

fn reason(fault: &Fault) -> audit::Reason {
    audit::Reason {
        cause: format!("{} {}", fault.id(), fault.cause()),
        action: None,
        count: 1,
    }
}

/// One word for logs and metrics.
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Forward(_) => "forward",
        Verdict::Hold(_) => "hold",
        Verdict::Refuse(_) => "refuse",
    }
}

fn recorded(verdict: &Verdict) -> audit::Verdict {
    match verdict {
        Verdict::Forward(_) => audit::Verdict::Forward,
        Verdict::Hold(_) => audit::Verdict::Hold,
        Verdict::Refuse(_) => audit::Verdict::Refuse,
    }
}

fn unjudged(order: &Order, report: Option<&Report>, digests: &audit::Digests) -> audit::Decision {
    audit::Decision {
        push: order.id.as_str().to_owned(),
        actor: order.known.recorded(&order.actor),
        target: target(order, report),
        request: Some(hex::encode(Sha256::digest(
            order.request.canonical_head(""),
        ))),
        verdict: audit::Verdict::Refuse,
        case: None,
        reasons: Vec::new(),
        findings: Vec::new(),
        coverage: audit::Coverage::default(),
        digests: digests.clone(),
    }
}

/// Refs are named as the inspection shows them; a push that was not inspected names none, since a
/// name may hold a secret.
fn target(order: &Order, report: Option<&Report>) -> audit::Target {
    let names = report.map_or(&[][..], |report| &report.refs);
    let refs = order
        .request
        .commands
        .iter()
        .enumerate()
        .map(|(index, command)| audit::RefUpdate {
            name: names
                .get(index)
                .cloned()
                .unwrap_or_else(|| "(not inspected)".into()),
            old: command.old.to_string(),
            new: command.new.to_string(),
        })
        .collect();
    audit::Target {
        upstream: order.knock.upstream.name.clone(),
        repository: order.knock.repository.to_string(),
        refs,
    }
}

/// One entry per rule with findings, one for what was not readable, one for findings that were spared
/// because the repository serves them already, one for those that the pusher excused, and one for those that are waived.
fn reasons(report: &Report, verdict: &Verdict) -> Vec<audit::Reason> {
    let mut reasons: Vec<audit::Reason> = Vec::new();
    for finding in &report.findings {
        match reasons
            .iter_mut()
            .find(|reason| reason.cause == finding.rule)
        {
            Some(reason) => reason.count += 1,
            None => reasons.push(audit::Reason {
                cause: finding.rule.clone(),
                action: Some(finding.action.to_string()),
                count: 1,
            }),
        }
    }
    for counted in &report.counted {
        let mut told = reasons.iter_mut();
        if let Some(reason) = told.find(|reason| reason.cause == counted.rule) {
            reason.count = counted.all;
        }
    }
    for reason in verdict.reasons() {
        let cause = match reason.ground {
            Ground::Findings(_) | Ground::Denied | Ground::ReviewAsked => continue,
            Ground::NotScannable => "unscannable",
            Ground::Opaque => "opaque",
            Ground::OpaqueAllowed => "opaque-allowed",
            Ground::Existing => "existing",
            Ground::Excused => "excused",
            Ground::Waived => "waived",
        };
        reasons.push(audit::Reason {
            cause: cause.into(),
            action: None,
            count: reason.count,
        });
    }
    reasons.extend(policy_rules(verdict));
    reasons
}

/// One entry for each policy rule that decided something, and of how much.
fn policy_rules(verdict: &Verdict) -> Vec<audit::Reason> {
    let mut rules: Vec<audit::Reason> = Vec::new();
    for reason in verdict.reasons() {
        let Some(by) = &reason.by else {
            continue;
        };
        let cause = format!("policy:{}", by.name);
        match rules.iter_mut().find(|rule| rule.cause == cause) {
            Some(rule) => rule.count += reason.count,
            None => rules.push(audit::Reason {
                cause,
                action: None,
                count: reason.count,
            }),
        }
    }
    rules
}

fn finding(finding: &Finding) -> audit::Finding {
    let place = &finding.place;
    audit::Finding {
        rule: finding.rule.clone(),
        action: finding.action.to_string(),
        path: match place.part {
            Part::File | Part::FileName | Part::RefName | Part::PushOption => place.path.clone(),
            part => Some(part.describe().to_owned()),
        },
        line: Some(place.line),
        commit: place.commit.clone(),
        via: finding.via.clone(),
        masked: finding.masked.to_string(),
        fingerprint: finding.fingerprint.to_string(),
        existing: finding.existing,
        allowlisted: finding.allowlisted.map(|hiding| hiding.to_string()),
        excused: finding.excused.map(|excuse| excuse.to_string()),
        waived: finding.waived.clone(),
    }
}

fn coverage(report: &Report) -> audit::Coverage {
    let coverage = &report.coverage;
    audit::Coverage {
        commits: coverage.commits,
        trees: coverage.trees,
        blobs: coverage.blobs,
        tags: coverage.tags,
        bytes: coverage.bytes,
        refs: coverage.refs,
        options: coverage.options,
        not_scannable: coverage.not_scannable,
        bases: coverage.bases,
        layers: coverage.layers,
        decoded: coverage.decoded,
        members: coverage.members,
        media: coverage.media,
    }
}
