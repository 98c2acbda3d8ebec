import { existsSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectFiles, readText, root } from './files.ts'

const documents = projectFiles.filter((path) => path.endsWith('.md'))

/** The anchor of a heading, as the usual renderers make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const withoutCode = (text: string): string => text.replaceAll(/```[\s\S]*?```/g, '')

const anchorsOf = (path: string): string[] =>
  [...withoutCode(readText(path)).matchAll(/^#+ +(.+)$/gm)].map((match) => anchorOf(match[1] ?? ''))

function brokenLinks(path: string): string[] {
  const links = [...withoutCode(readText(path)).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  return links.flatMap((link) => {
    if (/^[a-z]+:/.test(link)) return []
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : posix.join(dirname(path), file)
    if (!existsSync(root + target)) return [`${path}: ${link}`]
    if (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor))
      return [`${path}: ${link}`]
    return []
  })
}

test('links between documents lead somewhere', () => {
  expect(documents.flatMap(brokenLinks)).toEqual([])
})

test('files that documents name in code exist', () => {
  const named = documents.flatMap((path) =>
    [
      ...withoutCode(readText(path)).matchAll(/`((?:services|packages|deploy|test|docs)\/[\w./-]+\.\w+)`/g),
    ].map((match) => ({ path, file: match[1] ?? '' })),
  )
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter(({ file }) => !file.includes('NNNN') && !existsSync(root + file))).toEqual([])
})

test('ARCHITECTURE.md stays within 300 lines', () => {
  expect(readText('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(300)
})

test('every service has a page about itself', () => {
  for (const service of ['redirect', 'shortener', 'analytics', 'console', 'id-generator']) {
    const path = `services/${service}/README.md`
    expect(existsSync(root + path), path).toBe(true)
    expect(readText(path).split('\n').length, path).toBeLessThanOrEqual(100)
  }
})

describe('docs/decisions', () => {
  const decisions = documents.filter((path) => /^docs\/decisions\/\d/.test(path))

  test('are numbered without a gap', () => {
    const numbers = decisions.map((path) => Number(posix.basename(path).slice(0, 4)))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(numbers.length).toBeGreaterThanOrEqual(5)
  })

  test.each(decisions)('%s fits one page and says what would reverse it', (path) => {
    const text = readText(path)
    expect(text.split('\n').length).toBeLessThanOrEqual(60)
    const headings = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1])
    expect(headings).toEqual(['Context', 'Options', 'Choice', 'Cost', 'What would reverse it'])
  })
})

describe('docs/concepts.md', () => {
  const [real = '', planned = ''] = readText('docs/concepts.md').split(/^## Planned$/m)
  const rowsOf = (text: string): string[][] =>
    text
      .split('\n')
      .filter((line) => /^\| (?!-|concept)/.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      )
  const filesIn = (cell: string): string[] =>
    [...cell.matchAll(/`([\w./-]+\.(?:\w+))`/g)].map((match) => match[1] ?? '')

  test.each(rowsOf(real))(
    '%s is real in a source file and shown by a test',
    (_concept, _meaning, source = '', shown = '') => {
      expect(filesIn(source).length).toBeGreaterThan(0)
      expect(filesIn(shown).length).toBeGreaterThan(0)
      for (const file of [...filesIn(source), ...filesIn(shown)]) expect(projectFiles).toContain(file)
      for (const file of filesIn(shown)) expect(file).toMatch(/\.test\.(ts|tsx|yml)$/)
    },
  )

  test('names every idea that the fleet stands on', () => {
    const concepts = [...rowsOf(real), ...rowsOf(planned)]
      .map(([concept = '']) => concept.toLowerCase())
      .join('\n')
    const ideas = [
      'slo',
      'sla',
      'latency',
      'fault tolerance',
      'crash-stop',
      'crash-recovery',
      'omission',
      'byzantine',
      'fair-loss',
      'at-most-once',
      'at-least-once',
      'exactly-once',
      'idempotency',
      'de-duplication',
      'failure detector',
      'heartbeat',
      'stateless',
      'stateful',
      'read replicas',
      'replication lag',
      'sharded counters',
      'hot spots',
      'resharding',
      'consistent hashing',
      'replication factor',
      'cap',
      'consensus',
      'pull',
      'push',
      'worker queues',
      'append-only ledger',
      'authentication',
      'authorization',
      'tokens',
      'sessions',
      'key-value',
      'service discovery',
      'integrity',
      'encryption',
      'compression',
      'safety',
      'liveness',
    ]
    expect(ideas.filter((idea) => !concepts.includes(idea))).toEqual([])
  })
})
