/** Puts a batch's last clicks of each link before those that are held, and keeps a bounded number of them. */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { recentClicksMax } from '../../domain/recent-clicks.ts'
import type { RecentRow } from '../../domain/rollup.ts'

/** Arrays of arrays of different lengths cannot be sent, so a link's clicks travel as one text, by lines. */
export async function writeRecents(transaction: Queryable, recents: readonly RecentRow[]): Promise<void> {
  await transaction.query({
    name: 'add-recent-clicks',
    text: `INSERT INTO clicks.recent_clicks AS kept (domain_id, code, newest_at, clicks)
      SELECT domain_id, code, to_timestamp(newest_ms / 1000.0), string_to_array(lines, E'\\n')
      FROM unnest($1::int[], $2::text[], $3::bigint[], $4::text[]) AS arrived(domain_id, code, newest_ms, lines)
      ON CONFLICT (domain_id, code) DO UPDATE SET
        newest_at = greatest(kept.newest_at, excluded.newest_at),
        clicks = (excluded.clicks || kept.clicks)[1:${recentClicksMax}]`,
    values: [
      recents.map((row) => row.domainId),
      recents.map((row) => row.code),
      recents.map((row) => row.newestMs),
      recents.map((row) => row.clicks.join('\n')),
    ],
  })
}
