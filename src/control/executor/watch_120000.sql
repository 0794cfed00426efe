-- Which of these sessions are still there. A pid that began at another time is another session.
SELECT pg_catalog.pg_postmaster_start_time() = $3::timestamptz
           AND pg_catalog.pg_is_in_recovery() = $4::bool
           AND pg_catalog.inet_server_addr() IS NOT DISTINCT FROM $5::text::inet
           AND pg_catalog.inet_server_port() IS NOT DISTINCT FROM $6::int4 AS same_server,
       pg_catalog.clock_timestamp() AS at,
       ARRAY(SELECT w.place
             FROM ROWS FROM (pg_catalog.unnest($1::int4[]), pg_catalog.unnest($2::timestamptz[]))
                 WITH ORDINALITY AS w (pid, backend_start, place)
             JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid AND a.backend_start = w.backend_start) AS still_there
