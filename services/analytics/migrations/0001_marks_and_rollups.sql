-- What makes counting exact, and what is counted. Everything that one batch of a partition changes is changed in one
-- transaction, which first locks the partition's row: two consumers that both believe they own a partition cannot
-- both apply, and a batch that is delivered twice finds next_offset moved.

-- How far each partition of the topic has been applied. The offsets live here, not in Kafka.
CREATE TABLE clicks.partitions (
  partition integer PRIMARY KEY CHECK (partition >= 0),
  -- The offset of the first record that has not been applied.
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  -- Hash of the record at next_offset - 1; a log that has another record there is not the log that was read.
  fingerprint bytea
) WITH (fillfactor = 10);

-- The highest sequence applied of each producer, by partition: one partition gets a producer's clicks in order, so
-- whatever is at or under the mark has been counted.
CREATE TABLE clicks.marks (
  partition integer NOT NULL,
  producer_id bytea NOT NULL,
  sequence bigint NOT NULL CHECK (sequence > 0),
  applied_at timestamptz NOT NULL,
  PRIMARY KEY (partition, producer_id)
) WITH (fillfactor = 50);

-- Until when each partition is known to have been applied whole; the oldest of them dates every answer. Apart from
-- clicks.partitions, whose rows only the owner of a partition may change.
CREATE TABLE clicks.progress (
  partition integer PRIMARY KEY CHECK (partition >= 0),
  caught_up_at timestamptz NOT NULL
) WITH (fillfactor = 10);

-- Messages that could not be counted, as they came. `counted_through` is the producer's mark when the message came:
-- a replay counts only what is above it.
CREATE TABLE clicks.dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition integer NOT NULL,
  record_offset bigint NOT NULL,
  producer_id bytea,
  counted_through bigint NOT NULL,
  reason text NOT NULL,
  value bytea NOT NULL,
  -- SHA-256 of the value: the same message set aside once, however often it comes.
  digest bytea NOT NULL,
  set_aside_at timestamptz NOT NULL,
  UNIQUE (partition, digest)
);

-- All-time totals of a link. Orphan clicks of links that exist but could not be followed stand apart from them.
CREATE TABLE clicks.totals (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  humans bigint NOT NULL,
  bots bigint NOT NULL,
  orphans bigint NOT NULL,
  first_click_at timestamptz,
  last_click_at timestamptz,
  PRIMARY KEY (domain_id, code)
) WITH (fillfactor = 80);

-- Clicks of a link by minute, hour and day (UTC). One statement writes all three; each lives, and is pruned, apart.
CREATE TABLE clicks.series (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  grain_seconds integer NOT NULL,
  start_at timestamptz NOT NULL,
  humans bigint NOT NULL,
  bots bigint NOT NULL,
  PRIMARY KEY (domain_id, code, grain_seconds, start_at)
) PARTITION BY LIST (grain_seconds);
CREATE TABLE clicks.series_minute PARTITION OF clicks.series FOR VALUES IN (60) WITH (fillfactor = 80);
CREATE TABLE clicks.series_hour PARTITION OF clicks.series FOR VALUES IN (3600) WITH (fillfactor = 80);
CREATE TABLE clicks.series_day PARTITION OF clicks.series FOR VALUES IN (86400) WITH (fillfactor = 80);
-- Pruning finds old rows by block ranges: rows arrive nearly in the order of their time.
CREATE INDEX series_minute_start_at ON clicks.series_minute USING brin (start_at) WITH (autosummarize = on);
CREATE INDEX series_hour_start_at ON clicks.series_hour USING brin (start_at) WITH (autosummarize = on);

-- Clicks of a link by day and one trait of the click. A click whose trait is not known has no row: what the rows do
-- not explain of the day's clicks is the unknown part.
CREATE TABLE clicks.trait_days (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  day date NOT NULL,
  -- 1 country, 2 referrer host, 3 browser, 4 operating system, 5 device, 6 language.
  trait smallint NOT NULL,
  value text COLLATE "C" NOT NULL,
  humans bigint NOT NULL,
  bots bigint NOT NULL,
  PRIMARY KEY (domain_id, code, day, trait, value)
) WITH (fillfactor = 80);

-- The whole fleet, kept by Kafka partition so that concurrent batches never meet on a row. Grain 0 is all time.
CREATE TABLE clicks.fleet_series (
  partition integer NOT NULL,
  grain_seconds integer NOT NULL,
  start_at timestamptz NOT NULL,
  humans bigint NOT NULL,
  bots bigint NOT NULL,
  orphans bigint NOT NULL,
  PRIMARY KEY (grain_seconds, start_at, partition)
) WITH (fillfactor = 50);

-- Requests that found nothing to follow, by reason: not by code, since anyone can ask for any code.
CREATE TABLE clicks.orphan_days (
  partition integer NOT NULL,
  domain_id integer NOT NULL,
  day date NOT NULL,
  reason smallint NOT NULL,
  clicks bigint NOT NULL,
  PRIMARY KEY (day, domain_id, reason, partition)
) WITH (fillfactor = 50);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_clicks') THEN
    GRANT USAGE ON SCHEMA clicks TO linkfleet_clicks;
    GRANT SELECT, INSERT, UPDATE, DELETE ON clicks.partitions, clicks.marks, clicks.progress, clicks.dead_letters,
      clicks.totals, clicks.series, clicks.series_minute, clicks.series_hour, clicks.series_day, clicks.trait_days,
      clicks.fleet_series, clicks.orphan_days TO linkfleet_clicks;
  END IF;
END $$;
