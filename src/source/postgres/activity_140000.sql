-- PostgreSQL 14 adds query_id, where compute_query_id is on.
-- Why statements are sent as bytes is said in activity_120000.sql.
SELECT a.pid,
       a.backend_start,
       a.backend_type,
       a.datname,
       a.usename,
       a.application_name,
       a.client_addr,
       a.client_port,
       a.leader_pid,
       a.state,
       a.state_change,
       a.xact_start,
       a.query_start,
       a.wait_event_type,
       a.wait_event,
       a.backend_xid IS NOT NULL AS has_xid,
       a.backend_xmin IS NOT NULL AS has_xmin,
       CASE WHEN octet_length(a.query) > 4096 THEN substring(textsend(a.query) FROM 1 FOR 4096)
            ELSE textsend(a.query) END AS query,
       a.query_id,
       CASE WHEN a.pid = pg_backend_pid() THEN clock_timestamp() END AS now,
       CASE WHEN a.pid = pg_backend_pid() THEN pg_postmaster_start_time() END AS postmaster_start,
       CASE WHEN a.pid = pg_backend_pid() THEN inet_server_addr() END AS server_addr,
       CASE WHEN a.pid = pg_backend_pid() THEN inet_server_port() END AS server_port,
       CASE WHEN a.pid = pg_backend_pid() THEN pg_is_in_recovery() END AS in_recovery
FROM pg_stat_activity AS a
