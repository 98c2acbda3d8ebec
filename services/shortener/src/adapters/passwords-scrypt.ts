/** Passwords by the scrypt of the contracts: redirect checks what is made here. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { isPasswordOf, makePasswordVerifier } from '@linkfleet/contracts/link-password'
import type { Passwords } from '../ports.ts'
import { bounded } from './store-errors-pg.ts'

const makeWithinMs = 2_000

const late = () =>
  new LinkfleetError('unavailable', 'Too many passwords are being set right now. Nothing was changed.', {
    retryAfterSeconds: 1,
  })

export const passwordsScrypt: Passwords = {
  async makeVerifier(password) {
    const startedMs = performance.now()
    const verifier = await bounded(makePasswordVerifier(password), late, makeWithinMs)
    return { verifier, tookMs: performance.now() - startedMs }
  },
  isPasswordOf,
}
