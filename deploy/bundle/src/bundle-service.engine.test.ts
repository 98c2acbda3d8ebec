import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleService } from './bundle-service.ts'
import { writeBrokenCheckout } from './testing/broken-checkout.ts'

const checkout = join(import.meta.dirname, '../../..')

const importPattern = /^(?:im|ex)port [^"]*"([^"\s]+)";$|\bimport\("([^"\s]+)"\)|\b__require\("([^"\s]+)"\)/gm

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-bundle-'))
})
afterAll(async () => await rm(home, { recursive: true, force: true }))

describe('the bundle of redirect', () => {
  let files: Map<string, string>
  beforeAll(async () => {
    const folder = join(home, 'bundle')
    await mkdir(folder)
    await writeFile(join(folder, 'of-an-earlier-one.mjs'), '')
    await bundleService('redirect', checkout, folder)
    const names = await readdir(folder)
    files = new Map(
      await Promise.all(
        names.map(async (name) => [name, await readFile(join(folder, name), 'latin1')] as const),
      ),
    )
  }, 120_000)

  test('is a program for the service and one for its thread, and nothing of an earlier bundle', () => {
    expect([...files.keys()]).toEqual(expect.arrayContaining(['main.mjs', 'kafka-worker.mjs']))
    expect([...files.keys()]).not.toContain('of-an-earlier-one.mjs')
  })

  test('imports only itself, Node, and what it can do without', () => {
    const imported = [...files.values()].flatMap((text) =>
      Array.from(text.matchAll(importPattern), ([, ...specifiers]) => specifiers.join('')),
    )
    const others = imported.filter((one) => !isBuiltin(one) && !files.has(one.replace(/^\.\//, '')))
    expect([...new Set(others)].sort()).toEqual(['pg-native', 'supports-color'])
    // A program that another file imports would run a second time in a thread, or wait for itself.
    expect(imported).not.toContain('./main.mjs')
    expect(imported).not.toContain('./kafka-worker.mjs')
    expect(imported.some((one) => one.startsWith('./'))).toBe(true)
  })

  test('has one byte for each letter, and functions under their names', () => {
    for (const [name, content] of files)
      expect([name, /[\x80-\xff]/.exec(content)?.index]).toEqual([name, undefined])
    expect(files.get('main.mjs')).toContain('return function identifyClient(')
  })
})

test.each([
  ["import './nowhere.ts'", "Could not resolve './nowhere.ts'"],
  // Of this the bundler only warns.
  ["import 'no-such-package'", "Could not resolve 'no-such-package'"],
  ['export const broken = ;', 'Unexpected token'],
])('%s: what is wrong and where is the first line', async (statement, wrong) => {
  const broken = await mkdtemp(join(home, 'broken-'))
  await writeBrokenCheckout(broken, statement)
  const problem = bundleService('redirect', broken, join(broken, 'none'))
  await expect(problem).rejects.toThrow(/^\[\w+\] [^\n]*main\.ts/)
  await expect(problem).rejects.toThrow(wrong)
})

test('its program ends with whoever started it', async () => {
  const folder = join(home, 'given-up')
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, [main, 'redirect', folder], { stdio: ['pipe', 'ignore', 'pipe'] })
  child.stdin.end()
  expect(await text(child.stderr)).toBe('stdin has ended\n')
})
