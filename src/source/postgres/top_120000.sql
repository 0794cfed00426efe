-- PostgreSQL 12: the statements that took the most time. Without texts, which the server keeps in a file and would read
-- as a whole. {schema} and {total} come from extension_120000.sql.
SELECT s.queryid AS query_id, sum(s.calls)::int8 AS calls, sum(s.{total}) AS total_ms
FROM {schema}.pg_stat_statements(false) AS s
WHERE s.queryid IS NOT NULL
GROUP BY s.queryid
ORDER BY total_ms DESC
LIMIT 20
