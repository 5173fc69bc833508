-- What happened, for people who look later: daemon/policy/chronicle.h. Times are nanoseconds. The
-- oldest rows go when there are too many.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at_wall INTEGER NOT NULL,
  session TEXT NOT NULL,
  kind TEXT NOT NULL,
  job TEXT,                          -- null: of the session
  name TEXT,
  attempt INTEGER,
  text TEXT NOT NULL
) STRICT;
-- Every start of a daemon says that its session has begun; the first word counts.
CREATE UNIQUE INDEX events_session_started ON events (session) WHERE kind = 'session_started';

CREATE TABLE attempts (
  seq INTEGER PRIMARY KEY,
  session TEXT NOT NULL,             -- in which it started
  job TEXT NOT NULL,
  name TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  started_wall INTEGER NOT NULL,
  ended_wall INTEGER,                -- null: it runs, or nobody knows
  state TEXT NOT NULL,
  kept INTEGER,                      -- work that a checkpoint holds; null: not known
  lost INTEGER,
  why_lost TEXT,
  UNIQUE (job, attempt)
) STRICT;
