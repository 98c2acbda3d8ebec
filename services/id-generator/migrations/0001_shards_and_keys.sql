-- The counters behind all generated codes. Losing or lowering a row of ids.shards would repeat codes: nothing here ever
-- decreases a next_value, and no code of a value leaves a generator before the UPDATE that reserved it is committed.

-- Which server, and which life of it, has this database: a promoted replica gets a new timeline, a restored dump a new
-- system. pg_control_checkpoint() would lag behind a promotion until the next checkpoint; the WAL position does not.
CREATE FUNCTION ids.place() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT system_identifier::text || '/' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
  FROM pg_control_system()
$$;

-- The secrets of the permutation that turns counter values into codes. They are made here, once, at random, and never
-- leave the database but to the generators. A key counts from its first counter value on, in every shard.
CREATE TABLE ids.keys (
  version integer PRIMARY KEY CHECK (version > 0),
  secret bytea NOT NULL CHECK (octet_length(secret) = 32),
  from_counter bigint NOT NULL CHECK (from_counter >= 0),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- 366 random bits from the server's strong generator, condensed to 256: core Postgres has no other source of them.
CREATE FUNCTION ids.random_secret() RETURNS bytea
LANGUAGE sql VOLATILE
AS $$
  SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
$$;

INSERT INTO ids.keys (version, secret, from_counter) VALUES (1, ids.random_secret(), 0);

CREATE TABLE ids.shards (
  shard integer PRIMARY KEY CHECK (shard BETWEEN 0 AND 1023),
  -- The first counter value that is not reserved yet.
  next_value bigint NOT NULL CHECK (next_value >= 0),
  key_version integer NOT NULL REFERENCES ids.keys (version),
  -- Where the values were last known to be complete; elsewhere the counter first skips what a replica may have lost.
  place text NOT NULL,
  lease_owner text,
  -- Grows with each new holder, so that a former one can reserve no more.
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz
) WITH (fillfactor = 50);

INSERT INTO ids.shards (shard, next_value, key_version, place)
SELECT shard, 0, 1, ids.place() FROM generate_series(0, 1023) AS shard;

-- For an operator, after a restore to an earlier point in time: moves every shard past `by` values that may have been
-- handed out since that point.
CREATE FUNCTION ids.advance_shards(by bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF by IS NULL OR by < 1 THEN
    RAISE EXCEPTION 'the shards can only be moved forward, not by %', by;
  END IF;
  UPDATE ids.shards SET next_value = next_value + by;
END
$$;

-- For an operator: later codes come from a new secret. Every shard starts the new key at the same value, which none has
-- reached, 2^20 further on: so no generator, bound to stay 2^20 ahead of the replicas, uses it before they all have it.
-- The lock holds off reservations, whose values the new key must not touch.
CREATE FUNCTION ids.rotate_key() RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  first_counter bigint;
  new_version integer;
BEGIN
  LOCK TABLE ids.shards IN SHARE ROW EXCLUSIVE MODE;
  SELECT max(next_value) + 1048576 INTO first_counter FROM ids.shards;
  INSERT INTO ids.keys (version, secret, from_counter)
  SELECT max(version) + 1, ids.random_secret(), first_counter FROM ids.keys
  RETURNING version INTO new_version;
  UPDATE ids.shards SET next_value = first_counter, key_version = new_version;
  RETURN new_version;
END
$$;

REVOKE ALL ON FUNCTION ids.random_secret(), ids.advance_shards(bigint), ids.rotate_key() FROM PUBLIC;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_ids') THEN
    GRANT USAGE ON SCHEMA ids TO linkfleet_ids;
    GRANT SELECT ON ids.keys TO linkfleet_ids;
    GRANT SELECT, UPDATE ON ids.shards TO linkfleet_ids;
    GRANT EXECUTE ON FUNCTION ids.place() TO linkfleet_ids;
  END IF;
END
$$;
