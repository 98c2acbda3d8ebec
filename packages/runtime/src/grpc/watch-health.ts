/**
 * The client's half of `grpc.health.v1.Health/Watch` (https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto).
 * Each of its two messages has one field, so they are written out here: the package that serves health brings a parser
 * of proto files along, which would cost every process that only calls 30 MB.
 */
import type grpc from '@grpc/grpc-js'

/** Field 1, length-delimited. */
const serviceTag = 0x0a
/** Field 1, varint. */
const statusTag = 0x08
const statusServing = 1
const nameBytesMax = 0x7f

export function encodeHealthRequest(serviceName: string): Buffer {
  const name = Buffer.from(serviceName)
  if (name.length > nameBytesMax)
    throw new RangeError(`the name of a service is at most ${nameBytesMax} bytes`)
  return Buffer.concat([Buffer.of(serviceTag, name.length), name])
}

/** Whether a health answer says SERVING. UNKNOWN, as the default, takes no bytes. */
export function decodeIsServing(answer: Buffer): boolean {
  return answer[0] === statusTag && answer[1] === statusServing
}

/** Emits, now and at each change, whether the server says that it serves. */
export function watchHealth(client: grpc.Client, serviceName: string): grpc.ClientReadableStream<boolean> {
  return client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    encodeHealthRequest,
    decodeIsServing,
    serviceName,
  )
}
