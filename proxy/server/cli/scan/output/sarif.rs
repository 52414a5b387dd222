//! Findings as SARIF 2.1.0 (OASIS), for code scanning of forges and editors.

use std::io::{self, Write};

use exeat_inspect::Finding;
use exeat_rules::{Action, Rule, RuleSet};
use serde_json::{Value, json};

use super::Outcome;

pub fn write(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let mut rules: Vec<&str> = outcome
        .findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let unread: Vec<Value> = outcome
        .unread
        .iter()
        .map(|missed| {
            json!({
                "level": "error",
                "message": { "text": format!("not read: {}: {}", missed.what, missed.why) },
            })
        })
        .collect();
    let results: Vec<Value> = outcome
        .findings
        .iter()
        .map(|finding| result(finding, &rules))
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "exeat",
                "version": env!("CARGO_PKG_VERSION"),
                "properties": { "rulesDigest": outcome.rules.digest() },
                "rules": rules.iter().map(|id| described(outcome.rules, id)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": outcome.unread.is_empty(),
                "startTimeUtc": format!("{}Z", outcome.begun),
                "endTimeUtc": format!("{}Z", outcome.ended),
                "toolExecutionNotifications": unread,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn described(rules: &RuleSet, id: &str) -> Value {
    let Some(rule) = rules.rules().iter().find(|rule| rule.id == id) else {
        return json!({ "id": id });
    };
    let mut told = json!({
        "id": id,
        "shortDescription": { "text": description(rule) },
        "defaultConfiguration": { "level": level(rule.action) },
        "properties": { "tags": tags(rule), "security-severity": severity(rule) },
    });
    if let Some(remedy) = &rule.remedy {
        told["help"] = json!({ "text": remedy });
    }
    if let Some(reference) = super::addresses(rule).next() {
        told["helpUri"] = json!(reference);
    }
    told
}

fn description(rule: &Rule) -> &str {
    match rule.description.is_empty() {
        true => &rule.id,
        false => &rule.description,
    }
}

/// A set, as the standard asks for.
fn tags(rule: &Rule) -> Vec<&str> {
    let mut tags: Vec<&str> = rule.tags.iter().map(String::as_str).collect();
    tags.extend(["security", "secret"]);
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// How GitHub orders alerts: a number from 0 to 10.
fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        exeat_rules::Severity::Critical => "9.5",
        exeat_rules::Severity::High => "8.0",
        exeat_rules::Severity::Medium => "5.5",
        exeat_rules::Severity::Low => "3.0",
        exeat_rules::Severity::Info => "0.0",
    }
}

fn level(action: Action) -> &'static str {
    match action {
        Action::Block => "error",
        Action::Review | Action::Warn => "warning",
        Action::Note => "note",
    }
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let place = &finding.place;
    let mut told = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.binary_search(&finding.rule.as_str()).map_or(-1, |at| at as i64),
        "level": level(finding.action),
        "message": { "text": super::sentence(finding) },
        "partialFingerprints": {
            "exeatSecret/v1": finding.fingerprint.to_string(),
            "exeatLine/v1": finding.surroundings.to_string(),
        },
        "properties": {
            "action": finding.action,
            "confidence": finding.confidence,
            "part": place.part.describe(),
            "masked": finding.masked.as_str(),
            "commit": place.commit,
            "object": place.object,
        },
    });
    if let Some(path) = &place.path {
        told["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": {
                "startLine": place.line.max(1),
                "startColumn": place.character.max(1),
                "endLine": place.end_line.max(place.line).max(1),
            },
        }}]);
    }
    told
}

/// A path as a reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    // Two slashes would begin a host.
    match uri.starts_with("//") {
        true => format!("/.{uri}"),
        false => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("a/b c:d#?%.txt"), "a/b%20c%3Ad%23%3F%25.txt");
        assert_eq!(uri("//a"), "/.//a");
        assert_eq!(uri("/a"), "/a");
    }
}
