-- PostgreSQL 12: every process in one row, our own row carries what is true of the whole server.
--
-- Statements leave as bytes, because a database in another encoding, or a cut in the middle of a character, makes text functions
-- fail; textsend() neither converts nor checks under client_encoding SQL_ASCII. They are cut, because
-- track_activity_query_size may be a megabyte. pg_stat_activity is read before the clock, so no age is negative.
SELECT a.pid,
       a.backend_start,
       a.backend_type,
       a.datname,
       a.usename,
       a.application_name,
       a.client_addr,
       a.client_port,
       NULL::int4 AS leader_pid,
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
       NULL::int8 AS query_id,
       CASE WHEN a.pid = pg_backend_pid() THEN clock_timestamp() END AS now,
       CASE WHEN a.pid = pg_backend_pid() THEN pg_postmaster_start_time() END AS postmaster_start,
       CASE WHEN a.pid = pg_backend_pid() THEN inet_server_addr() END AS server_addr,
       CASE WHEN a.pid = pg_backend_pid() THEN inet_server_port() END AS server_port,
       CASE WHEN a.pid = pg_backend_pid() THEN pg_is_in_recovery() END AS in_recovery
FROM pg_stat_activity AS a
