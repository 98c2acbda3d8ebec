/**
 * The web pages, built when their sources changed. The folder's name holds the hash of everything it was made from,
 * so a folder that is there is whole and current. A build is written aside and renamed into place; of two processes
 * that build at once, the second finds the name taken and drops its own, which is the same.
 */
import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress } from 'node:zlib'

const serviceFolder = join(import.meta.dirname, '../..')
const webFolder = join(serviceFolder, 'web')
/** A running instance may still serve an earlier build; after this long nobody does. */
const keptMs = 7 * 86_400_000
const buildTimeoutMs = 120_000
const compressed = promisify(brotliCompress)
const run = promisify(execFile)

/** The folder of the built pages. Costs a few milliseconds when nothing changed. */
export async function buildWebPages(distFolder = join(serviceFolder, 'dist')): Promise<string> {
  const folder = join(distFolder, `web-${await sourcesHash()}`)
  if (existsSync(folder)) return folder
  const aside = join(distFolder, `building-${process.pid}-${randomUUID()}`)
  try {
    await runVite(aside)
    await compressTexts(aside)
    await rename(aside, folder)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  await dropOldBuilds(distFolder, folder)
  return folder
}

async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(webFolder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  // The manifests pin what is bundled; how it is built and the shared shapes decide the rest.
  const others = [
    'package.json',
    '../../pnpm-workspace.yaml',
    'src/adapters/web-build-child.ts',
    'src/adapters/web-build-vite.ts',
    'src/domain/views.ts',
  ]
  for (const file of [...files.sort(), ...others.map((other) => join(serviceFolder, other))]) {
    const content = await readFile(file)
    hash.update(`${relative(serviceFolder, file)}\0${content.byteLength}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

async function runVite(outDir: string): Promise<void> {
  const child = join(import.meta.dirname, 'web-build-child.ts')
  await run(process.execPath, [child, webFolder, outDir], { timeout: buildTimeoutMs })
}

const compressibleName = /\.(?:js|css|svg)$/

async function compressTexts(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter(
    (candidate) => candidate.isFile() && compressibleName.test(candidate.name),
  )) {
    const file = join(entry.parentPath, entry.name)
    await writeFile(`${file}.br`, await compressed(await readFile(file)))
  }
}

async function dropOldBuilds(distFolder: string, current: string): Promise<void> {
  for (const name of await readdir(distFolder)) {
    const folder = join(distFolder, name)
    if (folder === current || !/^(?:web|building)-/.test(name)) continue
    const age =
      Date.now() -
      (await stat(folder).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      ))
    if (age > keptMs) await rm(folder, { recursive: true, force: true })
  }
}
