/** What runs: the version of the workspace's root manifest, or LINKFLEET_VERSION where an image was built from a commit. */
import { readFileSync } from 'node:fs'

export function versionOf(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.LINKFLEET_VERSION) return env.LINKFLEET_VERSION
  try {
    const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
    return (JSON.parse(manifest) as { version?: string }).version ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
