/**
 * Environment variables, declared once: name, type, default, bounds and one sentence. Reading them reports every
 * problem together, so that a person mends a deployment in one go.
 */
export interface Option<T> {
  readonly env: string
  readonly description: string
  /** Absent when the variable must be set. */
  readonly defaultValue?: T
  /** What the documentation shows as type and bounds. */
  readonly typeName: string
  /** True when the value must not be logged. */
  readonly secret: boolean
  /** Turns the text of the variable into its value, or throws an Error that says what was expected. */
  readonly parse: (text: string) => T
}

interface Declared<T> {
  readonly description: string
  readonly default?: T
  readonly secret?: boolean
}

type Definition = Readonly<Record<string, Option<unknown>>>

export type ConfigOf<D extends Definition> = {
  readonly [K in keyof D]: D[K] extends Option<infer T> ? T : never
}

/** All that is wrong with the environment, one line for each problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

function option<T>(
  env: string,
  typeName: string,
  declared: Declared<T>,
  parse: (text: string) => T,
): Option<T> {
  return {
    env,
    typeName,
    description: declared.description,
    secret: declared.secret ?? false,
    parse,
    ...(declared.default === undefined ? {} : { defaultValue: declared.default }),
  }
}

/** A text. An empty variable counts as not set. */
export function text(env: string, declared: Declared<string>): Option<string> {
  return option(env, 'text', declared, (value) => value)
}

/** A text that may be absent; absent reads as ''. */
export function optionalText(env: string, declared: Omit<Declared<string>, 'default'>): Option<string> {
  return text(env, { ...declared, default: '' })
}

/** A whole number within bounds, both included. */
export function integer(
  env: string,
  declared: Declared<number> & { minimum: number; maximum: number },
): Option<number> {
  const { minimum, maximum } = declared
  return option(env, `integer, ${minimum} to ${maximum}`, declared, (value) => {
    const converted = /^[+-]?\d+$/.test(value.trim()) ? Number(value) : Number.NaN
    if (!(converted >= minimum && converted <= maximum)) {
      throw new Error(`must be a whole number from ${minimum} to ${maximum}, not "${value}"`)
    }
    return converted
  })
}

/** A TCP port; 0 lets the system choose one. */
export function port(env: string, declared: Declared<number>): Option<number> {
  return integer(env, { ...declared, minimum: 0, maximum: 65_535 })
}

/** true or false. */
export function flag(env: string, declared: Declared<boolean>): Option<boolean> {
  return option(env, 'true or false', declared, (value) => {
    if (value !== 'true' && value !== 'false') throw new Error(`must be true or false, not "${value}"`)
    return value === 'true'
  })
}

/** One word of a closed list. */
export function choice<const T extends string>(
  env: string,
  choices: readonly T[],
  declared: Declared<NoInfer<T>>,
): Option<T> {
  return option<T>(env, choices.join(' | '), declared, (value) => {
    const found = choices.find((candidate) => candidate === value)
    if (found === undefined) throw new Error(`must be one of ${choices.join(', ')}, not "${value}"`)
    return found
  })
}

/** Texts separated by commas, spaces around them dropped. */
export function list(env: string, declared: Declared<readonly string[]>): Option<readonly string[]> {
  return option<readonly string[]>(env, 'list, separated by commas', declared, (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
}

/** A comma-separated list of URLs whose hosts may themselves hold commas (`postgres://u:p@a:1,b:2/db`). */
export function urlList(env: string, declared: Declared<readonly string[]>): Option<readonly string[]> {
  return option<readonly string[]>(env, 'list of URLs, separated by commas', declared, (value) =>
    value
      .split(/,\s*(?=[a-z][a-z0-9+.-]*:\/\/)/i)
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
}

/** An absolute http or https URL, without a slash at its end. */
export function httpUrl(env: string, declared: Declared<string>): Option<string> {
  return option(env, 'http or https URL', declared, (value) => {
    const parsed = URL.parse(value)
    if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
      throw new Error(`must be an absolute http or https URL, not "${value}"`)
    }
    return value.replace(/\/+$/, '')
  })
}

/** Types a definition; the object is also what the documentation is checked against. */
export function defineConfig<const D extends Definition>(definition: D): D {
  return definition
}

/** Reads all options. Throws one ConfigError that lists every problem. */
export function readConfig<const D extends Definition>(
  definition: D,
  env: Readonly<Record<string, string | undefined>>,
): ConfigOf<D> {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, declared] of Object.entries(definition)) {
    const raw = env[declared.env]
    if (raw === undefined || raw === '') {
      if (declared.defaultValue === undefined)
        problems.push(`${declared.env} is not set: ${declared.description}`)
      else values[key] = declared.defaultValue
      continue
    }
    try {
      values[key] = declared.parse(raw)
    } catch (error) {
      problems.push(`${declared.env} ${declared.secret ? 'is not valid' : (error as Error).message}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return values as ConfigOf<D>
}

/** What every service has. Spread into its definition. */
export const commonOptions = {
  instance: text('INSTANCE', {
    description: 'The name of this instance in logs and metrics, unique in the fleet.',
    default: 'local',
  }),
  adminHost: text('ADMIN_HOST', {
    description: 'Where /livez, /readyz and /metrics listen. Private: never publish it.',
    default: '127.0.0.1',
  }),
  adminPort: port('ADMIN_PORT', {
    description: 'The port of /livez, /readyz and /metrics; 0 picks a free one.',
  }),
  logLevel: choice('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
    description: 'The least severe level that is logged.',
    default: 'info',
  }),
  drainTimeoutMs: integer('DRAIN_TIMEOUT_MS', {
    description: 'How long a stopping process may finish what it has accepted before it ends all the same.',
    default: 10_000,
    minimum: 0,
    maximum: 600_000,
  }),
  supervisorFd: integer('SUPERVISOR_FD', {
    description:
      'A file descriptor that a supervisor holds open; when it closes, the process drains. -1: none.',
    default: -1,
    minimum: -1,
    maximum: 1_024,
  }),
} as const
