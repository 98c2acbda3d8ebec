-- Which links do the same for their visitors: lead to the same URL with the same options, of which the usual ones are left out.
-- Codes are made at random, so whatever else is ordered by something random costs each create a second page. Here those made
-- about the same time lie together, two million versions each, and in each of these parts by hash: creates write to the
-- newest part only, which stays in memory, and who looks for a link looks into each part, newest first.
-- docs/decisions/0031-creates-write-to-the-newest-part-of-an-index.md has the numbers.
CREATE INDEX CONCURRENTLY IF NOT EXISTS links_to_reuse ON links.links
  (((created_version >> 21)::integer),
    (substr(sha256(replace(target_url || CASE
        WHEN redirect_status = 302 AND NOT forward_query AND starts_at IS NULL AND expires_at IS NULL THEN ''
        ELSE ' ' || redirect_status::text || ' ' || forward_query::text
          || ' ' || coalesce((extract(epoch FROM starts_at AT TIME ZONE 'UTC') * 1000)::bigint::text, '')
          || ' ' || coalesce((extract(epoch FROM expires_at AT TIME ZONE 'UTC') * 1000)::bigint::text, '')
      END, '\', '\\')::bytea), 1, 4)::integer),
    created_version)
  WHERE state = 1 AND max_clicks IS NULL AND NOT password_protected
