/** An answer that is passed on while it comes: its head has a deadline, its body lasts as long as its reader wants it. */
import { callHeaders } from '@linkfleet/runtime/tracing/trace-http'
import type { UpstreamRequest, UpstreamStream } from '../ports.ts'

/** Throws what fetch throws, or a TimeoutError when there is no head after `timeoutMs`. Redirects are not followed. */
export async function askForStream(
  url: string,
  request: UpstreamRequest,
  { timeoutMs, passedHeaders, signal }: StreamOptions,
): Promise<UpstreamStream> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new DOMException('No answer in time.', 'TimeoutError')),
    timeoutMs,
  )
  try {
    const response = await fetch(url, {
      method: request.method,
      headers: { ...request.headers, ...callHeaders() },
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
    })
    const headers: Record<string, string> = {}
    for (const header of passedHeaders) {
      const value = response.headers.get(header)
      if (value !== null) headers[header] = value
    }
    return { status: response.status, headers, body: response.body }
  } finally {
    clearTimeout(timer)
  }
}

export interface StreamOptions {
  readonly timeoutMs: number
  readonly passedHeaders: readonly string[]
  readonly signal: AbortSignal
}
