/** The project speaks of itself alone: nothing in it names a machine, a person's folder or a registry's host. */
import { expect, test } from 'vitest'
import { projectFiles, readText } from './files.ts'

const texts = projectFiles.filter((path) => !/\.(png|jpg|ico|woff2?|svg)$/.test(path))

/** Written in parts, so that this file does not find itself. */
const forbidden: readonly [string, RegExp][] = [
  ['a folder of a machine', /(?<![\w.])\/(?:work|home|Users|root)\/[a-z]/],
  [
    'a registry host',
    new RegExp(
      ['registry\\.npm', 'npmmirror', 'repo1?\\.maven', 'files\\.python', 'pypi']
        .join('|')
        .replace('npm|', 'npmjs|'),
    ),
  ],
  [
    'an unfinished thought',
    new RegExp(
      `\\b(${['TO', 'FIX'].map((start) => `${start}${start === 'TO' ? 'DO' : 'ME'}`).join('|')})\\b`,
    ),
  ],
]

test.each(forbidden)('no file names %s', (_name, pattern) => {
  const found = texts
    .filter((path) => path !== 'test/repo/no-local-names.test.ts')
    .flatMap((path) =>
      readText(path)
        .split('\n')
        .flatMap((line, index) =>
          pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
        ),
    )
  expect(found).toEqual([])
})
