//! From a moment to the document: pure, and redacted on the way.

use super::snapshot::{
    Backend, Client, Finding, Limit, Operation, Overhead, Pool, Recommendation, SCHEMA, Snapshot, Target,
    TargetError, Via,
};
use crate::analysis::Moment;
use crate::analysis::moment::{BackendRow, ClientRow, Path, PoolRow};
use crate::model::audit::{AuditPhase, AuditRecord};
use crate::model::backend::{Client as End, State};
use crate::model::part::Missing;
use crate::model::target::{TargetKind, TargetName, TargetStatus};
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;
use crate::model::{finding, limit};
use crate::text::Text;
use crate::text::redact::{Redaction, Redactor};

mod redis;

/// What a moment does not know about itself.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The profile, or the endpoint of an ad-hoc one.
    pub profile: Text,
    /// How long pooltop has been watching, s.
    pub window_s: f64,
    /// Time between two samples, as configured, s.
    pub interval_s: f64,
    /// What to take out of statements.
    pub redaction: Redaction,
    /// What was done in that time. Of intents and outcomes only the outcomes are written.
    pub operations: Vec<AuditRecord>,
}

/// The document of a moment.
pub fn snapshot(moment: &Moment, meta: &Meta) -> Snapshot {
    let redactor = redactor(moment, meta.redaction);
    Snapshot {
        schema: SCHEMA,
        pooltop_version: env!("CARGO_PKG_VERSION"),
        profile: meta.profile.clone(),
        taken_at: moment.at,
        window_s: meta.window_s,
        samples: moment.samples,
        redaction: meta.redaction,
        targets: moment.targets.iter().map(target).collect(),
        limits: moment.limits.iter().map(limit).collect(),
        pools: moment.pools.iter().map(pool).collect(),
        backends: moment.backends.iter().map(|row| backend(row, moment, &redactor)).collect(),
        clients: moment.clients.iter().filter_map(|row| client(row, moment)).collect(),
        findings: moment.findings.iter().map(|one| finding(one, &redactor)).collect(),
        recommendations: moment.recommendations.iter().map(|one| recommendation(one, &redactor)).collect(),
        verdict: verdict(&moment.verdict, &redactor),
        operations: operations(&meta.operations, &redactor),
    }
}

/// What takes the values out of everything that is said about a moment.
pub fn redactor(moment: &Moment, redaction: Redaction) -> Redactor {
    Redactor::new(redaction, moment.backends.iter().filter_map(|row| row.backend.query.as_ref()))
}

fn target(status: &TargetStatus) -> Target {
    let missing = status.missing.iter().cloned().chain(never_read(status.kind)).collect();
    Target {
        name: status.name.clone(),
        kind: status.kind,
        endpoint: status.endpoint.clone(),
        state: status.state,
        age_s: status.age.map(|age| age.as_secs_f64()),
        error: status
            .error
            .as_ref()
            .map(|error| TargetError { code: error.code.clone(), message: error.message.clone() }),
        version: status.version.clone(),
        role: status.role,
        replay_lag_s: status.replay_lag_s,
        privilege: status.privilege,
        overhead: Overhead {
            connections: status.overhead.connections,
            statements_per_sample: status.overhead.statements_per_sample,
            server_ms_per_sample: status.overhead.server_ms_per_sample,
        },
        missing,
    }
}

/// What no row of such a target has, and why: `(of which kinds, what, why)`. The document says so with every target; a
/// note for people does not need to.
const NEVER_READ: [(Kinds, &str, &str); 4] = [
    (
        Kinds::Servers,
        "size, overflow, max_overflow, wait_avg_s, use_avg_s, timeouts, errors and recycled of pools",
        "a server does not show them; an application's metrics would",
    ),
    (
        Kinds::Servers,
        "locks held by each backend",
        "counting them for every session is a load of its own; they are read for single sessions",
    ),
    (
        Kinds::Poolers,
        "overflow, max_overflow, timeouts, recycled, opened and closed of pools",
        "a pooler does not show them",
    ),
    (
        Kinds::Applications,
        "what the connections of pools do (active, idle in transaction)",
        "an application does not show it; the server's backends do",
    ),
];

