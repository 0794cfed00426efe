-- PostgreSQL 12: texts of the statements in $1, asked only for those that we do not know yet.
SELECT DISTINCT ON (s.queryid) s.queryid AS query_id,
       CASE WHEN octet_length(s.query) > 4096 THEN substring(textsend(s.query) FROM 1 FOR 4096)
            ELSE textsend(s.query) END AS query
FROM {schema}.pg_stat_statements(true) AS s
WHERE s.queryid = ANY ($1)
