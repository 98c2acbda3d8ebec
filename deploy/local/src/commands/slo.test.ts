import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { LocalFleetError } from '../problem.ts'
import { slo, writeReport } from './slo.ts'

const checkout = fileURLToPath(new URL('../../../..', import.meta.url))

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'linkfleet-slo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a report goes into a folder that is not there yet', () => {
  const file = join(temporaryFolder(), 'reports', '2026', 'day.md')
  writeReport(file, 'a day')
  expect(readFileSync(file, 'utf8')).toBe('a day')
})

test('where a report cannot be written, one sentence says where', () => {
  const folder = temporaryFolder()
  writeReport(join(folder, 'a-file'), '')
  const file = join(folder, 'a-file', 'day.md')
  const write = () => writeReport(file, 'a day')
  expect(write).toThrow(LocalFleetError)
  expect(write).toThrow(`--out ${file}: the report could not be written`)
})

test.each([['--nonsense'], ['nonsense']])('generate does nothing but refuse %s', async (word) => {
  expect(await slo(['generate', '--check', word], checkout)).toBe(2)
})
