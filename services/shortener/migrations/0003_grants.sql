-- Each service may do what its job needs and no more. A cluster without the roles is one that its owner runs as one user.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_links') THEN
    GRANT USAGE ON SCHEMA links TO linkfleet_links;
    GRANT SELECT, INSERT, UPDATE, DELETE ON links.links, links.idempotency_records, links.outbox, links.heartbeat,
      links.relay, links.api_keys, links.login_tokens, links.sessions TO linkfleet_links;
    GRANT USAGE ON SEQUENCE links.version_seq TO linkfleet_links;
    -- The system's own functions that links.timeline() calls are open to everybody.
    GRANT EXECUTE ON FUNCTION links.timeline() TO linkfleet_links;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'linkfleet_redirect') THEN
    GRANT USAGE ON SCHEMA links TO linkfleet_redirect;
    GRANT SELECT ON links.links, links.heartbeat TO linkfleet_redirect;
  END IF;
END
$$;
