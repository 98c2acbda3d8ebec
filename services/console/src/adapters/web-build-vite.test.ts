import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildWebPages } from './web-build-vite.ts'

test('two builds at once make one whole folder, and a third finds it', { timeout: 120_000 }, async () => {
  const dist = await mkdtemp(join(tmpdir(), 'linkfleet-dist-'))
  try {
    const [first, second] = await Promise.all([buildWebPages(dist), buildWebPages(dist)])
    expect(second).toBe(first)
    expect(await readdir(dist)).toHaveLength(1)
    const page = await readFile(join(first, 'index.html'), 'utf8')
    const script = /src="\/(assets\/[^"]+\.js)"/.exec(page)?.[1] ?? ''
    expect((await stat(join(first, script))).size).toBeGreaterThan(10_000)
    expect((await stat(join(first, `${script}.br`))).size).toBeGreaterThan(1_000)
    expect(page).not.toMatch(/<script>|<style>|https?:\/\//)

    const built = await stat(join(first, script))
    expect(await buildWebPages(dist)).toBe(first)
    expect((await stat(join(first, script))).mtimeMs).toBe(built.mtimeMs)
  } finally {
    await rm(dist, { recursive: true })
  }
})
