//! Stories told second by second, and what the analysis must and must not say about them.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{Row, Stage, at, facts, row, sample, status, too_many_clients, with_waits};
use super::{Moment, Settings};
use crate::model::event::{Event, EventKind};
use crate::model::facts::PreparedTransaction;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::limit::LimitScope;
use crate::model::part::Part;
use crate::model::pool::DeclaredPool;
use crate::model::sample::{Body, PoolerPool, Sample, StateCounts};
use crate::model::target::{TargetKind, TargetState};
use crate::model::thresholds::Thresholds;
use crate::model::verdict::VerdictKind;

/// Thresholds ten times as short: a minute is six seconds.
fn fast() -> Settings {
    Settings { thresholds: Thresholds::default().scaled(0.1), ..Settings::default() }
}

/// Tells a story for so many seconds and returns every moment of it.
fn told(settings: Settings, seconds: u32, rows: impl Fn(f64) -> Vec<Row>) -> Vec<Moment> {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(settings);
    (1..=seconds)
        .map(|second| {
            let now = f64::from(second);
            stage.show(sample("db1", now, rows(now).iter().map(Row::build).collect(), &facts))
        })
        .collect()
}

/// The findings of the last moment that are about leaks.
fn leaks(moments: &[Moment]) -> Vec<&Finding> {
    moments
        .last()
        .map(|moment| moment.findings.iter().filter(|f| f.rule.is_leak()).collect())
        .unwrap_or_default()
}

/// The worst that was ever said about leaks.
fn worst_leak(moments: &[Moment]) -> Option<Severity> {
    let findings = moments.iter().flat_map(|moment| &moment.findings);
    findings.filter(|finding| finding.rule.is_leak()).map(|finding| finding.severity).max()
}

fn of(moment: &Moment, rule: Rule) -> Option<&Finding> {
    moment.findings.iter().find(|finding| finding.rule == rule)
}

fn pids(from: i32, count: i32) -> impl Iterator<Item = i32> {
    from..from + count
}

/// A request of a pool that never closes: each connection is used for a moment every few seconds.
fn busy(pid: i32, application: &str, now: f64) -> Row {
    row(pid, application).idle(now - f64::from(pid % 5), "COMMIT")
}

mod leaking {
    use super::*;

    #[test]
    fn transactions_that_pile_up_idle_go_from_watched_to_suspect_to_leak() {
        let moments = told(fast(), 40, |now| {
            let leaked = (0..6).map(|n| f64::from(n) * 5.0).take_while(move |since| *since < now);
            pids(1, 6)
                .zip(leaked)
                .map(|(pid, since)| row(pid, "api").born(since).in_transaction(since, "SELECT 1"))
                .collect()
        });
        let severities: Vec<_> = moments
            .iter()
            .map(|moment| of(moment, Rule::LeakIdleInTransaction).map(|finding| finding.severity))
            .collect();
        assert_eq!(severities[4], None, "nothing before the threshold");
        assert_eq!(severities[5], Some(Severity::Notice));
        assert_eq!(severities[39], Some(Severity::Critical));
        assert!(severities.is_sorted(), "it only gets worse: {severities:?}");
        let last = moments.last().unwrap();
        assert_eq!(last.verdict.kind, VerdictKind::Leak);
        let sentence = "api leaks: 6 connections idle in transaction since 14:00, same last statement";
        assert!(last.verdict.sentence.starts_with(sentence), "{}", last.verdict.sentence);
        assert_eq!(leaks(&moments)[0].since, at(0.0));
        assert!(last.backends.iter().all(|row| row.suspect == Some(Severity::Critical)));
    }

    #[test]
    fn aborted_transactions_count_and_are_told_apart() {
        let moments = told(fast(), 10, |_| {
            pids(1, 4).map(|pid| row(pid, "api").aborted(-60.0, "SELECT 1/0")).collect()
        });
        let finding = leaks(&moments)[0];
        assert_eq!(finding.severity, Severity::Critical);
        assert!(finding.evidence.iter().any(|e| e.starts_with("4 aborted: no locks left")), "{finding:?}");
    }

    #[test]
    fn one_forgotten_transaction_is_a_suspect_at_five_thresholds() {
        let moments = told(fast(), 35, |_| {
            vec![row(1, "job").in_transaction(0.0, "INSERT INTO t VALUES (1)").writes()]
        });
        let severity = |second: usize| leaks(&moments[..second])[0].severity;
        assert_eq!((severity(29), severity(30)), (Severity::Notice, Severity::Warning));
    }

