-- PostgreSQL 12: roles whose sessions are limited or exempt, and every time limit that is set for a role, a database or both.
--
-- Two kinds of rows: with a role and no setting, the role itself; with a setting, an override.
SELECT r.rolname AS role, NULL::name AS database, r.rolconnlimit AS connection_limit, r.rolsuper AS superuser,
       NULL::text AS setting
FROM pg_roles AS r
WHERE r.rolcanlogin
  AND (r.rolconnlimit >= 0 OR r.rolsuper OR EXISTS (SELECT FROM pg_db_role_setting AS o WHERE o.setrole = r.oid))
UNION ALL
SELECT r.rolname, d.datname, NULL, NULL, c.setting
FROM pg_db_role_setting AS o
CROSS JOIN unnest(o.setconfig) AS c(setting)
LEFT JOIN pg_roles AS r ON r.oid = o.setrole
LEFT JOIN pg_database AS d ON d.oid = o.setdatabase
-- Bytewise, because another database's encoding may be in here.
WHERE starts_with(c.setting, 'idle_in_transaction_session_timeout=') OR starts_with(c.setting, 'transaction_timeout=')
