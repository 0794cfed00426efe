//! Alert rules for Prometheus, from the thresholds by which pooltop itself judges.

use std::fmt::Write as _;
use std::time::Duration;

use crate::analysis::reference::{EMPTY, NEARLY_FULL, SOON_S};
use crate::model::thresholds::Thresholds;

/// One alert.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// `warning` or `critical`.
    pub severity: &'static str,
    /// The thresholds that it goes by, as they are named in the configuration.
    pub thresholds: &'static [&'static str],
    expression: fn(&Thresholds) -> String,
    hold: fn(&Thresholds) -> Duration,
    /// What is wrong, with the labels of the series.
    summary: &'static str,
    /// What to do about it.
    description: &'static str,
}

/// How long pooltop may be away before that is an alert: longer than a restart.
const AWAY: Duration = Duration::from_secs(300);

/// Limits that refuse the next client; of a pool's own bound it waits, which is another alert.
const SHARED: &str = "scope=~\"server|database|role|redis|pooler\"";

/// Rules of which an alert below tells the critical findings by its own expression.
const CRITICAL_ELSEWHERE: &str = "leak\\\\..*|server\\\\.exhaustion";

/// Likewise of the warnings.
const WARNINGS_ELSEWHERE: &str = "leak\\\\..*|pool\\\\.(utilization|overflow|timeouts|waiting)|server\\\\.exhaustion|query\\\\.slow|transaction\\\\.long";

const POOL: &str = "{{ $labels.db_client_connection_pool_name }} on {{ $labels.target }}";

