/** Statistics in pieces that each fit in memory, every piece of one snapshot, read as all statistics are. */
import { dayMs, grainsSeconds } from '../../domain/grains.ts'
import type { ExportedLink, ExportReader, LinkKey, Totals, TraitCount } from '../../ports.ts'
import { createFreshRead, type FreshReadOptions } from './fresh-read.ts'
import { asOfText, epochMs } from './stats-queries.ts'

const dayText = `SELECT
  (SELECT json_build_object('humans', humans, 'bots', bots) FROM clicks.series
    WHERE domain_id = $1 AND code = $2 AND grain_seconds = ${grainsSeconds.day}
      AND start_at = to_timestamp($3 / 1000.0)) AS day,
  (SELECT coalesce(json_agg(json_build_array(trait, value, humans, bots)), '[]') FROM (
    SELECT trait, value, sum(humans) AS humans, sum(bots) AS bots FROM clicks.trait_counts
    WHERE domain_id = $1 AND code = $2 AND day = date '1970-01-01' + ($3 / ${dayMs})::int
    GROUP BY trait, value ORDER BY trait, sum(humans) + sum(bots) DESC, value) AS counts) AS traits,
  ${asOfText} AS as_of_ms`

/** A page of links by their keys, with the clicks of the days from $4 to before $5. */
const linksText = `WITH page AS MATERIALIZED (
    SELECT domain_id, code, humans, bots, first_click_at, last_click_at FROM clicks.totals
    WHERE (domain_id, code) > ($1, $2) ORDER BY domain_id, code LIMIT $3
  )
  SELECT (SELECT coalesce(json_agg(json_build_array(domain_id, code, sums.humans, sums.bots, page.humans + page.bots,
      ${epochMs('first_click_at')}, ${epochMs('last_click_at')}) ORDER BY domain_id, code), '[]')
    FROM page CROSS JOIN LATERAL (
      SELECT coalesce(sum(humans), 0) AS humans, coalesce(sum(bots), 0) AS bots FROM clicks.series
      WHERE series.domain_id = page.domain_id AND series.code = page.code AND grain_seconds = ${grainsSeconds.day}
        AND start_at >= to_timestamp($4 / 1000.0) AND start_at < to_timestamp($5 / 1000.0)) AS sums) AS links,
    ${asOfText} AS as_of_ms`

interface DayRow extends Record<string, unknown> {
  day: Totals | null
  traits: [number, string, number, number][]
  as_of_ms: number | null
}

interface LinksRow extends Record<string, unknown> {
  links: [number, string, number, number, number, number | null, number | null][]
  as_of_ms: number | null
}

export function openExportReaderPg(options: FreshReadOptions): ExportReader {
  const readOne = createFreshRead(options)
  return {
    async day(key, startMs) {
      const values = [key.domainId, key.code, startMs]
      const row = await readOne<DayRow>({ name: 'export-day', text: dayText, values })
      return {
        day: row.day ?? { humans: 0, bots: 0 },
        traits: row.traits.map(
          ([trait, value, humans, bots]): TraitCount => ({ trait, value, humans, bots }),
        ),
      }
    },
    async links(after: LinkKey | undefined, range, linksMax): Promise<readonly ExportedLink[]> {
      const values = [after?.domainId ?? 0, after?.code ?? '', linksMax, range.fromMs, range.toMs]
      const row = await readOne<LinksRow>({ name: 'export-links', text: linksText, values })
      return row.links.map(([domainId, code, humans, bots, total, firstClickAtMs, lastClickAtMs]) => {
        return { domainId, code, humans, bots, total, firstClickAtMs, lastClickAtMs }
      })
    },
  }
}
