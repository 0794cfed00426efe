-- What ending these sessions would undo. Reads only.
WITH wanted AS (
    SELECT *
    FROM ROWS FROM (pg_catalog.unnest($1::int4[]), pg_catalog.unnest($2::timestamptz[]))
        WITH ORDINALITY AS w (pid, backend_start, place)
), here AS MATERIALIZED (
    SELECT oid AS database,
           pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS may_signal,
           (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser
    FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.current_database()
), held AS MATERIALIZED (
    SELECT pid, locktype, database, relation, mode
    FROM pg_catalog.pg_locks
    WHERE granted AND pid = ANY ($1::int4[])
), relations AS (
    SELECT held.pid,
           pg_catalog.max(pg_catalog.array_position(
               ARRAY['RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                     'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'], held.mode)) AS strength,
           CASE
               WHEN c.oid IS NOT NULL THEN pg_catalog.format('%I.%I', n.nspname, c.relname)
               ELSE pg_catalog.format('relation %s of database %s', held.relation,
                                      coalesce(d.datname::text, held.database::text))
           END AS name
    FROM held
    CROSS JOIN here
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = held.relation AND held.database IN (0, here.database)
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = held.database
    -- Indexes and TOAST tables are locked along with their tables, and say nothing more.
    WHERE held.locktype = 'relation' AND held.mode <> 'AccessShareLock'
      AND (c.oid IS NULL OR c.relkind NOT IN ('i', 'I', 't'))
    GROUP BY held.pid, name
)
SELECT w.pid,
       a.pid IS NOT NULL AS still_there,
       (SELECT pg_catalog.count(*)::int4 FROM held WHERE held.pid = w.pid) AS locks,
       (SELECT pg_catalog.count(*)::int4 FROM held WHERE held.pid = w.pid AND locktype = 'advisory') AS advisory,
       ARRAY(SELECT name FROM relations WHERE relations.pid = w.pid ORDER BY strength DESC, name LIMIT 10) AS relations,
       a.backend_xid IS NOT NULL AS may_have_written,
       a.backend_xmin IS NOT NULL AS holds_snapshot,
       a.wait_event IS NOT DISTINCT FROM 'SyncRep' AS waits_for_standby,
       a.usename AS owner,
       pg_catalog.quote_ident(current_user) AS own_role,
       coalesce(owner.rolsuper, false) AS owned_by_superuser,
       coalesce(here.superuser, false)
           OR (NOT coalesce(owner.rolsuper, true)
               AND (here.may_signal OR pg_catalog.pg_has_role(a.usesysid, 'USAGE'))) AS may_signal,
       -- What runs now, in words that begin like the statement.
       coalesce((SELECT command FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.pid = w.pid),
                (SELECT 'VACUUM' FROM pg_catalog.pg_stat_progress_vacuum AS p WHERE p.pid = w.pid),
                (SELECT command FROM pg_catalog.pg_stat_progress_cluster AS p WHERE p.pid = w.pid)) AS maintenance
FROM wanted AS w
CROSS JOIN here
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid AND a.backend_start = w.backend_start
LEFT JOIN pg_catalog.pg_roles AS owner ON owner.oid = a.usesysid
ORDER BY w.place
