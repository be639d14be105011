-- The tables before the database had a version, with something in each. For SQLite and PostgreSQL.

CREATE TABLE jobs (
  id VARCHAR(32) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  options JSON NOT NULL,
  owner VARCHAR(255) NOT NULL,
  schedule VARCHAR(32),
  request VARCHAR(64),
  state VARCHAR(16) NOT NULL,
  created FLOAT NOT NULL,
  started FLOAT,
  ended FLOAT,
  worker VARCHAR(255),
  attempt INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  cancelling BOOLEAN NOT NULL,
  error JSON,
  result VARCHAR(64),
  size BIGINT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX jobs_by_end ON jobs (ended);
CREATE INDEX jobs_by_owner ON jobs (owner, created, id);
CREATE INDEX jobs_by_owner_and_state ON jobs (owner, state, created, id);
CREATE INDEX jobs_by_result ON jobs (result);
CREATE INDEX jobs_by_state ON jobs (state, created, id);
CREATE INDEX jobs_by_time ON jobs (created, id);

CREATE TABLE leases (
  name VARCHAR(64) NOT NULL,
  holder VARCHAR(255) NOT NULL,
  until FLOAT NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE logins (
  digest VARCHAR(64) NOT NULL,
  nonce VARCHAR(64) NOT NULL,
  verifier VARCHAR(128) NOT NULL,
  destination VARCHAR(2000) NOT NULL,
  expires FLOAT NOT NULL,
  PRIMARY KEY (digest)
);

CREATE TABLE runs (
  schedule VARCHAR(32) NOT NULL,
  time FLOAT NOT NULL,
  state VARCHAR(16) NOT NULL,
  job VARCHAR(32),
  error JSON,
  PRIMARY KEY (schedule, time)
);
CREATE INDEX runs_by_state ON runs (state, time);

CREATE TABLE schedules (
  id VARCHAR(32) NOT NULL,
  owner VARCHAR(255) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  options JSON NOT NULL,
  cron VARCHAR(100) NOT NULL,
  patience FLOAT NOT NULL,
  enabled BOOLEAN NOT NULL,
  created FLOAT NOT NULL,
  next FLOAT NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX ix_schedules_owner ON schedules (owner);
CREATE INDEX schedules_by_next ON schedules (enabled, next);

CREATE TABLE sessions (
  digest VARCHAR(64) NOT NULL,
  "user" VARCHAR(255) NOT NULL,
  role VARCHAR(16),
  token VARCHAR(16),
  expires FLOAT NOT NULL,
  PRIMARY KEY (digest)
);
CREATE INDEX ix_sessions_token ON sessions (token);
CREATE INDEX ix_sessions_user ON sessions ("user");

CREATE TABLE tokens (
  id VARCHAR(16) NOT NULL,
  "user" VARCHAR(255) NOT NULL,
  digest VARCHAR(64) NOT NULL,
  label VARCHAR(100) NOT NULL,
  created FLOAT NOT NULL,
  expires FLOAT,
  PRIMARY KEY (id)
);
CREATE INDEX ix_tokens_user ON tokens ("user");

CREATE TABLE users (
  name VARCHAR(255) NOT NULL,
  role VARCHAR(16) NOT NULL,
  created FLOAT NOT NULL,
  PRIMARY KEY (name)
);

INSERT INTO jobs (id, kind, options, owner, state, created, attempt, losses, done, total, cancelling, size, revision)
  VALUES ('0123456789abcdef0123456789abcdef', 'forecast', '{"model": "tiny"}', 'ada', 'queued', 1.5, 0, 0, 0, 0, FALSE, 0, 0);
INSERT INTO users (name, role, created) VALUES ('ada', 'RUN', 1.5);
INSERT INTO schedules (id, owner, kind, options, cron, patience, enabled, created, next)
  VALUES ('fedcba9876543210fedcba9876543210', 'ada', 'forecast', '{"start": "{date}"}', '0 0 * * *', 60.0, TRUE, 1.5, 86400.0);
INSERT INTO runs (schedule, time, state) VALUES ('fedcba9876543210fedcba9876543210', 0.0, 'missed');
