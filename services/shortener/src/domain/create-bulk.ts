/**
 * The way of a bulk: every item is judged by itself, those that can be made are made in one transaction, and each is
 * answered by itself. What becomes of one never depends on what is wrong with another.
 */
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import type { InsertOutcome, LinkToInsert } from '../ports.ts'
import { aliasBusy, aliasTaken, type CreateLinkPorts, idempotencyMismatch, takeCode } from './create-link.ts'
import type { Idempotency } from './idempotency.ts'
import type { Link, NewLink } from './link.ts'

export const bulkLinksMax = 1_000
/** Each costs as much time as a hundred links; links that share one password share its verifier. */
export const bulkPasswordsMax = 4

/** An item that was judged: a link to make, or why not. Fields of errors are those of the item. */
export type BulkItem = NewLink | LinkfleetError

export type BulkResult =
  | { readonly kind: 'made'; readonly link: Link; readonly isReused: boolean }
  | { readonly kind: 'refused'; readonly error: LinkfleetError }

export interface BulkCreated {
  /** One for each item, in order. */
  readonly results: readonly BulkResult[]
  readonly isReplay: boolean
}

export interface BulkCreatorPorts extends CreateLinkPorts {
  /** Told of an item that failed for a reason nobody expected. */
  readonly onItemFailed: (error: unknown) => void
}

export type BulkCreator = (
  items: readonly BulkItem[],
  idempotency: Idempotency | null,
  byMs: number,
) => Promise<BulkCreated>

/** Throws 'not-created' when there are not enough codes for all of it: then nothing of it is made. */
export function createBulkCreator(ports: BulkCreatorPorts): BulkCreator {
  return async (items, idempotency, byMs) => {
    const { verifiers, tookMs } = await makeVerifiers(ports, items)
    const results: (BulkResult | undefined)[] = items.map((item) => refuseItem(item, verifiers))
    const open = items.flatMap((item, position) =>
      results[position] === undefined ? [{ link: item as NewLink, position }] : [],
    )
    const toInsert = await Promise.all(open.map(({ link }) => toItem(ports, link, verifiers)))
    const settle = (outcomes: readonly InsertOutcome[]) => {
      for (const [index, { link, position }] of open.entries()) {
        results[position] = toResult(link, outcomes[index] as InsertOutcome)
      }
      return results as BulkResult[]
    }
    const outcome = await ports.writer.insertBulk(
      {
        items: toInsert,
        idempotency,
        toRecord: (outcomes) => settle(outcomes).map(toRecorded),
        replaceCode: async (item) => ({ ...item, code: await takeAnother(ports) }),
      },
      byMs + tookMs,
    )
    if (outcome.kind === 'idempotency-mismatch') throw idempotencyMismatch()
    if (outcome.kind === 'replayed') {
      const replayed = outcome.results.map((result) => fromRecorded(result as Recorded))
      await expectSamePasswords(ports, items, replayed)
      return { results: replayed, isReplay: true }
    }
    for (const each of outcome.outcomes) if (each.kind === 'failed') ports.onItemFailed(each.error)
    const created = outcome.outcomes.flatMap((each) => (each.kind === 'created' ? [each.created] : []))
    await Promise.all(created.map((read) => ports.writeThrough.write(read)))
    return { results: settle(outcome.outcomes), isReplay: false }
  }
}

type Verifiers = ReadonlyMap<string, string>

async function makeVerifiers(
  { passwords }: CreateLinkPorts,
  items: readonly BulkItem[],
): Promise<{ readonly verifiers: Verifiers; readonly tookMs: number }> {
  const distinct = new Set<string>()
  for (const item of items) {
    const password = item instanceof LinkfleetError ? null : item.password
    if (password !== null && distinct.size < bulkPasswordsMax) distinct.add(password)
  }
  const verifiers = new Map<string, string>()
  let tookMs = 0
  for (const password of distinct) {
    const made = await passwords.makeVerifier(password)
    verifiers.set(password, made.verifier)
    tookMs += made.tookMs
  }
  return { verifiers, tookMs }
}

function refuseItem(item: BulkItem, verifiers: Verifiers): BulkResult | undefined {
  if (item instanceof LinkfleetError) return { kind: 'refused', error: item }
  if (item.password === null || verifiers.has(item.password)) return undefined
  const detail = `A bulk holds at most ${bulkPasswordsMax} different passwords.`
  return { kind: 'refused', error: new LinkfleetError('invalid-request', detail, { field: 'password' }) }
}

async function toItem(ports: CreateLinkPorts, link: NewLink, verifiers: Verifiers): Promise<LinkToInsert> {
  return {
    link,
    code: link.alias ?? (await takeCode(ports)),
    passwordVerifier: link.password === null ? null : (verifiers.get(link.password) ?? null),
    idempotency: null,
  }
}

async function takeAnother(ports: CreateLinkPorts): Promise<string> {
  ports.onCodeSkipped()
  return await takeCode(ports)
}

function toResult({ alias }: NewLink, outcome: InsertOutcome): BulkResult {
  switch (outcome.kind) {
    case 'created':
      return { kind: 'made', link: outcome.created.link, isReused: false }
    case 'reused':
      return { kind: 'made', link: outcome.link, isReused: true }
    case 'code-taken':
      return { kind: 'refused', error: alias === null ? aliasBusy() : aliasTaken(alias) }
    case 'busy':
      return { kind: 'refused', error: aliasBusy() }
    default:
      return {
        kind: 'refused',
        error: new LinkfleetError('internal', 'The item failed. It has been logged.'),
      }
  }
}

/** How a result lies in the record of an Idempotency-Key. */
type Recorded =
  | { readonly link: Link; readonly isReused: boolean }
  | { readonly code: ErrorCode; readonly detail: string; readonly field?: string }

function toRecorded(result: BulkResult): Recorded {
  if (result.kind === 'made') return { link: result.link, isReused: result.isReused }
  const { code, message, field } = result.error
  return { code, detail: message, ...(field === undefined ? {} : { field }) }
}

function fromRecorded(recorded: Recorded): BulkResult {
  if ('link' in recorded) return { kind: 'made', ...recorded }
  // A code that a newer version recorded is told as it is by that version only.
  const code = recorded.code in errorKinds ? recorded.code : 'internal'
  const options = recorded.field === undefined ? {} : { field: recorded.field }
  return { kind: 'refused', error: new LinkfleetError(code, recorded.detail, options) }
}

/** As for a single create: the record knows a password by its verifier only. */
async function expectSamePasswords(
  { passwords }: CreateLinkPorts,
  items: readonly BulkItem[],
  results: readonly BulkResult[],
): Promise<void> {
  const pairs = new Map<string, readonly [string, string]>()
  for (const [position, item] of items.entries()) {
    const result = results[position]
    const verifier = result?.kind === 'made' ? result.link.passwordVerifier : null
    if (item instanceof LinkfleetError || item.password === null || verifier === null) continue
    pairs.set(`${verifier}\n${item.password}`, [verifier, item.password])
  }
  // An honest retry has as many pairs as the bulk had passwords.
  if (pairs.size > bulkPasswordsMax) throw idempotencyMismatch()
  const answers = await Promise.all(
    [...pairs.values()].map(([verifier, password]) => passwords.isPasswordOf(verifier, password)),
  )
  if (answers.includes(false)) throw idempotencyMismatch()
}
