//! The targets: what they are, what could not be read of them, and what watching them costs.

use super::super::build::is_never_read;
use super::super::cell::word;
use super::super::report::Report;
use super::super::snapshot::{Snapshot, Target};
use super::{Most, Sheet, UNKNOWN, moment, redacted, rest};
use crate::text::span::{count, span_s};

/// Every target with what it costs.
pub(in crate::export) fn targets(snapshot: &Snapshot, most: Most) -> Sheet {
    let row = |target: &Target| {
        vec![
            target.name.to_string(),
            target.kind.to_string(),
            target.version.as_ref().map_or(UNKNOWN.to_owned(), ToString::to_string),
            target.endpoint.to_string(),
            target.role.as_ref().map_or(UNKNOWN.to_owned(), word),
            word(&target.state),
            target.age_s.map_or(UNKNOWN.to_owned(), span_s),
            target.privilege.as_ref().map_or(UNKNOWN.to_owned(), word),
            target.overhead.connections.to_string(),
            format!("{:.1} ms", target.overhead.server_ms_per_sample),
            target.error.as_ref().map_or(String::new(), |error| error.message.to_string()),
        ]
    };
    Sheet {
        name: "Targets".into(),
        titles: vec![
            "target",
            "kind",
            "version",
            "endpoint",
            "role",
            "state",
            "age",
            "may see",
            "our connections",
            "a sample costs",
            "error",
        ],
        rows: snapshot.targets.iter().take(most.rows).map(row).collect(),
        rest: rest(snapshot.targets.len(), most.rows, "target"),
    }
    .cut(most)
}

/// What could not be read, and how it could be.
pub(in crate::export) fn missing(snapshot: &Snapshot, most: Most) -> Sheet {
    let all = snapshot.targets.iter().flat_map(|target| {
        let gaps = target.missing.iter().filter(|missing| !is_never_read(missing));
        gaps.map(move |missing| {
            vec![
                target.name.to_string(),
                missing.what.to_string(),
                missing.why.to_string(),
                missing.fix.as_ref().map_or(UNKNOWN.to_owned(), ToString::to_string),
            ]
        })
    });
    let mut rows: Vec<Vec<String>> = all.collect();
    let left_out = rest(rows.len(), most.rows, "gap");
    rows.truncate(most.rows);
    Sheet {
        name: "What is not known".into(),
        titles: vec!["target", "not known", "because", "to see it"],
        rows,
        rest: left_out,
    }
    .cut(most)
}

/// How the numbers of a report came about, one sentence each.
pub(in crate::export) fn watched(report: &Report) -> Vec<String> {
    let snapshot = &report.snapshot;
    let interval = crate::text::span::span_s(report.interval_s);
    vec![
        format!(
            "{} A sample was due every {interval} from each target; gaps in the curves are times without one.",
            watch(snapshot),
        ),
        format!("All times are UTC; the report is of {}.", moment(snapshot.taken_at)),
        redacted(snapshot.redaction).to_owned(),
    ]
}

fn watch(snapshot: &Snapshot) -> String {
    format!(
        "pooltop {} watched for {} and took {}.",
        snapshot.pooltop_version,
        span_s(snapshot.window_s),
        count(snapshot.samples, "sample"),
    )
}

/// How the numbers came about, one sentence each, the targets included.
pub(in crate::export) fn measured(snapshot: &Snapshot) -> Vec<String> {
    let mut sentences = vec![watch(snapshot)];
    sentences.extend(snapshot.targets.iter().map(measured_target));
    for target in &snapshot.targets {
        sentences.extend(target.missing.iter().filter(|missing| !is_never_read(missing)).map(|missing| {
            let fix = missing.fix.as_ref().map(|fix| format!(" To see it: {fix}.")).unwrap_or_default();
            format!("Not known of {}: {}, because {}.{fix}", target.name, missing.what, missing.why)
        }));
    }
    sentences.push(redacted(snapshot.redaction).to_owned());
    sentences
}

fn measured_target(target: &Target) -> String {
    let version = target.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let role = target.role.as_ref().map(|role| format!(", {}", word(role))).unwrap_or_default();
    let age = target.age_s.map(|age| format!(", {} old", span_s(age))).unwrap_or_default();
    let error = target.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
    format!(
        "{}: {}{version} at {}{role}, {}{age}{error}; pooltop holds {} there, a sample costs {:.1} ms.",
        target.name,
        target.kind,
        target.endpoint,
        word(&target.state),
        count(target.overhead.connections, "connection"),
        target.overhead.server_ms_per_sample,
    )
}
