-- PostgreSQL 12: the oldest prepared transactions. They hold locks and have no backend.
SELECT gid, prepared, owner, database FROM pg_prepared_xacts ORDER BY prepared LIMIT 100
