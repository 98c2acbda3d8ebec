import { expect, test } from 'vitest'
import { propertiesText } from './java-properties.ts'

test('what a properties file could misread is escaped: backslashes, line ends and all beyond ASCII', () => {
  const text = propertiesText({ 'log.dirs': '/home/Zoë/a\\b/😀', 'node.id': 1, note: 'two\nlines' })
  expect(text).toBe('log.dirs=/home/Zo\\u00eb/a\\\\b/\\ud83d\\ude00\nnode.id=1\nnote=two\\u000alines\n')
})
