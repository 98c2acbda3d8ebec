// Makes node_modules what pnpm-lock.yaml says. pnpm itself comes once through npm, from a lockfile of its own, into
// a folder of this user's cache: made aside, tried, renamed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onlyOneAtATime } from './install-lock.mjs'

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const pnpmManifest = join(root, 'deploy/local/manifest/pnpm')
const stampFile = join(root, 'node_modules/.linkfleet-installed')
const lockFolder = join(root, 'node_modules/.linkfleet-installing')
// Without a network npm would try for minutes before it says so.
const fewRetries = ['--fetch-retries=2', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=3000']

// Things that must be there after any install; a stray package manager is noticed by their absence.
const expected = [
  'deploy/local/node_modules/node/bin/node',
  'test/node_modules/vitest/vitest.mjs',
  'node_modules/.pnpm',
]

export async function installDependencies() {
  if (isInstalled()) return
  await onlyOneAtATime(
    lockFolder,
    async () => {
      if (isInstalled()) return
      const pnpm = await findPnpm()
      console.log('linkfleet: installing the dependencies that pnpm-lock.yaml names…')
      // npm leaves this behind; with it there, whatever npm did is undone by installing again.
      rmSync(join(root, 'node_modules/.package-lock.json'), { force: true })
      rmSync(join(root, 'package-lock.json'), { force: true })
      await run('The dependencies', pnpm, ['install', '--frozen-lockfile', '--reporter=append-only'], root)
      const missing = expected.find((path) => !existsSync(join(root, path)))
      if (missing) {
        // The package manager believes its own notes; without them it looks again.
        for (const notes of ['.modules.yaml', '.pnpm-workspace-state-v1.json'])
          rmSync(join(root, 'node_modules', notes), { force: true })
        await run(
          'The dependencies',
          pnpm,
          ['install', '--frozen-lockfile', '--force', '--reporter=append-only'],
          root,
        )
      }
      writeFileSync(stampFile, stamp())
    },
    (error) => explain('The dependencies', String(error.message)),
  )
}

function isInstalled() {
  if (existsSync(join(root, 'node_modules/.package-lock.json'))) return false
  if (expected.some((path) => !existsSync(join(root, path)))) return false
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp()
}

// What decides the contents of node_modules: the lockfile, the settings, each package's own list and the platform.
function stamp() {
  const hash = createHash('sha256')
  hash.update(`${process.platform} ${process.arch}\n`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packageFiles()]) {
    hash.update(`${file}\n`)
    hash.update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

function packageFiles() {
  const folders = ['services', 'packages', 'deploy'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return ['.', 'test', ...folders]
    .map((folder) => `${folder}/package.json`)
    .filter((file) => existsSync(join(root, file)))
}

async function findPnpm() {
  const { dependencies } = JSON.parse(readFileSync(join(pnpmManifest, 'package.json'), 'utf8'))
  const cache = cacheFolder()
  const folder = join(cache, `pnpm-${dependencies.pnpm}-${process.platform}-${process.arch}`)
  const program = join(folder, 'node_modules/.bin/pnpm')
  if (isRunning(program, dependencies.pnpm)) return program
  console.log(`linkfleet: fetching pnpm ${dependencies.pnpm} once, with npm…`)
  // Postgres's programs are copied there too, and run by root it works as another user.
  if (mkdirSync(cache, { recursive: true })) chmodSync(cache, 0o755)
  const aside = mkdtempSync(join(cache, '.pnpm-'))
  try {
    cpSync(pnpmManifest, aside, { recursive: true })
    await run('pnpm', 'npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', ...fewRetries], aside)
    if (!isRunning(join(aside, 'node_modules/.bin/pnpm'), dependencies.pnpm))
      throw new Error(`The fetched pnpm ${dependencies.pnpm} does not run on this machine.`)
    if (!isRunning(program, dependencies.pnpm)) rmSync(folder, { recursive: true, force: true })
    try {
      renameSync(aside, folder)
    } catch (error) {
      if (!isRunning(program, dependencies.pnpm)) throw error
    }
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return program
}

function isRunning(program, version) {
  if (!existsSync(program)) return false
  const answer = spawnSync(program, ['--version'], {
    encoding: 'utf8',
    timeout: 30_000,
    cwd: dirname(program),
  })
  return answer.status === 0 && answer.stdout.trim() === version
}

function cacheFolder() {
  if (process.env.LINKFLEET_CACHE) return resolve(process.env.LINKFLEET_CACHE)
  if (process.getuid?.() === 0) return '/var/cache/linkfleet'
  if (process.env.XDG_CACHE_HOME) return join(process.env.XDG_CACHE_HOME, 'linkfleet')
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches/linkfleet')
  return join(homedir(), '.cache/linkfleet')
}

async function run(what, program, args, cwd) {
  const child = spawn(program, args, {
    cwd,
    // CI: never ask a question. Nothing of an outer npm's settings for another project.
    env: { ...process.env, CI: 'true', npm_config_local_prefix: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-20_000)
    })
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code ?? error.message))
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  if (code === 'ENOENT')
    throw new Error(`${what}: there is no ${program} on the PATH; install Node with its npm.`)
  if (code !== 0) throw explain(what, output)
}

function explain(what, output) {
  if (/ENOSPC|No space left/i.test(output))
    return new Error(`${what} could not be installed: the disk is full. Free some space and start again.`)
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|network|dns error|tcp connect|error sending request/i.test(
      output,
    )
  )
    return new Error(
      `${what} could not be fetched: the network, or the registry that npm is configured for, does not answer. It is needed for the first start only.`,
    )
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return new Error(`${what} could not be installed:\n${lines.slice(-15).join('\n')}`)
}
