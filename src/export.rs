//! Snapshots in files, one module per format.
//!
//! Every format is written from one [`Snapshot`], which is already redacted; none of them can say more than it. What
//! people read as a story is a [`Report`]: the snapshot, and how it came to this.

mod build;
mod cell;
mod chart;
mod compare;
mod csv;
mod digest;
mod file;
mod html;
mod json;
mod markdown;
pub mod openmetrics;
mod page;
pub mod plugin;
mod redacted;
pub mod report;
pub mod rules;
pub mod snapshot;
mod text;
mod told;

pub use build::{Meta, finding, redactor, snapshot};
pub use compare::{comparison, comparison_json, comparison_text};
pub use csv::{Table, csv};
pub use file::{WriteError, write_atomically};
pub use html::{Page, html};
pub use json::json;
pub use markdown::markdown;
pub use page::{Listed, REFRESH_S, contents};
pub use redacted::redacted;
pub use report::{Report, report};
pub use snapshot::Snapshot;
pub use text::text;

pub use crate::text::redact::Redaction;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::snapshot::{Backend, Client, Finding, Limit, Operation, Pool, Recommendation, Row, Target};
    use super::*;
    use crate::analysis::{Moment, fixture};
    use crate::model::audit::{AuditPhase, AuditRecord};
    use crate::model::operation::{OperationKind, Outcome};
    use crate::text::Text;
    use crate::text::redact::Redaction;
    use crate::text::width::width;

    fn record(phase: AuditPhase) -> AuditRecord {
        AuditRecord {
            at: fixture::at(425.0),
            phase,
            operator: "ada".into(),
            host: "bastion".into(),
            profile: "checkout".into(),
            target: "db1".into(),
            operation: OperationKind::Terminate,
            pid: Some(18_203),
            backend_start: Some(fixture::at(46.0)),
            application_name: "checkout-api".into(),
            user: "app".into(),
            database: None,
            client_id: None,
            client: None,
            dry_run: false,
            outcome: (phase == AuditPhase::Outcome).then_some(Outcome::Ended),
            message: "gone after 0.2 s".into(),
        }
    }

    fn meta(redaction: Redaction) -> Meta {
        Meta {
            profile: "checkout".into(),
            window_s: 420.0,
            interval_s: 1.0,
            redaction,
            operations: vec![record(AuditPhase::Intent), record(AuditPhase::Outcome)],
        }
    }

    fn document(moment: &Moment) -> Snapshot {
        snapshot(moment, &meta(Redaction::Literals))
    }

    fn told_of(moment: &Moment) -> Report {
        report(moment, &meta(Redaction::Literals))
    }

    fn every_format(report: &Report) -> Vec<String> {
        let snapshot = &report.snapshot;
        let tables = Table::NAMES.map(|(_, table)| csv(snapshot, table));
        let page = html(report, Page::File);
        tables.into_iter().chain([json(snapshot), markdown(report), text(snapshot), page]).collect()
    }

    /// Keys of an object on one level of indented JSON, in their order.
    fn keys(json: &str, indent: usize) -> Vec<&str> {
        let lines = json.lines().filter(|line| line.len() - line.trim_start().len() == indent);
        lines
            .filter_map(|line| line.trim_start().strip_prefix('"')?.split_once("\":").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn names_and_order_of_all_fields_are_those_of_the_contract() {
        let words = |line: &'static str| line.split(", ").collect::<Vec<_>>();
        assert_eq!(
            keys(&json(&document(&fixture::empty())), 2),
            words(
                "schema, pooltop_version, profile, taken_at, window_s, samples, redaction, targets, limits, pools, backends, clients, findings, recommendations, verdict, operations"
            )
        );
        for (columns, contract) in [
            (
                Target::COLUMNS,
                "name, kind, endpoint, state, age_s, error, version, role, privilege, overhead, missing, replay_lag_s",
            ),
            (
                Limit::COLUMNS,
                "scope, name, target, used, limit, reserved, utilization, growth_per_min, exhausted_in_s",
            ),
            (
                Pool::COLUMNS,
                "name, layer, target, application_name, user, database, client, used, idle, idle_in_transaction, idle_in_transaction_aborted, active, pending, total, peak, min, max, size, overflow, max_overflow, max_wait_s, wait_avg_s, use_avg_s, timeouts, errors, recycled, oldest_idle_in_transaction_s, opened, closed, stranded",
            ),
            (
                Backend::COLUMNS,
                "target, pool, pid, backend_start, application_name, user, database, client, client_port, state, wait_event_type, wait_event, state_age_s, transaction_age_s, query_age_s, backend_age_s, writes, query, query_id, blocked_by, blocks, locks, via",
            ),
            (
                Client::COLUMNS,
                "target, pool, id, application_name, user, database, client, client_port, state, wait_s, age_s, pid",
            ),
            (Finding::COLUMNS, "rule, severity, pool, pids, since, title, evidence, suggestion"),
            (Recommendation::COLUMNS, "pool, severity, issue, suggestion, evidence, formula"),
            (
                Operation::COLUMNS,
                "at, profile, target, operation, pid, backend_start, application_name, user, dry_run, outcome, message, database, client_id, client",
            ),
        ] {
            assert_eq!(columns, words(contract));
        }
        let refused = json(&document(&fixture::refused()));
        let target = &refused[refused.find("\"targets\"").unwrap()..refused.find("\"limits\"").unwrap()];
        assert_eq!(
            keys(target, 8)[..5],
            words("code, message, connections, statements_per_sample, server_ms_per_sample")
        );
        assert_eq!(keys(target, 10)[..3], words("what, why, fix"));
        let verdict = &refused[refused.find("\"verdict\"").unwrap()..];
        assert_eq!(keys(verdict, 4)[..3], words("kind, sentence, evidence"));
    }

    #[test]
    fn the_values_of_a_row_mean_what_the_contract_says() {
        let moment = fixture::checkout_leak();
        let document: Value = serde_json::from_str(&json(&document(&moment))).unwrap();
        let backends = document["backends"].as_array().unwrap();
        assert_eq!(backends.len(), moment.backends.len());
        let find = |pid: i64| backends.iter().find(|backend| backend["pid"] == pid).unwrap();
        let leaked = find(18_203);
        assert_eq!(leaked["state"], "idle in transaction");
        assert_eq!(leaked["state_age_s"], 372.0);
        assert_eq!((&leaked["writes"], &leaked["blocks"]), (&true.into(), &vec![15_100].into()));
        assert_eq!(leaked["backend_start"], "2026-11-21T14:00:46.000000Z");
        let aborted = find(18_206);
        assert_eq!(aborted["state"], "idle in transaction (aborted)");
        assert_eq!(aborted["transaction_age_s"], Value::Null);
        let local = find(15_002);
        assert_eq!((&local["client"], &local["client_port"]), (&Value::Null, &Value::Null));
        let limit =
            document["limits"].as_array().unwrap().iter().find(|limit| limit["scope"] == "server").unwrap();
        let number = |key: &str| limit[key].as_f64().unwrap();
        let share = number("used") / (number("limit") - number("reserved"));
        assert!((number("utilization") - share).abs() < 1e-9);
        assert_eq!(document["operations"].as_array().unwrap().len(), 1, "an intent is not yet an outcome");
    }

    #[test]
    fn what_is_not_known_is_null_with_a_reason() {
        let document: Value = serde_json::from_str(&json(&document(&fixture::without_privileges()))).unwrap();
        let hidden =
            document["backends"].as_array().unwrap().iter().find(|backend| backend["pid"] == 5).unwrap();
        for key in ["backend_start", "client", "backend_age_s", "writes", "locks", "via"] {
            assert_eq!(hidden[key], Value::Null, "{key}");
        }
        let missing = document["targets"][0]["missing"].to_string();
        for reason in [
            "sessions of other roles",
            "GRANT pg_monitor TO app",
            "locks held by each backend",
            "a server does not show them",
        ] {
            assert!(missing.contains(reason), "{missing}");
        }
    }

    #[test]
    fn pooled_clients_and_the_backends_that_serve_them_point_at_each_other() {
        use crate::model::target::TargetKind;
        use fixture::{POOLER, Stage, joined_sample, pooled_client, queued_client, row, sample, status};

        let statuses = vec![status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
        let mut stage = Stage::new(crate::analysis::Settings::default(), statuses);
        let clients = vec![pooled_client(1, "worker"), queued_client(2, "web", 1500)];
        let sockets = fixture::sockets(clients, vec![fixture::server_connection(7)], &[(0, 0)]);
        let facts = Arc::new(fixture::pooler_facts(5));
        stage.show(joined_sample("bouncer", 10.0, "transaction", sockets, &facts));
        let rows =
            vec![row(7, "worker").from(POOLER).in_transaction(5.0, "SELECT 1").build(), row(8, "x").build()];
        let moment = stage.show(sample("db1", 10.5, rows, &Arc::new(fixture::facts(100))));
        let written = document(&moment);
        let told: Value = serde_json::from_str(&json(&written)).unwrap();
        let via = serde_json::json!(
            { "pooler": "bouncer", "client": "10.0.7.1:40001", "application_name": "worker", "user": "app" }
        );
        assert_eq!((&told["backends"][0]["via"], &told["backends"][1]["via"]), (&via, &Value::Null));
        let expected = serde_json::json!([
            {
                "target": "bouncer", "pool": "shop/app", "id": "c2", "application_name": "web", "user": "app",
                "database": "shop", "client": "10.0.7.2", "client_port": 40002, "state": "waiting", "wait_s": 1.5,
                "age_s": 600.0, "pid": null
            },
            {
                "target": "bouncer", "pool": "shop/app", "id": "c1", "application_name": "worker", "user": "app",
                "database": "shop", "client": "10.0.7.1", "client_port": 40001, "state": "active", "wait_s": null,
                "age_s": 600.0, "pid": 7
            },
        ]);
        assert_eq!(told["clients"], expected);
        assert_eq!(csv(&written, Table::Clients).lines().count(), 3);
        assert!(csv(&written, Table::Backends).contains("bouncer 10.0.7.1:40001 worker app"));
        let pool = told["pools"].as_array().unwrap().iter().find(|pool| pool["layer"] == "pooler").unwrap();
        assert_eq!((&pool["size"], &pool["max"], &pool["pending"]), (&5.into(), &7.into(), &1.into()));
    }

    /// A moment in which a finding, against the rules, repeats a statement with its values.
    fn with_secret() -> Moment {
        let mut moment = fixture::checkout_leak();
        let query = Text::block("SELECT *\nFROM cards -- SECRET\nWHERE number = 'SECRET' AND pin = 4711");
        for row in &mut moment.backends {
            let mut backend = (*row.backend).clone();
            backend.query = Some(query.clone());
            row.backend = Arc::new(backend);
        }
        let quoted: Text = (&*format!("they ran {query}")).into();
        moment.verdict.evidence.push(quoted.clone());
        for finding in &mut moment.findings {
            finding.title = quoted.clone();
            finding.evidence.push(quoted.clone());
            finding.suggestion = Some(quoted.clone());
        }
        moment
    }

    #[test]
    fn no_format_lets_a_redacted_value_through() {
        let moment = with_secret();
        for (redaction, passes) in
            [(Redaction::Literals, false), (Redaction::Queries, false), (Redaction::None, true)]
        {
            let leaks = every_format(&report(&moment, &meta(redaction)))
                .iter()
                .filter(|out| out.contains("SECRET") || out.contains("4711"))
                .count();
            assert_eq!(leaks > 0, passes, "{redaction:?}");
        }
        let document = snapshot(&moment, &meta(Redaction::Literals));
        assert!(text(&document).contains("SELECT * FROM cards /*?*/ WHERE number = ? AND pin = ?"));
        assert!(json(&snapshot(&moment, &meta(Redaction::Queries))).contains("\"query\": null"));
    }

    #[test]
    fn hostile_names_break_out_of_no_format() {
        let report = told_of(&fixture::hostile());
        let document = report.snapshot.clone();
        for out in every_format(&report) {
            assert!(!out.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']));
        }
        assert!(
            csv(&document, Table::Backends)
                .lines()
                .all(|line| !line.split(',').any(|cell| cell.starts_with(['=', '@', '+'])))
        );
        // Statements stand in Markdown as code, which may hold anything.
        let without_code = super::report(&fixture::hostile(), &meta(Redaction::Queries));
        assert!(!markdown(&without_code).contains("<script"));
        for line in text(&document).lines() {
            assert!(width(line) <= 100, "{line}");
        }
    }

    #[test]
    fn a_csv_has_a_field_per_column_in_every_line() {
        let document = document(&fixture::few());
        for (name, table) in Table::NAMES {
            let out = csv(&document, table);
            let columns = out.lines().next().unwrap().split(',').count();
            assert!(columns >= 6, "{name}");
            if matches!(table, Table::Limits | Table::Pools | Table::Backends) {
                for line in out.lines().filter(|line| !line.contains('"')) {
                    assert_eq!(line.split(',').count(), columns, "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_picture_is_drawn_from_a_moment_without_values() {
        let moment = redacted(&with_secret(), Redaction::Literals);
        let told = format!("{:?} {:?} {:?}", moment.backends, moment.findings, moment.verdict);
        assert!(!told.contains("SECRET") && !told.contains("4711"), "{told}");
    }

    #[test]
    fn a_note_fits_into_a_message_however_much_there_is_to_tell() {
        let moment = fixture::many(2000);
        let mut report = told_of(&moment);
        let long = Text::line(&"a very *long* name, ".repeat(200));
        for finding in &mut report.snapshot.findings {
            (finding.title, finding.suggestion) = (long.clone(), Some(long.clone()));
            finding.evidence = vec![long.clone(); 40];
        }
        report.snapshot.backends.iter_mut().for_each(|backend| backend.application_name = long.clone());
        report.snapshot.pools.iter_mut().for_each(|pool| pool.name = long.clone());
        let note = markdown(&report);
        assert!(note.chars().count() < 16_000, "{}", note.chars().count());
    }

    #[test]
    fn every_format_tells_of_the_same_pools_and_waiters() {
        let report = told_of(&fixture::checkout_leak());
        assert_eq!(report.waiters.len(), 5, "a queue of requests and four backends: {:#?}", report.waiters);
        for out in [markdown(&report), html(&report, Page::File)] {
            for part in
                ["a lock of pid 18203", "6 requests", "a connection of shop/app", "30 connections idle"]
            {
                assert!(out.contains(part), "{part}: {out}");
            }
        }
    }

    /// A moment with sentences of its own, because those of the analysis are not this module's to hold.
    fn told(mut moment: Moment) -> Moment {
        moment.verdict.sentence = "checkout-api leaks: 30 connections; full in about 6 min".into();
        moment.verdict.evidence = vec!["30 sessions idle in transaction, oldest 6m48s".into()];
        moment.findings.truncate(2);
        for finding in &mut moment.findings {
            finding.title = "checkout-api: 30 connections idle in transaction, oldest 6m48s".into();
            finding.evidence = vec!["30 sessions idle in transaction".into(), "4 may have written".into()];
            finding.suggestion = Some("End the transaction in the application: nothing slow inside it, and a guard such as idle_in_transaction_session_timeout.".into());
        }
        moment.recommendations.truncate(1);
        for advice in &mut moment.recommendations {
            advice.issue = "Idle transactions are never ended".into();
            advice.suggestion = "set a timeout for the role".into();
            advice.formula = Some("5 × 1m00s = 5m00s".into());
        }
        moment
    }

    #[test]
    fn the_note_and_the_text_read_well() {
        let note = told_of(&told(fixture::checkout_leak()));
        let document = &note.snapshot;
        insta::with_settings!({filters => vec![(env!("CARGO_PKG_VERSION"), "VERSION")]}, {
            insta::assert_snapshot!("checkout_leak.md", markdown(&note));
            insta::assert_snapshot!("checkout_leak.txt", text(document));
            insta::assert_snapshot!("few.json", json(&self::document(&told(fixture::few()))));
        });
    }
}
