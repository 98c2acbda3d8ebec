import { describe, expect, test } from 'vitest'
import { isTest, readText, sourceFiles } from './files.ts'
import { importProblem } from './layers.ts'
import { importsOf } from './syntax.ts'

const product = sourceFiles.filter(
  (path) => /^(services|packages|deploy)\//.test(path) && !isTest(path) && !path.includes('/web/'),
)

test('imports go one way', () => {
  const problems = product.flatMap((from) =>
    importsOf(from, readText(from)).flatMap((imported) => {
      const problem = importProblem({ from, ...imported })
      return problem === undefined ? [] : [`${from} imports ${imported.to}: ${problem}`]
    }),
  )
  expect(problems).toEqual([])
})

test('web pages import what runs in a browser only', () => {
  const problems = sourceFiles
    .filter((path) => path.startsWith('services/console/web/') && !isTest(path))
    .flatMap((from) => importsOf(from, readText(from)).map((imported) => ({ from, ...imported })))
    .filter(({ to }) => to.startsWith('node:') || /^services\/console\/src\/(?!domain\/views)/.test(to))
  expect(problems).toEqual([])
})

test('main is one statement', () => {
  const services = product.filter((path) => /^services\/[^/]+\/src\/main\.ts$/.test(path))
  expect(services).toHaveLength(5)
  for (const path of services) {
    const statements = readText(path)
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('import '))
    expect(statements.join('\n').trim(), path).toMatch(/^await runService\([\s\S]*\)$/)
  }
})

describe('the rules refuse', () => {
  const service = 'services/redirect/src'
  test.each([
    [`${service}/domain/a.ts`, 'services/analytics/src/domain/b.ts', 'services never import each other'],
    [`${service}/domain/a.ts`, '@linkfleet/shortener/config', 'services never import each other'],
    ['packages/runtime/src/http.ts', `${service}/ports.ts`, 'packages never import services'],
    ['packages/runtime/src/http.ts', '@linkfleet/local/engines', 'packages never import deploy'],
    [`${service}/domain/a.ts`, `${service}/adapters/b.ts`, 'domain does not import edge'],
    [`${service}/adapters/a.ts`, `${service}/service.ts`, 'edge does not import service'],
    [`${service}/http/a.ts`, `${service}/adapters/b.ts`, 'http and grpc do not import adapters'],
    [`${service}/adapters/a.ts`, `${service}/http/b.ts`, 'adapters do not import http and grpc'],
    [`${service}/ports.ts`, `${service}/domain/a.ts`, 'ports does not import domain'],
    [`${service}/domain/a.ts`, 'pg', 'domain does not reach the world itself (pg)'],
    [`${service}/domain/a.ts`, 'node:timers/promises', 'domain does not reach the world itself'],
    [`${service}/service.ts`, '@linkfleet/testkit/engines', 'only tests import the test kit'],
  ])('%s importing %s', (from, to, problem) => {
    expect(importProblem({ from, to })).toContain(problem)
  })

  test('a type of an adapter in a route', () => {
    const types = { from: `${service}/grpc/a.ts`, to: `${service}/adapters/b/c.ts`, typeOnly: true }
    expect(importProblem(types)).toBe('http and grpc do not import adapters')
  })

  test('nothing that is allowed', () => {
    expect(importProblem({ from: `${service}/main.ts`, to: `${service}/service.ts` })).toBeUndefined()
    expect(importProblem({ from: `${service}/adapters/a.ts`, to: `${service}/domain/b.ts` })).toBeUndefined()
    expect(
      importProblem({ from: `${service}/domain/a.ts`, to: '@linkfleet/short-code/base62' }),
    ).toBeUndefined()
    expect(importProblem({ from: `${service}/domain/a.ts`, to: 'node:crypto' })).toBeUndefined()
    const types = { from: `${service}/ports.ts`, to: `${service}/domain/a.ts`, typeOnly: true }
    expect(importProblem(types)).toBeUndefined()
  })
})