/// Kinds of targets that have the same gaps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Servers,
    Poolers,
    Applications,
    Others,
}

fn kinds(kind: TargetKind) -> Kinds {
    match kind {
        TargetKind::Postgres => Kinds::Servers,
        TargetKind::Pgbouncer
        | TargetKind::Odyssey
        | TargetKind::Pgcat
        | TargetKind::Pgdog
        | TargetKind::Pgpool => Kinds::Poolers,
        TargetKind::App => Kinds::Applications,
        TargetKind::Redis => Kinds::Others,
    }
}

fn never_read(kind: TargetKind) -> impl Iterator<Item = Missing> {
    let kinds = kinds(kind);
    NEVER_READ
        .into_iter()
        .filter(move |(of, ..)| *of == kinds)
        .map(|(_, what, why)| Missing::new(what, why))
        .chain((kind == TargetKind::Redis).then(redis::never_read))
}

/// Whether something is missing from every document of this version.
pub(super) fn is_never_read(missing: &Missing) -> bool {
    NEVER_READ.iter().any(|(_, what, _)| **what == *missing.what) || *missing == redis::never_read()
}

fn limit(limit: &limit::Limit) -> Limit {
    Limit {
        scope: limit.scope,
        name: limit.name.clone(),
        target: limit.target.clone(),
        used: limit.used,
        limit: limit.limit,
        reserved: limit.reserved,
        utilization: limit.utilization(),
        growth_per_min: limit.growth_per_min,
        exhausted_in_s: limit.exhausted_in_s,
    }
}

fn pool(row: &PoolRow) -> Pool {
    let pool = &row.pool;
    Pool {
        name: pool.name.clone(),
        layer: pool.key.layer,
        target: pool.key.target.clone(),
        application_name: pool.key.application_name.clone(),
        user: pool.key.user.as_ref().and_then(shown),
        database: pool.key.database.as_ref().and_then(shown),
        client: pool.key.client.as_ref().and_then(address),
        used: pool.used,
        idle: pool.idle,
        idle_in_transaction: pool.idle_in_transaction,
        idle_in_transaction_aborted: pool.aborted,
        active: pool.active,
        pending: pool.pending,
        total: pool.total,
        peak: pool.peak,
        min: pool.min,
        max: pool.max,
        size: pool.size,
        overflow: pool.overflow,
        max_overflow: pool.max_overflow,
        max_wait_s: pool.max_wait_s,
        wait_avg_s: pool.wait_avg_s,
        use_avg_s: pool.use_avg_s,
        timeouts: pool.timeouts,
        errors: pool.errors,
        recycled: pool.recycled,
        oldest_idle_in_transaction_s: pool.oldest_idle_in_transaction_s,
        opened: pool.opened,
        closed: pool.closed,
        stranded: pool.stranded,
    }
}

fn backend(row: &BackendRow, moment: &Moment, redactor: &Redactor) -> Backend {
    let (backend, session) = (&*row.backend, &*row.backend.session);
    let now = moment.sampled_at(row);
    let age = |since: Option<Timestamp>| since.map(|since| now.age_of(since).as_secs_f64());
    Backend {
        target: moment.targets.get(row.target).map_or_else(|| "".into(), |status| status.name.clone()),
        pool: moment.pools.get(row.pool).map(|pool| pool.pool.name.clone()),
        pid: session.id.pid,
        backend_start: session.id.start,
        application_name: session.application_name.clone(),
        user: shown(&session.user),
        database: shown(&session.database),
        client: session.client.addr().cloned(),
        client_port: port(&session.client),
        state: (backend.state != State::Unknown).then(|| backend.state.as_str()),
        wait_event_type: backend.wait.as_ref().map(|wait| wait.class.clone()),
        wait_event: backend.wait.as_ref().map(|wait| wait.event.clone()),
        state_age_s: age(backend.state_change),
        transaction_age_s: age(backend.xact_start),
        query_age_s: age(backend.query_start),
        backend_age_s: age(session.id.start),
        writes: backend.is_visible().then_some(backend.has_xid),
        query: backend.query.as_ref().and_then(|query| redactor.statement(query)),
        query_id: backend.query_id.map(|id| id.to_string()),
        blocked_by: row.blocked_by.clone(),
        blocks: row.blocks.clone(),
        locks: None,
        via: moment.path(row).map(via),
    }
}

