import { service } from 'grpc-health-check'
import { expect, test } from 'vitest'
import { decodeIsServing, encodeHealthRequest } from './watch-health.ts'

// The same definition as servers of any language have it, parsed from its proto file.
const watch = service.Watch as unknown as {
  requestDeserialize(bytes: Buffer): unknown
  responseSerialize(answer: object): Buffer
}

test.each(['', 'linkfleet.ids.v1.IdGenerator', 'é'.repeat(63)])(
  'a server reads which service is meant: "%s"',
  (name) => {
    expect(watch.requestDeserialize(encodeHealthRequest(name))).toEqual({ service: name })
  },
)

test('a name that its length of one byte cannot tell is refused', () => {
  expect(() => encodeHealthRequest('a'.repeat(128))).toThrow(RangeError)
})

test.each([
  ['UNKNOWN', false],
  ['SERVING', true],
  ['NOT_SERVING', false],
  ['SERVICE_UNKNOWN', false],
])('%s means serving: %s', (status, isServing) => {
  expect(decodeIsServing(watch.responseSerialize({ status }))).toBe(isServing)
})
