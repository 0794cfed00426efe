-- PostgreSQL 12: the locks on every object that somebody waits for, and with $1 whom the server says each waiter waits for.
--
-- pg_blocking_pids() stops the lock manager for a moment at each call, so it is asked for waiters only, and for few of them.
-- A lock of a prepared transaction has no pid. A fast-path lock is in nobody's way: whoever waits moved those aside first.
WITH locks AS MATERIALIZED (
    SELECT l.pid, l.mode, l.granted, NULL::timestamptz AS waitstart,
           concat_ws(' ', l.locktype, l.database, '/', l.relation, '/', l.page, '/', l.tuple, '/', l.virtualxid, '/',
                     l.transactionid, '/', l.classid, '/', l.objid, '/', l.objsubid) AS object
    FROM pg_locks AS l
    WHERE NOT l.fastpath
)
SELECT h.object, h.pid, h.mode, h.granted, h.waitstart,
       CASE WHEN $1 AND NOT h.granted THEN pg_blocking_pids(h.pid) END AS blockers,
       clock_timestamp() AS now,
       statement_timestamp() AS asked
FROM locks AS h
WHERE h.object IN (SELECT w.object FROM locks AS w WHERE NOT w.granted)
