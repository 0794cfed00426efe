-- PostgreSQL 12: who holds advisory locks: leaders and migrations, which are silent for good reason.
SELECT DISTINCT l.pid
FROM pg_locks AS l
WHERE l.locktype = 'advisory' AND l.granted AND l.pid IS NOT NULL
ORDER BY l.pid
