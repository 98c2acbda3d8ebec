/** What runs: the version of the workspace's root manifest, or LINKFLEET_VERSION where an image was built from a commit. */
import manifest from '../../../package.json' with { type: 'json' }

export function versionOf(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.LINKFLEET_VERSION) return env.LINKFLEET_VERSION
  return manifest.version
}