    #[test]
    fn one_on_each_instance_is_a_leak_of_the_application() {
        let moments = told(fast(), 20, |_| {
            pids(1, 8)
                .map(|pid| {
                    row(pid, &format!("api-{pid}"))
                        .from(&format!("10.0.0.{pid}"))
                        .in_transaction(0.0, "SELECT 1")
                })
                .collect()
        });
        let last = moments.last().unwrap();
        assert_eq!(last.pools.len(), 8);
        assert!(leaks(&moments).iter().all(|finding| finding.severity == Severity::Critical));
        assert!(last.verdict.sentence.contains("8 connections from 8 clients"), "{}", last.verdict.sentence);
    }

    #[test]
    fn connections_frozen_while_their_pool_opens_others_are_a_growing_floor() {
        // A connection every eight seconds is used once and then forgotten; a busy one stays.
        let moments = told(fast(), 120, |now| {
            let lost = (0..14).map(|n| f64::from(n) * 8.0).take_while(move |born| *born < now);
            pids(10, 14)
                .zip(lost)
                .map(|(pid, born)| {
                    row(pid, "api").born(born).idle(born + 0.1, "SELECT * FROM t WHERE id = $1")
                })
                .chain([row(1, "api").idle(now - 0.1, "SELECT * FROM t WHERE id = $1")])
                .collect()
        });
        let finding = leaks(&moments)[0];
        assert_eq!(finding.rule, Rule::LeakGrowth);
        assert!(finding.severity >= Severity::Warning, "{finding:?}");
        assert!(finding.evidence[0].contains("rose"), "{finding:?}");
        assert!(!finding.backends.is_empty() && finding.backends.iter().all(|id| id.pid >= 10));
    }

    #[test]
    fn a_bound_that_is_exceeded_for_a_while_is_a_warning_with_its_arithmetic() {
        let pool = DeclaredPool {
            name: "frontend".into(),
            application_name: Some("podcast-*".to_owned()),
            max: Some(2),
            instances: 2,
            ..DeclaredPool::default()
        };
        let settings = Settings { pools: vec![pool], ..fast() };
        let moments = told(settings, 60, |now| pids(1, 5).map(|pid| busy(pid, "podcast-api", now)).collect());
        assert!(leaks(&moments[..20]).is_empty(), "a deployment may do that");
        let finding = leaks(&moments)[0];
        assert_eq!((finding.rule, finding.severity), (Rule::PoolBoundExceeded, Severity::Warning));
        assert_eq!(&*finding.title, "frontend: 5 connections, 4 declared (2 instances of 2)");
    }

    #[test]
    fn what_a_pool_does_every_day_is_no_leak_there_and_the_sentence_says_what_is_usual() {
        // Job workers hold a transaction for eight seconds each time: past the threshold, and ordinary.
        let jobs = |now: f64| {
            pids(1, 3)
                .map(|pid| {
                    let phase = (now + f64::from(pid) * 3.0) % 10.0;
                    let one = row(pid, "jobs");
                    if phase < 8.0 {
                        one.in_transaction(now - phase, "SELECT job()")
                    } else {
                        one.idle(now - phase + 8.0, "COMMIT")
                    }
                })
                .collect()
        };
        let moments = told(fast(), 100, jobs);
        assert!(leaks(&moments[30..]).is_empty(), "{:?}", leaks(&moments[30..]));
        assert!(worst_leak(&moments) < Some(Severity::Warning), "watched at first, never accused");
    }
}

mod not_leaking {
    use super::*;

    /// Returns the last moment.
    fn is_never_suspect(seconds: u32, rows: impl Fn(f64) -> Vec<Row>) -> Moment {
        let mut moments = told(fast(), seconds, rows);
        let worst = worst_leak(&moments);
        assert!(worst < Some(Severity::Warning), "{:?}", leaks(&moments));
        moments.pop().unwrap()
    }

    #[test]
    fn f1_start_up_growth_to_a_plateau() {
        is_never_suspect(120, |now| {
            let open = if now < 20.0 { (now / 2.0).ceil() } else { 10.0 };
            pids(1, 10)
                .take_while(|pid| f64::from(*pid) <= open)
                .map(|pid| busy(pid, "api", now).born(f64::from(pid) * 2.0))
                .collect()
        });
    }

