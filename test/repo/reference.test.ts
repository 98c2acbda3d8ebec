import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { isTest, projectFiles, readText, sourceFiles } from './files.ts'
import { metrics, optionsOf, references, services, withGenerated } from './reference.ts'

describe('docs/reference says what the code does', async () => {
  const generated = await references()

  test.each(Object.keys(generated))('%s is current (node test/repo/write-reference.ts)', (path) => {
    const document = readText(path)
    expect(document).toBe(withGenerated(document, generated[path] ?? ''))
  })
})

test('every environment variable that a program reads itself is explained', () => {
  const document = readText('docs/reference/configuration.md')
  const ofTheSystem = new Set(['PATH', 'HOME', 'JAVA_HOME', 'XDG_CACHE_HOME', 'NODE_ENV', 'CI'])
  const read = sourceFiles
    .filter((path) => /^(services|packages|deploy|test\/(setup|load))\//.test(path) && !isTest(path))
    .flatMap((path) =>
      [...readText(path).matchAll(/\benv\.([A-Z][A-Z0-9_]+)\b/g)].map((match) => match[1] ?? ''),
    )
  const unexplained = [...new Set(read)].filter(
    (name) => !ofTheSystem.has(name) && !document.includes(`\`${name}\``),
  )
  expect(unexplained).toEqual([])
})

test('options of the same name mean the same kind of thing in every service', async () => {
  const types = new Map<string, string>()
  for (const service of services) {
    for (const { env, typeName } of await optionsOf(service)) {
      expect(types.get(env) ?? typeName, `${service} ${env}`).toBe(typeName)
      types.set(env, typeName)
    }
  }
})

test('metric names say whose they are, and only counters end in _total', () => {
  const own = metrics()
  expect(own.length).toBeGreaterThan(10)
  for (const { owner, name, kind } of own) {
    const prefix = owner === 'every service' ? '(http|grpc|process|runtime)' : owner.replaceAll('-', '_')
    expect(name).toMatch(new RegExp(`^${prefix}_`))
    expect(name.endsWith('_total'), name).toBe(kind === 'counter')
  }
})

interface Rule {
  readonly record?: string
  readonly expr: string
}

function recordedNames(): string[] {
  return projectFiles
    .filter((path) => path.startsWith('deploy/prometheus/rules/'))
    .flatMap((path) => (parseYaml(readText(path)) as { groups: { rules: Rule[] }[] }).groups)
    .flatMap((group) => group.rules.flatMap((rule) => (rule.record === undefined ? [] : [rule.record])))
}

function expressions(): { where: string; expr: string }[] {
  const rules = projectFiles
    .filter((path) => path.startsWith('deploy/prometheus/rules/'))
    .flatMap((where) =>
      (parseYaml(readText(where)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) =>
        group.rules.map(({ expr }) => ({ where, expr })),
      ),
    )
  const panels = projectFiles
    .filter((path) => path.startsWith('deploy/grafana/') && path.endsWith('.json'))
    .flatMap((where) =>
      [...readText(where).matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map((match) => ({
        where,
        expr: JSON.parse(match[1] ?? '""') as string,
      })),
    )
  return [...rules, ...panels]
}

/** Labels that are grouped by look like metrics. */
const withoutLabels = (expr: string): string =>
  expr.replaceAll(/"[^"]*"/g, '').replaceAll(/\b(by|without) \([^)]*\)/g, '')

test('every metric that a rule or a dashboard names exists', () => {
  const known = new Set([...metrics().map(({ name }) => name), ...recordedNames(), 'up', 'ALERTS'])
  const processMetric = /^(process|nodejs)_/
  const unknown = expressions().flatMap(({ where, expr }) =>
    [...withoutLabels(expr).matchAll(/[a-z][a-z0-9_]*(?::[a-z0-9_]+)+|[a-z]+(?:_[a-z0-9]+)+/g)]
      .map(([name]) => name)
      .filter(
        (name) =>
          name.includes(':') ||
          /^(http|grpc|redirect|shortener|analytics|console|id_generator|process|nodejs)_/.test(name),
      )
      .filter(
        (name) =>
          !known.has(name) &&
          !known.has(name.replace(/_(bucket|count|sum)$/, '')) &&
          !processMetric.test(name),
      )
      .map((name) => `${where}: ${name}`),
  )
  expect(unknown).toEqual([])
})
