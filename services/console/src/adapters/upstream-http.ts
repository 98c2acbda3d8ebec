import { LinkfleetError } from '@linkfleet/contracts/errors'
import { type BoundedAnswer, boundedFetch } from '@linkfleet/runtime/bounded-fetch'
import type { DependencyState } from '@linkfleet/runtime/health'
import { callHeaders } from '@linkfleet/runtime/tracing/trace-http'
import { type Asked, askingOrder, type Failure, mayAskNext, verdictOf } from '../domain/upstream-order.ts'
import type { Events } from '../events.ts'
import type { Upstream, UpstreamAnswer, UpstreamRequest, UpstreamStream } from '../ports.ts'
import { askForStream } from './upstream-stream.ts'

export interface UpstreamOptions {
  /** How people call it, in logs and in the answer that says it is away. */
  readonly name: string
  readonly urls: readonly string[]
  readonly timeoutMs: number
  readonly events: Events
}

export interface UpstreamHttp extends Upstream {
  state(): DependencyState
}

const answerBytesMax = 4 * 1024 * 1024
/** A visitor waits at most this many timeouts. */
const askedMax = 3
/** What a browser may see of an upstream's headers. */
const passedHeaders = ['content-type', 'content-disposition', 'retry-after', 'etag', 'location']
/** Failures before a connection: https://undici.nodejs.org and errno(3). */
const refusals = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'lost' }
  if (error.name === 'TimeoutError') return { kind: 'late' }
  const cause = error.cause as { code?: string; errors?: { code?: string }[] } | undefined
  // A name with several addresses fails with one error that holds one error for each.
  const codes = cause?.errors === undefined ? [cause?.code] : cause.errors.map((inner) => inner.code)
  return codes.every((code) => code !== undefined && refusals.has(code))
    ? { kind: 'refused' }
    : { kind: 'lost' }
}

export function openUpstreamHttp(options: UpstreamOptions): UpstreamHttp {
  const { name, urls, timeoutMs, events } = options
  let firstIndex = 0
  let state: DependencyState = 'not asked yet'

  /** The first answer of an instance that can serve now, in the order of asking. */
  async function first<A extends { readonly status: number }>(
    request: UpstreamRequest,
    ask: (url: string) => Promise<A>,
  ): Promise<A> {
    const asked: Asked = {
      method: request.method,
      hasIdempotencyKey: request.headers['idempotency-key'] !== undefined,
    }
    const failures: Failure[] = []
    let lastAnswer: A | null = null
    for (const url of askingOrder(urls, firstIndex, askedMax)) {
      let failure: Failure
      let cause: unknown
      try {
        const answer = await ask(url)
        if (![502, 503, 504].includes(answer.status)) {
          firstIndex = urls.indexOf(url)
          state = 'up'
          return answer
        }
        lastAnswer = answer
        failure = { kind: 'unavailable' }
      } catch (error) {
        lastAnswer = null
        cause = error
        failure = failureOf(error)
      }
      failures.push(failure)
      events.upstreamFailed(name, url, failure, cause)
      if (!mayAskNext(asked, failure)) break
    }
    state = 'down'
    const verdict = verdictOf(asked, failures)
    // The instance's own words are better than ours, unless an earlier attempt may have made the change.
    if (lastAnswer !== null && verdict !== 'outcome-unknown') return lastAnswer
    throw new LinkfleetError(verdict, sentenceOf(verdict, name), { retryAfterSeconds: 2 })
  }

  async function askBounded(url: string, request: UpstreamRequest): Promise<UpstreamAnswer> {
    const { method, body } = request
    const headers = { ...request.headers, ...callHeaders() }
    const call = { method, headers, timeoutMs, answerBytesMax }
    return toAnswer(
      await boundedFetch(addressOf(url, request), body === undefined ? call : { ...call, body }),
    )
  }

  return {
    request: async (request) => await first(request, async (url) => await askBounded(url, request)),
    async stream(request, signal): Promise<UpstreamStream> {
      const options = { timeoutMs, passedHeaders, signal }
      return await first(
        request,
        async (url) => await askForStream(addressOf(url, request), request, options),
      )
    },
    state: () => state,
  }
}

function addressOf(url: string, { path }: UpstreamRequest): string {
  return `${url.replace(/\/+$/, '')}${path}`
}

function sentenceOf(verdict: ReturnType<typeof verdictOf>, name: string): string {
  if (verdict === 'outcome-unknown') {
    return `The ${name} did not answer in time, so the change may or may not have been made. Look before you try again.`
  }
  return verdict === 'unavailable'
    ? `The ${name} cannot be reached right now.`
    : `The ${name} did not answer in time.`
}

function toAnswer(answer: BoundedAnswer): UpstreamAnswer {
  const headers: Record<string, string> = {}
  for (const header of passedHeaders) {
    const value = answer.headers.get(header)
    if (value !== null) headers[header] = value
  }
  return { status: answer.status, headers, body: answer.body }
}
