/** What crosses a process is checked by buf: its style, that stubs are what the files say, and that nothing breaks. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from './files.ts'

const contracts = join(root, 'packages/contracts')
const buf = join(contracts, 'node_modules/.bin/buf')

async function runBuf(...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(buf, args, { cwd: contracts, timeout: 60_000 })
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout ?? ''}${stderr ?? ''}` || String(error)
  }
}

test('the proto files keep the style', async () => {
  expect(await runBuf('lint')).toBe('')
}, 60_000)

test('the committed stubs are a fresh generation', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'linkfleet-stubs-'))
  try {
    await promisify(execFile)(process.execPath, [join(contracts, 'generate.mjs'), fresh], { timeout: 60_000 })
    const list = async (folder: string) =>
      (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ts')).sort()
    const committed = join(contracts, 'src/generated')
    const paths = await list(join(fresh, 'src/generated'))
    expect(paths.length).toBeGreaterThan(2)
    expect(await list(committed)).toEqual(paths)
    for (const path of paths) {
      expect(await readFile(join(committed, path), 'utf8'), path).toBe(
        await readFile(join(fresh, 'src/generated', path), 'utf8'),
      )
    }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}, 60_000)

/** The last released state: the main branch, here or at the place this was cloned from. */
function baseline(): string | undefined {
  for (const branch of ['origin/main', 'main']) {
    try {
      execFileSync('git', ['cat-file', '-e', `${branch}:packages/contracts/proto`], {
        cwd: root,
        stdio: 'ignore',
      })
      return execFileSync('git', ['rev-parse', branch], { cwd: root, encoding: 'utf8' }).trim()
    } catch {
      // Not there: a shallow clone, or history that begins later.
    }
  }
  return undefined
}

const released = baseline()

test.skipIf(released === undefined)(
  'no change of the proto files breaks what is on main',
  async () => {
    const files = await mkdtemp(join(tmpdir(), 'linkfleet-proto-'))
    try {
      const archive = execFileSync('git', ['archive', released ?? '', 'packages/contracts/proto'], {
        cwd: root,
      })
      execFileSync('tar', ['-x', '-C', files], { input: archive })
      expect(await runBuf('breaking', 'proto', '--against', join(files, 'packages/contracts/proto'))).toBe('')
    } finally {
      await rm(files, { recursive: true, force: true })
    }
  },
  60_000,
)
