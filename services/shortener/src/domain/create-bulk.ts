/**
 * The way of a bulk: every item is judged by itself, those that can be made are made in one transaction, and each is
 * answered by itself. What becomes of one never depends on what is wrong with another.
 */
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import type {
  BulkOrder,
  BulkOutcome,
  BulkRecord,
  InsertOutcome,
  ItemOutcomes,
  LinkToInsert,
} from '../ports.ts'
import {
  aliasBusy,
  aliasTaken,
  type CreateLinkPorts,
  idempotencyMismatch,
  isWithoutCode,
  takeCodes,
} from './create-link.ts'
import type { BulkIdempotency } from './idempotency.ts'
import type { Link, NewLink } from './link.ts'
import { mayReuse } from './reuse-link.ts'

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
  /** Those that this request was the first to settle. */
  readonly fresh: readonly BulkResult[]
  /** The request was made before, and this is its answer: nothing was tried again. */
  readonly isReplay: boolean
}

export interface BulkCreatorPorts extends CreateLinkPorts {
  /** Told of an item that failed for a reason nobody expected. */
  readonly onItemFailed: (error: unknown) => void
}

export type BulkCreator = (
  items: readonly BulkItem[],
  idempotency: BulkIdempotency | null,
  byMs: number,
) => Promise<BulkCreated>

/**
 * Throws 'not-created' when there are not enough codes for all of it: then nothing of it is made. What an earlier attempt
 * settled is looked for first, so that a retry costs neither codes nor work on passwords. An item that failed for a reason
 * that passes is not settled: a retry tries it again, and it alone.
 */
export function createBulkCreator(ports: BulkCreatorPorts): BulkCreator {
  return async (items, idempotency, byMs) => {
    const found = idempotency === null ? undefined : await ports.writer.findBulk(idempotency, byMs)
    if (found !== undefined) {
      const record = await expectSame(ports, found, idempotency)
      if (openPlaces(record).length === 0) return toReplay(record)
      return await insertOpen(ports, items, openPlaces(record), { idempotency, isRetry: true, byMs })
    }
    const all = [...items.keys()]
    return await insertOpen(ports, items, all, { idempotency, isRetry: false, byMs })
  }
}

interface Attempt {
  readonly idempotency: BulkIdempotency | null
  /** There is a record, and it leaves items open. */
  readonly isRetry: boolean
  readonly byMs: number
}

/** Makes those at `places`, if they were accepted. */
async function insertOpen(
  ports: BulkCreatorPorts,
  items: readonly BulkItem[],
  places: readonly number[],
  { idempotency, isRetry, byMs }: Attempt,
): Promise<BulkCreated> {
  const digest = isRetry ? null : (idempotency?.passwordsDigest ?? null)
  const made = await makeVerifiers(ports, places, items, digest)
  const refused = items.map((item) => refuseItem(item, made.verifiers))
  const open = places.filter((place) => refused[place] === undefined)
  const links = open.map((place) => items[place] as NewLink)
  const supply = codeSupply(ports, toItems(links, made.verifiers), idempotency)
  const settle = (outcomes: ItemOutcomes, record: BulkRecord | undefined) => {
    const results =
      record === undefined
        ? [...refused]
        : record.results.map(
            (each, place) => (isOpen(each) ? refused[place] : undefined) ?? fromRecorded(each),
          )
    const fresh: BulkResult[] = []
    for (const [index, place] of open.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) continue
      const result = toResult(links[index] as NewLink, outcome)
      results[place] = result
      fresh.push(result)
    }
    return { results: results as BulkResult[], fresh }
  }
  const outcome = await ports.writer.insertBulk(
    {
      ...supply,
      idempotency,
      openIn: isRetry
        ? (record) =>
            openPlaces(record)
              .map((place) => open.indexOf(place))
              .filter((at) => at >= 0)
        : null,
      toRecord: (outcomes, record) => ({
        passwordsVerifier: made.ofAll,
        ...record,
        results: settle(outcomes, record).results.map(toRecorded),
      }),
    },
    byMs + made.tookMs,
  )
  if (outcome.kind !== 'inserted') return toReplay(await expectSame(ports, outcome, idempotency))
  for (const each of outcome.outcomes) if (each?.kind === 'failed') ports.onItemFailed(each.error)
  const created = outcome.outcomes.flatMap((each) => (each?.kind === 'created' ? [each.created] : []))
  await Promise.all(created.map((read) => ports.writeThrough.write(read)))
  return { ...settle(outcome.outcomes, outcome.record), isReplay: false }
}

const toReplay = (record: BulkRecord): BulkCreated => ({
  results: record.results.map(fromRecorded),
  fresh: [],
  isReplay: true,
})

