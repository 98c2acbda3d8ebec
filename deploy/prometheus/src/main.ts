/** `npm run slo -- generate` writes all that is made from deploy/slo; with `--check` it only says which files differ. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { generateFiles } from './generate.ts'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))

const isCheck = readIsCheck()
const stale = generateFiles(checkout).filter(({ path, text }) => {
  const file = join(checkout, path)
  return !existsSync(file) || readFileSync(file, 'utf8') !== text
})
for (const { path, text } of stale) {
  if (isCheck) process.stderr.write(`${path} is not what deploy/slo says: npm run slo -- generate\n`)
  else {
    writeFileSync(join(checkout, path), text)
    process.stderr.write(`wrote ${path}\n`)
  }
}
if (isCheck && stale.length > 0) process.exitCode = 1

function readIsCheck(): boolean {
  try {
    return parseArgs({ options: { check: { type: 'boolean', default: false } } }).values.check
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(2)
  }
}
