-- What was applied, on its way to the archive. A batch is queued in the transaction that applies it, so what is archived
-- is what was counted, batch by batch and in that order, whatever happens to the log of Kafka or to the archiver.

-- The place that the next applied batch of a partition gets; changed only under the lock of its row in clicks.partitions.
CREATE TABLE clicks.archive_heads (
  partition integer PRIMARY KEY CHECK (partition >= 0),
  next_place bigint NOT NULL CHECK (next_place > 0)
) WITH (fillfactor = 10);

-- Batches that are in no segment yet.
CREATE TABLE clicks.archive_queue (
  partition integer NOT NULL,
  place bigint NOT NULL,
  -- The batch took the partition from this offset to the next.
  from_offset bigint NOT NULL,
  next_offset bigint NOT NULL,
  -- The clock that the batch was judged by.
  applied_at timestamptz NOT NULL,
  clicks bigint NOT NULL,
  -- The records as they came from Kafka, compressed, and how many bytes they were before.
  records bytea NOT NULL,
  record_bytes bigint NOT NULL,
  PRIMARY KEY (partition, place)
);
ALTER TABLE clicks.archive_queue ALTER COLUMN records SET STORAGE EXTERNAL;

-- Segments that are stored. A row is committed after its object, in the transaction that empties the queue of it.
CREATE TABLE clicks.archive_segments (
  partition integer NOT NULL,
  first_place bigint NOT NULL,
  last_place bigint NOT NULL CHECK (last_place >= first_place),
  from_offset bigint NOT NULL,
  next_offset bigint NOT NULL,
  -- SHA-256 of the object's content, which is its name too.
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  bytes bigint NOT NULL,
  clicks bigint NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (partition, first_place)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_clicks') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON clicks.archive_heads, clicks.archive_queue, clicks.archive_segments
      TO linkfleet_clicks;
  END IF;
END $$;