/// The pooled client behind a backend, where it is certain whose transaction or session the row shows.
fn via(path: Path<'_>) -> Via {
    let client = path.client.filter(|_| path.certain);
    Via {
        pooler: TargetName::clone(&path.pooler.name),
        client: client.map(|client| Text::line(&client.client.to_string())),
        application_name: client.and_then(|client| client.application_name.clone()),
        user: client.map(|client| client.user.clone()),
    }
}

fn port(client: &End) -> Option<u16> {
    match client {
        End::Tcp { port, .. } => Some(*port),
        End::Local | End::Unknown => None,
    }
}

/// One client of a pooler or of a Redis server.
fn client(row: &ClientRow, moment: &Moment) -> Option<Client> {
    let Some(client) = row.pooled() else { return redis::client(row, moment) };
    let pid = row.backend.and_then(|backend| moment.backends.get(backend)).map(|row| row.backend.pid());
    Some(Client {
        target: TargetName::clone(&moment.targets.get(row.target)?.name),
        pool: row.pool.and_then(|pool| moment.pools.get(pool)).map(|pool| pool.pool.name.clone()),
        id: client.id.clone(),
        application_name: client.application_name.clone(),
        user: shown(&client.user),
        database: shown(&client.database),
        client: client.client.addr().cloned(),
        client_port: port(&client.client),
        state: client.word.clone(),
        wait_s: client.wait_us.map(|micros| micros as f64 / 1e6),
        age_s: client.age_s,
        pid,
    })
}

/// The address of a pool's client; a pool behind a Unix socket, or of clients that nobody may see, has none.
fn address(client: &Text) -> Option<Text> {
    let is_none = [End::Local, End::Unknown].iter().any(|none| **client == *none.to_string());
    (!is_none).then(|| client.clone())
}

/// The server shows no user and no database for some processes.
fn shown(name: &Text) -> Option<Text> {
    (!name.is_empty()).then(|| name.clone())
}

fn operations(records: &[AuditRecord], redactor: &Redactor) -> Vec<Operation> {
    let outcomes = records.iter().filter(|record| record.phase == AuditPhase::Outcome);
    outcomes
        .map(|record| Operation {
            at: record.at,
            profile: record.profile.clone(),
            target: record.target.clone(),
            operation: record.operation,
            pid: record.pid,
            backend_start: record.backend_start,
            application_name: record.application_name.clone(),
            user: record.user.clone(),
            dry_run: record.dry_run,
            outcome: record.outcome,
            message: redactor.sentence(&record.message),
            database: record.database.clone(),
            client_id: record.client_id.clone(),
            client: record.client.clone(),
        })
        .collect()
}

fn sentences(sentences: &[Text], redactor: &Redactor) -> Vec<Text> {
    sentences.iter().map(|sentence| redactor.sentence(sentence)).collect()
}

/// A finding as every document gives it.
pub fn finding(finding: &finding::Finding, redactor: &Redactor) -> Finding {
    Finding {
        rule: finding.rule,
        severity: finding.severity,
        pool: finding.pool_name.clone(),
        pids: finding.backends.iter().map(|id| id.pid).collect(),
        since: finding.since,
        title: redactor.sentence(&finding.title),
        evidence: sentences(&finding.evidence, redactor),
        suggestion: finding.suggestion.as_ref().map(|suggestion| redactor.sentence(suggestion)),
    }
}

fn recommendation(advice: &finding::Recommendation, redactor: &Redactor) -> Recommendation {
    Recommendation {
        pool: advice.pool.clone(),
        severity: advice.severity,
        issue: redactor.sentence(&advice.issue),
        suggestion: redactor.sentence(&advice.suggestion),
        evidence: sentences(&advice.evidence, redactor),
        formula: advice.formula.clone(),
    }
}

fn verdict(verdict: &Verdict, redactor: &Redactor) -> Verdict {
    Verdict {
        kind: verdict.kind,
        sentence: redactor.sentence(&verdict.sentence),
        evidence: sentences(&verdict.evidence, redactor),
    }
}
