//! Alerts and dashboard ask only for series that a running proxy shows, from its start on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::promql::{self, Asked};
use super::{read, yaml};
use crate::harness::{Options, World};

const ALERTS: &str = "deploy/alerts/exeat.rules.yml";
const DASHBOARD: &str = "deploy/dashboards/exeat.json";

/// Labels that Prometheus adds when it asks.
const ADDED: [&str; 2] = ["job", "instance"];
/// Series that Prometheus makes itself, with the labels of `ADDED`.
const MADE: [&str; 1] = ["up"];

/// Metric, label, values.
type Shown = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What a proxy shows that nobody has used yet.
fn shown() -> Shown {
    let world = World::start(Options::default());
    let answer = world.telemetry("/metrics");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut shown = Shown::new();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, _)) = line.rsplit_once(' ') else {
            continue;
        };
        let asked = promql::asked(series);
        let [selector] = asked.selectors.as_slice() else {
            panic!("not one series: {line}");
        };
        let labels = shown.entry(selector.metric.clone()).or_default();
        for (label, _, value) in &selector.conditions {
            labels
                .entry(label.clone())
                .or_default()
                .insert(value.clone());
        }
    }
    for name in MADE {
        shown.entry(name.into()).or_default();
    }
    assert!(shown.len() > 20, "{shown:?}");
    shown
}

/// What is wrong with an expression.
fn complaints(expression: &str, shown: &Shown) -> Vec<String> {
    let Asked {
        selectors,
        groupings,
    } = promql::asked(expression);
    let mut complaints = Vec::new();
    if selectors.is_empty() {
        complaints.push("asks for nothing".to_owned());
    }
    let mut labels: BTreeSet<&str> = ADDED.into();
    for selector in &selectors {
        let Some(known) = shown.get(&selector.metric) else {
            complaints.push(format!("no metric {}", selector.metric));
            continue;
        };
        labels.extend(known.keys().map(String::as_str));
        for (label, operator, value) in &selector.conditions {
            if ADDED.contains(&label.as_str()) {
                continue;
            }
            let Some(values) = known.get(label) else {
                complaints.push(format!("{} has no label {label}", selector.metric));
                continue;
            };
            // Alternatives are the only patterns in use.
            let wanted = match operator.ends_with('~') {
                true => value.split('|').collect(),
                false => vec![value.as_str()],
            };
            let unknown = wanted.iter().filter(|value| !values.contains(**value));
            complaints.extend(
                unknown.map(|value| format!("{}{{{label}}} is never \"{value}\"", selector.metric)),
            );
        }
    }
    let unknown = groupings
        .iter()
        .filter(|label| !labels.contains(label.as_str()));
    complaints.extend(unknown.map(|label| format!("nothing here has the label {label}")));
    complaints
}

#[test]
fn alerts_and_dashboard_ask_for_what_is_there() {
    let shown = shown();
    let mut expressions = dashboard_expressions();
    assert!(expressions.len() > 20);
    if let Some(rules) = yaml(ALERTS) {
        for rule in alerts(&rules) {
            let expression = rule["expr"].as_str().unwrap();
            expressions.push((rule["alert"].to_string(), expression.to_owned()));
        }
    }
    let wrong: Vec<String> = expressions
        .iter()
        .flat_map(|(name, expression)| {
            let complaints = complaints(expression, &shown).into_iter();
            complaints.map(move |complaint| format!("{name}: {complaint}: {expression}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The check itself can fail.
    for bad in [
        "exeat_nothing_total",
        "rate(exeat_pushes_total{verdict=\"maybe\"}[5m])",
        "exeat_pushes_total{user=\"ada\"}",
        "sum by (user) (exeat_pushes_total)",
        "time() - 1",
    ] {
        assert!(!complaints(bad, &shown).is_empty(), "{bad} passes");
    }
}

/// A counter that appears with its first event shows no increase from it, so what alerts stand on is there from the start.
#[test]
fn every_cause_of_failing_closed_is_shown_before_it_happens() {
    let shown = shown();
    let shown = &shown["exeat_failclosed_total"]["cause"];
    let table = read("proxy/server/push/fault.rs");
    let ours = table.lines().filter(|line| line.contains("Blame::Ours)"));
    let causes: Vec<&str> = ours.filter_map(|line| line.split('"').nth(3)).collect();
    assert!(causes.len() >= 5, "{causes:?}");
    let missing: Vec<&&str> = causes
        .iter()
        .filter(|cause| !shown.contains(**cause))
        .collect();
    assert!(missing.is_empty(), "metrics.rs does not name {missing:?}");
}

#[test]
fn every_alert_says_what_to_do() {
    let Some(rules) = yaml(ALERTS) else { return };
    let mut names = BTreeSet::new();
    for rule in alerts(&rules) {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["page", "ticket"].contains(&severity), "{name}");
        let words = |key: &str| {
            rule["annotations"][key]
                .as_str()
                .unwrap()
                .split(' ')
                .count()
        };
        assert!(words("summary") >= 4 && words("runbook") >= 15, "{name}");
    }
    for about in [
        "FailsClosed",
        "AuditFails",
        "AuditSlow",
        "SpoolNearlyFull",
        "CertificateExpires",
        "ReloadRefused",
        "UpstreamFails",
        "NothingForwarded",
        "Memory",
    ] {
        assert!(names.contains(format!("Exeat{about}").as_str()), "{about}");
    }
}

#[test]
fn what_compose_mounts_is_what_prometheus_and_grafana_read() {
    let Some(prometheus) = yaml("deploy/compose/prometheus.yml") else {
        return;
    };
    assert_eq!(
        prometheus["rule_files"][0], "/etc/prometheus/alerts/*.yml",
        "compose.yaml mounts them there"
    );
    let job = &prometheus["scrape_configs"][0];
    // The alerts' selectors name the job.
    assert_eq!(job["job_name"], "exeat");
    assert_eq!(job["static_configs"][0]["targets"][0], "exeat:9464");
    let source = yaml("deploy/compose/grafana/datasources.yaml").unwrap();
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
    let provider = yaml("deploy/compose/grafana/dashboards.yaml").unwrap();
    let folder = &provider["providers"][0]["options"]["path"];
    let compose = read("deploy/compose/compose.yaml");
    assert!(compose.contains(&format!("../dashboards:{}:ro", folder.as_str().unwrap())));
}

fn alerts(rules: &Value) -> Vec<&Value> {
    let groups = rules["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect()
}

/// Panel and expression. The dashboard's variables are left out of the expressions' conditions.
fn dashboard_expressions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut expressions = Vec::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "two panels with one id");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            expressions.push((panel["title"].to_string(), expression.to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            let query = variable["definition"].as_str().unwrap();
            let metric = query.strip_prefix("label_values(").unwrap();
            let metric = metric.split(',').next().unwrap();
            expressions.push((variable["name"].to_string(), metric.to_owned()));
        }
    }
    expressions
}