    #[test]
    fn f2_f3_bursts_and_fluctuation_between_minimum_and_maximum() {
        is_never_suspect(120, |now| {
            let open = if now % 20.0 < 8.0 { 10 } else { 3 };
            let start = (now / 20.0).floor() * 20.0;
            pids(1, open)
                .map(|pid| busy(pid, "api", now).born(if pid <= 3 { -100.0 } else { start }))
                .collect()
        });
    }

    #[test]
    fn f6_f9_deep_idle_connections_of_a_lifo_pool_that_opens_no_others() {
        let last = is_never_suspect(120, |now| {
            let deep = pids(2, 9).map(|pid| row(pid, "api").idle(-60.0, "SELECT 1"));
            deep.chain([row(1, "api").active(now - 0.1, "SELECT 1")]).collect()
        });
        assert_eq!(last.pools[0].pool.stranded, Some(0), "the pool opened no other");
    }

    #[test]
    fn f11_traffic_that_stops() {
        is_never_suspect(150, |now| {
            pids(1, 10).map(|pid| row(pid, "api").idle(now.min(25.0), "SELECT 1")).collect()
        });
    }

    #[test]
    fn f8_connections_that_are_replaced_while_others_lie_given_back() {
        // Each is renewed after 20 seconds; an asyncpg pool leaves its reset as the last statement.
        const RESET: &str = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;";
        let last = is_never_suspect(200, |now| {
            let oldest = pids(1, 3).map(|pid| row(pid, "api").idle(-30.0, RESET));
            let born = (now / 5.0).floor() * 5.0;
            #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
            let pid = 100 + (now / 5.0) as i32;
            oldest.chain([row(pid, "api").born(born).idle(now - 0.2, RESET)]).collect()
        });
        assert_eq!(last.pools[0].pool.stranded, Some(0), "given back");
    }

    #[test]
    fn f13_f14_f15_long_statements_and_transactions_that_go_on() {
        is_never_suspect(120, |now| {
            vec![
                row(1, "report").active(-100.0, "SELECT sum(x) FROM big"),
                row(2, "batch")
                    .in_transaction(now - 2.0, "INSERT INTO t VALUES ($1)")
                    .transaction_since(-100.0)
                    .writes(),
                row(3, "view").in_transaction(now - now % 4.0, "SELECT 1"),
            ]
        });
    }

    #[test]
    fn f16_a_declared_job_that_holds_its_transaction() {
        let pool = DeclaredPool {
            name: "jobs".into(),
            application_name: Some("jobs".to_owned()),
            instances: 1,
            holds_transactions: true,
            ..DeclaredPool::default()
        };
        let moments = told(Settings { pools: vec![pool], ..fast() }, 60, |_| {
            pids(1, 5).map(|pid| row(pid, "jobs").in_transaction(-60.0, "SELECT job()")).collect()
        });
        assert_eq!(worst_leak(&moments), None);
    }

    #[test]
    fn f17_f18_listeners_and_lock_holders_that_are_silent_while_others_come() {
        let last = is_never_suspect(150, |now| {
            let listeners = pids(1, 4).map(|pid| row(pid, "events").idle(-60.0, "LISTEN orders"));
            let born = (now / 10.0).floor() * 10.0;
            #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
            let pid = 100 + (now / 10.0) as i32;
            listeners.chain([row(pid, "events").born(born).idle(now, "SELECT 1")]).collect()
        });
        assert_eq!(last.pools[0].pool.stranded, Some(0), "they listen");
    }

    #[test]
    fn f22_a_poolers_server_connections_with_changing_names_are_one_pool() {
        let moments = told(fast(), 60, |now| {
            pids(1, 4)
                .map(|pid| {
                    #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
                    let application = (now as i32 + pid) % 3;
                    row(pid, ["cart", "search", "billing"][application.unsigned_abs() as usize])
                        .idle(now - 0.1, "COMMIT")
                })
                .collect()
        });
        assert_eq!(worst_leak(&moments), None);
        let pools: Vec<_> = moments.last().unwrap().pools.iter().filter(|row| row.pool.total > 0).collect();
        assert_eq!(pools.len(), 1);
        assert!(pools[0].pool.via_pooler);
        assert_eq!(pools[0].pool.key.application_name, None);
    }

