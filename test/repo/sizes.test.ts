import { expect, test } from 'vitest'
import { readText, sourceFiles } from './files.ts'
import { functionsOf } from './syntax.ts'

const fileLinesMax = 300
const functionLinesMax = 70

test(`files have at most ${fileLinesMax} lines`, () => {
  const long = sourceFiles
    .map((path) => ({ path, lines: readText(path).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > fileLinesMax)
  expect(long).toEqual([])
})

test(`functions have at most ${functionLinesMax} lines`, () => {
  const long = sourceFiles.flatMap((path) =>
    functionsOf(path, readText(path))
      .filter(({ lines }) => lines > functionLinesMax)
      .map(({ line, lines }) => `${path}:${line} has ${lines} lines`),
  )
  expect(long).toEqual([])
})

test('a long function is found; a long suite is none, and neither is a list of short functions', () => {
  const body = 'go()\n'.repeat(80)
  expect(functionsOf('a.ts', `const f = (a: number): void => {\n${body}}`)).toEqual([{ line: 1, lines: 82 }])
  expect(functionsOf('a.ts', `describe.skipIf(true)('x', () => {\n${body}})`)).toEqual([])
  const inner = `function inner() {\n${body}}\n`
  expect(functionsOf('a.ts', `function outer() {\n${inner}}`).map(({ lines }) => lines)).toEqual([4, 82])
})
