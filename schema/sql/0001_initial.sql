-- Times are nanoseconds; *_wall since the Unix epoch, *_boot on the boot clock of boot_id.
-- JSON columns are read strictly by daemon/store/job_codec.cpp.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  ord INTEGER NOT NULL UNIQUE,
  settings TEXT NOT NULL             -- JSON of platform/settings.h
) STRICT;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  ord INTEGER NOT NULL,              -- submission order
  name TEXT NOT NULL,
  spec TEXT NOT NULL,                -- JSON of common/job_spec.h; no environment values
  boot_id TEXT NOT NULL,             -- of the boot that wrote this row
  state TEXT NOT NULL,
  state_data TEXT NOT NULL,          -- JSON: what this state alone has
  attempt INTEGER NOT NULL,
  interruptions INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  no_progress INTEGER NOT NULL,
  created_wall INTEGER NOT NULL,
  started_wall INTEGER,
  ended_wall INTEGER,
  journal_seq INTEGER NOT NULL,      -- last shim record applied
  more TEXT NOT NULL                 -- JSON: the rest
) STRICT;
CREATE INDEX jobs_by_name ON jobs (name, ord);

CREATE TABLE checkpoints (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  path BLOB NOT NULL,
  signature TEXT NOT NULL,
  step INTEGER,
  how TEXT NOT NULL,
  at_wall INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  manifest BLOB NOT NULL,
  durable_level TEXT NOT NULL,
  durable_path BLOB NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;