    #[test]
    fn a_driver_that_names_itself_after_login_is_no_pooler() {
        let moments = told(fast(), 30, |now| {
            let name = if now < 5.0 { "PostgreSQL JDBC Driver" } else { "orders" };
            vec![
                row(1, name).born(0.0).idle(now, "SELECT 1"),
                row(2, "PostgreSQL JDBC Driver").idle(now, "SELECT 1"),
            ]
        });
        assert!(moments.last().unwrap().pools.iter().all(|row| !row.pool.via_pooler));
    }

    #[test]
    fn f24_a_convoy_is_a_lock_finding_and_no_leak() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        let rows = |now: f64| {
            let waiting =
                pids(2, 15).map(|pid| row(pid, "api").active(0.0, "UPDATE t").waits("Lock", "relation"));
            waiting
                .chain([row(1, "migrate").active(now - 0.5, "ALTER TABLE t")])
                .map(|row| row.build())
                .collect()
        };
        let waits: Vec<_> = (2..17).map(|pid| (pid, 1, 0.0)).collect();
        let moments: Vec<_> = (1..=20)
            .map(f64::from)
            .map(|now| stage.show(with_waits(sample("db1", now, rows(now), &facts), &waits)))
            .collect();
        assert_eq!(worst_leak(&moments), None);
        let last = moments.last().unwrap();
        assert_eq!(last.verdict.kind, VerdictKind::Blocked);
        assert_eq!(&*last.verdict.sentence, "pid 1 (migrate) blocks 15 sessions, the longest for 20s");
        assert_eq!(of(last, Rule::QuerySlow), None, "they are slow because they wait");
    }

    #[test]
    fn f25_somebody_thinking_in_psql() {
        is_never_suspect(60, |_| {
            vec![row(1, "psql").owner("anna", "shop").from("").in_transaction(-20.0, "SELECT 1")]
        });
    }

    #[test]
    fn f26_an_application_that_crashes_and_starts_over() {
        is_never_suspect(150, |now| {
            let born = (now / 7.0).floor() * 7.0;
            #[expect(clippy::cast_possible_truncation, reason = "small numbers of a story")]
            let first = 100 + (now / 7.0) as i32 * 10;
            pids(first, 5).map(|pid| row(pid, "api").born(born).idle(born + 0.5, "SELECT 1")).collect()
        });
    }

    #[test]
    fn other_pooltops_and_backups_are_shown_as_what_they_are() {
        let moments = told(fast(), 100, |now| {
            vec![
                row(1, "pooltop").idle(now, "SELECT 1"),
                row(2, "pg_dump").active(-600.0, "COPY public.orders TO stdout").transaction_since(-3600.0),
            ]
        });
        let last = moments.last().unwrap();
        assert!(last.backends[0].is_pooltop && !last.backends[1].is_pooltop);
        assert_eq!(last.findings, []);
    }
}

mod limits {
    use super::*;

    fn growing(per_minute: f64) -> Vec<Moment> {
        told(fast(), 60, move |now| {
            pids(1, 99)
                .take_while(|pid| f64::from(*pid) <= 40.0 + now / 60.0 * per_minute)
                .map(|pid| busy(pid, "api", now))
                .collect()
        })
    }

    #[test]
    fn slots_count_our_own_sessions_and_leave_the_reserved_ones_out() {
        let moments = told(fast(), 1, |now| pids(1, 10).map(|pid| busy(pid, "api", now)).collect());
        let server = &moments[0].limits[0];
        assert_eq!(
            (server.used, server.limit, server.reserved, server.usable()),
            (11, Some(100), 3, Some(97))
        );
        assert_eq!(server.exhausted_in_s, None, "one sample is no trend");
    }

    #[test]
    fn steady_growth_gives_the_time_until_it_is_full() {
        let moments = growing(30.0);
        let server = &moments.last().unwrap().limits[0];
        assert!((server.growth_per_min.unwrap() - 30.0).abs() < 5.0, "{server:?}");
        let left = server.exhausted_in_s.unwrap();
        let expected = f64::from(97 - server.used) / 30.0 * 60.0;
        assert!((left - expected).abs() < expected / 4.0, "{left} s, expected {expected} s");
        assert_eq!(growing(0.0).last().unwrap().limits[0].exhausted_in_s, None);
    }

    #[test]
    fn a_full_server_is_exhausted_and_says_who_holds_it() {
        let moments = told(fast(), 3, |now| pids(1, 96).map(|pid| busy(pid, "api", now)).collect());
        let last = moments.last().unwrap();
        assert_eq!(last.verdict.kind, VerdictKind::Exhausted);
        assert_eq!(&*last.verdict.sentence, "db1 is full: 97 of 97 slots used");
        let finding = of(last, Rule::ServerExhaustion).unwrap();
        assert!(finding.evidence.iter().any(|e| e.ends_with("api 96")), "{finding:?}");
    }

