-- Runs on files that people keep, so it is never edited, not even this comment: what has to change is a new migration.

PRAGMA application_id = 1886678896; -- "ptop"
PRAGMA user_version = 1;

-- What the recording says about itself: one row.
CREATE TABLE meta (
  title TEXT NOT NULL,
  profile TEXT NOT NULL,
  label TEXT,
  production INTEGER NOT NULL,
  pooltop_version TEXT NOT NULL, -- that made the file
  started_us INTEGER NOT NULL,
  interval_s REAL NOT NULL,
  time_scale REAL NOT NULL,
  redaction TEXT NOT NULL,
  time_zone TEXT
) STRICT;

-- What was known at a time. The frames of a stretch follow it, up to the next stretch.
CREATE TABLE stretches (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  follows INTEGER NOT NULL, -- 1: goes on where the one before ends; 0: nothing is known of the time between
  state BLOB NOT NULL,
  learned BLOB NOT NULL
) STRICT;
CREATE INDEX stretches_at ON stretches (at_us);

-- What was taken in at once, without its samples.
CREATE TABLE frames (
  id INTEGER PRIMARY KEY,
  stretch INTEGER NOT NULL REFERENCES stretches ON DELETE CASCADE,
  at_us INTEGER NOT NULL,
  rest BLOB NOT NULL
) STRICT;
CREATE INDEX frames_of ON frames (stretch, at_us);

-- One reading of one target, compressed against the one before it in the same stretch.
CREATE TABLE samples (
  id INTEGER PRIMARY KEY,
  stretch INTEGER NOT NULL REFERENCES stretches ON DELETE CASCADE,
  frame INTEGER, -- NULL: of the beginning of the stretch
  target TEXT NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE INDEX samples_of ON samples (stretch);
