/** Who may import whom. Pure: a file, what it imports, and the rule that forbids it. */

/** Layers inside a service; each may import itself and what stands after it. */
const order = ['main', 'service', 'edge', 'domain', 'ports'] as const
type Layer = (typeof order)[number]

/** Read by all layers: declarations of options, and one function per business event. */
const shared = new Set(['config.ts', 'events.ts'])

export interface Import {
  readonly from: string
  /** Path of the imported file, or the package's own specifier. */
  readonly to: string
  /** `import type`: nothing is loaded. */
  readonly typeOnly?: boolean
}

interface Place {
  readonly area: 'services' | 'packages' | 'deploy' | 'test' | 'package'
  /** Name of the service or package. */
  readonly unit: string
  readonly layer: Layer | undefined
}

const packageAreas: Readonly<Record<string, readonly [Place['area'], string]>> = {
  '@linkfleet/id-generator': ['services', 'id-generator'],
  '@linkfleet/shortener': ['services', 'shortener'],
  '@linkfleet/redirect': ['services', 'redirect'],
  '@linkfleet/analytics': ['services', 'analytics'],
  '@linkfleet/console': ['services', 'console'],
  '@linkfleet/contracts': ['packages', 'contracts'],
  '@linkfleet/runtime': ['packages', 'runtime'],
  '@linkfleet/short-code': ['packages', 'short-code'],
  '@linkfleet/slo': ['packages', 'slo'],
  '@linkfleet/testkit': ['packages', 'testkit'],
  '@linkfleet/bundle': ['deploy', 'bundle'],
  '@linkfleet/local': ['deploy', 'local'],
  '@linkfleet/postgres': ['deploy', 'postgres'],
  '@linkfleet/prometheus': ['deploy', 'prometheus'],
}

/** Modules through which the world is reached; decisions have no need of them. */
const worldly =
  /^(node:(fs|net|http|https|dgram|dns|child_process|cluster|worker_threads|timers|process|os|sqlite)(\/.*)?|pg|pg-.*|ioredis|kafkajs|fastify|@fastify\/.*|@grpc\/.*|prom-client|pino|undici)$/

function layerOf(path: string): Layer | undefined {
  const inside = /^services\/[^/]+\/src\/(.+)$/.exec(path)?.[1]
  if (inside === undefined || shared.has(inside)) return undefined
  if (inside === 'main.ts') return 'main'
  if (inside === 'service.ts') return 'service'
  if (/^ports(\.ts|\/)/.test(inside)) return 'ports'
  if (inside.startsWith('domain/')) return 'domain'
  if (/^(http|grpc|adapters)\//.test(inside)) return 'edge'
  return undefined
}

const isRoute = (path: string) => /^services\/[^/]+\/src\/(http|grpc)\//.test(path)
const isAdapter = (path: string) => /^services\/[^/]+\/src\/adapters\//.test(path)

export function placeOf(path: string): Place {
  const scoped = /^@linkfleet\/[^/]+/.exec(path)?.[0]
  if (scoped !== undefined) {
    const [area, unit] = packageAreas[scoped] ?? ['package', scoped]
    return { area, unit, layer: undefined }
  }
  const match = /^(services|packages|deploy|test)\/([^/]+)\//.exec(path)
  if (match === null) return { area: 'package', unit: path, layer: undefined }
  return { area: match[1] as Place['area'], unit: match[2] ?? '', layer: layerOf(path) }
}

/** What is wrong with an import, or undefined. */
export function importProblem({ from, to, typeOnly = false }: Import): string | undefined {
  const source = placeOf(from)
  const target = placeOf(to)
  if (source.area === 'packages' && target.area === 'services') return 'packages never import services'
  if (source.area === 'services' && target.area === 'services' && source.unit !== target.unit) {
    return 'services never import each other'
  }
  if ((source.area === 'services' || source.area === 'packages') && target.area === 'deploy') {
    if (source.unit !== 'testkit') return `${source.area} never import deploy`
  }
  if (target.unit === 'testkit' && source.unit !== 'testkit') return 'only tests import the test kit'
  if (source.layer === undefined) return undefined
  // A port speaks in the words of the domain, and a decision may name what it is given.
  if (typeOnly && (source.layer === 'ports' || source.layer === 'domain') && target.layer !== 'edge')
    return undefined
  if ((source.layer === 'domain' || source.layer === 'ports') && worldly.test(to)) {
    return `${source.layer} does not reach the world itself (${to})`
  }
  if (target.layer === undefined) return undefined
  // Types too: what a route asks of the world is a port, whoever keeps it.
  if (isRoute(from) && isAdapter(to)) return 'http and grpc do not import adapters'
  if (isAdapter(from) && isRoute(to)) return 'adapters do not import http and grpc'
  if (order.indexOf(target.layer) < order.indexOf(source.layer)) {
    return `${source.layer} does not import ${target.layer}`
  }
  return undefined
}
