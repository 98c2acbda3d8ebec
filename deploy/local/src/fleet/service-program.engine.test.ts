import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProgramOf, preparePrograms } from './service-program.ts'

const checkout = join(import.meta.dirname, '../../../..')

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-programs-'))
})
afterAll(async () => await rm(home, { recursive: true, force: true }))

test('redirect runs from a bundle in the home, again after an earlier start; the others from their sources', async () => {
  const { signal } = new AbortController()
  for (let start = 0; start < 2; start++) {
    const programs = await preparePrograms({ checkout, home, signal })
    expect(programs.redirect).toBe(join(home, 'programs/redirect/bundle/main.js'))
    expect(programs.shortener).toBe(join(checkout, 'services/shortener/src/main.ts'))
  }
  // Asked for a country it would read its database: it finds its packages from there.
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(home, 'programs/redirect/bundle/main.js')],
    { env: { PATH: process.env.PATH }, encoding: 'utf8', timeout: 30_000 },
  )
  expect([status, `${stderr}${stdout}`]).toEqual([78, expect.stringContaining('HTTP_PORT is not set')])
}, 120_000)

test('a bundle is made once for all instances, and not at all when the start is given up', async () => {
  const ended = new AbortController()
  const programOf = createProgramOf({ checkout, home, signal: ended.signal })
  const [first, second] = [programOf('redirect'), programOf('redirect')]
  expect(first).toBe(second)
  ended.abort(new Error('given up'))
  await expect(first).rejects.toThrow('given up')
})
