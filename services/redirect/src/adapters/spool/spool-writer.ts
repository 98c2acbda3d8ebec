/**
 * Appends clicks to the segments of this process. The clicks of one turn of the event loop, up to a bound, are written
 * by one call, and their answers are released after it: the page cache of the kernel then has them, so they survive the
 * death of the process. The write is synchronous, since a hand-over to a thread costs more than the write itself.
 */
import { closeSync, fdatasync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ClickKind, encodeClickRecord } from '@linkfleet/contracts/clicks'
import { partitionOf } from '@linkfleet/contracts/partition'
import {
  encodeSegmentHeader,
  recordBytesMax,
  recordHeadBytes,
  sealRecord,
  segmentHeaderBytes,
} from '../../domain/spool/segment-format.ts'
import type { ClickSink, ClickToRecord } from '../../ports.ts'
import { segmentName, syncFolder } from './spool-folder.ts'

export interface SpoolWriterOptions {
  readonly path: string
  readonly producerId: Buffer
  readonly bootId: Buffer
  readonly partitionCount: number
  readonly clock: () => number
  /** Bytes that the whole spool holds now, what this writer has appended not included. */
  readonly otherBytes: () => number
  readonly bytesMax: number
  readonly segmentBytesMax?: number
  readonly segmentAgeMaxMs?: number
  /** Told that a segment has grown, or that it will grow no more. */
  readonly grown: (segment: number, bytes: number, sealed: boolean) => void
  readonly dropped: (kind: ClickKind, reason: 'full' | 'half-full' | 'write-failed') => void
  readonly recorded: (kind: ClickKind, clicks: number) => void
  readonly failed: (what: 'write' | 'sync', cause: unknown) => void
}

/**
 * So many clicks are written without waiting for the turn to end. More would hardly make a write cheaper, and requests that
 * wait together grow old together: after a pause a turn may have hundreds, more than V8's young generation holds.
 */
const clicksPerWriteMax = 32
const syncEveryMs = 1_000
/** How long the sender may not yet know of what was written. */
const tellEveryMs = 100
const openEveryMs = 500

export class SpoolWriter implements ClickSink, Disposable {
  readonly #options: SpoolWriterOptions
  readonly #buffer = Buffer.allocUnsafeSlow(clicksPerWriteMax * recordBytesMax)
  readonly #timers: NodeJS.Timeout[]
  #used = 0
  #waiting: { readonly release: (recorded: boolean) => void; readonly kind: ClickKind }[] = []
  #scheduled = false
  #sequence = 0
  #segment = 0
  #fd = -1
  #bytes = 0
  #told = 0
  #openedAtMs = 0
  #triedAtMs = Number.NEGATIVE_INFINITY
  #unsynced = false
  #syncing = false
  #failing = false
  /** Bytes of all segments of this writer that it has not been told to be gone. */
  #ownBytes = 0

  constructor(options: SpoolWriterOptions) {
    this.#options = options
    this.#timers = [
      setInterval(() => this.#sync(), syncEveryMs),
      setInterval(() => {
        this.#rotateWhenOld()
        this.#tell()
      }, tellEveryMs),
    ]
    this.#openSegment()
  }

  get ownBytes(): number {
    return this.#ownBytes
  }

  /** Bytes of the segment that grows of which the sender does not know yet. */
  get untoldBytes(): number {
    return this.#fd < 0 ? 0 : this.#bytes - this.#told
  }

  /** Whether the last attempt to write failed. */
  get isFailing(): boolean {
    return this.#failing
  }

  /** A segment of this writer was removed. */
  removed(bytes: number): void {
    this.#ownBytes = Math.max(0, this.#ownBytes - bytes)
  }

  append(click: ClickToRecord, release: (recorded: boolean) => void): void {
    const refusal = this.#refusal(click.kind)
    if (refusal !== undefined) {
      this.#options.dropped(click.kind, refusal)
      release(false)
      return
    }
    this.#encode(click)
    this.#waiting.push({ release, kind: click.kind })
    if (this.#waiting.length === clicksPerWriteMax) this.#flush()
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Writes what waits, syncs, and closes; tells of the last segment. Nothing may be appended afterwards. */
  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#flush()
    this.#seal()
  }

  #refusal(kind: ClickKind): 'full' | 'half-full' | undefined {
    const { otherBytes, bytesMax } = this.#options
    const bytes = this.#ownBytes + otherBytes() + this.#used + recordBytesMax
    if (bytes > bytesMax) return 'full'
    return kind === ClickKind.ORPHAN && bytes > bytesMax / 2 ? 'half-full' : undefined
  }

