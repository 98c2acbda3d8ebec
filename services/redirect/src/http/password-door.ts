/**
 * Asks for the password of a link. A browser gets a form, which posts to the short URL itself, query and all; the
 * redirect after the right password is the click. How often a client may try, and all clients together, is bounded.
 */

import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { isPasswordOf, passwordLengthMax } from '@linkfleet/contracts/link-password'
import { type ClientAddress, clientNetworkOf } from '@linkfleet/runtime/client-address'
import { sendProblem } from '@linkfleet/runtime/http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../domain/click-details.ts'
import { linkKeyOf } from '../domain/link-memory.ts'
import type { AttemptLimit, LinkAuthority, MayMiss } from '../ports.ts'
import { answerWithoutLink, pageHeaders } from './answer-without-link.ts'
import { clientOf } from './client-of.ts'
import { passwordPage } from './link-pages.ts'

export interface PasswordDoorOptions {
  /** Of one client at one link. */
  readonly perClient: AttemptLimit
  /** Of all clients at one link. */
  readonly perLink: AttemptLimit
  readonly clientAddress: ClientAddress
  /** Who knows a verifier that a copy does not hold. */
  readonly authority: MayMiss<LinkAuthority>
  readonly refused: () => void
}

export interface PasswordDoor {
  /** True when the request brought the right password; otherwise it was answered. */
  opens(request: FastifyRequest, reply: FastifyReply, copy: LinkCopy): Promise<boolean>
}

export function createPasswordDoor(options: PasswordDoorOptions): PasswordDoor {
  async function isRight(copy: LinkCopy, password: string): Promise<boolean | undefined> {
    let verifier = copy.passwordVerifier
    if (verifier === '') {
      // The copy's writer did not know the field: the primary's own word has it.
      const said = await options.authority.resolve(copy.domainId, copy.code)
      verifier = said?.copy?.passwordVerifier ?? ''
      if (verifier === '') return undefined
    }
    return await isPasswordOf(verifier, password)
  }

  return {
    async opens(request, reply, copy) {
      if (request.method !== 'POST') {
        ask(request, reply, 'first')
        return false
      }
      const password = passwordOf(request.body)
      if (password === undefined) {
        ask(request, reply, 'first')
        return false
      }
      const link = linkKeyOf(copy.domainId, copy.code)
      const client = `${link} ${clientNetworkOf(clientOf(request, options.clientAddress))}`
      // A client that has to wait no longer counts against the link: it must not close it for others.
      const waitMs = (await options.perClient.attempt(client)) || (await options.perLink.attempt(link))
      if (waitMs > 0) {
        options.refused()
        answerWithoutLink(request, reply, 'too-many-passwords', Math.ceil(waitMs / 1_000))
        return false
      }
      // Neither the right password nor one that nobody could check was a failure.
      const forgive = () => Promise.all([options.perClient.forgive(client), options.perLink.forgive(link)])
      const right = await isRight(copy, password).catch(async (error: unknown) => {
        await forgive()
        throw error
      })
      if (right === false) {
        ask(request, reply, 'wrong')
        return false
      }
      await forgive()
      if (right === undefined) answerWithoutLink(request, reply, 'unavailable')
      return right === true
    },
  }
}

function passwordOf(body: unknown): string | undefined {
  const password = body instanceof URLSearchParams ? body.get('password') : null
  return password === null || password === '' || password.length > passwordLengthMax ? undefined : password
}

/** A program is told at once that it lacks something; a browser's form is a page as any other until it was wrong. */
function ask(request: FastifyRequest, reply: FastifyReply, attempt: 'first' | 'wrong'): void {
  reply.header('x-robots-tag', 'noindex').header('vary', 'accept')
  if (!wantsPage(request.headers)) {
    const error =
      attempt === 'wrong'
        ? new LinkfleetError('wrong-password', 'This is not the password of the link.', { field: 'password' })
        : new LinkfleetError(
            'password-required',
            'POST the password of the link as the form field "password".',
            {
              field: 'password',
            },
          )
    sendProblem(reply, error)
    return
  }
  reply
    .code(attempt === 'wrong' || request.method === 'POST' ? 403 : 200)
    .headers({ ...pageHeaders, 'content-security-policy': formPolicy, 'referrer-policy': 'no-referrer' })
    .header('cache-control', 'no-store')
    .send(passwordPage(attempt === 'wrong'))
}

/**
 * Browsers check where a form's answer redirects to as well, and that is the target, whatever its host:
 * https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy/form-action
 */
const formPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' https: http:; base-uri 'none'; frame-ancestors 'none'"