    #[test]
    fn a_nearly_full_server_is_saturated_and_a_half_full_one_is_not() {
        let with =
            |count| told(fast(), 3, move |now| pids(1, count).map(|pid| busy(pid, "api", now)).collect());
        assert_eq!(with(80).last().unwrap().verdict.kind, VerdictKind::Saturated);
        assert_eq!(with(50).last().unwrap().verdict.kind, VerdictKind::Healthy);
    }

    #[test]
    fn databases_and_roles_have_limits_of_their_own_and_the_nearest_comes_first() {
        let mut plain = facts(100);
        plain.databases[0].connection_limit = Some(20);
        plain.roles.push(crate::model::facts::RoleFacts {
            name: "app".into(),
            connection_limit: Some(11),
            ..plain.roles[0].clone()
        });
        plain.roles[1].superuser = false;
        let rows = pids(1, 10).map(|pid| busy(pid, "api", 1.0).build()).collect();
        let moment = Stage::single(fast()).show(sample("db1", 1.0, rows, &Arc::new(plain)));
        let scopes: Vec<_> =
            moment.limits.iter().map(|limit| (limit.scope, limit.used, limit.limit)).collect();
        assert_eq!(
            scopes,
            [
                (LimitScope::Role, 10, Some(11)),
                (LimitScope::Database, 10, Some(20)),
                (LimitScope::Server, 11, Some(100)),
            ]
        );
    }
}

mod verdicts {
    use super::*;

    fn pooler(second: f64, waiting: u32, wait_s: u64) -> Sample {
        let pool = PoolerPool {
            database: "shop".into(),
            user: "app".into(),
            cl_waiting: waiting,
            sv_active: 20,
            max_wait_us: wait_s * 1_000_000,
            ..PoolerPool::default()
        };
        super::super::fixture::pooler_sample("bouncer-1", second, vec![pool])
    }

    #[test]
    fn nobody_is_healthy_who_cannot_be_seen() {
        let facts = Arc::new(facts(100));
        let healthy = || {
            let mut stage = Stage::single(fast());
            stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
            stage
        };
        assert_eq!(healthy().look().verdict.kind, VerdictKind::Healthy);

        let mut stale = healthy();
        stale.status("db1").unwrap().state = TargetState::Stale;
        assert_eq!(stale.look().verdict.kind, VerdictKind::Unknown);

        let mut second = healthy();
        second.statuses.push(status("db2", TargetKind::Postgres));
        second.status("db2").unwrap().state = TargetState::Down;
        assert_eq!(second.look().verdict.kind, VerdictKind::Unknown);

        let mut slow = healthy();
        let mut counts_only = sample("db1", 2.0, Vec::new(), &facts);
        let Body::Postgres(body) = &mut counts_only.body else { unreachable!() };
        (body.counts_only, body.counts) = (true, Some(StateCounts { active: 5, ..StateCounts::default() }));
        let moment = slow.show(counts_only);
        assert_eq!(moment.verdict.kind, VerdictKind::Unknown);
        assert_eq!(moment.limits[0].used, 6);

        assert_eq!(super::super::fixture::without_privileges().verdict.kind, VerdictKind::Unknown);
        assert_eq!(super::super::fixture::connecting().verdict.kind, VerdictKind::Unknown);
        assert_eq!(Stage::new(fast(), Vec::new()).look().verdict.kind, VerdictKind::Unknown);
    }

    #[test]
    fn a_server_that_does_not_answer_is_unreachable_and_one_without_slots_is_exhausted() {
        let mut stage = Stage::single(fast());
        let status = stage.status("db1").unwrap();
        status.state = TargetState::Refused;
        status.error = Some(too_many_clients());
        assert_eq!(stage.look().verdict.kind, VerdictKind::Exhausted);
        let status = stage.status("db1").unwrap();
        let mut error = too_many_clients();
        (error.code, error.message) = (Some("28P01".into()), "wrong password for db1".into());
        status.error = Some(error);
        let moment = stage.look();
        assert_eq!(moment.verdict.kind, VerdictKind::Unreachable);
        assert_eq!(&*moment.verdict.sentence, "db1 refuses: wrong password for db1");
    }

