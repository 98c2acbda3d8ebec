/**
 * A service as a few files of JavaScript: what it imports and nothing of it that nobody uses, without types and comments.
 * V8 keeps the text of all that a thread has loaded, so a bundle takes less memory. Names and statements stay as they are
 * written, for stack traces and profiles. docs/decisions/0040-a-redirect-runs-from-a-bundle.md has the numbers.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { type RolldownError, rolldown } from 'rolldown'
import { type BundledService, programsOf } from './programs.ts'

/** Packages that others try to load and do without: a client of Postgres in C, the colours of a terminal. */
const optionalPackages = ['pg-native', 'supports-color']

/**
 * Makes `folder` anew: `main.mjs`, a file for the program of each thread beside it, and what they share. Throws an Error for
 * whatever the bundler cannot do and whatever it warns of: an import that leads nowhere would fail when it is first needed.
 * The first line of the error says what and where.
 */
export async function bundleService(
  service: BundledService,
  checkout: string,
  folder: string,
): Promise<void> {
  try {
    await writeBundle(service, checkout, folder)
  } catch (error) {
    throw new Error(firstProblemOf(error), { cause: error })
  }
}

/** The bundler puts a line that says nothing before all that it found. */
function firstProblemOf(error: unknown): string {
  const [first] = (error as { errors?: RolldownError[] }).errors ?? []
  const { message, loc } = first ?? (error as RolldownError)
  const [said, ...more] = stripVTControlCharacters(message).trim().split('\n')
  const place = loc?.file === undefined ? '' : ` (${loc.file}:${loc.line}:${loc.column + 1})`
  return [`${said}${place}`, ...more].join('\n')
}

async function writeBundle(service: BundledService, checkout: string, folder: string): Promise<void> {
  const home = join(checkout, 'services', service)
  const programs = Object.entries(programsOf[service]).map(([name, file]) => [name, join(home, file)])
  await using bundle = await rolldown({
    input: Object.fromEntries(programs),
    platform: 'node',
    external: optionalPackages,
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  await rm(folder, { recursive: true, force: true })
  await bundle.write({
    dir: folder,
    format: 'esm',
    // Modules by their name: whatever manifest lies above the folder, Node need not ask it.
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    minify: {
      compress: { keepNames: { function: true, class: true }, sequences: false, joinVars: false },
      mangle: false,
      codegen: { removeWhitespace: false },
    },
    comments: false,
    // V8 keeps a text with one letter beyond Latin-1 in two bytes a letter.
    charset: 'ascii',
  })
}
