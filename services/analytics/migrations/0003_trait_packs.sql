-- Traits of a link's day in one row instead of one row a value: a batch that touches hundreds of values of a link
-- changes one row, and an answer reads one row a day. What an earlier version counted, or still counts beside this
-- one, stays in clicks.trait_days; both are read through clicks.trait_counts, and no click is in both.

-- Three lists of the same length. A name is a letter for the trait ('A' is the first) followed by the value, which has
-- no control characters, so names are separated by line feeds; counts are separated by commas.
CREATE TABLE clicks.trait_packs (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  day date NOT NULL,
  names text COLLATE "C" NOT NULL,
  humans text NOT NULL,
  bots text NOT NULL,
  PRIMARY KEY (domain_id, code, day)
) WITH (fillfactor = 70, toast_tuple_target = 8160);
-- A day's row is written many times and compressing it each time costs more than the room.
ALTER TABLE clicks.trait_packs ALTER COLUMN names SET STORAGE EXTERNAL;

CREATE VIEW clicks.trait_counts AS
  SELECT domain_id, code, day, trait, value, humans, bots FROM clicks.trait_days
  UNION ALL
  SELECT pack.domain_id, pack.code, pack.day, (ascii(entry.name) - 64)::smallint, substr(entry.name, 2),
    entry.humans, entry.bots
  FROM clicks.trait_packs AS pack
  CROSS JOIN LATERAL unnest(string_to_array(pack.names, E'\n'), string_to_array(pack.humans, ',')::bigint[],
    string_to_array(pack.bots, ',')::bigint[]) AS entry(name, humans, bots);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_clicks') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON clicks.trait_packs TO linkfleet_clicks;
    GRANT SELECT ON clicks.trait_counts TO linkfleet_clicks;
  END IF;
END $$;
