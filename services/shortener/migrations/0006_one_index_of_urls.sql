-- Links to reuse are looked for in links_by_url_and_options since the version before this one, and nothing reads the index
-- it took the place of. Every create wrote to it, at a random place: with many links that is a page read, and one written
-- to WAL whole after a checkpoint.
DROP INDEX IF EXISTS links.links_by_url;