  #encode(click: ClickToRecord): void {
    const { partitionCount } = this.#options
    this.#sequence += 1
    const partition = partitionOf(click.domainId, click.code, partitionCount)
    const start = this.#used
    const end = encodeClickRecord(this.#buffer, start + recordHeadBytes, {
      sequence: this.#sequence,
      atMs: click.atMs,
      domainId: click.domainId,
      code: click.code,
      kind: click.kind,
      orphanReason: click.orphanReason,
      visitor: click.visitor,
      country: click.country,
      region: click.region,
      city: click.city,
      referrerHost: click.referrerHost,
      userAgent: click.userAgent,
      language: click.language,
      utm: click.utm,
    })
    sealRecord(this.#buffer, start, end, partition, this.#sequence)
    this.#used = end
  }

  #flush(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    const recorded = this.#write()
    this.#used = 0
    this.#count(waiting, recorded)
    for (const { release } of waiting) release(recorded)
  }

  #count(waiting: readonly { readonly kind: ClickKind }[], recorded: boolean): void {
    let orphans = 0
    for (const { kind } of waiting) {
      if (!recorded) this.#options.dropped(kind, 'write-failed')
      else if (kind === ClickKind.ORPHAN) orphans += 1
    }
    if (!recorded) return
    if (orphans > 0) this.#options.recorded(ClickKind.ORPHAN, orphans)
    if (orphans < waiting.length) this.#options.recorded(ClickKind.REDIRECT, waiting.length - orphans)
  }

  /** All of the buffer or, as far as readers are concerned, nothing of it. */
  #write(): boolean {
    try {
      if (this.#fd < 0) this.#openSegment()
      if (this.#fd < 0) return false
      writeFully(this.#fd, this.#buffer.subarray(0, this.#used))
    } catch (cause) {
      this.#failing = true
      this.#options.failed('write', cause)
      this.#undo()
      this.#giveUpSegment()
      return false
    }
    this.#failing = false
    this.#bytes += this.#used
    this.#ownBytes += this.#used
    this.#unsynced = true
    if (this.#bytes >= (this.#options.segmentBytesMax ?? 16 * 1024 * 1024)) this.#seal()
    return true
  }

  /**
   * Goes on with another file, not at once where this one took nothing either. On a full disk the sender can then
   * remove this one, which makes room.
   */
  #giveUpSegment(): void {
    if (this.#bytes === segmentHeaderBytes) this.#triedAtMs = this.#options.clock()
    this.#seal()
  }

  /** Takes back what a failed write left. Sequences are not used again, so a leftover can do no harm either. */
  #undo(): void {
    try {
      if (this.#fd >= 0) ftruncateSync(this.#fd, this.#bytes)
    } catch (cause) {
      this.#options.failed('write', cause)
      this.#seal()
    }
  }

  #openSegment(): void {
    const { producerId, bootId, partitionCount, clock } = this.#options
    const createdAtMs = clock()
    // A disk without room is not asked for a new file by every request.
    if (Math.abs(createdAtMs - this.#triedAtMs) < openEveryMs) return
    this.#triedAtMs = createdAtMs
    const segment = this.#segment + 1
    const path = join(this.#options.path, segmentName(segment))
    let fd = -1
    try {
      fd = openSync(path, 'ax', 0o600)
      writeFully(fd, encodeSegmentHeader({ producerId, partitionCount, segment, createdAtMs, bootId }))
      this.#fd = fd
      this.#openedAtMs = createdAtMs
      this.#triedAtMs = Number.NEGATIVE_INFINITY
      this.#bytes = segmentHeaderBytes
      this.#ownBytes += segmentHeaderBytes
      syncFolder(this.#options.path).catch((cause) => this.#options.failed('sync', cause))
    } catch (cause) {
      this.#failing = true
      if (fd >= 0) discard(fd, path)
      this.#options.failed('write', cause)
    }
    // A name that was tried is not tried again.
    this.#segment = segment
    this.#told = 0
  }

  #rotateWhenOld(): void {
    const ageMaxMs = this.#options.segmentAgeMaxMs ?? 60_000
    const old = Math.abs(this.#options.clock() - this.#openedAtMs) >= ageMaxMs
    if (old && this.#fd >= 0 && this.#bytes > segmentHeaderBytes) this.#seal()
  }

  #seal(): void {
    if (this.#fd < 0) return
    const fd = this.#fd
    this.#fd = -1
    this.#options.grown(this.#segment, this.#bytes, true)
    this.#told = this.#bytes
    fdatasync(fd, (cause) => {
      if (cause !== null) this.#options.failed('sync', cause)
      closeSync(fd)
    })
  }

  #tell(): void {
    if (this.#fd < 0 || this.#told === this.#bytes) return
    this.#told = this.#bytes
    this.#options.grown(this.#segment, this.#bytes, false)
  }

  #sync(): void {
    if (!this.#unsynced || this.#syncing || this.#fd < 0) return
    this.#unsynced = false
    this.#syncing = true
    const fd = this.#fd
    fdatasync(fd, (cause) => {
      this.#syncing = false
      // A segment that was sealed meanwhile has been synced and closed by itself.
      if (cause !== null && fd === this.#fd) this.#options.failed('sync', cause)
    })
  }
}

function discard(fd: number, path: string): void {
  closeSync(fd)
  try {
    unlinkSync(path)
  } catch {
    // A file without a header is set aside by whoever reads the folder.
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  let written = 0
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written)
}
