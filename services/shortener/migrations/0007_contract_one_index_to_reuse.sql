-- Links to reuse are looked for in links_to_reuse since the version before this one, and nothing reads the index it took the
-- place of. Every create wrote to it, at a random place.
DROP INDEX IF EXISTS links.links_by_url_and_options;
