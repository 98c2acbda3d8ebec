/** One HTTP call that ends: by an answer, by its deadline, or by its answer growing past its bound. */

export interface BoundedCall {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  readonly answerBytesMax: number
}

export interface BoundedAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Throws what fetch throws, a TimeoutError after `timeoutMs`, or AnswerTooLarge. Redirects are not followed. */
export async function boundedFetch(url: string, call: BoundedCall): Promise<BoundedAnswer> {
  const response = await fetch(url, {
    method: call.method,
    headers: call.headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(call.timeoutMs),
    ...(call.body === undefined ? {} : { body: call.body }),
  })
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the stream, and with it the rest of the answer.
    if (bytes > call.answerBytesMax) throw new AnswerTooLarge(url, call.answerBytesMax)
    chunks.push(chunk)
  }
  return { status: response.status, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }
}

export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge'

  constructor(url: string, answerBytesMax: number) {
    super(`${new URL(url).host} answered with more than ${answerBytesMax} bytes.`)
  }
}
