import { testDatabase } from '@linkfleet/testkit/engines'
import pg from 'pg'
import { expect, test } from 'vitest'
import { ensureProbeLink } from './probe-link.ts'

test('the known link is made once, however often and by however many it is asked for', async () => {
  await using database = await testDatabase()
  await Promise.all([1, 2, 3].map(() => ensureProbeLink(database.url)))
  await ensureProbeLink(database.url)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query('SELECT domain_id, code, state FROM links.links')
  await client.end()
  expect(rows).toEqual([{ domain_id: 0, code: 'probe', state: 1 }])
})
