//! Every metric name and help text, in one place.
//!
//! Names follow the Prometheus conventions: base units, `_total`, `_seconds`, `_bytes`, `_info`. Labels have few values, all
//! known to the code: never a user, a repository or a ref, which would name people and grow without bound.

use std::{sync::Arc, time::SystemTime};

use prometheus::{
    Counter, CounterVec, Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::{config::Limits, process::Seen};

/// Cheap to clone; all clones count into the same registry.
#[derive(Clone)]
pub struct Metrics(Arc<Counters>);

/// The metrics themselves. The field names are the metric names without the `exeat_` in front.
pub struct Counters {
    registry: Registry,
    /// Pushes judged, by `verdict`: `forward`, `hold`, `refuse`.
    pub pushes_total: IntCounterVec,
    /// Time per `phase` of a push: `receive`, `inspect`, `forward`, `whole`.
    pub push_duration_seconds: HistogramVec,
    /// Findings, by `action`: `block`, `review`, `warn`, `note`.
    pub findings_total: IntCounterVec,
    /// Findings that the repository pushed to served already; they are not among the ones above.
    pub existing_findings_total: IntCounter,
    /// Findings lowered from block to review by what the push brings, by `excuse`: `comment`, `ignore-file`, `baseline`.
    /// They are among those of `findings_total` all the same.
    pub excused_findings_total: IntCounterVec,
    /// Answers to stopped pushes without details, because the pusher's pushes were stopped again and again.
    pub quiet_answers_total: IntCounter,
    /// Findings that waivers covered, and that stopped nothing. They are among those of `findings_total` all the same.
    pub waived_findings_total: IntCounter,
    /// Delta bases of thin packs that were fetched from upstreams.
    pub thin_bases_total: IntCounter,
    pub scan_bytes_total: IntCounter,
    /// Automata of rules that gave up, and were replaced by a slower way.
    pub rules_fallbacks_total: IntCounter,
    /// Time per `stage` of an inspection, of all threads together.
    pub inspection_seconds_total: CounterVec,
    /// Objects that were inspected in an earlier push.
    pub recalled_objects_total: IntCounter,
    pub pack_bytes_total: IntCounter,
    /// Fetches, by `result`: `ok`, `refused`, `failed`.
    pub fetches_total: IntCounterVec,
    /// Requests, by `kind`: what the door took them for.
    pub requests_total: IntCounterVec,
    /// Requests and pushes refused, by `cause`: a stable word.
    pub refusals_total: IntCounterVec,
    /// Failures of an upstream, by `class`: the words of `UPSTREAM_ERRORS`.
    pub upstream_errors_total: IntCounterVec,
    /// Pushes refused because a part of Exeat itself failed, by `cause`.
    pub failclosed_total: IntCounterVec,
    /// Reloads of the configuration or of its rule files, by `result`: `ok`, `failed`.
    pub reloads_total: IntCounterVec,
    /// Rules of refused files whose example the engine of pushes did not tell.
    pub selftest_faults_total: IntCounter,
    pub pushes_in_flight: IntGauge,
    /// Pushes that stay open for a decision.
    pub pushes_waiting: IntGauge,
    pub places_taken: IntGauge,
    pub connections: IntGauge,
    pub console_connections: IntGauge,
    /// Connections ended by us, by `cause`: `handshake`, `head`, `idle`, `answer`, `full`.
    pub connections_ended_total: IntCounterVec,
    /// Readings of changed certificate files, by `listener`: `git`, `console`, and `result`: `renewed`, `kept`.
    pub certificate_reloads_total: IntCounterVec,
    /// By `listener`: `git`, `console`.
    pub certificate_expiry_timestamp_seconds: IntGaugeVec,
    pub spool_bytes: IntGauge,
    pub audit_append_duration_seconds: Histogram,
    pub audit_size: IntGauge,
    /// `limits.spool_bytes`, `limits.pushes` and `limits.connections`, so that alerts need not know the configuration.
    pub spool_limit_bytes: IntGauge,
    pub pushes_limit: IntGauge,
    pub connections_limit: IntGauge,
    /// Notices, by `channel`: `webhook`, `mail`.
    pub notices_delivered_total: IntCounterVec,
    pub notices_failed_total: IntCounterVec,
    pub notices_dead_total: IntCounterVec,
    pub outbox_waiting: IntGaugeVec,
    pub outbox_dead: IntGaugeVec,
    pub outbox_oldest_seconds: IntGauge,
    build_info: IntGaugeVec,
    rules_info: IntGaugeVec,
    /// By `proof`: `proven`, `unproven`.
    rules: IntGaugeVec,
    /// By `what`: `configuration`, `rules`.
    reload_refused: IntGaugeVec,
    process: Process,
}

/// What the system says of this process, under the names that Prometheus' own client libraries use. Read when asked.
struct Process {
    resident_memory_bytes: IntGauge,
    resident_memory_peak_bytes: IntGauge,
    open_fds: IntGauge,
    max_fds: IntGauge,
    threads: IntGauge,
    cpu_seconds_total: Counter,
}

impl Metrics {
    /// A registry of its own, so that two servers in one process (tests) do not share counts.
    pub fn new() -> Self {
        let registry = Registry::new();
        let seconds = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
            60.0, 300.0, 600.0,
        ];
        let counters = Counters {
            pushes_total: counters(
                &registry,
                "exeat_pushes_total",
                "Pushes judged, by verdict.",
                "verdict",
                &["forward", "hold", "refuse"],
            ),
            push_duration_seconds: histograms(
                &registry,
                "exeat_push_duration_seconds",
                "Time a push spent in each phase.",
                "phase",
                &["receive", "inspect", "forward", "whole"],
                &seconds,
            ),
            findings_total: counters(
                &registry,
                "exeat_findings_total",
                "Findings in pushes, by the action their rule asks for.",
                "action",
                &["block", "review", "warn", "note"],
            ),
            quiet_answers_total: counter(
                &registry,
                "exeat_quiet_answers_total",
                "Answers to stopped pushes without details, after repeated stops of the pusher.",
            ),
            existing_findings_total: counter(
                &registry,
                "exeat_existing_findings_total",
                "Findings in pushes that the repository served already.",
            ),
            excused_findings_total: counters(
                &registry,
                "exeat_excused_findings_total",
                "Findings lowered from block to review by what their push brings, by excuse.",
                "excuse",
                &["comment", "ignore-file", "baseline"],
            ),
            waived_findings_total: counter(
                &registry,
                "exeat_waived_findings_total",
                "Findings in pushes that waivers covered.",
            ),
            thin_bases_total: counter(
                &registry,
                "exeat_thin_bases_total",
                "Delta bases of thin packs that were fetched from upstreams.",
            ),
            scan_bytes_total: counter(
                &registry,
                "exeat_scan_bytes_total",
                "Bytes of content that the rules looked at.",
            ),
            rules_fallbacks_total: counter(
                &registry,
                "exeat_rules_fallbacks_total",
                "Searches in which a rule's automaton needed too many states and a slower way was taken.",
            ),
            inspection_seconds_total: inspection_seconds(&registry),
            recalled_objects_total: counter(
                &registry,
                "exeat_recalled_objects_total",
                "Objects of pushes whose verdict was known from an earlier push.",
            ),
            pack_bytes_total: counter(
                &registry,
                "exeat_pack_bytes_total",
                "Bytes of packs received.",
            ),
            fetches_total: counters(
                &registry,
                "exeat_fetches_total",
                "Fetches passed through, by result.",
                "result",
                &["ok", "refused", "failed"],
            ),
            requests_total: counters(
                &registry,
                "exeat_requests_total",
                "Requests, by what the door took them for.",
                "kind",
                &["advertise", "push", "fetch", "dumb-fetch", "lfs"],
            ),
            refusals_total: counters(
                &registry,
                "exeat_refusals_total",
                "Requests and pushes refused, by cause.",
                "cause",
                &["outcome-unknown"],
            ),
            upstream_errors_total: counters(
                &registry,
                "exeat_upstream_errors_total",
                "Failures of upstreams, by class.",
                "class",
                UPSTREAM_ERRORS,
            ),
            failclosed_total: counters(
                &registry,
                "exeat_failclosed_total",
                "Pushes refused because a part of Exeat itself failed, by cause.",
                "cause",
                &[
                    "audit",
                    "audit-damaged",
                    "audit-full",
                    "audit-locked",
                    "audit-outcome",
                    "audit-read-only",
                    "busy",
                    "busy-user",
                    "desk",
                    "held-user",
                    "quarantine",
                    "quarantine-full",
                    "inside",
                    "inside-sent",
                    "inspection-time",
                    "spool",
                    "spool-disk",
                    "spool-total",
                    "stopped",
                    "waivers",
                ],
            ),
            reloads_total: counters(
                &registry,
                "exeat_reloads_total",
                "Reloads of the configuration or of its rule files, by result; one that failed changed nothing.",
                "result",
                &["ok", "failed"],
            ),
            selftest_faults_total: counter(
                &registry,
                "exeat_selftest_faults_total",
                "Rules whose example went unseen through the engine of pushes; the rules before them were kept.",
            ),
            pushes_in_flight: gauge(
                &registry,
                "exeat_pushes_in_flight",
                "Pushes being received, inspected or forwarded now.",
            ),
            pushes_waiting: gauge(
                &registry,
                "exeat_pushes_waiting",
                "Pushes that stay open for a decision now (limits.waiting).",
            ),
            places_taken: gauge(
                &registry,
                "exeat_places_taken",
                "Pushes that hold one of the places of limits.pushes now.",
            ),
            connections: gauge(
                &registry,
                "exeat_connections",
                "Connections of git clients open now.",
            ),
            console_connections: gauge(
                &registry,
                "exeat_console_connections",
                "Connections of the console open now.",
            ),
            connections_ended_total: counters(
                &registry,
                "exeat_connections_ended_total",
                "Client connections that the proxy ended, by cause.",
                "cause",
                &["handshake", "head", "idle", "answer", "full"],
            ),
            certificate_reloads_total: certificate_reloads(&registry),
            certificate_expiry_timestamp_seconds: gauges(
                &registry,
                "exeat_certificate_expiry_timestamp_seconds",
                "When the first of a listener's certificates expires, Unix time; none without TLS.",
                "listener",
            ),
            spool_bytes: gauge(
                &registry,
                "exeat_spool_bytes",
                "Bytes of spooled packs on disk now.",
            ),
            audit_append_duration_seconds: histogram(
                &registry,
                "exeat_audit_append_duration_seconds",
                "Time until an audit record was durable.",
                &seconds,
            ),
            audit_size: gauge(&registry, "exeat_audit_size", "Records in the audit chain."),
            spool_limit_bytes: gauge(
                &registry,
                "exeat_spool_limit_bytes",
                "Bytes that spooled packs may take on disk together.",
            ),
            pushes_limit: gauge(
                &registry,
                "exeat_pushes_limit",
                "Pushes that may be in work at once.",
            ),
            connections_limit: gauge(
                &registry,
                "exeat_connections_limit",
                "Client connections that may be open at once.",
            ),
            notices_delivered_total: counters(
                &registry,
                "exeat_notices_delivered_total",
                "Notices about held pushes that were delivered, by channel.",
                "channel",
                CHANNELS,
            ),
            notices_failed_total: counters(
                &registry,
                "exeat_notices_failed_total",
                "Tries to deliver a notice that failed, by channel.",
                "channel",
                CHANNELS,
            ),
            notices_dead_total: counters(
                &registry,
                "exeat_notices_dead_total",
                "Notices that were given up, by channel.",
                "channel",
                CHANNELS,
            ),
            outbox_waiting: gauges(
                &registry,
                "exeat_outbox_waiting",
                "Notices that wait to be delivered now, by channel.",
                "channel",
            ),
            outbox_dead: gauges(
                &registry,
                "exeat_outbox_dead",
                "Notices that were given up and are still kept, by channel.",
                "channel",
            ),
            outbox_oldest_seconds: gauge(
                &registry,
                "exeat_outbox_oldest_seconds",
                "How long ago happened what the oldest waiting notice tells; 0 where none waits.",
            ),
            process: Process::new(&registry),
            build_info: gauges(
                &registry,
                "exeat_build_info",
                "Always 1; the label is the version of the binary.",
                "version",
            ),
            rules_info: gauges(
                &registry,
                "exeat_rules_info",
                "Always 1; the label is the digest of the rule set in use.",
                "digest",
            ),
            rules: gauges(
                &registry,
                "exeat_rules",
                "Rules in use, by whether an example of theirs was seen to be found.",
                "proof",
            ),
            reload_refused: gauges(
                &registry,
                "exeat_reload_refused",
                "1 while what was changed cannot be used and what was before it is in force.",
                "what",
            ),
            registry,
        };
        counters
            .build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let metrics = Self(Arc::new(counters));
        metrics.set_refused("configuration", false);
        metrics.set_refused("rules", false);
        metrics
    }

    /// Says which rule set is in use; the one said before is forgotten.
    pub fn set_rules_digest(&self, digest: &str) {
        self.rules_info.reset();
        self.rules_info.with_label_values(&[digest]).set(1);
    }

    /// Says how many rules in use have shown what they find, and how many have no example for it.
    pub fn set_rules(&self, proven: usize, unproven: usize) {
        for (proof, count) in [("proven", proven), ("unproven", unproven)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.rules.with_label_values(&[proof]).set(count);
        }
    }

    /// Says whether a change of the configuration or of the rules is refused at present.
    pub fn set_refused(&self, what: &str, is_refused: bool) {
        let gauge = self.reload_refused.with_label_values(&[what]);
        gauge.set(i64::from(is_refused));
    }

    /// Says what the gauges beside them come up to.
    pub fn set_limits(&self, limits: &Limits) {
        let number = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
        self.spool_limit_bytes.set(number(limits.spool_bytes));
        self.pushes_limit.set(number(limits.pushes as u64));
        self.connections_limit
            .set(number(limits.connections as u64));
    }

    /// The Prometheus text format (version 0.0.4), as `/metrics` answers it.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        self.process.read();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Process {
    fn new(registry: &Registry) -> Self {
        let start_time_seconds = gauge(
            registry,
            "process_start_time_seconds",
            "When this process began, in seconds since 1970.",
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        start_time_seconds.set(now.map_or(0, |now| now.as_secs().cast_signed()));
        let cpu_seconds_total = Counter::new(
            "process_cpu_seconds_total",
            "Processor time this process has taken, in seconds.",
        )
        .expect(NAMES);
        register(registry, &cpu_seconds_total);
        Self {
            resident_memory_bytes: gauge(
                registry,
                "process_resident_memory_bytes",
                "Bytes of memory this process takes now.",
            ),
            resident_memory_peak_bytes: gauge(
                registry,
                "process_resident_memory_peak_bytes",
                "The most bytes of memory it has taken so far.",
            ),
            open_fds: gauge(registry, "process_open_fds", "File handles open now."),
            max_fds: gauge(
                registry,
                "process_max_fds",
                "File handles it may have open at once.",
            ),
            threads: gauge(registry, "process_threads", "Threads it has now."),
            cpu_seconds_total,
        }
    }

    fn read(&self) {
        let seen = Seen::now();
        self.resident_memory_bytes.set(seen.resident);
        self.resident_memory_peak_bytes.set(seen.resident_peak);
        self.threads.set(seen.threads);
        self.open_fds.set(seen.open_files);
        self.max_fds.set(seen.most_files);
        let grown = seen.processor_seconds - self.cpu_seconds_total.get();
        self.cpu_seconds_total.inc_by(grown.max(0.0));
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Metrics(..)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::ops::Deref for Metrics {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}

/// Every class of failure of an upstream: before it was reached, on the way, and in what it said.
const UPSTREAM_ERRORS: &[&str] = &[
    "setup",
    "name",
    "inside",
    "via",
    "refused",
    "connect",
    "connect-time",
    "tls",
    "certificate",
    "time",
    "stall",
    "lost",
    "redirect",
    "busy",
    "status",
    "report",
    "endless",
];

/// The ways of notices.
const CHANNELS: &[&str] = &["webhook", "mail"];

const NAMES: &str = "because metric names are constants, valid and used once";

/// A counter family; `values` are shown as 0 from the start, so that a rate over them exists before the first event.
fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
    values: &[&str],
) -> IntCounterVec {
    let family = IntCounterVec::new(Opts::new(name, help), &[label]).expect(NAMES);
    for value in values {
        family.with_label_values(&[value]).inc_by(0);
    }
    register(registry, &family);
    family
}

fn inspection_seconds(registry: &Registry) -> CounterVec {
    let options = Opts::new(
        "exeat_inspection_seconds_total",
        "Time that inspections took, of all threads together, by stage.",
    );
    let family = CounterVec::new(options, &["stage"]).expect(NAMES);
    for (stage, _) in exeat_inspect::Stages::default().each() {
        family.with_label_values(&[stage]).inc_by(0.0);
    }
    register(registry, &family);
    family
}

fn certificate_reloads(registry: &Registry) -> IntCounterVec {
    let options = Opts::new(
        "exeat_certificate_reloads_total",
        "Readings of changed certificate files, by listener and result.",
    );
    let family = IntCounterVec::new(options, &["listener", "result"]).expect(NAMES);
    for result in ["renewed", "kept"] {
        family.with_label_values(&["git", result]).inc_by(0);
    }
    register(registry, &family);
    family
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let counter = IntCounter::new(name, help).expect(NAMES);
    register(registry, &counter);
    counter
}

fn gauges(registry: &Registry, name: &str, help: &str, label: &str) -> IntGaugeVec {
    let family = IntGaugeVec::new(Opts::new(name, help), &[label]).expect(NAMES);
    register(registry, &family);
    family
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let gauge = IntGauge::new(name, help).expect(NAMES);
    register(registry, &gauge);
    gauge
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
    values: &[&str],
    buckets: &[f64],
) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let family = HistogramVec::new(options, &[label]).expect(NAMES);
    for value in values {
        family.with_label_values(&[value]);
    }
    register(registry, &family);
    family
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let histogram = Histogram::with_opts(options).expect(NAMES);
    register(registry, &histogram);
    histogram
}

fn register(registry: &Registry, collector: &(impl prometheus::core::Collector + Clone + 'static)) {
    registry.register(Box::new(collector.clone())).expect(NAMES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_holds_every_metric_once_used() {
        let metrics = Metrics::new();
        metrics.pushes_total.with_label_values(&["refuse"]).inc();
        metrics
            .push_duration_seconds
            .with_label_values(&["whole"])
            .observe(0.02);
        for family in [
            &metrics.requests_total,
            &metrics.refusals_total,
            &metrics.upstream_errors_total,
            &metrics.failclosed_total,
        ] {
            family.with_label_values(&["other"]).inc();
        }
        metrics.set_rules_digest("aa");
        metrics.set_rules_digest("bb");
        let text = String::from_utf8(metrics.render().unwrap()).unwrap();
        for line in [
            "exeat_pushes_total{verdict=\"refuse\"} 1",
            "exeat_pushes_total{verdict=\"forward\"} 0",
            "exeat_push_duration_seconds_bucket{phase=\"whole\",le=\"0.025\"} 1",
            "exeat_findings_total{action=\"block\"} 0",
            "exeat_scan_bytes_total 0",
            "exeat_rules_fallbacks_total 0",
            "exeat_recalled_objects_total 0",
            "exeat_inspection_seconds_total{stage=\"scan\"} 0",
            "exeat_pack_bytes_total 0",
            "exeat_fetches_total{result=\"ok\"} 0",
            "exeat_requests_total{kind=\"other\"} 1",
            "exeat_refusals_total{cause=\"other\"} 1",
            "exeat_upstream_errors_total{class=\"other\"} 1",
            "exeat_failclosed_total{cause=\"other\"} 1",
            "exeat_reloads_total{result=\"failed\"} 0",
            "exeat_pushes_in_flight 0",
            "exeat_places_taken 0",
            "exeat_connections 0",
            "exeat_connections_ended_total{cause=\"idle\"} 0",
            "exeat_certificate_reloads_total{listener=\"git\",result=\"kept\"} 0",
            "exeat_console_connections 0",
            "exeat_spool_bytes 0",
            "exeat_audit_append_duration_seconds_count 0",
            "exeat_audit_size 0",
            "exeat_rules_info{digest=\"bb\"} 1",
        ] {
            assert!(text.contains(line), "no line {line} in\n{text}");
        }
        assert!(text.contains("exeat_build_info{version="));
        assert!(!text.contains("digest=\"aa\""), "{text}");
    }

    #[test]
    fn registries_are_apart_and_clones_are_not() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.clone().connections.inc();
        assert_eq!(one.connections.get(), 1);
        assert_eq!(other.connections.get(), 0);
    }
}
