/** What is recorded of a click: what its request tells, without anything that names a person. */
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import type { ClientAddress } from '@linkfleet/runtime/client-address'
import type { FastifyRequest } from 'fastify'
import { asksForPrivacy, languageOf, referrerHostOf } from '../domain/click-details.ts'
import { type IdentifyClient, unknownClient } from '../domain/identify-client.ts'
import { utmOf } from '../domain/utm.ts'
import type { ClickToRecord } from '../ports.ts'

export interface DescribeClickOptions {
  readonly clientAddress: ClientAddress
  readonly identifyClient: IdentifyClient
  readonly respectDoNotTrack: boolean
}

export interface ClickSubject {
  readonly domainId: number
  readonly code: string
  readonly nowMs: number
  /** UNSPECIFIED for a click that was redirected. */
  readonly orphanReason: OrphanReason
  /** '' for an orphan. */
  readonly targetUrl: string
}

export type DescribeClick = (request: FastifyRequest, subject: ClickSubject) => ClickToRecord

export function createDescribeClick(options: DescribeClickOptions): DescribeClick {
  const { clientAddress, identifyClient, respectDoNotTrack } = options
  return function describeClick(request, subject) {
    const { headers, socket, url = '' } = request.raw
    const userAgent = headers['user-agent'] ?? ''
    // Of an orphan nothing but its reason is counted.
    const isOrphan = subject.orphanReason !== OrphanReason.UNSPECIFIED
    const isPrivate = isOrphan || (respectDoNotTrack && asksForPrivacy(headers))
    const client = isPrivate
      ? unknownClient
      : identifyClient(
          clientAddress(socket.remoteAddress, forwardedFor(headers['x-forwarded-for'])),
          userAgent,
          subject.nowMs,
        )
    return {
      atMs: subject.nowMs,
      domainId: subject.domainId,
      code: subject.code,
      kind: isOrphan ? ClickKind.ORPHAN : ClickKind.REDIRECT,
      orphanReason: subject.orphanReason,
      visitor: client.visitor,
      country: client.country,
      region: client.region,
      city: client.city,
      referrerHost: isPrivate ? '' : referrerHostOf(headers),
      userAgent: isOrphan ? '' : userAgent,
      language: isPrivate ? '' : languageOf(headers),
      utm: isOrphan ? undefined : utmOf(url, subject.targetUrl),
    }
  }
}

/** node:http joins repeated headers of this name, yet types say it may not. */
function forwardedFor(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header
}
