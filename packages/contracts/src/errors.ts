/**
 * The closed list of everything that can be wrong, with the HTTP and gRPC status each has. Any other exception
 * is "internal": it is logged with its cause and tells the caller nothing.
 */

interface ErrorKind {
  readonly httpStatus: number
  /** The number of the gRPC status: https://grpc.io/docs/guides/status-codes/ */
  readonly grpcStatus: number
  readonly title: string
}

const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

export const errorKinds = {
  'invalid-json': { httpStatus: 400, grpcStatus: GRPC.invalidArgument, title: 'The body is not valid JSON' },
  'invalid-request': {
    httpStatus: 400,
    grpcStatus: GRPC.invalidArgument,
    title: 'A field of the request is not valid',
  },
  'invalid-url': { httpStatus: 400, grpcStatus: GRPC.invalidArgument, title: 'The URL cannot be shortened' },
  'invalid-alias': { httpStatus: 400, grpcStatus: GRPC.invalidArgument, title: 'The alias cannot be used' },
  unauthenticated: { httpStatus: 401, grpcStatus: GRPC.unauthenticated, title: 'A valid key is needed' },
  forbidden: { httpStatus: 403, grpcStatus: GRPC.permissionDenied, title: 'The key does not allow this' },
  'password-required': {
    httpStatus: 403,
    grpcStatus: GRPC.permissionDenied,
    title: 'The link asks for a password',
  },
  'wrong-password': { httpStatus: 403, grpcStatus: GRPC.permissionDenied, title: 'The password is wrong' },
  'prefetch-refused': {
    httpStatus: 403,
    grpcStatus: GRPC.permissionDenied,
    title: 'The link is not fetched ahead',
  },
  'not-found': { httpStatus: 404, grpcStatus: GRPC.notFound, title: 'There is nothing here' },
  'method-not-allowed': {
    httpStatus: 405,
    grpcStatus: GRPC.unimplemented,
    title: 'This method is not for this path',
  },
  'alias-taken': { httpStatus: 409, grpcStatus: GRPC.alreadyExists, title: 'The alias is taken' },
  gone: { httpStatus: 410, grpcStatus: GRPC.notFound, title: 'The link is no longer available' },
  'version-mismatch': {
    httpStatus: 412,
    grpcStatus: GRPC.failedPrecondition,
    title: 'The link has changed since it was read',
  },
  'body-too-large': { httpStatus: 413, grpcStatus: GRPC.invalidArgument, title: 'The body is too large' },
  'uri-too-long': { httpStatus: 414, grpcStatus: GRPC.invalidArgument, title: 'The request URI is too long' },
  'unsupported-media-type': {
    httpStatus: 415,
    grpcStatus: GRPC.invalidArgument,
    title: 'The content type is not supported',
  },
  'idempotency-mismatch': {
    httpStatus: 422,
    grpcStatus: GRPC.failedPrecondition,
    title: 'The Idempotency-Key was used with another request',
  },
  'too-many-requests': {
    httpStatus: 429,
    grpcStatus: GRPC.resourceExhausted,
    title: 'Too many requests in too short a time',
  },
  'headers-too-large': {
    httpStatus: 431,
    grpcStatus: GRPC.invalidArgument,
    title: 'The headers of the request are too large',
  },
  internal: { httpStatus: 500, grpcStatus: GRPC.internal, title: 'Something went wrong on our side' },
  'not-created': { httpStatus: 503, grpcStatus: GRPC.unavailable, title: 'Nothing was changed; try again' },
  'outcome-unknown': {
    httpStatus: 503,
    grpcStatus: GRPC.unavailable,
    title: 'It is not known whether the change was made',
  },
  unavailable: { httpStatus: 503, grpcStatus: GRPC.unavailable, title: 'Not available right now' },
  overloaded: { httpStatus: 503, grpcStatus: GRPC.unavailable, title: 'Too much is asked at the moment' },
  'deadline-exceeded': { httpStatus: 504, grpcStatus: GRPC.deadlineExceeded, title: 'It took too long' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

export interface ErrorOptions {
  /** The offending field of the request, as its sender wrote it. */
  readonly field?: string
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** The one error that crosses a process. `message` is shown to the caller, so it never holds a secret. */
export class LinkfleetError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.name = 'LinkfleetError'
    this.code = code
    this.field = options.field
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The body of an error answer: RFC 9457, with our stable `code` and the offending `field`. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly field?: string
}

export function problemOf(error: LinkfleetError): Problem {
  const kind = errorKinds[error.code]
  return {
    type: `urn:linkfleet:error:${error.code}`,
    title: kind.title,
    status: kind.httpStatus,
    code: error.code,
    detail: error.message,
    ...(error.field === undefined ? {} : { field: error.field }),
  }
}
