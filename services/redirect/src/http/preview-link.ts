/** GET and HEAD /:code+: where a link leads, without following it. No click, and none of a limited link's. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClickBudgets } from '../domain/click-budgets.ts'
import { wantsPage } from '../domain/click-details.ts'
import type { FindLink, FoundLink } from '../domain/find-link.ts'
import { resolveLink } from '../domain/resolve-link.ts'
import { safetyNotes } from '../domain/safety-notes.ts'
import type { KnownCopy, LinkDescriptions, MayMiss } from '../ports.ts'
import { answerWithoutLink, pageHeaders } from './answer-without-link.ts'
import { defaultDomainId } from './endings.ts'
import { type Preview, previewPage } from './link-pages.ts'
import type { MissGate } from './miss-gate.ts'

export interface PreviewLinkDependencies {
  readonly findLink: FindLink
  readonly descriptions: MayMiss<LinkDescriptions>
  readonly budgets: Pick<ClickBudgets, 'look'>
  readonly misses: MissGate
  readonly publicUrl: string
  readonly clock: () => number
  readonly lookedUp: (found: FoundLink) => void
}

export type PreviewLink = (request: FastifyRequest, reply: FastifyReply, code: string) => Promise<void>

export function createPreviewLink(deps: PreviewLinkDependencies): PreviewLink {
  return async function previewLink(request, reply, code) {
    const found = await deps.findLink(defaultDomainId, code)
    deps.lookedUp(found)
    if (found.kind !== 'link') {
      if (found.kind === 'absent') deps.misses.missed(request)
      answerWithoutLink(request, reply, found.kind === 'absent' ? 'not-found' : 'unavailable')
      return
    }
    const preview = await previewOf(deps, found.known)
    reply.header('x-robots-tag', 'noindex').header('vary', 'accept').header('cache-control', 'no-store')
    if (wantsPage(request.headers)) {
      reply.headers({ ...pageHeaders, 'referrer-policy': 'no-referrer' }).send(previewPage(preview))
      return
    }
    const { shortUrl, targetUrl = null, title = null, createdAtMs, state, leads, notes } = preview
    const createdAt = createdAtMs === undefined ? null : new Date(createdAtMs).toISOString()
    reply
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ code, shortUrl, url: targetUrl, title, createdAt, state, leads, notes }))
  }
}

async function previewOf(deps: PreviewLinkDependencies, { copy }: KnownCopy): Promise<Preview> {
  const shortUrl = `${deps.publicUrl}/${copy.code}`
  const hidden = { shortUrl, targetUrl: undefined, title: undefined, createdAtMs: undefined, notes: [] }
  const resolution = resolveLink(copy, deps.clock())
  if (resolution.kind === 'gone') return { ...hidden, state: 'No longer available', leads: false }
  if (resolution.kind === 'not-started') return { ...hidden, state: 'Not open yet', leads: false }
  // A title may tell as much as the target.
  if (copy.passwordProtected) return { ...hidden, state: 'Protected by a password', leads: true }
  if (copy.maxClicks !== 0 && (await deps.budgets.look(copy)) === 'used-up')
    return { ...hidden, state: 'Used up: it was made for a limited number of visits', leads: false }
  const described = await deps.descriptions.describe({ domainId: copy.domainId, code: copy.code })
  return {
    shortUrl,
    targetUrl: copy.targetUrl,
    title: described?.title,
    createdAtMs: described?.createdAtMs,
    state: copy.maxClicks === 0 ? 'Active' : 'Active, for a limited number of visits',
    leads: true,
    notes: safetyNotes(copy.targetUrl),
  }
}
