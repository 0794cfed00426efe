-- PostgreSQL 12: the statements that took the most time, and the time of all together. Without texts, which the server keeps in
-- a file and would read as a whole. {schema} and {total} come from extension_120000.sql; {min} and {max} follow {total}.
SELECT s.queryid AS query_id, sum(s.calls)::int8 AS calls, sum(s.{total}) AS total_ms, min(s.{min}) AS min_ms, max(s.{max}) AS max_ms,
       sum(sum(s.{total})) OVER () AS all_ms
FROM {schema}.pg_stat_statements(false) AS s
WHERE s.queryid IS NOT NULL
GROUP BY s.queryid
ORDER BY total_ms DESC
LIMIT 100
