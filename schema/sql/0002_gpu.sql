-- What the GPUs did. Instants of samples are seconds since the Unix epoch, on the wall clock.
CREATE TABLE gpus (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE
) STRICT;

-- In the order of time, so that a minute's samples of all GPUs touch few pages.
CREATE TABLE gpu_samples (
  step_s INTEGER NOT NULL,           -- 1: as seen; 60: the average of the minute that begins at `at`
  at INTEGER NOT NULL,
  gpu INTEGER NOT NULL REFERENCES gpus (id),
  use_percent INTEGER,
  memory_used INTEGER,               -- bytes
  temperature_c INTEGER,
  power_mw INTEGER,
  PRIMARY KEY (step_s, at, gpu)
) STRICT, WITHOUT ROWID;

-- All that gpujob-gpuprobe said when something happened to a job.
CREATE TABLE gpu_snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_wall INTEGER NOT NULL,          -- nanoseconds
  reason TEXT NOT NULL,              -- start, checkpoint, warning, limit, end
  job_id TEXT REFERENCES jobs (id) ON DELETE CASCADE,
  attempt INTEGER,
  document TEXT NOT NULL             -- JSON
) STRICT;
CREATE INDEX gpu_snapshots_by_job ON gpu_snapshots (job_id, reason, id);
