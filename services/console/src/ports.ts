/** What the console asks of the world. Every call has a deadline and a bounded answer. */
export {
  type Monitoring,
  MonitoringAway,
  type RangeQuery,
  type Sample,
  type Series,
} from '@linkfleet/slo/monitoring'

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path and query, already encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface UpstreamAnswer {
  readonly status: number
  /** Only the headers that a browser may see. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface UpstreamStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReadableStream<Uint8Array> | null
}

/**
 * Another service of the fleet, over HTTP. An instance that does not answer is left for the next one as long as
 * asking twice cannot do a thing twice. Throws LinkfleetError: `unavailable`, `deadline-exceeded`, or
 * `outcome-unknown` when a change may have been made.
 */
export interface Upstream {
  request(request: UpstreamRequest): Promise<UpstreamAnswer>
  /** A GET whose answer comes bit by bit: once its head is there, only `signal` ends it. */
  stream(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamStream>
}

export interface InstanceAddress {
  readonly service: string
  readonly adminUrl: string
}

/** What one instance told of itself; null where it did not answer. */
export interface InstanceAnswer {
  readonly address: InstanceAddress
  /** The body of /readyz, unread. */
  readonly readiness: string | null
  /** The body of /metrics, unread. */
  readonly metrics: string | null
}

/** The private ports of every instance. Never throws: an instance that is away is an answer with nulls. */
export interface Instances {
  askAll(): Promise<readonly InstanceAnswer[]>
}

export type SessionVerdict =
  | { readonly kind: 'valid'; readonly role: string; readonly expiresAt: string | null }
  | { readonly kind: 'invalid' }
  /** The shortener could not say, and had not said lately. */
  | { readonly kind: 'unknown' }

export interface Sessions {
  /** `forwardedFor` is the visitor's address: the shortener must never take the console for the visitor. */
  check(session: string, forwardedFor: string): Promise<SessionVerdict>
  /** Drops what is remembered of a session that has just ended. */
  forget(session: string): void
}
