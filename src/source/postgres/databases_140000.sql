-- PostgreSQL 14 adds the counters of sessions.
SELECT d.datname AS name,
       d.datconnlimit AS connection_limit,
       pg_encoding_to_char(d.encoding) AS encoding,
       s.xact_commit + s.xact_rollback AS transactions,
       s.deadlocks,
       s.sessions,
       s.sessions_abandoned + s.sessions_fatal + s.sessions_killed AS sessions_lost,
       s.stats_reset
FROM pg_database AS d
JOIN pg_stat_database AS s ON s.datid = d.oid
WHERE d.datallowconn
ORDER BY d.datname
