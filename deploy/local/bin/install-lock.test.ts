import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
// @ts-expect-error: the launcher is plain JavaScript, since any Node must be able to run it.
import { onlyOneAtATime } from './install-lock.mjs'

let folder: string
let lock: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linkfleet-install-'))
  lock = join(folder, 'installing')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('of two installations one waits for the other', async () => {
  const done: string[] = []
  const install = (name: string) =>
    onlyOneAtATime(lock, async () => {
      done.push(`${name} begins`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      done.push(`${name} ends`)
    })
  await Promise.all([install('first'), install('second')])
  expect(done).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
})

test('a lock whose holder is gone is taken over, even when its number went to another process', async () => {
  let holder = ''
  await onlyOneAtATime(lock, async () => {
    holder = await readFile(join(lock, 'holder'), 'utf8')
  })
  await mkdir(lock)
  await writeFile(join(lock, 'holder'), JSON.stringify({ ...JSON.parse(holder), startedAt: '1' }))
  expect(await onlyOneAtATime(lock, async () => 'installed')).toBe('installed')
})
