// Generates the typed stubs in src/generated from proto/. With an argument it writes
// them below that folder instead, so that a test can compare.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? '.'
const result = spawnSync('./node_modules/.bin/buf', ['generate', '--output', out], {
  cwd: here,
  stdio: 'inherit',
})
process.exit(result.status ?? 1)
