import { LinkfleetError } from '@linkfleet/contracts/errors'
import { SessionMemory } from '../domain/session-memory.ts'
import { headersForVisitor } from '../domain/visitor.ts'
import type { Sessions, SessionVerdict, Upstream, UpstreamAnswer } from '../ports.ts'

/** Asks the shortener whose session it is, and remembers the answer for a short while. */
export function createSessionsUpstream(shortener: Upstream, nowMs: () => number): Sessions {
  const memory = new SessionMemory()

  async function ask(session: string, forwardedFor: string): Promise<UpstreamAnswer | null> {
    try {
      const headers = headersForVisitor(session, forwardedFor)
      return await shortener.request({ method: 'GET', path: '/api/v1/sessions/current', headers })
    } catch (error) {
      if (error instanceof LinkfleetError) return null
      throw error
    }
  }

  return {
    async check(session, forwardedFor): Promise<SessionVerdict> {
      const known = memory.fresh(session, nowMs())
      if (known !== null) return known
      const answer = await ask(session, forwardedFor)
      if (answer?.status === 401 || answer?.status === 403 || answer?.status === 404) {
        memory.forget(session)
        return { kind: 'invalid' }
      }
      const verdict = answer?.status === 200 ? validVerdictOf(answer.body) : null
      if (verdict === null) return memory.stale(session, nowMs()) ?? { kind: 'unknown' }
      memory.remember(session, verdict, nowMs())
      return verdict
    },
    forget: (session) => memory.forget(session),
  }
}

function validVerdictOf(body: string): Extract<SessionVerdict, { kind: 'valid' }> | null {
  try {
    const { role, expiresAt } = JSON.parse(body) as { role?: unknown; expiresAt?: unknown }
    if (typeof role !== 'string') return null
    return { kind: 'valid', role, expiresAt: typeof expiresAt === 'string' ? expiresAt : null }
  } catch {
    return null
  }
}
