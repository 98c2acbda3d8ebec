/** What redirects and their clicks do when the disk of the spool is full, on disks that really are. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { eventually } from '@linkfleet/testkit/eventually'
import { describe, expect, type TestContext, test } from 'vitest'
import { openRedirectBench, type RedirectProcess } from './testing/redirect-process.ts'
import { limitedFiles, memoryDisk, type SmallDisk } from './testing/small-disk.ts'

/** Follows the link again and again and keeps the account of what must be counted. */
class Visitor {
  attempted = 0
  acknowledged = 0

  async visit(redirect: RedirectProcess, agent = ''): Promise<boolean> {
    this.attempted += 1
    const response = await fetch(`${redirect.url}/disk123`, {
      redirect: 'manual',
      headers: { 'user-agent': agent },
    })
    expect(response.status).toBe(302)
    const recorded = response.headers.get('click-recorded') !== 'no'
    if (recorded) this.acknowledged += 1
    return recorded
  }
}

async function metric(redirect: RedirectProcess, name: RegExp): Promise<number> {
  const metrics = await (await fetch(`${redirect.admin}/metrics`)).text()
  const values = metrics.split('\n').filter((line) => name.test(line))
  return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
const dropped = (redirect: RedirectProcess) =>
  metric(redirect, /^redirect_clicks_dropped_total\{.*kind="click".*reason="write-failed"/)

async function withDisk(
  which: 'memory' | 'limited',
  { skip }: TestContext,
  body: (
    bench: Awaited<ReturnType<typeof openRedirectBench>>,
    disk: SmallDisk,
    spoolDir: string,
  ) => Promise<void>,
): Promise<void> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-disk-'))
  try {
    const disk = which === 'limited' ? limitedFiles : await memoryDisk(spoolDir)
    if (disk === undefined) return skip('Nobody may mount a file system here.')
    await using bench = await openRedirectBench()
    bench.shortener.links.set('disk123', liveLink('disk123', 1))
    await body(bench, disk, spoolDir)
  } finally {
    await rm(spoolDir, { recursive: true, force: true })
  }
}

describe.each(['memory', 'limited'] as const)('on a full disk (%s)', (which) => {
  test('redirects go on and say that clicks are not recorded, until there is room', async (context) => {
    await withDisk(which, context, async (bench, disk, spoolDir) => {
      const redirect = await bench.start({ SPOOL_DIR: spoolDir }, disk.command)
      const visitor = new Visitor()
      for (let visit = 0; visit < 20; visit += 1) expect(await visitor.visit(redirect)).toBe(true)
      await disk.fill(redirect.pid)
      await eventually(async () => (await visitor.visit(redirect, 'x'.repeat(400))) === false)
      for (let visit = 0; visit < 20; visit += 1) await visitor.visit(redirect)
      expect(await dropped(redirect)).toBe(visitor.attempted - visitor.acknowledged)
      expect(await metric(redirect, /^redirect_spool_failures_total/)).toBeGreaterThan(0)
      await disk.free(redirect.pid)
      await eventually(async () => await visitor.visit(redirect), { withinMs: 10_000 })
      for (let visit = 0; visit < 20; visit += 1) expect(await visitor.visit(redirect)).toBe(true)
      await redirect.kill('SIGTERM')
      expect((await bench.countedClicks()).length).toBe(visitor.acknowledged)
    })
  })

  test('a redirect that starts follows links, and records clicks once there is room', async (context) => {
    await withDisk(which, context, async (bench, disk, spoolDir) => {
      const redirect = await bench.start({ SPOOL_DIR: spoolDir }, disk.commandOnFull)
      const visitor = new Visitor()
      for (let visit = 0; visit < 10; visit += 1) expect(await visitor.visit(redirect)).toBe(false)
      expect(await dropped(redirect)).toBe(10)
      await disk.free(redirect.pid)
      await eventually(async () => await visitor.visit(redirect), { withinMs: 15_000 })
      await redirect.kill('SIGTERM')
      expect((await bench.countedClicks()).length).toBe(visitor.acknowledged)
    })
  })
})

test('a disk that clicks themselves have filled has room again once they are sent', async (context) => {
  await withDisk('memory', context, async (bench, disk, spoolDir) => {
    const redirect = await bench.start({ SPOOL_DIR: spoolDir }, disk.command)
    await disk.fill(redirect.pid, 64 * 1_024)
    const visitor = new Visitor()
    const agent = 'x'.repeat(500)
    await eventually(async () => (await visitor.visit(redirect, agent)) === false, { everyMs: 0 })
    // Nobody frees anything here but the sender.
    await eventually(async () => await visitor.visit(redirect, agent), { withinMs: 10_000 })
    await redirect.kill('SIGTERM')
    expect((await bench.countedClicks()).length).toBe(visitor.acknowledged)
  })
})
