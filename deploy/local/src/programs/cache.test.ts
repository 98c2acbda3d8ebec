import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cached, cacheFolder } from './cache.ts'

let root: string
let fills = 0
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'linkfleet-cache-'))
  fills = 0
})
afterEach(() => rm(root, { recursive: true, force: true }))

const entry = {
  name: 'engine-1.0',
  fill: async (folder: string) => {
    fills += 1
    await writeFile(join(folder, 'program'), 'good')
  },
}

test('an entry is made once and found from then on', async () => {
  const folder = await cached(entry, root)
  expect(await cached(entry, root)).toBe(folder)
  expect(fills).toBe(1)
})

test('an entry whose contents changed on disk is thrown away and made again', async () => {
  const folder = await cached(entry, root)
  await writeFile(join(folder, 'program'), 'evil')
  expect(await readFile(join(await cached(entry, root), 'program'), 'utf8')).toBe('good')
  await writeFile(join(folder, 'added'), 'evil')
  expect(await readdir(await cached(entry, root))).not.toContain('added')
  expect(fills).toBe(3)
})

test('two starts at once both get the same whole entry', async () => {
  const [one, other] = await Promise.all([cached(entry, root), cached(entry, root)])
  expect(one).toBe(other)
  expect(await readFile(join(one, 'program'), 'utf8')).toBe('good')
  expect(await readdir(root)).toHaveLength(1)
})

test('an entry is open to the user that an engine runs as, whatever the modes it was made with', async () => {
  const closed = {
    name: 'closed',
    fill: async (folder: string) => {
      await mkdir(join(folder, 'bin'), { mode: 0o700 })
      await writeFile(join(folder, 'bin', 'program'), '', { mode: 0o700 })
      await writeFile(join(folder, 'bin', 'data'), '', { mode: 0o600 })
    },
  }
  const folder = await cached(closed, join(root, 'made', 'now'))
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777
  for (const path of [join(root, 'made', 'now'), folder, join(folder, 'bin'), join(folder, 'bin', 'program')])
    expect(await modeOf(path)).toBe(0o755)
  expect(await modeOf(join(folder, 'bin', 'data'))).toBe(0o644)
})

test('a relative LINKFLEET_CACHE is taken from where the command was given', () => {
  expect(cacheFolder({ LINKFLEET_CACHE: 'mine' })).toBe(resolve('mine'))
})

test('a fetch that fails leaves nothing that looks finished', async () => {
  const broken = {
    ...entry,
    fill: async (folder: string) => {
      await writeFile(join(folder, 'half'), '')
      throw new Error('the network went away')
    },
  }
  await expect(cached(broken, root)).rejects.toThrow('the network went away')
  expect(await readdir(root)).toEqual([])
})
