-- Unique visitors, recent clicks, orphans by reason, and the links with the most clicks.

-- The salts under which redirect makes a pseudonym of each visitor, one for each UTC day. UNLOGGED: its rows are in no
-- WAL, so in no replica and no archive either. Rows leave by TRUNCATE, which gives the file itself back.
CREATE UNLOGGED TABLE clicks.visitor_salts (
  day date PRIMARY KEY,
  salt bytea NOT NULL CHECK (octet_length(salt) = 32)
);

-- Unique visitors of a link by day, as a HyperLogLog sketch of at most 3 KiB and the number it stands for. Salts differ
-- from day to day, and so do the pseudonyms of a visitor: the visitors of several days are the sum of the days.
CREATE TABLE clicks.visitor_days (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  day date NOT NULL,
  sketch bytea NOT NULL,
  visitors integer NOT NULL,
  PRIMARY KEY (domain_id, code, day)
) WITH (fillfactor = 80);
-- Sketches hardly compress.
ALTER TABLE clicks.visitor_days ALTER COLUMN sketch SET STORAGE EXTERNAL;

-- The last clicks of a link, the newest first: each a text in JSON without anything that names a person.
CREATE TABLE clicks.recent_clicks (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  newest_at timestamptz NOT NULL,
  clicks text[] NOT NULL,
  PRIMARY KEY (domain_id, code)
) WITH (fillfactor = 70);
CREATE INDEX recent_clicks_newest_at ON clicks.recent_clicks USING brin (newest_at) WITH (autosummarize = on);

-- Orphan clicks of codes that have or had a link, by reason.
CREATE TABLE clicks.link_orphans (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  reason smallint NOT NULL,
  clicks bigint NOT NULL,
  PRIMARY KEY (domain_id, code, reason)
) WITH (fillfactor = 80);

-- The links with the most clicks of a day, a bounded number for each Kafka partition. All clicks of a code travel in
-- one partition, so the first of the day are among the first of the partitions.
CREATE TABLE clicks.top_days (
  day date NOT NULL,
  partition integer NOT NULL,
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  clicks bigint NOT NULL,
  PRIMARY KEY (day, partition, domain_id, code)
) WITH (fillfactor = 50);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_clicks') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON clicks.visitor_days, clicks.recent_clicks, clicks.link_orphans,
      clicks.top_days TO linkfleet_clicks;
    GRANT SELECT, INSERT, TRUNCATE ON clicks.visitor_salts TO linkfleet_clicks;
  END IF;
END $$;
