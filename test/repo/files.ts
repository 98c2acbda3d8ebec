/** The files of the project: what git tracks or would track. Paths are relative to the root, with forward slashes. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export const projectFiles: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
  { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
)
  .split('\0')
  .filter((path) => path !== '' && existsSync(root + path))
  .sort()

/** Sources that people write. */
export const sourceFiles: readonly string[] = projectFiles.filter(
  (path) => /\.(ts|tsx|mts|mjs|js)$/.test(path) && !path.includes('/generated/'),
)

export const readText = (path: string): string => readFileSync(root + path, 'utf8')

export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path) || path.includes('/testing/')
