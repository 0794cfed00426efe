//! What a doctor looks at on a PostgreSQL server.

use super::{PostgresOpener, PostgresSource, facts, quoted};
use crate::connect::{Connection, Purpose};
use crate::model::facts::ServerFacts;
use crate::model::sample::Sample;
use crate::model::target::{Privilege, Wire};
use crate::source::probe::Check;

/// The version that brought `reserved_connections`.
const RESERVED_SINCE: u32 = 160_000;

/// Looks at one server over a connection of its own.
pub(super) async fn all(target: PostgresOpener) -> Vec<Check> {
    let mut source = match PostgresSource::open(target, Purpose::Probe).await {
        Ok(source) => source,
        Err(error) => return vec![Check::failed("connection", &error)],
    };
    let mut checks = vec![connection(&source.connection), wire(&source.connection)];
    let sample = source.read().await;
    let facts = facts::read_once(&source.connection, &source.statements).await;
    match &sample {
        Ok(sample) => checks.extend(sampled(sample, facts.is_ok())),
        Err(error) => checks.push(Check::failed("sessions", error)),
    }
    match &facts {
        Ok(facts) => checks.extend(rights(facts)),
        Err(error) => checks.push(Check::failed("settings, roles and limits", error)),
    }
    checks
}

fn connection(connection: &Connection) -> Check {
    let protected = if connection.is_encrypted() { "TLS" } else { "no TLS" };
    let (version, endpoint) = (connection.version(), connection.endpoint());
    Check::good("connection", &format!("PostgreSQL {version} at {endpoint}, {protected}"))
}

fn wire(connection: &Connection) -> Check {
    match connection.wire() {
        Wire::Direct => Check::good("wire", "direct"),
        Wire::Unproven => Check::good("wire", "not proven direct, so nothing is set on the session"),
        Wire::Pooled => Check::limited(
            "wire",
            "through a pooler: our statements queue with the application's, and show this server only in part",
            "give the target the address of the server itself",
        ),
    }
}

/// What the sample says; what it lacks because of rights is said once, by [`rights`], where the facts are known.
fn sampled(sample: &Sample, facts_known: bool) -> Vec<Check> {
    let Some(server) = sample.postgres() else { return Vec::new() };
    let took = sample.overhead.server_ms_per_sample;
    let found = format!("{} client sessions read in {took:.0} ms", server.backends.len());
    let gaps = server.missing.iter().filter(|gap| !gap.what.starts_with(facts::WHAT));
    let gaps = gaps.filter(|gap| !facts_known || !gap.why.contains("pg_monitor"));
    [Check::good("sessions", &found)].into_iter().chain(gaps.map(Check::missing)).collect()
}

fn rights(facts: &ServerFacts) -> Vec<Check> {
    let own = &facts.own_role;
    let role = quoted(&own.name);
    let grant = |group: &str| format!("GRANT {group} TO {role}");
    let mut checks = vec![
        match own.privilege {
            Privilege::Superuser => Check::good("visibility", "superuser: everything"),
            Privilege::Monitor => Check::good("visibility", "everything, by pg_monitor or pg_read_all_stats"),
            Privilege::Limited => {
                let found = format!("states, ages and statements only of role {role} itself");
                Check::limited("visibility", &found, &grant("pg_monitor"))
            }
        },
        if own.can_signal_others {
            Check::good("cancel and terminate", "sessions of all roles but superusers, at least")
        } else {
            let found = format!("only sessions of role {role} itself");
            Check::limited("cancel and terminate", &found, &grant("pg_signal_backend"))
        },
    ];
    if facts.version_num >= RESERVED_SINCE && facts.settings.reserved > 0 && !own.can_use_reserved {
        let found = format!("{} reserved connections, none of them for role {role}", facts.settings.reserved);
        checks.push(Check::limited("a slot on a full server", &found, &grant("pg_use_reserved_connections")));
    }
    if !facts.settings.track_activities {
        let fix = "ALTER SYSTEM SET track_activities = on; SELECT pg_reload_conf()";
        checks.push(Check::limited("what sessions do", "track_activities is off", fix));
    }
    let parts = [facts.prepared.missing(), facts.statements.missing()];
    checks.extend(parts.into_iter().flatten().map(Check::missing));
    checks
}
