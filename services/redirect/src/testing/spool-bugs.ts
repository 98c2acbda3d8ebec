/** Bugs of the spool's sender that its model must find, and how often the model lets what happen to find them. */
import type { SeededBug } from './spool-code.ts'

export const weights = {
  start: 3,
  append: 10,
  tear: 1,
  rotate: 3,
  step: 24,
  disk: 30,
  network: 16,
  late: 3,
  kill: 2,
  adopt: 1,
  freeze: 1,
  wake: 1,
  pass: 5,
  setClock: 1,
  sync: 2,
  losePower: 1,
  damage: 2,
  read: 2,
}
export type What = keyof typeof weights
export type Weights = Partial<Record<What, number>>

export const noDisasters: Weights = { kill: 0, tear: 0, losePower: 0, damage: 0 }

const sender = 'spool-sender.ts'
export const spoolBugs: readonly (SeededBug & { readonly name: string; readonly emphasis?: Weights })[] = [
  {
    name: 'the checkpoint moves before the acknowledgement',
    file: sender,
    from: '      const sent = await sendBatch(this.#portsOf(lane), producerId, lane.partition, batch.message)',
    to: `
      const message = Buffer.from(batch.message)
      lane.settle(batch, 0)
      lane.settle = () => undefined
      this.#unsaved = true
      const sent = await sendBatch(this.#portsOf(lane), producerId, lane.partition, message)`,
  },
  {
    name: 'the checkpoint moves past a message that failed',
    file: sender,
    from: '      lane.failures += 1\n',
    to: '      lane.failures += 1\n      lane.settle(batch, 0)\n      this.#unsaved = true\n',
  },
  {
    name: 'what was read counts as acknowledged',
    file: sender,
    from: '((lane) => lane.acknowledged)',
    to: '((lane) => lane.lastReadSequence)',
  },
  {
    name: 'segments go when they were read, not when they were acknowledged',
    file: sender,
    from: 'const done = this.#earliest((lane) => lane.acknowledgedTo)\n    const sent',
    to: 'const done = this.#earliest((lane) => lane.position)\n    const sent',
    emphasis: { step: 40, disk: 60, network: 3, pass: 12, rotate: 6, losePower: 0, damage: 0 },
  },
  {
    name: 'what was sent is not kept for a loss of power',
    file: sender,
    from: 'doneAtMs! < keepMs',
    to: 'doneAtMs! < 0',
  },
  {
    name: 'a change of boot id is not heeded',
    file: 'adoption.ts',
    from: 'sameBoot &&= header.bootId.equals(bootId)',
    to: 'sameBoot &&= true',
  },
  {
    name: 'a partition that no answer names counts as acknowledged',
    file: 'send-batch.ts',
    from: 'if (answer?.errorCode !== 0)',
    to: 'if (answer !== undefined && answer.errorCode !== 0)',
  },
  {
    name: 'a second message is sent while one of its partition is on its way',
    file: 'lane.ts',
    from: 'if (this.sending || this.#runs.length === 0',
    to: 'if (this.#runs.length === 0',
  },
  {
    name: 'a later batch overtakes one that failed',
    file: 'lane.ts',
    from: '    return { message: this.#memory.subarray(0, bytes), runs }',
    to: `
      const [first, second] = this.#runs
      if (this.failures === 1 && second !== undefined) {
        const held = this.#memory.subarray(clickBatchHeadBytes)
        const frames = Buffer.from(held.subarray(0, first!.bytes))
        held.copyWithin(0, frames.length, this.#bytes)
        held.set(frames, this.#bytes - frames.length)
        this.#runs.push(this.#runs.shift()!)
      }
      return { message: this.#memory.subarray(0, clickBatchHeadBytes + this.#runs[0]!.bytes), runs: 1 }`,
    emphasis: { append: 20, step: 40, disk: 60, network: 30, pass: 12, rotate: 0, ...noDisasters },
  },
  {
    name: 'the memory of a message on its way is used for the next one',
    file: 'lane.ts',
    from: '    return { message: this.#memory.subarray(0, bytes), runs }',
    to: `
      const shared = (globalThis.sharedMessage ??= Buffer.alloc(clickBatchBytesMax))
      this.#memory.copy(shared, 0, 0, bytes)
      return { message: shared.subarray(0, bytes), runs }`,
  },
  {
    name: 'what was acknowledged stays in front of what is sent next',
    file: 'lane.ts',
    from: '    this.#memory.copyWithin(clickBatchHeadBytes, message.length, clickBatchHeadBytes + this.#bytes)\n',
    to: '',
  },
  {
    name: 'a record is taken whatever its checksum says',
    file: 'segment-format.ts',
    from: 'crc32(bytes.subarray(at + 4, end)) === bytes.readUInt32LE(at)',
    to: 'true',
    emphasis: { append: 30, damage: 12, kill: 8, step: 2, disk: 2, network: 2 },
  },
]
