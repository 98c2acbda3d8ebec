/** What an error of Postgres, or of its client, says about the connection and about a commit. */

/** COMMIT was sent and its answer never came: the transaction may or may not have taken effect. */
export class CommitUnknownError extends Error {
  constructor(cause: unknown) {
    super('It is not known whether the transaction was committed.', { cause })
    this.name = 'CommitUnknownError'
  }
}

// 08: connection, 28: login refused, 57P: the server stops, starts or recovers. 25006: it is read only, so no longer,
// or not yet, the primary. 3D000: no such database (yet). 53300: too many connections.
const connectionSqlStates = /^(08|28|57P|25006|3D000|53300)/

/** Whether the server itself told of the error: by a SQLSTATE. None begins with E, as the system's own (EPIPE) do. */
export function isOfServer(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code)
}

/** Whether an error speaks of the connection or the server, not of the statement. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof CommitUnknownError) return true
  const { code, message } = error as { code?: unknown; message?: string }
  if (typeof code === 'string' && connectionSqlStates.test(code)) return true
  if (typeof code === 'string' && /^E[A-Z]{3,}/.test(code)) return true
  return /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable/i.test(
    message ?? '',
  )
}

/** The answer to what commits. */
export async function committed<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    // An error with a SQLSTATE of the server's own is a refusal (a deferred constraint): nothing was committed.
    // Without one, or when the server is shutting down (57P…), the answer was lost.
    const { code } = error as { code?: string }
    const isRefused = isOfServer(error) && !code?.startsWith('57P') && !code?.startsWith('08')
    if (isRefused) throw error
    throw new CommitUnknownError(error)
  }
}
