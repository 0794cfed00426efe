-- Runs on files that people keep, so it is never edited, not even this comment: what has to change is a new migration.
-- Plain tables for people with sqlite3. Times are microseconds since 1970 in UTC; the views *_utc have them readable.

PRAGMA user_version = 2;

-- Every ten seconds. The columns *_peak are the most since the row before.
CREATE TABLE pools (
  at_us INTEGER NOT NULL,
  target TEXT NOT NULL,
  layer TEXT NOT NULL,
  name TEXT NOT NULL,
  application_name TEXT,
  "user" TEXT,
  "database" TEXT,
  client TEXT,
  total INTEGER NOT NULL,
  total_peak INTEGER NOT NULL,
  used INTEGER,
  used_peak INTEGER,
  active INTEGER,
  idle INTEGER,
  idle_in_transaction INTEGER,
  idle_in_transaction_peak INTEGER,
  aborted INTEGER,
  blocked INTEGER NOT NULL,
  pending INTEGER,
  pending_peak INTEGER,
  "max" INTEGER,
  max_wait_s REAL,
  wait_avg_s REAL,
  use_avg_s REAL,
  oldest_idle_in_transaction_s REAL,
  stranded INTEGER,
  timeouts INTEGER,
  errors INTEGER
) STRICT;
CREATE INDEX pools_at ON pools (at_us);

-- With the rows of pools.
CREATE TABLE limits (
  at_us INTEGER NOT NULL,
  target TEXT NOT NULL,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  used INTEGER NOT NULL,
  used_peak INTEGER NOT NULL,
  "limit" INTEGER,
  reserved INTEGER NOT NULL,
  utilization REAL,
  growth_per_min REAL,
  exhausted_in_s REAL
) STRICT;
CREATE INDEX limits_at ON limits (at_us);

-- One row per finding from its opening to its end, with its newest words and its worst severity.
CREATE TABLE findings (
  id INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  target TEXT NOT NULL,
  pool TEXT,
  title TEXT NOT NULL,
  evidence TEXT NOT NULL, -- a sentence per line
  suggestion TEXT,
  opened_us INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL, -- to within ten seconds
  closed_us INTEGER -- NULL: open when it was last seen
) STRICT;
CREATE INDEX findings_open ON findings (opened_us);

-- When a finding opened, and each time that it became worse.
CREATE TABLE finding_steps (
  finding INTEGER NOT NULL REFERENCES findings ON DELETE CASCADE,
  at_us INTEGER NOT NULL,
  severity TEXT NOT NULL,
  title TEXT NOT NULL
) STRICT;
CREATE INDEX finding_steps_of ON finding_steps (finding);

CREATE TABLE operations (
  at_us INTEGER NOT NULL,
  operator TEXT NOT NULL,
  host TEXT NOT NULL,
  target TEXT NOT NULL,
  operation TEXT NOT NULL,
  pid INTEGER,
  application_name TEXT NOT NULL,
  "user" TEXT NOT NULL,
  "database" TEXT,
  client_id TEXT,
  client TEXT,
  dry_run INTEGER NOT NULL,
  outcome TEXT,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX operations_at ON operations (at_us);

CREATE TABLE events (
  at_us INTEGER NOT NULL,
  target TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at_us);

-- A row whenever a target stands differently.
CREATE TABLE targets (
  at_us INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  state TEXT NOT NULL,
  version TEXT,
  role TEXT,
  error TEXT
) STRICT;
CREATE INDEX targets_at ON targets (at_us);

CREATE VIEW recording_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', started_us / 1000000, 'unixepoch') AS started, title, profile, label, production,
    pooltop_version, interval_s, time_scale, redaction, time_zone,
    (SELECT strftime('%Y-%m-%d %H:%M:%S', min(at_us) / 1000000, 'unixepoch') FROM stretches) AS oldest,
    (SELECT strftime('%Y-%m-%d %H:%M:%S', max(at_us) / 1000000, 'unixepoch') FROM frames) AS newest
  FROM meta;
CREATE VIEW pools_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', at_us / 1000000, 'unixepoch') AS at, * FROM pools;
CREATE VIEW limits_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', at_us / 1000000, 'unixepoch') AS at, * FROM limits;
CREATE VIEW findings_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', opened_us / 1000000, 'unixepoch') AS opened,
    strftime('%Y-%m-%d %H:%M:%S', last_seen_us / 1000000, 'unixepoch') AS last_seen,
    strftime('%Y-%m-%d %H:%M:%S', closed_us / 1000000, 'unixepoch') AS closed, * FROM findings;
CREATE VIEW operations_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', at_us / 1000000, 'unixepoch') AS at, * FROM operations;
CREATE VIEW events_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', at_us / 1000000, 'unixepoch') AS at, * FROM events;
CREATE VIEW targets_utc AS
  SELECT strftime('%Y-%m-%d %H:%M:%S', at_us / 1000000, 'unixepoch') AS at, * FROM targets;
