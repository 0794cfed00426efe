//! What each rule means, when it fires, what else could explain it and what to do, for the documentation.
//!
//! In the texts `{name}` stands for the threshold of that name and `{rule.name}` for a fixed number of that rule, so
//! that no number is written down twice.

use crate::model::finding::Rule;
use crate::model::thresholds::Thresholds;
use crate::model::thresholds::table::FIELDS;
use crate::text::span::{span, span_s};

use super::{
    blocked, churn, exhaustion, paused, pooler_bounds, redis_clients, reported, server_changed, slow_query,
    utilization, wait, waiting,
};

/// One rule as the documentation tells it.
#[derive(Clone, Copy, Debug)]
pub struct RuleRow {
    /// Which rule.
    pub rule: Rule,
    /// What it means.
    pub means: &'static str,
    /// When it fires, and what makes it worse.
    pub fires: &'static str,
    /// What else could explain it.
    pub alternative: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Every rule.
pub const RULES: [RuleRow; Rule::ALL.len()] = [
    RuleRow {
        rule: Rule::LeakIdleInTransaction,
        means: "Sessions began a transaction and lie idle in it, aborted or not. Each holds its slot, its locks and the \
                horizon of vacuum.",
        fires: "Idle in transaction for longer than {idle_in_transaction} and than is usual in the pool (E1). Severity by \
                the score of the pool: notice when watched, warning when suspect, critical when leaking.",
        alternative: "A job that holds its transaction while it works. Declare it: `holds_transactions = true`.",
        remedy: "End the transaction in the application in every path, and do nothing slow inside it. Terminate frees the \
                 slot now; a cancel does nothing to an idle transaction. A guard: `idle_in_transaction_session_timeout`.",
    },
    RuleRow {
        rule: Rule::LeakCheckedOut,
        means: "Connections were taken from their pool and are not used and not given back, or wait in the middle of a \
                statement for a client that does not read.",
        fires: "Idle without the mark of a release for {checked_out} in a pool whose releases leave one (E2), waiting for \
                the client for {client_wait} (E5), or reported as checked out and idle (E11). Severity by score.",
        alternative: "Another program under the same name; an export whose other end is slow.",
        remedy: "Look for the code path that acquires without a release; close cursors and rows in every path.",
    },
    RuleRow {
        rule: Rule::LeakGrowth,
        means: "The number of stranded connections of a pool only grows, or connections lie frozen that a pool with free \
                connections would have used.",
        fires: "The floor of stranded connections rises over windows of {window} (E3), generations were left behind (E4), \
                the silent ones share a rare statement (E6), were untouched while the others were busy (E7), or the \
                pool's floor only rises (E9, which is never enough alone). Severity by score.",
        alternative: "New worker processes behind the same address; two pools under one name.",
        remedy: "As `leak.checked_out`; of dead hosts, `tcp_keepalives_idle = 60` on the server ends the sessions.",
    },
    RuleRow {
        rule: Rule::LeakCeiling,
        means: "Every connection of a pool fell silent at its high-water mark after steady traffic.",
        fires: "All silent for {silent} after traffic that stopped abruptly (E8). Never an alarm alone.",
        alternative: "Traffic that stopped. From the database's side that looks the same.",
        remedy: "Ask the application: are requests waiting for a connection? Its pool metrics (`[[profiles.X.apps]]`) tell.",
    },
    RuleRow {
        rule: Rule::PoolBoundExceeded,
        means: "A pool has more connections than the profile declares for all its instances.",
        fires: "For half a minute more than `max` × `instances` (E10), so that a rolling deployment does not count. At \
                least a warning.",
        alternative: "More instances than declared, or connections made outside the pool.",
        remedy: "Count the processes that open this pool and correct `instances`, or find who connects beside it.",
    },
    RuleRow {
        rule: Rule::PoolWaiting,
        means: "Clients are queued at a pooler, or requests in an application, because no connection is free.",
        fires: "A queue that stands for {waiting.standing} is a notice, a wait of {waiting.long} a warning, of \
                {waiting.too_long} critical. Clients that wait while the pooler has no server connection at all are a \
                finding of their own kind: it cannot log in.",
        alternative: "A burst of traffic that the pool is about to work off; a server that has just been restarted.",
        remedy: "First see whether the pool leaks or a statement holds it; then shorten transactions; then make it larger.",
    },
    RuleRow {
        rule: Rule::PoolUtilization,
        means: "A pool, or the bound of a pooler over its clients or server connections, is nearly used up.",
        fires: "At {pool_utilization} of a pool's bound for {sustained}; from {utilization.nearly_full} on a warning. \
                Bounds of a whole pooler: at {utilization}; critical for clients at {pooler.nearly_full}.",
        alternative: "A pool sized exactly to its load, or a bound that is meant to hold traffic back.",
        remedy: "Shorten what holds the connections, then make the pool larger within what the server has.",
    },
    RuleRow {
        rule: Rule::PoolOverflow,
        means: "Connections beyond a pool's size are in constant use; each is closed after its use and opened again.",
        fires: "An application reports overflow in use for {sustained}; a warning when all of it is.",
        alternative: "A burst that lasts.",
        remedy: "If it is the ordinary load, raise `pool_size` and lower `max_overflow` by the same number.",
    },
    RuleRow {
        rule: Rule::PoolTimeouts,
        means: "Requests gave up waiting for a connection.",
        fires: "An application counted one in the last minute; {reported.several} are critical. Also when an endpoint that \
                takes a connection of its own pool does not answer while half of that pool lies idle in transaction.",
        alternative: "A short outage of the database that is over.",
        remedy: "See what holds the connections: idle transactions, long statements, a queue at the pooler. Only then make \
                 the pool larger.",
    },
    RuleRow {
        rule: Rule::PoolErrors,
        means: "Connections of an application's pool fail.",
        fires: "An application counted one in the last minute; {reported.several} are a warning.",
        alternative: "Connections that the server or a firewall closed while they were idle.",
        remedy: "Check connections before use (pre-ping), and recycle them before anything on the way closes them.",
    },
    RuleRow {
        rule: Rule::PoolPaused,
        means: "A pooler, or one of its databases, is paused, suspended or disabled. Nothing but a person ends that.",
        fires: "The console says so for {paused.brief}; critical when clients wait. PgBouncer before 1.19 does not tell \
                when it is paused as a whole.",
        alternative: "A maintenance or switch-over that somebody is at. KILL leaves a database paused, too.",
        remedy: "Ask who paused it; RESUME (ENABLE for what is disabled) ends it, on each process of the pooler.",
    },
    RuleRow {
        rule: Rule::ServerExhaustion,
        means: "The slots of a server, or what a database or role may use of them, run out.",
        fires: "At {utilization} of the usable slots a warning; critical at {exhaustion.nearly_full}, with at most \
                {exhaustion.few} free, or when the trend reaches the end within {exhaustion.soon}. From \
                {exhaustion.empty} on also by the trend alone: within {exhaustion.soon} a warning, within \
                {exhaustion.in_sight} a notice.",
        alternative: "A deployment in which old and new processes overlap.",
        remedy: "Find out who holds the slots, end what is stuck there; raise the ceiling last.",
    },
    RuleRow {
        rule: Rule::ServerBudget,
        means: "What the pools may open together is more than the server has, even while little is open.",
        fires: "The sum of the declared bounds, of what pools without a bound have open, and of pooltop's own two exceeds \
                the usable slots. A warning.",
        alternative: "Pools that never grow to their bounds at the same time.",
        remedy: "Lower the largest bounds, or put a pooler in front; `pooltop size` computes it.",
    },
    RuleRow {
        rule: Rule::ServerLogins,
        means: "Logins in progress take slots that nobody sees: the server refuses although slots seem free, or many \
                connections of a pooler log in at once.",
        fires: "The server answers 53300 while fewer slots are used than it has: critical. At least \
                {pooler.logins} server connections, half of a pooler's pool, log in for {pooler.lasting}: a notice, \
                a warning when clients wait.",
        alternative: "Slots taken and freed again between two samples; a pooler that has just been started.",
        remedy: "Look for clients that reconnect in a loop, slow DNS or LDAP in `pg_hba.conf`, and connections \
                 that live too short; shorten `authentication_timeout`.",
    },
    RuleRow {
        rule: Rule::ServerWait,
        means: "Most running statements wait for the same thing: internal structures, disk, other processes, their \
                clients. More connections make it worse.",
        fires: "At least {wait.few} statements run and {wait.most} of them wait for one class for {sustained}. A notice.",
        alternative: "A moment of much the same work at once.",
        remedy: "By class: fewer connections at once (LWLock), the statements that read most (IO), a slow synchronous \
                 standby (IPC), slow clients (Client).",
    },
    RuleRow {
        rule: Rule::ServerChanged,
        means: "The server restarted, or another one answers under its name.",
        fires: "On the change, for {changed.news}. A notice.",
        alternative: "A planned maintenance.",
        remedy: "Marks and dialogs from before do not hold any more; pools need to reconnect.",
    },
    RuleRow {
        rule: Rule::LockChain,
        means: "Sessions wait for each other's locks. Each waiter holds a connection of its pool.",
        fires: "A wait of {lock_wait}, {blocked.many} waiters, or a circle: a warning. Critical with both, or when the \
                longest waits for {blocked.far_past} times the threshold.",
        alternative: "A lock that was given away since.",
        remedy: "The tree (`b`) shows the root. Terminate a root that is idle in transaction; cancel a queued DDL first \
                 and retry it with a short `lock_timeout`.",
    },
    RuleRow {
        rule: Rule::QuerySlow,
        means: "A statement has been running for long and does not wait for a lock. Backups do not count.",
        fires: "After {long_query}, or the pool's declared `command_timeout` where that is longer: a notice; \
                {slow.far_past} times as long a warning.",
        alternative: "A report or maintenance that takes its time.",
        remedy: "Look at its plan; cancel it if nobody waits for the answer.",
    },
    RuleRow {
        rule: Rule::PoolerTransactionMode,
        means: "Statements whose effect outlives their transaction, on a connection that a pooler gives to another client \
                after it: PREPARE, SET, LISTEN, temporary tables, session advisory locks, WITH HOLD, LOAD.",
        fires: "A backend that a pooler lends for one transaction at a time last ran one of them. A warning.",
        alternative: "One client alone on its pool.",
        remedy: "SET LOCAL, `pg_advisory_xact_lock`, ON COMMIT DROP, protocol-level prepared statements \
                 (`max_prepared_statements`; asyncpg: `statement_cache_size=0`); or a pool in session mode.",
    },
    RuleRow {
        rule: Rule::RedisClients,
        means: "The clients of a Redis server near `maxclients`, turned away, evicted, piling up or not reading.",
        fires: "At {utilization} of `maxclients` a warning, at {redis.nearly_full} critical; rejected connections are \
                critical while they go on; evicted clients, clients that do not read and idle clients that only become \
                more are warnings.",
        alternative: "A deployment in which old and new processes overlap; a pool that keeps its connections.",
        remedy: "Find out who holds the connections and give each pool a bound; raise `maxclients` last.",
    },
    RuleRow {
        rule: Rule::ConnectionChurn,
        means: "Connections are opened all the time. Each costs the server a process and the client a login.",
        fires: "More opened in a minute than {churn.few} and than the pool ever had open, for {sustained}. A notice.",
        alternative: "An application that is restarting; health checks that connect each time.",
        remedy: "Keep connections open (a pool, a larger minimum), or recycle them less often.",
    },
    RuleRow {
        rule: Rule::TransactionLong,
        means: "A transaction has been open for long and still works, statement by statement.",
        fires: "Open for {long_transaction}. A notice.",
        alternative: "A batch job at its work.",
        remedy: "Commit in smaller steps.",
    },
    RuleRow {
        rule: Rule::TransactionPrepared,
        means: "A prepared transaction was left behind. It has no backend to terminate, survives restarts, holds its locks \
                and holds back vacuum.",
        fires: "Older than {prepared_transaction}: a warning; critical when sessions wait for it.",
        alternative: "A transaction manager that is about to commit it.",
        remedy: "Ask its transaction manager; else ROLLBACK PREPARED in its database.",
    },
];

/// The fixed numbers that the texts name.
fn numbers() -> Vec<(&'static str, String)> {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    vec![
        ("waiting.standing", span(waiting::STANDING)),
        ("waiting.long", span_s(waiting::LONG_S)),
        ("waiting.too_long", span_s(waiting::TOO_LONG_S)),
        ("utilization.nearly_full", percent(utilization::NEARLY_FULL)),
        ("pooler.nearly_full", percent(pooler_bounds::NEARLY_FULL)),
        ("pooler.logins", pooler_bounds::FEW.to_string()),
        ("pooler.lasting", span(pooler_bounds::LASTING)),
        ("reported.several", reported::SEVERAL.to_string()),
        ("paused.brief", span(paused::BRIEF)),
        ("exhaustion.nearly_full", percent(exhaustion::NEARLY_FULL)),
        ("exhaustion.few", exhaustion::FEW.to_string()),
        ("exhaustion.soon", span_s(exhaustion::SOON_S)),
        ("exhaustion.in_sight", span_s(exhaustion::IN_SIGHT_S)),
        ("exhaustion.empty", percent(exhaustion::EMPTY)),
        ("wait.few", wait::FEW.to_string()),
        ("wait.most", percent(wait::MOST)),
        ("changed.news", span(server_changed::NEWS)),
        ("blocked.many", blocked::MANY.to_string()),
        ("blocked.far_past", blocked::FAR_PAST.to_string()),
        ("slow.far_past", slow_query::FAR_PAST.to_string()),
        ("redis.nearly_full", percent(redis_clients::NEARLY_FULL)),
        ("churn.few", churn::FEW.to_string()),
    ]
}

/// A text with its numbers: thresholds as `` `name` (default) ``. What nothing is known about stays as it is.
pub fn filled(text: &str) -> String {
    let default = Thresholds::default();
    let thresholds =
        FIELDS.iter().map(|field| (field.name, format!("`{}` ({})", field.name, field.shown(&default))));
    let known = thresholds.chain(numbers());
    known.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_row_and_every_number_in_it_is_known() {
        assert_eq!(RULES.map(|row| row.rule), Rule::ALL);
        for row in RULES {
            for text in [row.means, row.fires, row.alternative, row.remedy].map(filled) {
                assert!(!text.is_empty() && !text.contains(['{', '}']), "{}: {text}", row.rule.as_str());
            }
        }
    }
}