    #[test]
    fn a_server_that_refuses_though_slots_seem_free_has_logins_in_progress() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
        let status = stage.status("db1").unwrap();
        (status.state, status.error) = (TargetState::Refused, Some(too_many_clients()));
        let moment = stage.look();
        assert!(of(&moment, Rule::ServerLogins).is_some());
        assert_eq!(moment.verdict.kind, VerdictKind::Exhausted);
        assert!(moment.verdict.sentence.contains("logins in progress"), "{}", moment.verdict.sentence);
    }

    #[test]
    fn a_leak_hides_what_it_causes_and_names_who_suffers() {
        let moment = super::super::fixture::checkout_leak();
        assert_eq!(moment.verdict.kind, VerdictKind::Leak);
        assert_eq!(
            &*moment.verdict.sentence,
            "checkout-api leaks: 30 connections idle in transaction since 14:00; 6 clients queued; 4 sessions blocked; \
             full in about 6 min"
        );
    }

    #[test]
    fn clients_that_queue_at_a_pooler_saturate_it_when_they_wait_long() {
        let mut stage = Stage::new(fast(), vec![status("bouncer-1", TargetKind::Pgbouncer)]);
        let moment = stage.show(pooler(1.0, 0, 0));
        assert_eq!(moment.verdict.kind, VerdictKind::Healthy);
        let moment = stage.show(pooler(2.0, 3, 2));
        assert_eq!(moment.verdict.kind, VerdictKind::Saturated);
        assert_eq!(&*moment.verdict.sentence, "shop/app: 3 clients queued, the longest for 2s");
        assert_eq!(moment.pools[0].pool.pending, Some(3));
        assert_eq!(moment.series.pending, [Some(0), Some(3)]);
    }

    #[test]
    fn sessions_that_wait_for_nobody_knows_whom_are_not_healthy() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        let rows = vec![row(1, "api").active(0.0, "UPDATE t").waits("Lock", "tuple").build()];
        let mut unread = sample("db1", 1.0, rows, &facts);
        let Body::Postgres(body) = &mut unread.body else { unreachable!() };
        body.locks = Part::Missing(crate::model::part::Missing::new("locks", "the statement timed out"));
        let moment = stage.show(unread);
        assert_eq!(moment.verdict.kind, VerdictKind::Blocked);
        assert_eq!(&*moment.verdict.sentence, "1 session blocked by locks, in statements up to 1s old");
    }

    #[test]
    fn a_slow_statement_is_worth_a_word_and_a_declared_time_out_is_respected() {
        let slow = |settings| told(settings, 40, |_| vec![row(1, "report").active(0.0, "SELECT slow()")]);
        let moments = slow(fast());
        assert_eq!(moments.last().unwrap().verdict.kind, VerdictKind::Slow);
        let pool = DeclaredPool {
            name: "reports".into(),
            application_name: Some("report".to_owned()),
            instances: 1,
            command_timeout_s: Some(60.0),
            ..DeclaredPool::default()
        };
        let moments = slow(Settings { pools: vec![pool], ..fast() });
        assert_eq!(moments.last().unwrap().verdict.kind, VerdictKind::Healthy);
    }

    #[test]
    fn a_transaction_that_still_works_is_a_notice() {
        let moments = told(fast(), 40, |now| {
            vec![row(1, "batch").in_transaction(now - 1.0, "INSERT").transaction_since(-10.0).writes()]
        });
        let last = moments.last().unwrap();
        assert_eq!(of(last, Rule::TransactionLong).unwrap().severity, Severity::Notice);
        assert_eq!(last.verdict.kind, VerdictKind::Healthy);
    }

    #[test]
    fn a_prepared_transaction_left_behind_comes_with_the_statement_that_ends_it() {
        let mut plain = facts(100);
        let left = PreparedTransaction {
            gid: "tx'1".into(),
            prepared: at(-3600.0),
            owner: "app".into(),
            database: "shop".into(),
        };
        plain.prepared = Part::Known(vec![left]);
        let moment = Stage::single(fast()).show(sample("db1", 1.0, Vec::new(), &Arc::new(plain)));
        let finding = of(&moment, Rule::TransactionPrepared).unwrap();
        assert!(finding.suggestion.as_ref().unwrap().ends_with("ROLLBACK PREPARED 'tx''1'"), "{finding:?}");
    }

    #[test]
    fn a_restart_is_told_for_a_while_and_what_was_counted_starts_anew() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        for second in 1..=70 {
            let now = f64::from(second);
            let rows = pids(1, 10 + second / 2).map(|pid| busy(pid, "api", now).build()).collect();
            stage.show(sample("db1", now, rows, &facts));
        }
        let mut after = sample("db1", 71.0, vec![busy(500, "api", 71.0).born(70.5).build()], &facts);
        let Body::Postgres(body) = &mut after.body else { unreachable!() };
        body.identity.postmaster_start = at(70.0);
        stage.events.push(Event {
            at: at(71.0),
            target: "db1".into(),
            kind: EventKind::Restart,
            text: "the server restarted".into(),
        });
        let moment = stage.show(after);
        assert_eq!(moment.limits[0].growth_per_min, None);
        assert_eq!(moment.pools[0].pool.closed, Some(45));
        assert!(of(&moment, Rule::ServerChanged).is_some());
        assert_eq!(moment.events.len(), 1, "told every time, remembered once");
    }
}

