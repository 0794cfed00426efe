//! What cannot be seen, said plainly.

/// Where nothing is found although something may be wrong: what, and why.
pub const UNSEEN: [(&str, &str); 13] = [
    (
        "A pool without release marks that is used up within seconds by its ordinary statement",
        "From the server's side it is the same as a service that nobody calls. `leak.ceiling` shows it and never alarms \
         alone. The application's pool metrics settle it.",
    ),
    (
        "A leak that needs no new connection yet",
        "As long as the pool has free connections, a lost one lies idle like the others. It is found at the next burst.",
    ),
    (
        "A very slow drip",
        "Less than one lost connection in about three windows leaves too few steps in the ten windows of minima.",
    ),
    (
        "Waiting inside the application",
        "Requests that queue for a connection of their own pool are invisible on the server. asyncpg reports no waiters at \
         all, and `pool.acquire()` has no time-out unless given one: such an application hangs silently.",
    ),
    (
        "Which code took the connection",
        "The server knows the last statement, not the stack. The library's own leak detection logs it.",
    ),
    (
        "Growth told from a leak by the size of a pool alone",
        "A load that grows and a leak look the same. That is why size is context (E9) and never a reason.",
    ),
    (
        "Logins in progress, up to PostgreSQL 17",
        "They hold a slot and are not in `pg_stat_activity`. `server.logins` infers them from a refusal.",
    ),
    (
        "Ages and statements of other roles without `pg_monitor`",
        "State, times and addresses are hidden. Only connections are counted then, and the verdict is never healthy.",
    ),
    (
        "Who is behind a pooler that tells no pairs",
        "Odyssey and PgCat do not tell which client has which server connection. Supavisor and RDS Proxy have no console. \
         Of PgBouncer a pair is named only when user, database and process id, and where they can be seen the ports, \
         agree.",
    ),
    (
        "Clients that share one address",
        "Several processes behind NAT or on one host are one pool, unless their application names differ. Declare \
         `instances`.",
    ),
    (
        "Whether a Redis connection is checked out",
        "Redis has no such notion. A client that is idle for long may be a spare; only a number that never falls, or the \
         application's own metrics, say more.",
    ),
    (
        "A pause of a whole PgBouncer before 1.19",
        "It says so nowhere. Clients that wait without any server connection are reported with that possibility named.",
    ),
    (
        "What happened between two samples",
        "A session that came and went within an interval is seen only where a counter tells of it.",
    ),
];
