/** Answers what was no HTTP, or too much of it, and closes: such bytes never become a request. */
import type { Socket } from 'node:net'
import { LinkfleetError, problemOf } from '@linkfleet/contracts/errors'
import { STATUS_CODES } from './node-http.ts'

/** What Node's parser tells with its failure. */
interface ParserError extends Error {
  readonly code?: string
  /** The bytes it was reading, a Buffer, and how many of them it had read. */
  readonly rawPacket?: unknown
  readonly bytesParsed?: number
}

export function answerUnreadable(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = problemOf(whatIsWrong(error))
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function whatIsWrong(error: ParserError): LinkfleetError {
  if (error.code !== 'HPE_HEADER_OVERFLOW') {
    return new LinkfleetError('invalid-request', 'This is not a complete HTTP request.', { field: 'request' })
  }
  if (isInUrl(error)) return new LinkfleetError('uri-too-long', 'The URL is too long.', { field: 'url' })
  const detail = 'The headers, with the URL before them, are too long.'
  return new LinkfleetError('headers-too-large', detail, { field: 'headers' })
}

/**
 * Node bounds URL and headers together and does not say which of them was being read. The line it stopped in does, as far
 * as it came with the same bytes: only the first one begins with a method. Of a line that began earlier nobody can say,
 * and headers that grew (cookies do) are the likelier.
 */
function isInUrl({ rawPacket, bytesParsed = 0 }: ParserError): boolean {
  const read = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, bytesParsed) : ''
  return /^[A-Z]+ [^ ]*$/.test(read.slice(read.lastIndexOf('\n') + 1))
}
