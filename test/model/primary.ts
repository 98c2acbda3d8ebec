/** The primary, its replicas and its outbox, in simulated time; and the truth that answers are judged by. */
import { type LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import type { Reading } from '../../services/redirect/src/ports.ts'
import type { OutboxSnapshot, PendingChange } from '../../services/shortener/src/ports.ts'

export type Change = 'create' | 'edit' | 'delete'

/** A row that is changed and locked, and seen by nobody yet. */
export interface Uncommitted {
  readonly copy: LinkCopy
  /** The moment of the statement: no later change of this link is acknowledged before it. */
  readonly asOfMs: number
}

interface OutboxRow {
  readonly version: number
  readonly code: string
  redisDone: boolean
  kafkaDone: boolean
}

type LogRecord = { readonly copy: LinkCopy } | { readonly beatAtMs: number }

interface Version {
  readonly copy: LinkCopy
  /** When its client was told; undefined until then. */
  acknowledgedAtMs: number | undefined
}

const timeline = 1

export class Primary {
  readonly #clock: () => number
  readonly #rows = new Map<string, LinkCopy>()
  readonly #locked = new Set<string>()
  readonly #outbox = new Map<number, OutboxRow>()
  readonly #history = new Map<string, Version[]>()
  readonly log: LogRecord[] = []
  #lastVersion = 0
  #beatAtMs: number | undefined

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** undefined when the change is refused: the code is taken, unknown, or being changed. */
  begin(code: string, change: Change): Uncommitted | undefined {
    if (this.#locked.has(code)) return undefined
    const row = this.#rows.get(code)
    const isLive = row?.state === LinkState.LIVE
    if (isLive === (change === 'create')) return undefined
    this.#locked.add(code)
    this.#lastVersion += 1
    const version = this.#lastVersion
    const state = change === 'delete' ? LinkState.DELETED : LinkState.LIVE
    const targetUrl = `https://example.com/${version}`
    return { copy: liveLink(code, version, { timeline, state, targetUrl }), asOfMs: this.#clock() }
  }

  commit({ copy }: Uncommitted): void {
    const { code, version } = copy
    this.#locked.delete(code)
    this.#rows.set(code, copy)
    this.#outbox.set(version, { version, code, redisDone: false, kafkaDone: false })
    this.log.push({ copy })
    this.#history.set(code, [...this.versionsOf(code), { copy, acknowledgedAtMs: undefined }])
  }

  acknowledge({ code, version }: LinkCopy): void {
    const told = this.versionsOf(code).find(({ copy }) => copy.version === version)
    if (told !== undefined) told.acknowledgedAtMs = this.#clock()
  }

  resolve(code: string): Reading {
    return { copy: this.#rows.get(code), asOfMs: this.#clock(), timeline }
  }

  beat(): void {
    this.#beatAtMs = this.#clock()
    this.log.push({ beatAtMs: this.#beatAtMs })
  }

  get beatAtMs(): number | undefined {
    return this.#beatAtMs
  }

  snapshot(changesMax: number): OutboxSnapshot {
    const rows = [...this.#outbox.values()].sort((one, other) => one.version - other.version)
    const forRedis = rows.filter((row) => !row.redisDone).slice(0, changesMax)
    const forKafka = rows.filter((row) => !row.kafkaDone).slice(0, changesMax)
    const wanted = new Set([...forRedis, ...forKafka])
    const nowMs = this.#clock()
    return {
      changes: rows
        .filter((row) => wanted.has(row))
        .map((row): PendingChange => ({ ...row, copy: this.#rows.get(row.code) as LinkCopy, asOfMs: nowMs })),
      asOfMs: nowMs,
      takenAtMs: nowMs,
      timeline,
      heartbeatMs: this.#beatAtMs,
      isCompleteForRedis: forRedis.length < changesMax,
      isCompleteForKafka: forKafka.length < changesMax,
    }
  }

  settle(done: { readonly redis: readonly number[]; readonly kafka: readonly number[] }): void {
    for (const sink of ['redis', 'kafka'] as const) {
      for (const version of done[sink]) {
        const row = this.#outbox.get(version)
        if (row === undefined) continue
        row[`${sink}Done`] = true
        if (row.redisDone && row.kafkaDone) this.#outbox.delete(version)
      }
    }
  }

  /** Oldest first. */
  versionsOf(code: string): readonly Version[] {
    return this.#history.get(code) ?? []
  }

  /** When the first version after this one was acknowledged; undefined while none is. */
  supersededAtMs(code: string, version: number): number | undefined {
    return this.versionsOf(code).find(
      ({ copy, acknowledgedAtMs }) => copy.version > version && acknowledgedAtMs !== undefined,
    )?.acknowledgedAtMs
  }
}

/** Replays the log of the primary up to where it has come. */
export class Replica {
  readonly #log: readonly LogRecord[]
  readonly #rows = new Map<string, LinkCopy>()
  #replayed = 0
  #beatAtMs = 0
  isUp = true

  constructor(primary: Primary) {
    this.#log = primary.log
  }

  replay(records: number): void {
    const end = Math.min(this.#log.length, this.#replayed + records)
    for (; this.#replayed < end; this.#replayed += 1) {
      const record = this.#log[this.#replayed] as LogRecord
      if ('copy' in record) this.#rows.set(record.copy.code, record.copy)
      else this.#beatAtMs = record.beatAtMs
    }
  }

  get beatAtMs(): number {
    return this.#beatAtMs
  }

  read(code: string): Reading {
    return { copy: this.#rows.get(code), asOfMs: this.#beatAtMs }
  }
}
