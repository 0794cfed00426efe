-- Checks every session again and signals it, in one statement: what is checked is what is signalled.
--
-- The function stands in the target list behind a CASE, never in a WHERE, whose order of evaluation is the
-- planner's choice. It only signals and waits for nothing: a wait for one session would age the check of the next.
-- Timestamps are compared to the microsecond. A statement that the network kept back signals nobody: after $14 the
-- operator has been told something else.
WITH wanted AS (
    SELECT *
    FROM ROWS FROM (pg_catalog.unnest($1::int4[]), pg_catalog.unnest($2::timestamptz[]),
                    pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::timestamptz[]),
                    pg_catalog.unnest($5::timestamptz[]), pg_catalog.unnest($6::bool[]))
        WITH ORDINALITY AS w (pid, backend_start, state, state_change, xact_start, strict, place)
), here AS MATERIALIZED (
    SELECT pg_catalog.pg_postmaster_start_time() = $7::timestamptz
               AND pg_catalog.pg_is_in_recovery() = $8::bool
               AND pg_catalog.inet_server_addr() IS NOT DISTINCT FROM $9::text::inet
               AND pg_catalog.inet_server_port() IS NOT DISTINCT FROM $10::int4 AS same_server,
           pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS may_signal,
           (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser
), judged AS MATERIALIZED (
    SELECT w.place, w.pid, a.state,
           CASE
               WHEN NOT here.same_server THEN 'other server'
               WHEN pg_catalog.clock_timestamp() > $14::timestamptz THEN 'too late'
               WHEN a.pid IS NULL THEN 'gone'
               WHEN a.backend_start IS NULL THEN 'hidden'
               WHEN a.backend_start IS DISTINCT FROM w.backend_start THEN 'replaced'
               WHEN a.pid = pg_catalog.pg_backend_pid() THEN 'own'
               WHEN a.backend_type IS DISTINCT FROM 'client backend' THEN 'not a client'
               WHEN a.usename IS NULL OR a.usename::text = ANY ($11::text[]) THEN 'protected'
               WHEN w.strict AND (a.state IS DISTINCT FROM w.state
                                  OR a.state_change IS DISTINCT FROM w.state_change
                                  OR a.xact_start IS DISTINCT FROM w.xact_start) THEN 'moved on'
               -- A refusal would end the whole statement, so it is foreseen; $12 leaves it to the server.
               WHEN $12::bool
                    AND NOT coalesce(here.superuser, false)
                    AND (coalesce(owner.rolsuper, true)
                         OR NOT (here.may_signal OR pg_catalog.pg_has_role(a.usesysid, 'USAGE'))) THEN 'denied'
               ELSE 'signal'
           END AS verdict
    FROM wanted AS w
    CROSS JOIN here
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
    LEFT JOIN pg_catalog.pg_roles AS owner ON owner.oid = a.usesysid
)
SELECT place,
       verdict,
       state,
       CASE
           WHEN verdict <> 'signal' THEN NULL
           WHEN $13::text = 'cancel' THEN pg_catalog.pg_cancel_backend(pid)
           WHEN $13::text = 'terminate' THEN pg_catalog.pg_terminate_backend(pid)
       END AS signalled
FROM judged