mod pools {
    use super::*;

    #[test]
    fn opened_closed_and_peak_are_counted_from_the_first_sample_on() {
        let moments = told(fast(), 3, |now| {
            let rows: &[i32] = [&[1, 2, 3][..], &[2, 3, 4, 5][..], &[5][..]]
                [if now < 2.0 { 0 } else { usize::from(now > 2.0) + 1 }];
            rows.iter().map(|pid| busy(*pid, "api", now)).collect()
        });
        let pool = &moments[2].pools[0].pool;
        assert_eq!((pool.opened, pool.closed, pool.peak, pool.total), (Some(2), Some(4), 4, 1));
    }

    #[test]
    fn a_pid_that_another_session_has_is_a_close_and_an_open() {
        let moments = told(fast(), 2, |now| vec![busy(1, "api", now).born(now)]);
        let pool = &moments[1].pools[0].pool;
        assert_eq!((pool.opened, pool.closed), (Some(1), Some(1)));
    }

    #[test]
    fn a_missed_sample_is_a_gap_in_every_curve() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        let mut moment = stage.look();
        for second in [1.0, 2.0, 5.0, 6.0] {
            moment = stage.show(sample("db1", second, vec![row(1, "api").build()], &facts));
        }
        assert_eq!(moment.pools[0].trend, [Some(1), Some(1), None, None, Some(1), Some(1)]);
        let seen: Vec<bool> = moment.series.counts.iter().map(Option::is_some).collect();
        assert_eq!(seen, [true, true, false, false, true, true]);
    }

    #[test]
    fn more_pools_than_can_be_told_apart_are_counted_as_other() {
        let moments = told(fast(), 3, |now| {
            (1..=600).map(|pid| busy(pid, &format!("{}x", letters(pid)), now)).collect()
        });
        let last = moments.last().unwrap();
        assert_eq!(last.pools.len(), 513);
        let total: u32 = last.pools.iter().map(|row| row.pool.total).sum();
        assert_eq!(total, 600, "nobody is lost");
        let other = last.pools.iter().find(|row| &*row.pool.name == "other").unwrap();
        assert_eq!(other.pool.total, 88);
        for row in &last.backends {
            assert!(last.pools[row.pool].pool.total > 0);
        }
    }

    fn letters(number: i32) -> String {
        number
            .to_string()
            .chars()
            .map(|digit| char::from(b'a' + u8::try_from(digit.to_digit(10).unwrap()).unwrap()))
            .collect()
    }

    #[test]
    fn a_pool_that_is_gone_is_shown_for_a_minute_and_then_no_longer() {
        let moments =
            told(Settings::default(), 80, |now| if now < 5.0 { vec![row(1, "cron")] } else { Vec::new() });
        assert_eq!(moments[30].pools.len(), 1);
        assert_eq!(moments[30].pools[0].pool.total, 0);
        assert_eq!(moments[79].pools.len(), 0);
    }

    #[test]
    fn a_declared_pool_is_shown_even_when_nobody_is_connected() {
        let pool = DeclaredPool {
            name: "nightly".into(),
            max: Some(5),
            instances: 1,
            application_name: Some("night*".to_owned()),
            ..DeclaredPool::default()
        };
        let moments = told(Settings { pools: vec![pool], ..fast() }, 1, |_| vec![row(1, "api")]);
        let nightly = moments[0].pools.iter().find(|row| &*row.pool.name == "nightly").unwrap();
        assert_eq!((nightly.pool.total, nightly.pool.max), (0, Some(5)));
    }

    #[test]
    fn declared_pools_that_cannot_be_told_apart_are_judged_together() {
        let pool = |name: &str, max| DeclaredPool {
            name: name.into(),
            user: Some("app".to_owned()),
            max: Some(max),
            instances: 2,
            command_timeout_s: Some(f64::from(max)),
            ..DeclaredPool::default()
        };
        let settings = Settings { pools: vec![pool("frontend", 10), pool("background", 8)], ..fast() };
        let moments = told(settings, 1, |now| vec![busy(1, "api", now)]);
        let pool = &moments[0].pools[0].pool;
        assert_eq!((&*pool.name, pool.max, pool.total), ("frontend + background", Some(36), 1));
        assert_eq!(pool.key.user.as_deref(), Some("app"));
    }

    #[test]
    fn many_connections_at_once_are_an_event_and_no_finding() {
        let moments = told(fast(), 3, |now| {
            let count = if now < 2.0 { 2 } else { 9 };
            pids(1, count).map(|pid| busy(pid, "api", now)).collect()
        });
        let last = moments.last().unwrap();
        assert_eq!(last.findings, []);
        assert_eq!(&*last.events[0].text, "api: +7 connections in one sample");
    }

    #[test]
    fn what_opened_during_a_gap_did_not_open_at_once() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
        let many =
            |now| sample("db1", now, pids(1, 30).map(|pid| busy(pid, "api", now).build()).collect(), &facts);
        assert_eq!(stage.show(many(60.0)).events, []);
    }

    #[test]
    fn hidden_states_are_unknown_and_not_zero() {
        let moment = super::super::fixture::without_privileges();
        let billing = moment.pools.iter().find(|row| row.pool.total == 11).unwrap();
        assert_eq!((billing.pool.used, billing.pool.idle, billing.pool.unknown), (None, None, 11));
    }

    #[test]
    fn a_sample_that_came_twice_in_a_second_or_late_changes_nothing_but_the_newest() {
        let facts = Arc::new(facts(100));
        let mut stage = Stage::single(fast());
        stage.show(sample("db1", 1.0, vec![row(1, "api").build()], &facts));
        let once = stage.look();
        let again = stage.look();
        assert_eq!(once.pools[0].trend, again.pools[0].trend);
        assert_eq!(once.pools[0].pool, again.pools[0].pool);
    }

    #[test]
    fn findings_and_backends_point_at_their_pools() {
        let moment = super::super::fixture::checkout_leak();
        for row in &moment.pools {
            if let Some(index) = row.finding_index {
                assert_eq!(moment.findings[index].pool.as_ref(), Some(&row.pool.key));
            }
        }
        for row in &moment.backends {
            let key = &moment.pools[row.pool].pool.key;
            assert_eq!(moment.targets[row.target].name, key.target);
        }
        let suspects = moment.backends.iter().filter(|row| row.suspect.is_some()).count();
        assert_eq!(suspects, 30);
    }

    #[test]
    fn stepping_back_tells_the_story_as_it_was_told_then() {
        let (stage, then) = super::super::fixture::checkout_leak_stage(200);
        let (later, _) = super::super::fixture::checkout_leak_stage(260);
        let mut again = super::super::Analyser::new(Settings { pools: stage_pools(), ..Settings::default() });
        let past = again.observe(&later.history.up_to(at(200.0)), &stage.statuses, &[], at(200.0));
        assert_eq!(past.verdict, then.verdict);
        assert_eq!(past.findings, then.findings);
        assert_eq!(
            past.pools.iter().map(|row| &row.trend).collect::<Vec<_>>(),
            then.pools.iter().map(|row| &row.trend).collect::<Vec<_>>()
        );
    }

    fn stage_pools() -> Vec<DeclaredPool> {
        super::super::fixture::checkout_pools()
    }
}

#[test]
fn an_analyser_survives_a_clock_that_goes_back() {
    let facts = Arc::new(facts(100));
    let mut stage = Stage::single(fast());
    for second in [100.0, 101.0, 5.0, 6.0] {
        stage.show(sample("db1", second, vec![row(1, "api").build()], &facts));
    }
    let moment = stage.look();
    assert_eq!(moment.samples, 4);
    assert_eq!(moment.servers[0].as_ref().unwrap().at, at(6.0));
    assert!(moment.at.age_of(at(0.0)) >= Duration::from_secs(100));
}
