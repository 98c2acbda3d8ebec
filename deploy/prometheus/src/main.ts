/** `node deploy/prometheus/src/main.ts` writes the generated rule files; with `--check` it only says which differ. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generateRuleFiles } from './generate.ts'

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

const stale = generateRuleFiles(here('../slo')).filter(({ path, text }) => {
  return !existsSync(here(path)) || readFileSync(here(path), 'utf8') !== text
})
if (process.argv.includes('--check')) {
  for (const { path } of stale)
    process.stderr.write(`deploy/prometheus/${path} is not what deploy/slo says\n`)
  if (stale.length > 0) process.exitCode = 1
} else {
  for (const { path, text } of stale) writeFileSync(here(path), text)
}
