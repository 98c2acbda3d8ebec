import { expect, test } from 'vitest'
import { csvRow } from './csv.ts'

test.each([
  [['a', 1, null, ''], 'a,1,,\r\n'],
  [['with, comma', 'with "quotes"', 'two\nlines'], '"with, comma","with ""quotes""","two\nlines"\r\n'],
  [['=1+1', '+1', '-1', '@SUM(A1)'], "'=1+1,'+1,'-1,'@SUM(A1)\r\n"],
  [['\t=1', '＝1', '=HYPERLINK("http://x","y")'], `'\t=1,'＝1,"'=HYPERLINK(""http://x"",""y"")"\r\n`],
  [[-1], '-1\r\n'],
])('%j is %j', (cells, row) => {
  expect(csvRow(cells)).toBe(row)
})
