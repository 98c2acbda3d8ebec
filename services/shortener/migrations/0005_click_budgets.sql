-- How much of max_clicks is given out, and to whom. Redirects lease clicks in small numbers and follow the link on them.

CREATE TABLE links.click_budgets (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  -- Which link of that code: an alias that is made again begins with all of its clicks.
  created_version bigint NOT NULL,
  -- Leased and not returned. It never passes the max_clicks under which it was leased; a lower limit may come later.
  taken bigint NOT NULL CHECK (taken >= 0),
  PRIMARY KEY (domain_id, code, created_version)
) WITH (fillfactor = 50);

-- A lease is there so that a repeated request gets the same clicks, and so that what is left of it is returned once.
CREATE TABLE links.click_leases (
  domain_id integer NOT NULL,
  code text COLLATE "C" NOT NULL,
  request_id bytea NOT NULL,
  created_version bigint NOT NULL,
  granted integer NOT NULL CHECK (granted > 0),
  -- NULL until its holder is done with it.
  returned integer CHECK (returned BETWEEN 0 AND granted),
  leased_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (domain_id, code, request_id)
) WITH (fillfactor = 90);

CREATE INDEX click_leases_age ON links.click_leases (leased_at);

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_links') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON links.click_budgets, links.click_leases TO linkfleet_links;
  END IF;
END
$$;
