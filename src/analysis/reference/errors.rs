//! Error texts that people paste, and the findings that explain them.

use crate::model::finding::Rule;
use crate::text::glob;

/// One kind of message.
#[derive(Clone, Copy, Debug)]
pub struct ErrorRow {
    /// What the message looks like: `*` is any run of characters, case matters. Several where the wording changed.
    pub patterns: &'static [&'static str],
    /// Its SQLSTATE, where it has one.
    pub code: Option<&'static str>,
    /// Who says so.
    pub from: &'static str,
    /// What it means.
    pub means: &'static str,
    /// The findings that explain it, the likeliest first.
    pub rules: &'static [Rule],
}

/// The rows that a message fits. More than one where it quotes another message.
pub fn explain(message: &str) -> impl Iterator<Item = &'static ErrorRow> {
    ERRORS.iter().filter(move |row| row.patterns.iter().any(|pattern| glob::matches(pattern, message)))
}

/// Every kind of message, applications first.
pub const ERRORS: [ErrorRow; 35] = [
    ErrorRow {
        patterns: &["*QueuePool limit of size * overflow * reached*"],
        code: None,
        from: "SQLAlchemy",
        means: "every connection of the application's pool was in use for the whole `pool_timeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakIdleInTransaction, Rule::PoolOverflow],
    },
    ErrorRow {
        patterns: &["*Connection is not available, request timed out after *"],
        code: None,
        from: "HikariCP",
        means: "every connection of the application's pool was in use for the whole `connectionTimeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakIdleInTransaction, Rule::LeakCheckedOut],
    },
    ErrorRow {
        patterns: &["*couldn't get a connection after * sec*"],
        code: None,
        from: "psycopg_pool",
        means: "every connection of the application's pool was in use for the whole `timeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*timeout exceeded when trying to connect*"],
        code: None,
        from: "node-postgres",
        means: "no client of the pool became free, or no connection could be made, within \
                `connectionTimeoutMillis`",
        rules: &[Rule::PoolTimeouts, Rule::LeakCheckedOut],
    },
    ErrorRow {
        patterns: &["*pool timed out while waiting for an open connection*"],
        code: None,
        from: "sqlx",
        means: "every connection of the application's pool was in use for the whole `acquire_timeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*could not obtain a connection from the pool within *"],
        code: None,
        from: "Active Record",
        means: "every connection of the process was in use for the whole `checkout_timeout`: more threads \
                than connections, or a leak",
        rules: &[Rule::PoolTimeouts, Rule::LeakCheckedOut],
    },
    ErrorRow {
        patterns: &["*The connection pool has been exhausted, either raise *"],
        code: None,
        from: "Npgsql",
        means: "every connection of the application's pool was in use for the whole `Timeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakCheckedOut],
    },
    ErrorRow {
        patterns: &["*Timed out fetching a new connection from the connection pool*"],
        code: None,
        from: "Prisma",
        means: "every connection of the application's pool was in use for the whole `pool_timeout`",
        rules: &[Rule::PoolTimeouts, Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*connection not available and request was dropped from queue after *"],
        code: None,
        from: "Ecto, DBConnection",
        means: "requests waited longer than `queue_target` for a whole `queue_interval`",
        rules: &[Rule::PoolTimeouts, Rule::PoolWaiting],
    },
    ErrorRow {
        patterns: &["*connection was closed in the middle of operation*"],
        code: None,
        from: "asyncpg",
        means: "the session ended under a running statement: terminated, a time-out, a restart, or a \
                network that dropped it",
        rules: &[Rule::PoolErrors, Rule::ServerChanged],
    },
    ErrorRow {
        patterns: &["*server closed the connection unexpectedly*"],
        code: None,
        from: "libpq",
        means: "the session ended without a word: a crash, a restart, or something on the way that dropped \
                it while it was idle",
        rules: &[Rule::PoolErrors, Rule::ServerChanged],
    },
    ErrorRow {
        patterns: &["*sorry, too many clients already*"],
        code: Some("53300"),
        from: "PostgreSQL",
        means: "no slot is left at all, not even a reserved one; logins in progress count",
        rules: &[Rule::ServerExhaustion, Rule::ServerLogins, Rule::ServerBudget],
    },
    ErrorRow {
        patterns: &["*remaining connection slots are reserved *"],
        code: Some("53300"),
        from: "PostgreSQL",
        means: "only slots are left that are reserved for superusers or `pg_use_reserved_connections`",
        rules: &[Rule::ServerExhaustion, Rule::ServerBudget],
    },
    ErrorRow {
        patterns: &["*too many connections for role *"],
        code: Some("53300"),
        from: "PostgreSQL",
        means: "the role's CONNECTION LIMIT is reached",
        rules: &[Rule::ServerExhaustion],
    },
    ErrorRow {
        patterns: &["*too many connections for database *"],
        code: Some("53300"),
        from: "PostgreSQL",
        means: "the database's CONNECTION LIMIT is reached",
        rules: &[Rule::ServerExhaustion],
    },
    ErrorRow {
        patterns: &["*terminating connection due to idle-in-transaction timeout*"],
        code: Some("25P03"),
        from: "PostgreSQL",
        means: "`idle_in_transaction_session_timeout` ended a session that lay idle in its transaction",
        rules: &[Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*terminating connection due to idle-session timeout*"],
        code: Some("57P05"),
        from: "PostgreSQL",
        means: "`idle_session_timeout` ended an idle session; not to be used below a pool, which keeps \
                idle ones on purpose",
        rules: &[Rule::PoolErrors],
    },
    ErrorRow {
        patterns: &["*terminating connection due to transaction timeout*"],
        code: Some("25P04"),
        from: "PostgreSQL",
        means: "`transaction_timeout` ended a transaction that was open for too long",
        rules: &[Rule::TransactionLong],
    },
    ErrorRow {
        patterns: &["*terminating connection due to administrator command*"],
        code: Some("57P01"),
        from: "PostgreSQL",
        means: "somebody terminated the session (pooltop's audit log tells whether it was you), or the \
                server shut down",
        rules: &[Rule::ServerChanged, Rule::PoolErrors],
    },
    ErrorRow {
        patterns: &[
            "*the database system is starting up*",
            "*the database system is shutting down*",
            "*the database system is in recovery mode*",
        ],
        code: Some("57P03"),
        from: "PostgreSQL",
        means: "the server starts, stops or recovers from a crash",
        rules: &[Rule::ServerChanged],
    },
    ErrorRow {
        patterns: &["*current transaction is aborted, commands ignored*"],
        code: Some("25P02"),
        from: "PostgreSQL",
        means: "an earlier statement of the transaction failed and nobody rolled back; until then it holds \
                the slot",
        rules: &[Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*canceling statement due to lock timeout*"],
        code: Some("55P03"),
        from: "PostgreSQL",
        means: "the statement waited for a lock longer than `lock_timeout`",
        rules: &[Rule::LockChain],
    },
    ErrorRow {
        patterns: &["*deadlock detected*"],
        code: Some("40P01"),
        from: "PostgreSQL",
        means: "sessions waited for each other in a circle, and the server ended one; the others went on",
        rules: &[Rule::LockChain],
    },
    ErrorRow {
        patterns: &["*canceling statement due to statement timeout*"],
        code: Some("57014"),
        from: "PostgreSQL",
        means: "the statement ran longer than `statement_timeout`, waits for locks included",
        rules: &[Rule::QuerySlow, Rule::LockChain],
    },
    ErrorRow {
        patterns: &["*prepared statement \"*\" does not exist*", "*prepared statement \"*\" already exists*"],
        code: Some("26000, 42P05"),
        from: "PostgreSQL behind a pooler",
        means: "a prepared statement of one session was looked for, or made again, in another: the pool \
                mode is transaction or statement",
        rules: &[Rule::PoolerTransactionMode],
    },
    ErrorRow {
        patterns: &["*query_wait_timeout*"],
        code: Some("08P01"),
        from: "PgBouncer",
        means: "a client waited for a server connection longer than `query_wait_timeout` and was \
                disconnected",
        rules: &[Rule::PoolWaiting, Rule::LeakIdleInTransaction],
    },
    ErrorRow {
        patterns: &["*no more connections allowed (max_client_conn)*"],
        code: Some("08P01"),
        from: "PgBouncer",
        means: "the pooler takes no more clients; its console still answers",
        rules: &[Rule::PoolUtilization],
    },
    ErrorRow {
        patterns: &["*client connections exceeded (max_*"],
        code: Some("08P01"),
        from: "PgBouncer 1.24 and newer",
        means: "the pooler's limit of clients per database or user is reached",
        rules: &[Rule::PoolUtilization],
    },
    ErrorRow {
        patterns: &["*server login has been failing*", "*pgbouncer cannot connect to server*"],
        code: Some("08P01"),
        from: "PgBouncer",
        means: "the pooler cannot log in to its server, and answers so until `server_login_retry` is over; \
                its log has the server's words",
        rules: &[Rule::PoolWaiting, Rule::ServerExhaustion],
    },
    ErrorRow {
        patterns: &["*unsupported startup parameter*"],
        code: Some("08P01"),
        from: "PgBouncer",
        means: "the client sends a parameter that the pooler does not take: `ignore_startup_parameters`, \
                or remove it (`pgbouncer=true` in a URL is for Prisma alone)",
        rules: &[Rule::PoolerTransactionMode],
    },
    ErrorRow {
        patterns: &["*(EMAXCONN)*", "*MaxClientsInSessionMode*"],
        code: Some("XX000"),
        from: "Supavisor",
        means: "the pooler's own limit of clients is reached; in session mode that is its pool size",
        rules: &[Rule::PoolUtilization],
    },
    ErrorRow {
        patterns: &["*could not get connection from the pool*"],
        code: Some("58000"),
        from: "PgCat",
        means: "no server connection became free in time, or the server refuses them",
        rules: &[Rule::PoolWaiting],
    },
    ErrorRow {
        patterns: &[
            "*too many tcp connections (global client_max *",
            "*too many active clients for user (pool_size for *",
        ],
        code: Some("53300"),
        from: "Odyssey",
        means: "the pooler's limit of clients, or of one user's pool, is reached",
        rules: &[Rule::PoolUtilization],
    },
    ErrorRow {
        patterns: &["*Sorry, too many clients already*"],
        code: Some("53300"),
        from: "pgpool-II",
        means: "every process of pgpool-II has a client: `num_init_children`",
        rules: &[Rule::PoolUtilization],
    },
    ErrorRow {
        patterns: &["*max number of clients reached*"],
        code: None,
        from: "Redis",
        means: "`maxclients` is reached",
        rules: &[Rule::RedisClients],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What is really said, in the order of the rows.
    const SAID: [&str; ERRORS.len()] = [
        "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        "HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, active=10, idle=0, waiting=4)",
        "couldn't get a connection after 30.00 sec",
        "Error: timeout exceeded when trying to connect",
        "pool timed out while waiting for an open connection",
        "could not obtain a connection from the pool within 5.000 seconds (waited 5.006 seconds); all pooled connections were in use",
        "The connection pool has been exhausted, either raise 'Max Pool Size' (currently 100) or 'Timeout' (currently 15 seconds) in your connection string.",
        "Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool (Current connection pool timeout: 10, connection limit: 5)",
        "connection not available and request was dropped from queue after 2950ms",
        "asyncpg.exceptions.ConnectionDoesNotExistError: connection was closed in the middle of operation",
        "server closed the connection unexpectedly",
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "FATAL:  too many connections for role \"app\"",
        "FATAL:  too many connections for database \"shop\"",
        "FATAL:  terminating connection due to idle-in-transaction timeout",
        "FATAL:  terminating connection due to idle-session timeout",
        "FATAL:  terminating connection due to transaction timeout",
        "FATAL:  terminating connection due to administrator command",
        "FATAL:  the database system is in recovery mode",
        "ERROR:  current transaction is aborted, commands ignored until end of transaction block",
        "ERROR:  canceling statement due to lock timeout",
        "ERROR:  deadlock detected",
        "ERROR:  canceling statement due to statement timeout",
        "prepared statement \"__asyncpg_stmt_3__\" does not exist",
        "FATAL:  query_wait_timeout",
        "FATAL:  no more connections allowed (max_client_conn)",
        "FATAL:  client connections exceeded (max_db_client_connections)",
        "FATAL:  server login has been failing, try again later (server_login_retry)",
        "FATAL:  unsupported startup parameter: extra_float_digits",
        "FATAL:  (EMAXCONN) max client connections reached, limit: 200",
        "FATAL:  could not get connection from the pool - AllServersDown",
        "FATAL:  too many tcp connections (global client_max 100)",
        "FATAL:  Sorry, too many clients already",
        "ERR max number of clients reached",
    ];

    /// Further wordings of the same, with the pattern's first words.
    const ALSO: [(&str, &str); 6] = [
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
            "*remaining connection",
        ),
        (
            "FATAL:  remaining connection slots are reserved for roles with privileges of the \
             \"pg_use_reserved_connections\" role",
            "*remaining connection",
        ),
        ("prepared statement \"s1\" already exists", "*prepared statement"),
        ("FATAL:  pgbouncer cannot connect to server", "*server login"),
        ("the database system is starting up", "*the database system"),
        ("too many active clients for user (pool_size for user shop.app reached 10)", "*too many tcp"),
    ];

    #[test]
    fn each_message_fits_exactly_its_row() {
        for (row, said) in ERRORS.iter().zip(SAID) {
            let found: Vec<_> = explain(said).map(|found| found.patterns).collect();
            assert_eq!(found, [row.patterns], "{said}");
        }
        for (said, pattern) in ALSO {
            let found: Vec<_> = explain(said).map(|found| found.patterns[0]).collect();
            assert!(found.len() == 1 && found[0].starts_with(pattern), "{said}: {found:?}");
        }
    }

    #[test]
    fn a_message_that_quotes_another_is_explained_by_both() {
        let said = "server login has been failing, cached error: sorry, too many clients already (server_login_retry)";
        assert_eq!(explain(said).map(|row| row.from).collect::<Vec<_>>(), ["PostgreSQL", "PgBouncer"]);
        assert_eq!(explain("syntax error at or near \"SELCT\"").count(), 0);
    }

    #[test]
    fn every_row_leads_to_a_finding() {
        assert!(ERRORS.iter().all(|row| !row.rules.is_empty()));
    }
}