/** The record of the same request; another one that used the key is told so. */
async function expectSame(
  { passwords }: CreateLinkPorts,
  found: Exclude<BulkOutcome, { kind: 'inserted' }>,
  idempotency: BulkIdempotency | null,
): Promise<BulkRecord> {
  if (found.kind === 'idempotency-mismatch') throw idempotencyMismatch()
  const { passwordsVerifier = null } = found.record
  const passwordsDigest = idempotency?.passwordsDigest ?? null
  if (passwordsVerifier !== null && passwordsDigest !== null) {
    if (!(await passwords.isPasswordOf(passwordsVerifier, passwordsDigest))) throw idempotencyMismatch()
  }
  return found.record
}

/** Whether a recorded result is one that passes. What only a newer version knows is settled. */
function isOpen(result: unknown): boolean {
  const { code } = result as { readonly code?: string }
  return code !== undefined && code in errorKinds && errorKinds[code as ErrorCode].httpStatus >= 500
}

/** The places of a bulk that a retry tries again. */
function openPlaces({ results }: BulkRecord): number[] {
  return results.flatMap((result, place) => (isOpen(result) ? [place] : []))
}

type Verifiers = ReadonlyMap<string, string>

interface MadeVerifiers {
  readonly verifiers: Verifiers
  /** Of `digest`, that is, of all passwords of a request together. */
  readonly ofAll: string | null
  readonly tookMs: number
}

async function makeVerifiers(
  { passwords }: CreateLinkPorts,
  places: readonly number[],
  items: readonly BulkItem[],
  digest: string | null,
): Promise<MadeVerifiers> {
  const distinct = new Set<string>()
  for (const place of places) {
    const item = items[place]
    const password = item === undefined || item instanceof LinkfleetError ? null : item.password
    if (password !== null && distinct.size < bulkPasswordsMax) distinct.add(password)
  }
  const verifiers = new Map<string, string>()
  let tookMs = 0
  for (const password of distinct) {
    const made = await passwords.makeVerifier(password)
    verifiers.set(password, made.verifier)
    tookMs += made.tookMs
  }
  if (digest === null) return { verifiers, ofAll: null, tookMs }
  const ofAll = await passwords.makeVerifier(digest)
  return { verifiers, ofAll: ofAll.verifier, tookMs: tookMs + ofAll.tookMs }
}

function refuseItem(item: BulkItem, verifiers: Verifiers): BulkResult | undefined {
  if (item instanceof LinkfleetError) return { kind: 'refused', error: item }
  if (item.password === null || verifiers.has(item.password)) return undefined
  const detail = `A bulk holds at most ${bulkPasswordsMax} different passwords.`
  return { kind: 'refused', error: new LinkfleetError('invalid-request', detail, { field: 'password' }) }
}

const toItems = (links: readonly NewLink[], verifiers: Verifiers): LinkToInsert[] =>
  links.map((link) => ({
    link,
    code: link.alias,
    passwordVerifier: link.password === null ? null : (verifiers.get(link.password) ?? null),
    idempotency: null,
  }))

/**
 * Codes for all that need one, taken at once. When there are not enough, none is taken: then the bulk may still be
 * answered with what there is, be it a record or links to reuse, and is refused as a whole where a new link is needed.
 */
function codeSupply(
  ports: CreateLinkPorts,
  items: readonly LinkToInsert[],
  idempotency: BulkIdempotency | null,
): Pick<BulkOrder, 'items' | 'takeCodes' | 'replaceCodes'> {
  let refusal: LinkfleetError | undefined
  return {
    items,
    async takeCodes() {
      try {
        const codes = await takeCodes(ports, items.filter(({ code }) => code === null).length)
        return items.map((item) => (item.code === null ? { ...item, code: codes.pop() ?? null } : item))
      } catch (error) {
        const mayBeThere = idempotency !== null || items.some(({ link }) => mayReuse(link))
        if (!(mayBeThere && isWithoutCode(error))) throw error
        refusal = error
        return items
      }
    },
    async replaceCodes(taken) {
      if (refusal !== undefined) throw refusal
      for (const _item of taken) ports.onCodeSkipped()
      const others = await takeCodes(ports, taken.length)
      return taken.map((item, index) => ({ ...item, code: others[index] as string }))
    },
  }
}

/** What is known of a failure is told; of anything else only that it happened. */
function toFailure(outcome: InsertOutcome): LinkfleetError {
  if (outcome.kind === 'failed' && outcome.error instanceof LinkfleetError) return outcome.error
  return new LinkfleetError('internal', 'The item failed. It has been logged.')
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
      return { kind: 'refused', error: toFailure(outcome) }
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

function fromRecorded(result: unknown): BulkResult {
  const recorded = result as Recorded
  if ('link' in recorded) return { kind: 'made', ...recorded }
  // A code that a newer version recorded is told as it is by that version only.
  const code = recorded.code in errorKinds ? recorded.code : 'internal'
  const options = recorded.field === undefined ? {} : { field: recorded.field }
  return { kind: 'refused', error: new LinkfleetError(code, recorded.detail, options) }
}
