import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HttpAnswers } from './http-answers.ts'

function read(chunks: readonly Buffer[]): [number, string][] {
  const found: [number, string][] = []
  const answers = new HttpAnswers(({ status, body }) => found.push([status, body.toString('utf8')]))
  for (const chunk of chunks) answers.push(chunk)
  return found
}

const answer = (status: number, body: string) =>
  Buffer.from(
    `HTTP/1.1 ${status} Word\r\nLocation: https://example.com/\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )

test('answers are found wherever the stream is cut', () => {
  const oneAnswer = fc.tuple(fc.constantFrom(200, 201, 302, 503), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(fc.array(oneAnswer, { maxLength: 5 }), fc.array(fc.nat(400)), (wanted, cuts) => {
      const bytes = Buffer.concat(wanted.map(([status, body]) => answer(status, body)))
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
        bytes.length,
      ]
      const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
      expect(read(chunks)).toEqual(wanted)
    }),
  )
})

test('204 and 304 have no body', () => {
  const bytes = Buffer.from('HTTP/1.1 204 No Content\r\nServer: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n')
  expect(read([bytes])).toEqual([
    [204, ''],
    [304, ''],
  ])
})

test.each(['SSH-2.0-server\r\n\r\n', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'])(
  '%j is refused',
  (text) => {
    expect(() => read([Buffer.from(text)])).toThrow('without status or Content-Length')
  },
)

test('a head without an end is not collected for ever', () => {
  expect(() => read(Array.from({ length: 70 }, () => Buffer.alloc(1_024, 'a')))).toThrow('does not end')
})
