-- Which links lead to a URL: the first bytes of its SHA-256, computed from the column itself, so that every writer, the
-- previous version included, keeps it right. (A text becomes its bytes by the cast; that reads a backslash as an escape.)
-- Only links that may be reused are in it; with the creation as its last column the newest of many are found at once.
CREATE INDEX CONCURRENTLY IF NOT EXISTS links_by_url ON links.links
  (domain_id, substr(sha256(replace(target_url, '\', '\\')::bytea), 1, 8), created_version)
  WHERE state = 1 AND max_clicks IS NULL AND NOT password_protected
