-- PostgreSQL 14 adds waitstart, when the wait began.
-- What is asked, and what it costs the server, is said in waits_120000.sql.
WITH locks AS MATERIALIZED (
    SELECT l.pid, l.mode, l.granted, l.waitstart,
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
