/**
 * Follows a link that asks for something first: its password, a click of its budget, its visitor's query. Plain links
 * never come here.
 */
import { OrphanReason } from '@linkfleet/contracts/clicks'
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClickBudgets, Taken } from '../domain/click-budgets.ts'
import { isPrefetch } from '../domain/click-details.ts'
import { forwardQuery } from '../domain/forward-query.ts'
import { statusOf } from '../domain/resolve-link.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import type { Endings } from './endings.ts'
import type { PasswordDoor } from './password-door.ts'

export interface FollowConditionalDependencies {
  readonly endings: Endings
  readonly passwords: PasswordDoor
  readonly budgets: Pick<ClickBudgets, 'take' | 'look'>
}

export type FollowConditional = (
  request: FastifyRequest,
  reply: FastifyReply,
  copy: LinkCopy,
  nowMs: number,
) => Promise<void>

export function createFollowConditional(deps: FollowConditionalDependencies): FollowConditional {
  return async function followConditional(request, reply, copy, nowMs) {
    const { code } = copy
    if (copy.passwordProtected && !(await deps.passwords.opens(request, reply, copy))) return
    const targetUrl = copy.forwardQuery ? forwardQuery(copy.targetUrl, request.raw.url ?? '') : copy.targetUrl
    if (targetUrl === undefined) {
      answerWithoutLink(request, reply, 'query-too-long')
      return
    }
    const taken = copy.maxClicks === 0 ? 'taken' : await takeOrLook(deps, request, copy)
    if (taken === 'unknown') answerWithoutLink(request, reply, 'unavailable')
    else if (taken === 'used-up') {
      deps.endings.refuse(request, reply, { code, nowMs, what: 'used-up', reason: OrphanReason.USED_UP })
    } else if (taken === 'refused') answerWithoutLink(request, reply, 'no-prefetch')
    else {
      // 307 and 308 would send the password on to the target.
      const status = request.method === 'POST' ? 303 : statusOf(copy)
      deps.endings.redirect(request, reply, { code, nowMs, targetUrl, status })
    }
  }
}

/**
 * A HEAD follows nothing and takes nothing. A prefetch would, once the browser shows what it fetched, without ever
 * asking again: browsers repeat one that was refused as a real visit.
 */
async function takeOrLook(
  { budgets }: FollowConditionalDependencies,
  request: FastifyRequest,
  copy: LinkCopy,
): Promise<Taken | 'refused'> {
  if (request.method === 'HEAD') return await budgets.look(copy)
  if (isPrefetch(request.headers)) return 'refused'
  return await budgets.take(copy)
}
