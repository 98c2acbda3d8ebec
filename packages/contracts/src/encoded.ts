/**
 * A message of the contracts as bytes. One writer serves them all: a new one would begin with a small buffer and outgrow it
 * for nearly every link, and those buffers cost more than what is written into them.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire'

/** A larger message is no link; its buffer is not kept. */
const keptBytesMax = 64 * 1024

let idle: BinaryWriter | undefined

export interface Encoder<Message> {
  encode(message: Message, writer: BinaryWriter): BinaryWriter
}

/** The caller's own bytes, which nothing written later changes. */
export function encoded<Message>(message: Message, encoder: Encoder<Message>): Buffer {
  const writer = idle ?? new BinaryWriter()
  // One that fails half-way is not used again: it holds half a message.
  idle = undefined
  const bytes = encoder.encode(message, writer).finish()
  if (bytes.length <= keptBytesMax) idle = writer
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
