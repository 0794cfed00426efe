-- PostgreSQL 14: how far each COPY is. One that moves on is at work, however long it waits for its client in between.
SELECT c.pid, c.bytes_processed AS bytes
FROM pg_stat_progress_copy AS c