/// Every alert.
pub const ALERTS: &[Alert] = &[
    Alert {
        name: "PooltopTargetDown",
        severity: "critical",
        thresholds: &["sustained"],
        expression: |_| "pooltop_target_up == 0".to_owned(),
        hold: |all| all.sustained,
        summary: "{{ $labels.target }} of {{ $labels.profile }} is not sampled",
        description: "pooltop_target_state says whether it refuses, hangs or is gone; /api/v1/snapshot has its own words.",
    },
    Alert {
        name: "PooltopAbsent",
        severity: "warning",
        thresholds: &[],
        expression: |_| "absent(pooltop_build_info)".to_owned(),
        hold: |_| AWAY,
        summary: "nothing is scraped from pooltop",
        description: "Nobody watches the pools: see whether pooltop serve runs, and the scrape's error in Prometheus.",
    },
    Alert {
        name: "PooltopLimitNearlyReached",
        severity: "warning",
        thresholds: &["utilization", "sustained"],
        expression: |all| format!("pooltop_limit_utilization_ratio{{{SHARED}}} >= {}", all.utilization),
        hold: |all| all.sustained,
        summary: "{{ $labels.scope }} {{ $labels.name }} on {{ $labels.target }}: {{ $value | humanizePercentage }} of its slots used",
        description: "Find out who holds the slots (pooltop_pool_open_connections), end what is stuck; raise the ceiling last.",
    },
    Alert {
        name: "PooltopLimitReached",
        severity: "critical",
        thresholds: &[],
        expression: |_| format!("pooltop_limit_utilization_ratio{{{SHARED}}} >= {NEARLY_FULL}"),
        hold: |_| Duration::ZERO,
        summary: "{{ $labels.scope }} {{ $labels.name }} on {{ $labels.target }} is nearly full: {{ $value | humanizePercentage }}",
        description: "The next clients are refused. End what is stuck: pooltop shows it and what that costs.",
    },
    Alert {
        name: "PooltopLimitReachedSoon",
        severity: "warning",
        thresholds: &["sustained"],
        expression: |_| {
            format!(
                "pooltop_limit_exhausted_in_seconds{{{SHARED}}} < {SOON_S} and pooltop_limit_utilization_ratio >= {EMPTY}"
            )
        },
        hold: |all| all.sustained,
        summary: "{{ $labels.scope }} {{ $labels.name }} on {{ $labels.target }} is full in {{ $value | humanizeDuration }}",
        description: "Something opens connections and does not close them; pooltop_pool_stranded_connections shows where.",
    },
    Alert {
        name: "PooltopPoolNearlyUsedUp",
        severity: "warning",
        thresholds: &["pool_utilization", "sustained"],
        expression: |all| format!("pooltop_pool_utilization_ratio >= {}", all.pool_utilization),
        hold: |all| all.sustained,
        summary: "{POOL}: {{ $value | humanizePercentage }} of its bound in use",
        description: "Requests begin to wait for each other. First see whether it leaks, then what its transactions do.",
    },
    Alert {
        name: "PooltopPoolSuspected",
        severity: "warning",
        thresholds: &["suspect", "leak", "sustained"],
        expression: |all| {
            format!("pooltop_pool_leak_points >= {} and pooltop_pool_leak_points < {}", all.suspect, all.leak)
        },
        hold: |all| all.sustained,
        summary: "{POOL} may leak: {{ $value }} points",
        description: "The evidence is in /api/v1/snapshot and on the page.",
    },
    Alert {
        name: "PooltopPoolLeaks",
        severity: "critical",
        thresholds: &["leak"],
        expression: |all| format!("pooltop_pool_leak_points >= {}", all.leak),
        hold: |_| Duration::from_secs(30),
        summary: "{POOL} leaks: {{ $value }} points",
        description: "The evidence and the last statements are in /api/v1/snapshot and on the page. A larger pool does not help.",
    },
    Alert {
        name: "PooltopIdleInTransaction",
        severity: "warning",
        thresholds: &["idle_in_transaction", "terminate_idle_in_transaction"],
        expression: |all| {
            let (from, to) = (
                all.idle_in_transaction.as_secs_f64() * 5.0,
                all.terminate_idle_in_transaction.as_secs_f64(),
            );
            format!(
                "pooltop_pool_oldest_idle_in_transaction_seconds > {from} and pooltop_pool_oldest_idle_in_transaction_seconds <= {to}"
            )
        },
        hold: |_| Duration::ZERO,
        summary: "{POOL}: a session has been idle in transaction for {{ $value | humanizeDuration }}",
        description: "It holds its slot, its locks and the horizon of vacuum. A job that works so declares holds_transactions.",
    },
    Alert {
        name: "PooltopIdleInTransactionForLong",
        severity: "critical",
        thresholds: &["terminate_idle_in_transaction"],
        expression: |all| {
            format!(
                "pooltop_pool_oldest_idle_in_transaction_seconds > {}",
                all.terminate_idle_in_transaction.as_secs_f64()
            )
        },
        hold: |_| Duration::ZERO,
        summary: "{POOL}: a session has been idle in transaction for {{ $value | humanizeDuration }}",
        description: "End it: pooltop terminate --idle-in-transaction-for, which shows first what that costs.",
    },
    Alert {
        name: "PooltopLongTransaction",
        severity: "warning",
        thresholds: &["long_transaction"],
        expression: |all| {
            let limit = all.long_transaction.as_secs_f64();
            format!(
                "pooltop_oldest_transaction_seconds > {limit} unless pooltop_oldest_idle_in_transaction_seconds > {limit}"
            )
        },
        hold: |_| Duration::ZERO,
        summary: "a transaction on {{ $labels.target }} has been open for {{ $value | humanizeDuration }}",
        description: "It works, but holds back vacuum.",
    },
    Alert {
        name: "PooltopLongStatement",
        severity: "warning",
        thresholds: &["long_query"],
        expression: |all| format!("pooltop_oldest_statement_seconds > {}", all.long_query.as_secs_f64()),
        hold: |_| Duration::ZERO,
        summary: "a statement on {{ $labels.target }} has been running for {{ $value | humanizeDuration }}",
        description: "A report may take as long; a request does not.",
    },
    Alert {
        name: "PooltopClientsWait",
        severity: "warning",
        thresholds: &["sustained"],
        expression: |_| "db_client_connection_pending_requests > 0".to_owned(),
        hold: |all| all.sustained,
        summary: "{POOL}: {{ $value }} queued",
        description: "No connection is free. See what holds them before making the pool larger.",
    },
    Alert {
        name: "PooltopLongWaits",
        severity: "warning",
        thresholds: &["long_wait", "sustained"],
        expression: |all| format!("pooltop_pool_wait_mean_seconds > {}", all.long_wait.as_secs_f64()),
        hold: |all| all.sustained,
        summary: "{POOL}: a connection is waited for {{ $value | humanizeDuration }} in the mean",
        description: "People feel it. See what holds the connections before making the pool larger.",
    },
    Alert {
        name: "PooltopOverflow",
        severity: "warning",
        thresholds: &["overflow", "sustained"],
        expression: |all| {
            format!("pooltop_pool_overflow_connections > {} * pooltop_pool_overflow_max", all.overflow)
        },
        hold: |all| all.sustained,
        summary: "{POOL}: {{ $value }} connections beyond its size",
        description: "Overflow is for bursts: each of these is closed after its use. If this is the ordinary load, raise pool_size.",
    },
    Alert {
        name: "PooltopTimeouts",
        severity: "warning",
        thresholds: &[],
        expression: |_| "increase(db_client_connection_timeouts_total[5m]) > 0".to_owned(),
        hold: |_| Duration::ZERO,
        summary: "{POOL}: requests gave up waiting for a connection",
        description: "See what holds the connections: transactions that lie idle, long statements, a queue at the pooler.",
    },
    Alert {
        name: "PooltopCriticalFinding",
        severity: "critical",
        thresholds: &[],
        expression: |_| finding("critical", CRITICAL_ELSEWHERE),
        hold: |_| Duration::ZERO,
        summary: "{{ $labels.rule }} on {{ $labels.target }}{{ with $labels.db_client_connection_pool_name }}, {{ . }}{{ end }}",
        description: "docs/findings.md says what it means and what to do; the page has its evidence.",
    },
    Alert {
        name: "PooltopFinding",
        severity: "warning",
        thresholds: &["sustained"],
        expression: |_| finding("warning", WARNINGS_ELSEWHERE),
        hold: |all| all.sustained,
        summary: "{{ $labels.rule }} on {{ $labels.target }}{{ with $labels.db_client_connection_pool_name }}, {{ . }}{{ end }}",
        description: "docs/findings.md says what it means and what to do; the page has its evidence.",
    },
];

