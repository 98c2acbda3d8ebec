/** Lines of a service's log as a person reads them. The files keep them as they are: one JSON object each. */
import prettyLog from 'pino-pretty'
import { LocalFleetError } from '../problem.ts'

export const shownLevels = ['debug', 'info', 'warn', 'error', 'none'] as const
export type ShownLevel = (typeof shownLevels)[number]

const lineCharactersMax = 2_000

export interface ReadableOptions {
  readonly level: Exclude<ShownLevel, 'none'>
  readonly colorize: boolean
}

export function readLevel(text: string): ShownLevel {
  const level = shownLevels.find((known) => known === text)
  if (level === undefined)
    throw new LocalFleetError(`--show-logs takes ${shownLevels.join(', ')}, not "${text}".`)
  return level
}

/** Answers undefined for a line below the level. What is no line of ours, such as a crash of Node itself, stays as it is. */
export function createReadable({ level, colorize }: ReadableOptions): (line: string) => string | undefined {
  const pretty = prettyLog.prettyFactory({
    colorize,
    minimumLevel: level,
    singleLine: true,
    errorLikeObjectKeys: [],
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,service,instance',
    messageFormat: '{instance} {msg}',
  })
  return (line) => {
    const entry = entryOf(line)
    if (entry === undefined) return cut(line)
    const text = pretty(withShortCause(entry))
    return text === undefined ? undefined : cut(text.trimEnd())
  }
}

type Entry = Readonly<Record<string, unknown>> & { readonly level: number }

function entryOf(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const entry = JSON.parse(line) as Partial<Entry>
    return typeof entry.level === 'number' ? (entry as Entry) : undefined
  } catch {
    return undefined
  }
}

/** Of a cause its sentence: the stack is in the file. */
function withShortCause(entry: Entry): Entry {
  const { err, ...rest } = entry
  const { message } = (err ?? {}) as { message?: unknown }
  return typeof message === 'string' ? { ...rest, level: entry.level, because: message } : entry
}

const cut = (text: string): string =>
  text.length <= lineCharactersMax ? text : `${text.slice(0, lineCharactersMax).toWellFormed()}…`
