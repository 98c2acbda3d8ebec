/** Of kafkajs as patches/kafkajs@2.2.4.patch makes it: what a request holds is copied when it is whole, not for each layer. */
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Encoder {
  readonly buf: Buffer
  readonly buffer: Buffer
  size(): number
  writeInt32(value: number): this
  writeString(value: string): this
  writeBuffer(value: Buffer): this
  writeBytes(value: Buffer): this
  writeEncoder(value: Encoder): this
  writeArray(value: readonly Encoder[], type: 'object'): this
}
const require = createRequire(import.meta.url)
const KafkaEncoder: new () => Encoder = require('kafkajs/src/protocol/encoder')

type Write =
  | { readonly what: 'int32'; readonly value: number }
  | { readonly what: 'string'; readonly value: string }
  | { readonly what: 'buffer' | 'bytes'; readonly length: number; readonly fill: number }
  | { readonly what: 'encoder' | 'array'; readonly writes: readonly Write[] }
  /** All that was written so far is asked for, and writing goes on. */
  | { readonly what: 'look' }

const { writes: histories } = fc.letrec<{ write: Write; writes: Write[] }>((tie) => ({
  write: fc.oneof(
    { maxDepth: 3 },
    fc.record({ what: fc.constant('int32'), value: fc.integer() }),
    fc.record({ what: fc.constant('string'), value: fc.string({ maxLength: 20 }) }),
    fc.record({
      what: fc.constantFrom('buffer', 'bytes'),
      // About the length from which on nothing is copied, and about that of a new encoder's memory.
      length: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 4_000, max: 9_000 })),
      fill: fc.integer({ min: 0, max: 255 }),
    }),
    fc.record({ what: fc.constant('look') }),
    fc.record({ what: fc.constantFrom('encoder', 'array'), writes: tie('writes') }),
  ) as fc.Arbitrary<Write>,
  writes: fc.array(tie('write'), { maxLength: 8 }),
}))

function encode(writes: readonly Write[]): Encoder {
  const encoder = new KafkaEncoder()
  for (const write of writes) {
    if (write.what === 'int32') encoder.writeInt32(write.value)
    else if (write.what === 'string') encoder.writeString(write.value)
    else if (write.what === 'buffer') encoder.writeBuffer(Buffer.alloc(write.length, write.fill))
    else if (write.what === 'bytes') encoder.writeBytes(Buffer.alloc(write.length, write.fill))
    else if (write.what === 'encoder') encoder.writeEncoder(encode(write.writes))
    else if (write.what === 'array') encoder.writeArray([encode(write.writes)], 'object')
    else expect(encoder.buffer.length).toBe(encoder.size())
  }
  return encoder
}

/** The same by the protocol's own rules, https://kafka.apache.org/protocol#protocol_types. */
function bytesOf(writes: readonly Write[]): Buffer {
  return Buffer.concat(
    writes.map((write) => {
      if (write.what === 'int32') return int(4, write.value)
      if (write.what === 'string')
        return Buffer.concat([int(2, Buffer.byteLength(write.value)), Buffer.from(write.value)])
      if (write.what === 'buffer') return Buffer.alloc(write.length, write.fill)
      if (write.what === 'bytes')
        return Buffer.concat([int(4, write.length), Buffer.alloc(write.length, write.fill)])
      if (write.what === 'encoder') return bytesOf(write.writes)
      if (write.what === 'array') return Buffer.concat([int(4, 1), bytesOf(write.writes)])
      return Buffer.alloc(0)
    }),
  )
}

function int(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}

describe('the encoder of requests to Kafka', () => {
  test('writes what the protocol asks for, whatever the lengths and layers, and when it is looked at', () => {
    fc.assert(
      fc.property(histories, (writes) => {
        const encoder = encode(writes)
        const expected = bytesOf(writes)
        expect(encoder.size()).toBe(expected.length)
        expect(encoder.buffer.equals(expected)).toBe(true)
        expect(encoder.buffer.equals(expected)).toBe(true)
      }),
    )
  })

  test('copies what is large only when all of it is asked for', () => {
    const large = Buffer.alloc(1_000_000, 7)
    const layers = new KafkaEncoder().writeInt32(1).writeEncoder(new KafkaEncoder().writeBytes(large))
    expect(layers.buf.length).toBeLessThan(1_000)
    expect(layers.size()).toBe(1_000_008)
    large[0] = 8
    expect(layers.buffer[8]).toBe(8)
  })
})