fn finding(severity: &str, elsewhere: &str) -> String {
    format!("pooltop_finding_start_timestamp_seconds{{severity=\"{severity}\",rule!~\"{elsewhere}\"}} > 0")
}

impl Alert {
    /// The condition, in PromQL.
    pub fn expression(&self, thresholds: &Thresholds) -> String {
        (self.expression)(thresholds)
    }
}

/// The file of rules for these thresholds. Strings are written as in JSON, which is YAML.
pub fn rules(thresholds: &Thresholds) -> String {
    let mut out = "\
# Alerts on the metrics of `pooltop serve`, by the thresholds of pooltop itself.
# Made by `pooltop config rules`; with a profile's name it writes that profile's thresholds.
groups:
  - name: pooltop
    rules:
"
    .to_owned();
    for alert in ALERTS {
        let summary = alert.summary.replace("{POOL}", POOL);
        let _ = writeln!(out, "      - alert: {}", alert.name);
        let _ = writeln!(out, "        expr: {}", quoted(&alert.expression(thresholds)));
        let hold = (alert.hold)(thresholds);
        if !hold.is_zero() {
            let _ = writeln!(out, "        for: {}", written(hold));
        }
        let _ = writeln!(out, "        labels:\n          severity: {}", alert.severity);
        let _ = writeln!(out, "        annotations:\n          summary: {}", quoted(&summary));
        let _ = writeln!(out, "          description: {}", quoted(alert.description));
    }
    out
}

/// `60s`; `1500ms` where it is not whole.
fn written(span: Duration) -> String {
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        _ => format!("{}ms", span.as_millis()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::openmetrics::FAMILIES;
    use crate::model::thresholds::table::{FIELDS, Kind};

    /// The thresholds with one of them changed.
    fn changed(name: &str) -> Thresholds {
        let mut thresholds = Thresholds::default();
        let field = FIELDS.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no {name}"));
        match field.kind {
            Kind::Span(of) => *of(&mut thresholds) *= 3,
            Kind::Share(of) => *of(&mut thresholds) /= 3.0,
            Kind::Score(of) => *of(&mut thresholds) += 1.0,
            Kind::Count(of) => *of(&mut thresholds) += 1,
        }
        thresholds
    }

    #[test]
    fn each_threshold_that_an_alert_names_changes_it_and_no_other_does() {
        let shape = |alert: &Alert, all: &Thresholds| (alert.expression(all), (alert.hold)(all));
        for alert in ALERTS {
            for field in FIELDS {
                let is_changed = shape(alert, &changed(field.name)) != shape(alert, &Thresholds::default());
                let is_named = alert.thresholds.contains(&field.name);
                assert_eq!(is_changed, is_named, "{} {}", alert.name, field.name);
            }
        }
    }

    #[test]
    fn each_alert_asks_for_metrics_that_exist() {
        for alert in ALERTS {
            let expression = alert.expression(&Thresholds::default());
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let metrics: Vec<&str> = words
                .filter(|word| word.starts_with("pooltop_") || word.starts_with("db_client_connection_"))
                .collect();
            assert!(!metrics.is_empty(), "{}", alert.name);
            for metric in metrics {
                assert!(FAMILIES.iter().any(|family| family.sample() == metric), "{}: {metric}", alert.name);
            }
        }
    }
}
