-- PostgreSQL 12: what our role may do, and the settings that matter, as they were before our session set its own.
SELECT clock_timestamp() AS now,
       current_setting('server_version') AS version,
       current_user AS role,
       r.rolsuper AS superuser,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
       pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS signals,
       EXISTS (SELECT FROM pg_roles AS p
               WHERE p.rolname = 'pg_use_reserved_connections' AND pg_has_role(current_user, p.oid, 'USAGE')) AS uses_reserved,
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS replay_lag_s,
       (SELECT json_object_agg(s.name, s.reset_val) FROM pg_settings AS s
        WHERE s.name IN ('max_connections', 'superuser_reserved_connections', 'rds.rds_superuser_reserved_connections',
                         'reserved_connections', 'idle_in_transaction_session_timeout', 'transaction_timeout',
                         'idle_session_timeout', 'statement_timeout', 'track_activities', 'track_activity_query_size',
                         'max_prepared_transactions', 'tcp_keepalives_idle'))::text AS settings
FROM pg_roles AS r
WHERE r.rolname = current_user
