-- PostgreSQL 12: where pg_stat_statements is installed in this database, and what its total time is called there, which follows the
-- version of the extension and not of the server.
SELECT quote_ident(n.nspname) AS schema,
       (SELECT a.attname FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass(quote_ident(n.nspname) || '.pg_stat_statements')
          AND a.attname IN ('total_exec_time', 'total_time')) AS total
FROM pg_extension AS x
JOIN pg_namespace AS n ON n.oid = x.extnamespace
WHERE x.extname = 'pg_stat_statements'
