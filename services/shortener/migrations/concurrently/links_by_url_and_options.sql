-- Which links lead to a URL and do the same for their visitors: however many others lead there, the newest of these is found
-- at once. Of the SHA-256 of the URL it holds other bytes than links_by_url, which is there for the previous version: one that
-- looks here is never led there. What is absent has a value of its own, so that it can be looked for like any other; no link
-- starts or expires at an infinity.
CREATE INDEX CONCURRENTLY IF NOT EXISTS links_by_url_and_options ON links.links
  (domain_id, substr(sha256(replace(target_url, '\', '\\')::bytea), 9, 8), redirect_status, forward_query,
    coalesce(starts_at, '-infinity'::timestamptz), coalesce(expires_at, 'infinity'::timestamptz), created_version)
  WHERE state = 1 AND max_clicks IS NULL AND NOT password_protected
