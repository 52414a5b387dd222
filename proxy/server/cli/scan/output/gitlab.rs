//! Findings as GitLab's report of secret detection, version 15.0.0.

use std::io::{self, Write};

use exeat_inspect::Finding;
use exeat_rules::{RuleSet, Severity};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Outcome;

/// What GitLab's own analyser says where there is no commit.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// Longest name and solution that the schema allows, in characters.
const NAME: usize = 255;
const SOLUTION: usize = 7000;

pub fn write(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let tool = json!({
        "id": "exeat",
        "name": "Exeat",
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": { "name": "Exeat" },
    });
    let messages: Vec<Value> = outcome
        .unread
        .iter()
        .map(|missed| json!({ "level": "warn", "value": format!("not read: {}: {}", missed.what, missed.why) }))
        .collect();
    let found = outcome
        .findings
        .iter()
        .map(|finding| vulnerability(outcome.rules, finding));
    let report = json!({
        "version": "15.0.0",
        "schema": "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/v15.0.0/dist/secret-detection-report-format.json",
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "secret_detection",
            "start_time": outcome.begun,
            "end_time": outcome.ended,
            "status": if outcome.unread.is_empty() { "success" } else { "failure" },
            "messages": messages,
        },
        "vulnerabilities": found.collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn vulnerability(rules: &RuleSet, finding: &Finding) -> Value {
    let place = &finding.place;
    let mut told = json!({
        "id": id(finding),
        "name": short(&finding.description, NAME),
        "description": super::sentence(finding),
        "severity": severity(finding.severity),
        "identifiers": [{ "type": "exeat_rule_id", "name": format!("Exeat rule {}", finding.rule), "value": finding.rule }],
        "location": {
            "commit": { "sha": place.commit.as_deref().unwrap_or(NO_COMMIT) },
            "start_line": place.line,
            "end_line": place.end_line.max(place.line),
        },
    });
    if let Some(path) = &place.path {
        told["location"]["file"] = json!(path);
    }
    if let Some(remedy) = &finding.remedy {
        told["solution"] = json!(short(remedy, SOLUTION));
    }
    let rule = rules.rules().iter().find(|rule| rule.id == finding.rule);
    let links = rule.into_iter().flat_map(super::addresses);
    let links: Vec<Value> = links.map(|url| json!({ "url": url })).collect();
    if !links.is_empty() {
        told["links"] = Value::Array(links);
    }
    told
}

/// The same for the same finding: a UUID of version 8, whose bits are ours.
fn id(finding: &Finding) -> String {
    let place = &finding.place;
    let mut hash = Sha256::new();
    for part in [
        finding.rule.as_str(),
        place.path.as_deref().unwrap_or_default(),
        place.commit.as_deref().unwrap_or_default(),
        &format!(
            "{:?} {} {} {}",
            place.part, place.line, place.column, finding.fingerprint
        ),
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = hash.finalize();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(&bytes[..16]);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}

fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
