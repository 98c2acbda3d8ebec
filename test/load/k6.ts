/** Where k6 comes from: the PATH, or built once with Go into the cache of fetched programs. */
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '@linkfleet/local/programs/cache'
import { findOnPath, platformName, runClient } from '@linkfleet/local/programs/clients'

/** A Go module version is checked against the checksum database by the go command itself. */
const k6Version = 'v1.8.1'

export class NoK6 extends Error {}

export async function findK6(say: (sentence: string) => void): Promise<string> {
  const onPath = findOnPath('k6')
  if (onPath !== undefined) return onPath
  const go = findOnPath('go')
  if (go === undefined) {
    throw new NoK6(
      'k6 is not on this machine: install it (https://k6.io), or install Go, with which it is built once.',
    )
  }
  const folder = await cached({
    name: `k6-${k6Version}-${platformName()}`,
    fill: async (aside) => {
      say(`building k6 ${k6Version} with Go, once; this takes some minutes`)
      await runClient('k6', go, ['install', `go.k6.io/k6@${k6Version}`], {
        cwd: aside,
        env: { GOBIN: join(aside, 'bin') },
      })
      // Only the program is kept.
      for (const name of await readdir(aside)) {
        if (name !== 'bin') await rm(join(aside, name), { recursive: true, force: true })
      }
      await rename(join(aside, 'bin', 'k6'), join(aside, 'k6'))
      await rm(join(aside, 'bin'), { recursive: true, force: true })
    },
  })
  return join(folder, 'k6')
}
