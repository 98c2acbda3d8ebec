/**
 * Takes a stream of bytes apart into HTTP/1.1 answers. A load generator shares a core with the engines, so this
 * does the least that is right: status and body by Content-Length, which every answer of a measured server has.
 */

const headEnd = Buffer.from('\r\n\r\n')
const headBytesMax = 64 * 1024

export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
}

export class HttpAnswers {
  readonly #onAnswer: (answer: HttpAnswer) => void
  #rest: Buffer | undefined

  constructor(onAnswer: (answer: HttpAnswer) => void) {
    this.#onAnswer = onAnswer
  }

  /** Throws when the bytes are no HTTP answers of known length. */
  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    while (bytes.length > 0) {
      const used = this.#takeOne(bytes)
      if (used === 0) {
        this.#rest = bytes
        return
      }
      bytes = bytes.subarray(used)
    }
  }

  /** How many bytes the first answer took; 0 while it is not all there. */
  #takeOne(bytes: Buffer): number {
    const end = bytes.indexOf(headEnd)
    if (end < 0) {
      if (bytes.length > headBytesMax) throw new Error('The head of an answer does not end.')
      return 0
    }
    const head = bytes.toString('latin1', 0, end)
    const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/m.exec(head)?.[1])
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const hasBody = status !== 204 && status !== 304
    if (Number.isNaN(status) || (hasBody && length === undefined)) {
      throw new Error(`An answer without status or Content-Length: ${head.slice(0, 200)}`)
    }
    const bodyStart = end + headEnd.length
    const bodyEnd = bodyStart + (hasBody ? Number(length) : 0)
    if (bytes.length < bodyEnd) return 0
    this.#onAnswer({ status, body: bytes.subarray(bodyStart, bodyEnd) })
    return bodyEnd
  }
}
