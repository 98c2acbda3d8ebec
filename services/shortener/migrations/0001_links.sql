-- Links, and everything that must change in one transaction with them.

-- One order over all changes of all links: a re-created alias never gets a version it had before.
CREATE SEQUENCE links.version_seq;

-- The timeline of this server as a number. Only a primary can tell it (pg_control_checkpoint() lags behind a promotion);
-- elsewhere this fails, so that nobody takes a replica for the truth.
CREATE FUNCTION links.timeline() RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer
$$;

-- redirect reads this table on replicas, naming its columns: add columns, never rename or drop one it names.
CREATE TABLE links.links (
  domain_id integer NOT NULL DEFAULT 1,
  code text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  -- The version of its creation: the order of lists.
  created_version bigint NOT NULL,
  -- As in linkfleet.links.v1.LinkState: 1 live, 2 deleted (a tombstone), 3 blocked.
  state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
  target_url text NOT NULL,
  title text,
  tags text[] NOT NULL DEFAULT '{}',
  redirect_status smallint NOT NULL DEFAULT 302 CHECK (redirect_status IN (301, 302, 307, 308)),
  forward_query boolean NOT NULL DEFAULT false,
  starts_at timestamptz,
  expires_at timestamptz,
  max_clicks bigint CHECK (max_clicks > 0),
  password_protected boolean NOT NULL DEFAULT false,
  -- Who created it, by the name of the key; never the key.
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (domain_id, code)
) WITH (fillfactor = 90);

CREATE INDEX links_newest ON links.links (domain_id, created_version DESC) WHERE state <> 2;
CREATE INDEX links_tags ON links.links USING gin (tags) WHERE tags <> '{}';

-- What a retried create is answered with. A record lives and dies with the transaction that made the link.
CREATE TABLE links.idempotency_records (
  -- SHA-256 of the caller's name and their Idempotency-Key.
  key_hash bytea PRIMARY KEY,
  request_hash bytea NOT NULL,
  -- The link as it was created, without what the columns beside it say.
  link jsonb NOT NULL,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE INDEX idempotency_records_age ON links.idempotency_records (created_at);

-- One row for each change, until it is in Redis and in Kafka. The change itself is read from links.links: what is there
-- is the row's version or a newer one, and newer is what everybody wants.
CREATE TABLE links.outbox (
  version bigint NOT NULL,
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  redis_done boolean NOT NULL DEFAULT false,
  kafka_done boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Each sink finds its own backlog, however long the other one is away.
CREATE INDEX outbox_for_redis ON links.outbox (version) WHERE NOT redis_done;
CREATE INDEX outbox_for_kafka ON links.outbox (version) WHERE NOT kafka_done;

-- Written each second by the active relay. A read of a replica that returns it knows how fresh the replica is.
CREATE TABLE links.heartbeat (
  id integer PRIMARY KEY CHECK (id = 1),
  beat_at timestamptz NOT NULL,
  timeline integer NOT NULL
) WITH (fillfactor = 10);

INSERT INTO links.heartbeat (id, beat_at, timeline) VALUES (1, to_timestamp(0), 0);

-- Which database session the active relay is, and when it last said that it lives.
CREATE TABLE links.relay (
  id integer PRIMARY KEY CHECK (id = 1),
  stamped_at timestamptz NOT NULL,
  instance text NOT NULL,
  backend_pid integer NOT NULL,
  backend_started_at timestamptz NOT NULL
) WITH (fillfactor = 10);
