-- PostgreSQL 12: only how many processes are in which state, for a server too slow for one row each.
SELECT a.backend_type,
       a.state,
       a.wait_event_type = 'Lock' AS waits_on_lock,
       a.datname IS NOT NULL AND a.usename IS NOT NULL AS has_owner,
       count(*) FILTER (WHERE a.pid <> pg_backend_pid()) AS processes,
       max(CASE WHEN a.pid = pg_backend_pid() THEN clock_timestamp() END) AS now,
       max(CASE WHEN a.pid = pg_backend_pid() THEN pg_postmaster_start_time() END) AS postmaster_start,
       max(CASE WHEN a.pid = pg_backend_pid() THEN inet_server_addr() END) AS server_addr,
       max(CASE WHEN a.pid = pg_backend_pid() THEN inet_server_port() END) AS server_port,
       bool_or(CASE WHEN a.pid = pg_backend_pid() THEN pg_is_in_recovery() END) AS in_recovery
FROM pg_stat_activity AS a
GROUP BY 1, 2, 3, 4
